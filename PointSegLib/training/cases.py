"""The held-out cases a checkpoint is judged by: annotated patients, simulated clips of them, and stored clips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch

from PointSegLib.clip import CineClip
from PointSegLib.errors import ClipError, ReadError
from PointSegLib.evaluation import SegmentationCase, TrackingCase, TrackSet
from PointSegLib.evaluation.quality import described
from PointSegLib.evaluation.summary import Row
from PointSegLib.io.camus import annotated_frames, annotated_sequences
from PointSegLib.io.camus_info import list_patients
from PointSegLib.io.camus_quality import quality_source, read_qualities
from PointSegLib.io.problems import Problem, settle, walk_cases
from PointSegLib.io.synus import (
    TrackedClip,
    list_synus,
    read_synus_case,
    read_synus_info,
    read_synus_meta,
    source_patient,
)
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

    def mask_cases(self, problems: list[Problem] | None = None) -> Iterator[SegmentationCase]:
        """Clips with the labels of every frame.

        Args:
            problems: takes the frames that are damaged or not there and the pairs that cannot be set in motion, whose
                clips are left out; without it damage raises.

        Raises:
            ReadError: without `problems`, when something is damaged or there is nothing to make clips of.
        """
        for case, labels in self._checked(problems):
            yield case.name, case.clip, dict(enumerate(labels))

    def tracking_cases(self, problems: list[Problem] | None = None) -> Iterator[TrackingCase]:
        """Clips with their points, each given in a frame of its own; problems as in `mask_cases`."""
        for case, _ in self._checked(problems):
            yield case

    def described(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Rows of these clips with the columns `patient` and `quality`, the one they were filmed with."""
        about = {}
        for row in rows:
            _, patient, quality = str(row["case"]).split(":")
            about[str(row["case"])] = {"patient": patient, "quality": quality}
        return described(rows, about)

    def _checked(self, problems: list[Problem] | None) -> list[tuple[TrackingCase, np.ndarray]]:
        cases, found = self._rendered
        settle(self.patients.root, found, problems)
        return cases

    @cached_property
    def _rendered(self) -> tuple[list[tuple[TrackingCase, np.ndarray]], list[Problem]]:
        """Cases with uint8 labels `[T, S, S]`, kept since both kinds of cases are made of them; and what went wrong."""
        found: list[Problem] = []
        pairs = template_pairs(read_camus_set(self.patients.root, self.patients.patients, self.size, problems=found))
        if not pairs:
            said = f"{self.patients.root}: no patient has both an ED and an ES frame to make clips of."
            found.append(Problem("simulated clips", said))
        cases, refused = [], {}
        for index in range(self.count if pairs else 0):
            pair, quality = pairs[index // len(QUALITIES) % len(pairs)], QUALITIES[index % len(QUALITIES)]
            try:
                clip, meta = simulate_clip(pair, self.n_frames, POINTS, SEED + index, quality)
            except ClipError as error:
                refused[pair.name] = Problem(pair.name, f"no clip can be made of it: {error}")
                continue
            name = f"simulated {index}:{pair.name.split('_')[0]}:{quality}"
            truth = TrackSet(clip.tracks.numpy(), clip.visible.numpy())
            case = TrackingCase(name, _cine(clip, meta), truth, np.asarray(clip.query_frame))
            cases.append((case, clip.labels.numpy()))
        return cases, [*found, *refused.values()]


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

    def mask_cases(self, problems: list[Problem] | None = None) -> Iterator[SegmentationCase]:
        """Clips that have labels, with those of every frame.

        Args:
            problems: takes the clips that cannot be used, which are left out; without it they raise.

        Raises:
            ReadError: without `problems`, when there are such clips: all of them are listed.
        """
        for clip, cine in self._clips(problems):
            if clip.labels is not None:
                yield clip.name, cine, dict(enumerate(clip.labels))

    def tracking_cases(self, problems: list[Problem] | None = None) -> Iterator[TrackingCase]:
        """Clips with TAP-Vid's `first` queries, each point where it is first visible; problems as in `mask_cases`."""
        for clip, cine in self._clips(problems):
            yield TrackingCase.queried(clip.name, cine, TrackSet(clip.points, clip.visible), self.query_mode)

    def described(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Rows of these clips with the columns `patient` (where the clip was made of one) and `quality`."""
        metas = {name: read_synus_meta(self.folder, name) for name in dict.fromkeys(str(row["case"]) for row in rows)}
        about = {
            name: {"patient": source_patient(meta) or name, "quality": str(meta.get("quality") or "")}
            for name, meta in metas.items()
        }
        return described(rows, about)

    def _clips(self, problems: list[Problem] | None) -> Iterator[tuple[TrackedClip, CineClip]]:
        # one at a time: each keeps its files mapped, and a process may not map thousands
        info = read_synus_info(self.folder)
        for _, clip in walk_cases(self.folder, ((n, partial(self._read, n, info)) for n in self.names), problems):
            yield clip

    def _read(self, name: str, info: Mapping[str, str]) -> tuple[TrackedClip, CineClip]:
        clip = read_synus_case(self.folder, name, info)
        return clip, clip.cine


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
