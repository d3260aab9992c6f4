"""What PointSeg returns: `PointTracks` and `PointSegResult`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields

import numpy as np

# told (frames done, frames in all); an exception it raises cancels the run
Progress = Callable[[int, int], None]

BACKGROUND, LV_CAVITY, MYOCARDIUM, LEFT_ATRIUM = 0, 1, 2, 3
LABEL_NAMES = {LV_CAVITY: "LV cavity", MYOCARDIUM: "Myocardium", LEFT_ATRIUM: "Left atrium"}


@dataclass(frozen=True, eq=False)
class PointTracks:
    """Trajectories of N tissue points over T frames; the user's points come first, then the automatic grid.

    Attributes:
        xy: float32 `[N, T, 2]`, pixel positions (x right, y down) in the clip's own frames.
        visible: bool `[N, T]`, whether the point can be seen in the frame.
        confidence: float32 `[N, T]` in 0..1, the tracker's belief that the point is visible where `xy` says.
        is_prompt: bool `[N]`, True for the user's points.
        queries: float32 `[N, 3]`, rows (frame, x, y): where each point was put.
    """

    xy: np.ndarray
    visible: np.ndarray
    confidence: np.ndarray
    is_prompt: np.ndarray
    queries: np.ndarray

    def __len__(self) -> int:
        return len(self.xy)

    def of_prompts(self) -> PointTracks:
        """Those of the user's points alone."""
        chosen = self.is_prompt
        return PointTracks(
            self.xy[chosen], self.visible[chosen], self.confidence[chosen], self.is_prompt[chosen], self.queries[chosen]
        )

    def joined(self, others: PointTracks) -> PointTracks:
        """These and, behind them, others of the same clip."""
        pairs = ((getattr(self, field.name), getattr(others, field.name)) for field in fields(self))
        return PointTracks(*(np.concatenate(pair) for pair in pairs))


@dataclass(frozen=True, eq=False)
class PointSegResult:
    """The segmentation and the trajectories of one clip.

    Attributes:
        labels: uint8 `[T, H, W]` at the clip's own size: 0 background, 1 LV cavity, 2 myocardium, 3 left atrium
            (a model of one class knows 0 and 2 only).
        tracks: the trajectories that guided the masks.
        probabilities: float16 `[T, K, H, W]` per class in the order of `class_labels`, or None unless asked for.
        class_labels: the label value of each of the K channels of `probabilities`.
        warnings: what limits the result, one sentence each.
        computed_on: the device that the network really ran on, in words, and shorter windows where its memory did not
            suffice for those of the network; empty where that is not known.
    """

    labels: np.ndarray
    tracks: PointTracks
    probabilities: np.ndarray | None = None
    class_labels: tuple[int, ...] = (LV_CAVITY, MYOCARDIUM, LEFT_ATRIUM)
    warnings: tuple[str, ...] = field(default=())
    computed_on: str = ""
