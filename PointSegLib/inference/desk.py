"""`NetworkDesk`: answers what an engine is asked with the network, which is loaded once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np

from PointSegLib.errors import PointSegError
from PointSegLib.inference.messages import Close, Correct, Keep, Open, Propagate, Request, Segment
from PointSegLib.inference.points import UserPoints
from PointSegLib.inference.predictor import PointSegPredictor
from PointSegLib.inference.propagation import FrameEdit
from PointSegLib.inference.serving import Answer
from PointSegLib.inference.session import ClipSession
from PointSegLib.result import Progress


class NetworkDesk:
    """Holds the network and the open clip.

    Args:
        checkpoint: of the network; None takes the embedded one.
        device: "auto", "cpu", "cuda" or "mps".
    """

    def __init__(self, checkpoint: str | os.PathLike[str] | None, device: str) -> None:
        self.checkpoint, self.device = checkpoint, device
        self._predictor: PointSegPredictor | None = None
        self._session: ClipSession | None = None

    def answer(self, request: Request, progress: Progress, on_frame: Callable[[int, np.ndarray], None]) -> Answer:
        """Answer one request; see `serving.Desk`."""
        if isinstance(request, Open):
            self._open(request)
            return None
        if isinstance(request, Close):
            self._session = None
            return None
        session = self._session
        if session is None:
            msg = "no clip is open; open one first."
            raise PointSegError(msg)
        if isinstance(request, Segment):
            return session.segment(progress, on_frame)
        if isinstance(request, Correct):
            return session.correct(request.points, request.hints, progress, on_frame)
        if isinstance(request, Propagate):
            return session.propagate(request.frame, request.labels, request.falloff_frames, progress, on_frame)
        if isinstance(request, Keep):
            session.keep(_edits_of(request.edits, session))
            return None
        return session.track(request.points, progress, closely=request.closely)

    def _open(self, request: Open) -> None:
        self._session = None
        if self._predictor is None:
            self._predictor = PointSegPredictor.from_pretrained(self.checkpoint, self.device)
        session = self._predictor.open(request.clip, request.options)
        if request.clicks is not None or request.edits:
            asked = request.clicks or Correct(None)
            clicks = UserPoints.checked(asked.points, asked.hints, request.clip)
            session.resume(clicks, _edits_of(request.edits, session))
        self._session = session


def _edits_of(asked: Sequence[Propagate], session: ClipSession) -> list[FrameEdit]:
    return [
        session.checked_edit(edit.frame, edit.labels, edit.falloff_frames) for edit in asked if edit.labels is not None
    ]
