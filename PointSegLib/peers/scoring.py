"""Score several methods on the same held-out cases, each case read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PointSegLib.evaluation import SegmentationCase, TrackingCase, TrackSet, evaluate_segmentation, evaluate_tracking
from PointSegLib.evaluation.runs import MODEL, Predict, Track
from PointSegLib.io.camus import annotated_frames, annotated_sequences
from PointSegLib.io.camus_info import list_patients
from PointSegLib.io.camus_quality import read_qualities
from PointSegLib.io.synus import list_synus, read_synus_case

Rows = list[dict[str, Any]]
# columns that say which case a row is about
Tags = dict[str, str]


@dataclass(frozen=True)
class HeldOut:
    """CAMUS patients no method was trained on.

    Attributes:
        root: folder of `patientNNNN` folders and `subgroup_*.txt`.
        subset: "training", "validation" or "testing".
        view: "4CH" or "2CH".
        sequences: score every frame of the half sequences, as the paper does, instead of the ED and ES stills.
    """

    root: Path
    subset: str = "validation"
    view: str = "4CH"
    sequences: bool = False

    def __str__(self) -> str:
        frames = "every frame of the half sequences" if self.sequences else "ED and ES stills"
        return f"CAMUS {self.subset} patients, {self.view}, {frames}"

    def cases(self) -> Iterator[tuple[SegmentationCase, Tags]]:
        """Each case with its patient and the patient's image quality.

        Raises:
            ReadError: when there is none, or some are damaged.
        """
        patients = list_patients(self.root, self.subset)
        qualities = read_qualities(self.root, patients, self.view)
        if self.sequences:
            for name, clip, labels in annotated_sequences(self.root, patients, (self.view,)):
                yield (name, clip, dict(enumerate(labels))), _tags(name, qualities)
        else:
            for name, clip, labels in annotated_frames(self.root, patients, (self.view,)):
                yield (name, clip, {0: labels}), _tags(name, qualities)


def _tags(name: str, qualities: Mapping[str, str]) -> Tags:
    patient = name.split("_")[0]
    return {"patient": patient, "quality": qualities.get(patient, "")}


@dataclass(frozen=True)
class Simulated:
    """Held-out clips with motion truth: the split "valid" of a folder in the layout of processed SynUS."""

    folder: Path

    def __str__(self) -> str:
        return "simulated clips of held-out sources (split valid)"

    def names(self) -> list[str]:
        """The clips.

        Raises:
            ReadError: when there is none, or some are damaged.
        """
        return list_synus(self.folder, "valid")

    def mask_cases(self) -> Iterator[tuple[SegmentationCase, Tags]]:
        """Clips that have labels, every frame of them; each clip is a patient of its own."""
        for name in self.names():
            case = read_synus_case(self.folder, name)
            if case.labels is not None:
                tags = {"patient": name, "quality": str(case.meta.get("quality") or "")}
                yield (name, case.cine, dict(enumerate(case.labels))), tags

    def track_cases(self) -> Iterator[tuple[TrackingCase, Tags]]:
        """All clips, each point given where it is first visible."""
        for name in self.names():
            case = read_synus_case(self.folder, name)
            queried = TrackingCase.queried(name, case.cine, TrackSet(case.points, case.visible))
            yield queried, {"patient": name, "quality": str(case.meta.get("quality") or "")}


@dataclass(frozen=True)
class MaskScores:
    """Rows of one comparison by method: `frames` and `clips` as in `SegmentationScores`."""

    frames: dict[str, Rows]
    clips: dict[str, Rows]


def score_masks(
    methods: Mapping[str, Predict], cases: Iterable[tuple[SegmentationCase, Tags]], tell: Callable[[str], None]
) -> MaskScores:
    """Segment every case with every method.

    Args:
        methods: name -> what segments a clip.
        cases: each with the columns its rows get.
        tell: is told the name of each case before it begins.

    Returns:
        Frame and clip rows of `evaluate_segmentation` by method, with the columns of the case before them.
    """
    found = MaskScores({name: [] for name in methods}, {name: [] for name in methods})
    for case, tags in cases:
        tell(case[0])
        for name, predict in methods.items():
            scores = evaluate_segmentation(predict, [case])
            found.frames[name].extend({**tags, **row} for row in scores.frames)
            found.clips[name].extend({**tags, **row} for row in scores.clips)
    return found


def score_trackers(
    methods: Mapping[str, Track], cases: Iterable[tuple[TrackingCase, Tags]], tell: Callable[[str], None]
) -> dict[str, Rows]:
    """Track every case with every method: the rows of `evaluate_tracking` by method; arguments as for `score_masks`."""
    found: dict[str, Rows] = {name: [] for name in methods}
    for case, tags in cases:
        tell(case.name)
        for name, track in methods.items():
            rows = [row for row in evaluate_tracking(track, [case], "first") if row["method"] == MODEL]
            found[name].extend({**tags, **row, "method": name} for row in rows)
    return found
