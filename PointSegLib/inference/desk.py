"""`Desk`: does what is asked of an engine, one request after the other, with the network loaded once."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable

import numpy as np

from PointSegLib.errors import PointSegError
from PointSegLib.inference.messages import (
    Cancelled,
    Close,
    Correct,
    Done,
    Event,
    Failed,
    FrameDone,
    Open,
    Progressed,
    Propagate,
    Request,
    Segment,
)
from PointSegLib.inference.points import UserPoints
from PointSegLib.inference.predictor import PointSegPredictor
from PointSegLib.inference.propagation import FrameEdit
from PointSegLib.inference.session import ClipSession
from PointSegLib.result import PointSegResult, PointTracks


class _CancelledError(Exception):
    """Raised inside a run to end it."""


class Desk:
    """Holds the network and the open clip.

    Args:
        checkpoint: of the network; None takes the embedded one.
        device: "auto", "cpu", "cuda" or "mps".
    """

    def __init__(self, checkpoint: str | os.PathLike[str] | None, device: str) -> None:
        self.checkpoint, self.device = checkpoint, device
        self._predictor: PointSegPredictor | None = None
        self._session: ClipSession | None = None

    def serve(self, job: int, request: Request, tell: Callable[[Event], None], stopped: Callable[[], bool]) -> None:
        """Do one request and tell how it went; nothing is raised.

        Args:
            job: names the request in all events.
            request: what to do.
            tell: takes the events; the last one is Done, Failed or Cancelled.
            stopped: asked between the steps of a run, at least once a window.
        """

        def progress(done: int, total: int) -> None:
            if stopped():
                raise _CancelledError
            tell(Progressed(job, done, total))

        def on_frame(frame: int, labels: np.ndarray) -> None:
            tell(FrameDone(job, frame, labels))

        try:
            if stopped():
                raise _CancelledError
            result = self._answer(request, progress, on_frame)
        except _CancelledError:
            tell(Cancelled(job))
        except PointSegError as error:
            tell(Failed(job, error))
        except Exception as error:
            msg = f"the clip could not be worked on: {error or type(error).__name__}\n{traceback.format_exc()}"
            tell(Failed(job, PointSegError(msg)))
        else:
            tell(Done(job, result))

    def _answer(
        self, request: Request, progress: Callable[[int, int], None], on_frame: Callable[[int, np.ndarray], None]
    ) -> PointSegResult | PointTracks | None:
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
        return session.track(request.points, progress)

    def _open(self, request: Open) -> None:
        self._session = None
        if self._predictor is None:
            self._predictor = PointSegPredictor.from_pretrained(self.checkpoint, self.device)
        clip, known = request.clip, self._predictor.config.segmenter.class_labels
        session = self._predictor.open(clip)
        if request.clicks is not None or request.edits:
            asked = request.clicks or Correct(None)
            edits = [
                FrameEdit.checked(edit.frame, edit.labels, edit.falloff_frames, clip, known)
                for edit in request.edits
                if edit.labels is not None
            ]
            session.resume(UserPoints.checked(asked.points, asked.hints, clip), edits)
        self._session = session
