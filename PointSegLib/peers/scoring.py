"""`Trial`: several methods on the same held-out cases, each case read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from PointSegLib.evaluation import SegmentationCase, evaluate_segmentation, evaluate_tracking
from PointSegLib.evaluation.runs import MODEL, Predict, Track
from PointSegLib.evaluation.summary import Row
from PointSegLib.io.problems import Problem
from PointSegLib.training.cases import HeldOutPatients, StoredClips

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class MaskScores:
    """Rows by method: `frames` and `clips` as in `SegmentationScores`, with the columns `patient` and `quality`."""

    frames: dict[str, Rows]
    clips: dict[str, Rows]


class Trial:
    """The cases all methods are scored on; one that fails is left out while the others are scored.

    Args:
        patients: real frames.
        clips: simulated ones with motion truth, or None.
        tell: is told the name of each case before it begins.

    Attributes:
        left_out: case, and method where it failed with one only -> why it could not be scored.

    Raises:
        ReadError: when there is no patient to score; told before anything is trained for the trial.
    """

    def __init__(self, patients: HeldOutPatients, clips: StoredClips | None, tell: Callable[[str], None]) -> None:
        self.patients, self.clips, self.tell = patients, clips, tell
        self.left_out: dict[str, str] = {}
        next(patients.cases([]))

    def masks(
        self, methods: Mapping[str, Predict], for_movies: Mapping[str, Predict] | None = None
    ) -> dict[str, MaskScores]:
        """Segment everything.

        Args:
            methods: name -> what segments a clip.
            for_movies: further methods, which mean something in movies only; not run on stills or pairs of stills.

        Returns:
            Scores by the words that name their data.
        """
        in_movies = {**(for_movies or {}), **methods}
        problems: list[Problem] = []
        cases = self.patients.cases(problems)
        chosen = in_movies if self.patients.clip_of == "sequence" else methods
        found = {str(self.patients): self._masks(chosen, cases, self.patients.described)}
        if self.clips is not None:
            movies = self._masks(in_movies, self.clips.mask_cases(problems), self.clips.described)
            found |= {str(self.clips): movies} if any(movies.frames.values()) else {}
        self.left_out |= {problem.case: problem.message for problem in problems}
        return found

    def tracks(self, methods: Mapping[str, Track]) -> dict[str, dict[str, Rows]]:
        """Track all clips: rows of `evaluate_tracking` by method, by the words that name their data."""
        if self.clips is None:
            return {}
        found: dict[str, Rows] = {name: [] for name in methods}
        problems: list[Problem] = []
        for case in self.clips.tracking_cases(problems):
            self.tell(case.name)
            for name, track in methods.items():
                failed: dict[str, str] = {}
                rows = evaluate_tracking(track, [case], self.clips.query_mode, failed)
                self._note(name, failed)
                found[name] += [{**row, "method": name} for row in rows if row["method"] == MODEL]
        self.left_out |= {problem.case: problem.message for problem in problems}
        return {str(self.clips): {name: self.clips.described([*rows]) for name, rows in found.items()}}

    def _masks(
        self,
        methods: Mapping[str, Predict],
        cases: Iterable[SegmentationCase],
        described: Callable[[list[Row]], Rows],
    ) -> MaskScores:
        frames: dict[str, Rows] = {name: [] for name in methods}
        clips: dict[str, Rows] = {name: [] for name in methods}
        for case in cases:
            self.tell(case[0])
            for name, predict in methods.items():
                failed: dict[str, str] = {}
                scores = evaluate_segmentation(predict, [case], failed)
                self._note(name, failed)
                frames[name] += scores.frames
                # ED and ES side by side, half a beat apart, say nothing of steadiness
                clips[name] += [row for row in scores.clips if row["frames"] > 2]
        return MaskScores(*({name: described([*rows]) for name, rows in of.items()} for of in (frames, clips)))

    def _note(self, method: str, failed: Mapping[str, str]) -> None:
        self.left_out |= {f"{case}, {method}": reason for case, reason in failed.items()}
