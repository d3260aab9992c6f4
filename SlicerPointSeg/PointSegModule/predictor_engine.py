"""`PredictorEngine`: any callable that segments a clip, in place of the embedded network."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from PointSegLib.clip import CineClip
from PointSegLib.errors import PointSegError
from PointSegLib.inference.engine import Engine, drained
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
    Request,
    Segment,
    Track,
)


class _GivenUpError(Exception):
    """Raised inside a predictor to end it."""


class PredictorEngine(Engine):
    """Runs a predictor on a thread of its own; what it cannot do, edited frames, it refuses.

    Args:
        predictor: called as `predictor(clip, points=rows, progress=told)`, as `PointSegLib.PointSegPredictor` is.
    """

    def __init__(self, predictor: Callable[..., Any]) -> None:
        self._predictor = predictor
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._clip: CineClip | None = None
        self._last = self._givenUp = 0
        self._thread: threading.Thread | None = None

    def submit(self, request: Request) -> int:
        self._last += 1
        if isinstance(request, (Open, Close)):
            self._clip = request.clip if isinstance(request, Open) else None
            self._events.put(Done(self._last, None))
            return self._last
        # the thread holds arrays only: a node could lose its last reference there, and MRML is not safe
        self._thread = threading.Thread(
            target=self._serve, args=(self._last, request, self._clip), name="PointSeg engine", daemon=True
        )
        self._thread.start()
        return self._last

    def poll(self) -> list[Event]:
        return drained(self._events)

    def cancel(self) -> None:
        self._givenUp = self._last

    def shutdown(self) -> None:
        self.cancel()
        if self._thread is not None:
            self._thread.join()
        self._thread = self._clip = None

    def _serve(self, job: int, request: Request, clip: CineClip | None) -> None:
        def progress(done: int, total: int) -> None:
            if job <= self._givenUp:
                raise _GivenUpError
            self._events.put(Progressed(job, done, total))

        try:
            if clip is None or not isinstance(request, (Segment, Correct, Track)):
                raise PointSegError("This predictor segments clips and follows points; it can do no more.")
            points = None if isinstance(request, Segment) else request.points
            result = self._predictor(clip, points=points, progress=progress)
            if job <= self._givenUp:
                raise _GivenUpError
        except _GivenUpError:
            self._events.put(Cancelled(job))
        except Exception as error:
            self._events.put(Failed(job, error))
        else:
            for frame, labels in enumerate(() if isinstance(request, Track) else result.labels):
                self._events.put(FrameDone(job, frame, labels))
            self._events.put(Done(job, result.tracks.of_prompts() if isinstance(request, Track) else result))
