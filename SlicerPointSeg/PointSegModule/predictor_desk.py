"""`PredictorDesk`: any callable that segments a clip, in place of the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PointSegLib import SegmentOptions
from PointSegLib.clip import CineClip
from PointSegLib.errors import PointSegError
from PointSegLib.inference.messages import Close, Correct, Open, Request, Segment, Track
from PointSegLib.result import Progress


class PredictorDesk:
    """Answers what an engine is asked with a predictor; what it cannot do, such as edited frames, it refuses.

    Args:
        predictor: called as `predictor(clip, points=rows, progress=told)`, as `PointSegLib.PointSegPredictor` is.
    """

    def __init__(self, predictor: Callable[..., Any]) -> None:
        self._predictor = predictor
        self._clip: CineClip | None = None

    def answer(self, request: Request, progress: Progress, on_frame: Callable[[int, Any], None]) -> Any:
        """Answer one request, as every desk of an engine does."""
        if isinstance(request, (Open, Close)):
            self._clip = self._opened(request) if isinstance(request, Open) else None
            return None
        clip = self._clip
        if clip is None or not isinstance(request, (Segment, Correct, Track)):
            raise PointSegError("This predictor segments clips and follows points; it can do no more.")
        points = None if isinstance(request, Segment) else request.points
        result = self._predictor(clip, points=points, progress=progress)
        progress(len(clip), len(clip))  # ends a run that was cancelled since the predictor last asked
        if isinstance(request, Track):
            return result.tracks.of_prompts()
        for frame, labels in enumerate(result.labels):
            on_frame(frame, labels)
        return result

    @staticmethod
    def _opened(request: Open) -> CineClip:
        if request.options != SegmentOptions():
            raise PointSegError("This predictor has its own grid and smoothing; leave both settings as they are.")
        return request.clip
