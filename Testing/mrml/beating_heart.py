"""A cine of a heart that beats as told, and the stand-in for the network that segments and follows it exactly."""

from __future__ import annotations

from typing import Any

from lib.measurement.beating import beating, followed

from PointSegLib.errors import PointSegError
from PointSegLib.result import PointSegResult
from PointSegModule.clip_loading import addClip


class KnowsTheHeart:
    """Gives the result that the heart was made with, of the frames from `first` on.

    Attributes:
        follows: whether it follows points that it is given; how often it did is counted in `followed`.
    """

    def __init__(self, result: PointSegResult, first: int = 0, follows: bool = True) -> None:
        self.result, self.first, self.follows, self.followed = result, first, follows, 0

    def __call__(self, clip: Any, points: Any = None, progress: Any = None) -> PointSegResult:
        if points is not None:
            if not self.follows:
                raise PointSegError("the tracker is ill")
            self.followed += 1
            return PointSegResult(self.result.labels, followed(points, len(clip), 1 - self.first))
        part, tracks = slice(self.first, self.first + len(clip)), self.result.tracks
        kept = type(tracks)(
            tracks.xy[:, part], tracks.visible[:, part], tracks.confidence[:, part], tracks.is_prompt, tracks.queries
        )
        return PointSegResult(self.result.labels[part], kept)


def beatingCine(frames: int = 44, **known: Any) -> tuple[Any, PointSegResult]:
    """The browser of a cine named Heart in the scene, and the result it was made with; `known` goes to `CineClip`."""
    result, clip = beating(frames, **{"spacing_mm": (0.8, 0.8), **known})
    return addClip(clip, "Heart"), result


def segmentedHeart(processor: Any, frames: int = 44, follows: bool = True, **known: Any) -> Any:
    """The output of a processor that has segmented such a cine."""
    browser, result = beatingCine(frames, **known)
    return processor.process(browser, predictor=KnowsTheHeart(result, follows=follows))
