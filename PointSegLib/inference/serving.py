"""`Server`: has requests answered one after the other and tells how each went; knows no torch."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Protocol

import numpy as np

from PointSegLib.errors import DependencyError, PointSegError
from PointSegLib.inference.messages import Cancelled, Done, Event, Failed, FrameDone, Progressed, Request
from PointSegLib.result import PointSegResult, PointTracks, Progress

# what a request comes to, see `Done`
Answer = PointSegResult | PointTracks | None


class Desk(Protocol):
    """Where requests are answered: holds the open clip and whatever works on it."""

    def answer(self, request: Request, progress: Progress, on_frame: Callable[[int, np.ndarray], None]) -> Answer:
        """Answer one request, or raise what is wrong with it.

        Args:
            request: what to do.
            progress: to be told (frames done, frames in all) between the steps, at least once a window of frames; the
                exception it raises ends the run and is to be let through.
            on_frame: to be told (frame, labels) as soon as the labels of a frame are final.
        """


class _CancelledError(Exception):
    """Raised inside a run to end it."""


class Server:
    """Has requests answered at a desk.

    Args:
        new_desk: sets the desk up, for the first request; importing what the desk needs belongs there, so that what is
            missing fails the request and says why.
    """

    def __init__(self, new_desk: Callable[[], Desk]) -> None:
        self._new_desk = new_desk
        self._desk: Desk | None = None

    def serve(self, job: int, request: Request, tell: Callable[[Event], None], stopped: Callable[[], bool]) -> None:
        """Have one request answered and tell how it went; nothing is raised.

        Args:
            job: names the request in all events.
            request: what to do.
            tell: takes the events; the last one is Done, Failed or Cancelled.
            stopped: asked between the steps of a run.
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
            if self._desk is None:
                self._desk = self._new_desk()
            answer = self._desk.answer(request, progress, on_frame)
        except _CancelledError:
            tell(Cancelled(job))
        except Exception as error:
            tell(Failed(job, _told(error)))
        else:
            tell(Done(job, answer))


def _told(error: Exception) -> PointSegError:
    """What is to be told of an error: its own words where they were meant for a user."""
    if isinstance(error, PointSegError):
        return error
    if isinstance(error, ImportError):
        msg = f"a package that PointSeg needs is missing or cannot be loaded: {error}. Install it, then ask again."
        return DependencyError(msg)
    msg = f"the clip could not be worked on: {error or type(error).__name__}\n"
    return PointSegError(msg + "".join(traceback.format_exception(error)))
