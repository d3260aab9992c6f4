"""The held-out cases a checkpoint is judged by: annotated patients, simulated clips of them, and stored clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch

from PointSegLib.clip import CineClip
from PointSegLib.errors import ReadError
from PointSegLib.evaluation import SegmentationCase, TrackingCase, TrackSet
from PointSegLib.evaluation.quality import described
from PointSegLib.evaluation.summary import Row
from PointSegLib.io.camus import annotated_frames, annotated_sequences
from PointSegLib.io.camus_info import list_patients
from PointSegLib.io.camus_quality import quality_source, read_qualities
from PointSegLib.io.problems import Problem
from PointSegLib.io.synus import TrackedClip, list_synus, read_synus_case
from PointSegLib.simulation.clips import simulate_clip
from PointSegLib.simulation.simulated import SimulatedClip
from PointSegLib.training.frames import read_camus_set
from PointSegLib.training.simulated_set import template_pairs

# What is given to the network as one clip, and how that is told.
CLIP_OF = {
    "frame": "ED and ES, each a clip of its own",
    "pair": "ED and ES together as a clip of two frames",
    "sequence": "all frames of the half sequences",
}
DEFAULT_CLIP_OF = "frame"
# of the simulated clips; no training run starts from this seed
SEED, POINTS = 20_000, 128
QUALITIES = ("good", "poor")


@dataclass(frozen=True)
class HeldOutPatients:
    """Patients of a CAMUS folder that no network was trained on, at native size and spacing.

    Attributes:
        root: folder of `patientNNNN` folders, with the lists of the official split.
        subset: "training", "validation" or "testing".
        view: "2CH" or "4CH".
        clip_of: a key of `CLIP_OF`.
    """

    root: Path
    subset: str = "validation"
    view: str = "4CH"
    clip_of: str = DEFAULT_CLIP_OF

    def __str__(self) -> str:
        return f"CAMUS {self.subset} patients, {self.view}, {CLIP_OF[self.clip_of]}, at native size"

    @property
    def patients(self) -> list[str]:
        """Their names.

        Raises:
            ReadError: when the list of the split is not found.
        """
        return list_patients(self.root, self.subset)

    @property
    def quality_source(self) -> str:
        """Where the image qualities come from, in words."""
        return quality_source(self.root, self.patients, self.view)

    def cases(self, problems: list[Problem] | None = None) -> Iterator[SegmentationCase]:
        """Clips with the labels of their annotated frames; in pairs frame 0 is ED and frame 1 ES.

        Args:
            problems: takes what is damaged or not there, which is left out; without it damage raises.

        Raises:
            ReadError: when there is no case, or, without `problems`, when some are damaged: all of them are listed.
        """
        if self.clip_of == "sequence":
            for name, clip, labels in annotated_sequences(self.root, self.patients, (self.view,), problems):
                yield name, clip, dict(enumerate(labels))
            return
        frames = annotated_frames(self.root, self.patients, (self.view,), problems)
        if self.clip_of == "pair":
            yield from _pairs(frames, problems)
            return
        for name, clip, labels in frames:
            yield name, clip, {0: labels}

    def described(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Rows of these cases with the columns `patient` and `quality`."""
        qualities = read_qualities(self.root, self.patients, self.view)
        names = {str(row["case"]): str(row["case"]).split("_")[0] for row in rows}
        about = {case: {"patient": name, "quality": qualities.get(name, "")} for case, name in names.items()}
        return described(rows, about)


@dataclass(frozen=True)
class SimulatedClips:
    """Hearts of held-out patients set in motion and filmed, well and poorly in turn; the same clips every time.

    Attributes:
        patients: whose hearts are moved.
        size: side of the clips in pixels, that of the network's input.
        count: number of clips.
        n_frames: frames of each clip.
    """

    patients: HeldOutPatients
    size: int
    count: int = 50
    n_frames: int = 24
    query_mode = "strided"

    def __str__(self) -> str:
        whose = f"CAMUS {self.patients.subset} patients"
        return f"{self.count} simulated clips of {self.n_frames} frames of {whose}, query frames anywhere in the clip"

    def mask_cases(self) -> Iterator[SegmentationCase]:
        """Clips with the labels of every frame."""
        for name, clip, meta in self._clips():
            yield name, _cine(clip, meta), dict(enumerate(clip.labels.numpy()))

    def tracking_cases(self) -> Iterator[TrackingCase]:
        """Clips with their points, each given in a frame of its own."""
        for name, clip, meta in self._clips():
            truth = TrackSet(clip.tracks.numpy(), clip.visible.numpy())
            yield TrackingCase(name, _cine(clip, meta), truth, np.asarray(clip.query_frame))

    def described(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Rows of these clips with the columns `patient` and `quality`, the one they were filmed with."""
        about = {}
        for row in rows:
            _, patient, quality = str(row["case"]).split(":")
            about[str(row["case"])] = {"patient": patient, "quality": quality}
        return described(rows, about)

    def _clips(self) -> Iterator[tuple[str, SimulatedClip, dict[str, Any]]]:
        frames = read_camus_set(self.patients.root, self.patients.patients, self.size)
        pairs = template_pairs(frames)
        if not pairs:
            msg = f"{self.patients.root}: no patient has both an ED and an ES frame to make clips of."
            raise ReadError(msg)
        for index in range(self.count):
            pair, quality = pairs[index // len(QUALITIES) % len(pairs)], QUALITIES[index % len(QUALITIES)]
            clip, meta = simulate_clip(pair, self.n_frames, POINTS, SEED + index, quality)
            yield f"simulated {index}:{pair.name.split('_')[0]}:{quality}", clip, meta


@dataclass(frozen=True)
class StoredClips:
    """Simulated clips in the layout of processed SynUS that no network was trained on: the split "valid" of a folder.

    Attributes:
        folder: the dataset.
        names: its readable clips.
    """

    folder: Path
    names: tuple[str, ...]
    query_mode = "first"

    @classmethod
    def found(cls, folder: Path, problems: list[Problem] | None = None) -> StoredClips:
        """The clips of a folder.

        Args:
            folder: the dataset.
            problems: takes the clips that cannot be read, which are left out; without it damage raises.

        Raises:
            ReadError: when `info.csv` is missing or damaged, or no clip can be read.
        """
        return cls(folder, tuple(list_synus(folder, "valid", problems)))

    def __str__(self) -> str:
        return f"{len(self.names)} simulated clips in {self.folder.name}, split valid, points given where first visible"

    def mask_cases(self) -> Iterator[SegmentationCase]:
        """Clips that have labels, with those of every frame."""
        for clip in self._clips():
            if clip.labels is not None:
                yield clip.name, clip.cine, dict(enumerate(clip.labels))

    def tracking_cases(self) -> Iterator[TrackingCase]:
        """Clips with TAP-Vid's `first` queries: each point where it is first visible."""
        for clip in self._clips():
            truth = TrackSet(clip.points, clip.visible)
            yield TrackingCase.queried(clip.name, clip.cine, truth, self.query_mode)

    def described(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Rows of these clips with the columns `patient` (where the clip was made of one) and `quality`."""
        about = {}
        for clip in self._clips():
            source = str(clip.meta.get("source") or "").split("_")[0]
            patient = source if source.startswith("patient") else clip.name
            about[clip.name] = {"patient": patient, "quality": str(clip.meta.get("quality") or "")}
        return described(rows, about)

    def _clips(self) -> Iterator[TrackedClip]:
        # one at a time: each keeps its files mapped, and a process may not map thousands
        return (read_synus_case(self.folder, name) for name in self.names)


def _cine(clip: SimulatedClip, meta: dict[str, Any]) -> CineClip:
    return CineClip((clip.frames * 255).round().to(torch.uint8).numpy(), spacing_mm=tuple(meta["spacing_mm"]))


def _pairs(
    frames: Iterator[tuple[str, CineClip, np.ndarray]], problems: list[Problem] | None
) -> Iterator[SegmentationCase]:
    """ED and ES of one patient as one clip; one that lacks the other stays a clip of one frame."""
    for name, members in groupby(frames, key=lambda frame: frame[0].rsplit("_", 1)[0]):
        _, clips, labels = zip(*members, strict=True)
        if len({(clip.frames.shape, clip.spacing_mm) for clip in clips}) > 1:
            problem = Problem(name, "ED and ES differ in size or spacing; score each frame as a clip of its own.")
            if problems is None:
                raise ReadError(str(problem))
            problems.append(problem)
            continue
        frames_together = np.concatenate([clip.frames for clip in clips])
        yield name, CineClip(frames_together, clips[0].spacing_mm, source=name), dict(enumerate(labels))
