"""An engine that does nothing but what a test tells it to: what happens between two polls is known to the frame."""

from __future__ import annotations

from typing import Any

import numpy as np

from PointSegLib.inference.engine import Engine
from PointSegLib.inference.messages import Done, Event, FrameDone, Open, Progressed, Request
from PointSegLib.result import PointSegResult, PointTracks


class FakeEngine(Engine):
    """Opens clips at once; all else waits until the test tells what has come of it.

    Attributes:
        requests: what was asked, in order; their numbers are 1, 2, ...
        cancelled: how often `cancel` was called.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.cancelled = 0
        self._events: list[Event] = []

    def submit(self, request: Request) -> int:
        self.requests.append(request)
        if isinstance(request, Open):
            self.tell(Done(len(self.requests), None))
        return len(self.requests)

    def poll(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def cancel(self) -> None:
        self.cancelled += 1

    def shutdown(self) -> None:
        self.cancel()

    def tell(self, *events: Event) -> None:
        """Let events happen."""
        self._events += events

    def finishFrames(self, frames: Any, labels: np.ndarray, total: int) -> None:
        """Let the last request have done some frames, all with the same labels."""
        job = len(self.requests)
        for frame in frames:
            self.tell(FrameDone(job, frame, labels), Progressed(job, frame + 1, total))

    def finish(self, labels: np.ndarray) -> None:
        """Let the last request be done, with one point that stands still."""
        count = len(labels)
        tracks = PointTracks(
            xy=np.full((1, count, 2), 20, np.float32),
            visible=np.ones((1, count), bool),
            confidence=np.ones((1, count), np.float32),
            is_prompt=np.zeros(1, bool),
            queries=np.array([[0, 20, 20]], np.float32),
        )
        self.tell(Done(len(self.requests), PointSegResult(labels, tracks)))
