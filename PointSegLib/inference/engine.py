"""What the application asks to segment: `Engine`, and the one that works in its own process, `LocalEngine`."""

from __future__ import annotations

import os
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.inference.messages import Close, Correct, Event, Open, Propagate, Request, Segment, Track

if TYPE_CHECKING:
    from PointSegLib.inference.desk import Desk


class Engine(ABC):
    """Works on one open clip; every request has a number, by which the events of `poll` name it.

    The last event of a request is `Done`, `Failed`, `Cancelled` or `Died`. Requests are done in the order in which
    they are made. An engine is to be used by one thread.
    """

    @abstractmethod
    def submit(self, request: Request) -> int:
        """Ask for something; gives the number of the job."""

    @abstractmethod
    def poll(self) -> list[Event]:
        """What has happened since the last call, in order; never waits."""

    @abstractmethod
    def cancel(self) -> None:
        """Give up all that is asked for and not done; a `Cancelled` tells when each has ended."""

    @abstractmethod
    def shutdown(self) -> None:
        """Give up everything and free what is held; a later request starts anew."""

    def open(self, clip: CineClip) -> int:
        """Open a clip in place of the one before."""
        return self.submit(Open(clip))

    def segment(self) -> int:
        """Segment the clip; frames are told of as they are done."""
        return self.submit(Segment())

    def correct(self, points: np.ndarray | None, hints: Sequence[str | None] | None = None) -> int:
        """Segment the clip guided by all clicks so far, `[M, 3]` rows (frame, x, y)."""
        return self.submit(Correct(points, hints))

    def propagate(self, frame: int, labels: np.ndarray | None, falloff_frames: float = 1) -> int:
        """Carry an edited frame to those around it; None takes the edit back."""
        return self.submit(Propagate(frame, labels, falloff_frames))

    def track(self, points: np.ndarray) -> int:
        """Follow points, `[M, 3]` rows (frame, x, y)."""
        return self.submit(Track(points))

    def close(self) -> int:
        """Forget the clip."""
        return self.submit(Close())


class LocalEngine(Engine):
    """Works in this process.

    Args:
        checkpoint: of the network; None takes the embedded one.
        device: "auto", "cpu", "cuda" or "mps".
        threaded: work on a thread of its own; otherwise a request returns when it is done.
    """

    def __init__(
        self, checkpoint: str | os.PathLike[str] | None = None, device: str = "auto", threaded: bool = True
    ) -> None:
        self.checkpoint, self.device, self.threaded = checkpoint, device, threaded
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._numbers = count(1)
        self._requests: queue.SimpleQueue[tuple[int, Request] | None] = queue.SimpleQueue()
        self._last = self._given_up = 0
        self._thread: threading.Thread | None = None
        self._desk: Desk | None = None

    def submit(self, request: Request) -> int:
        """Ask for something; gives the number of the job."""
        self._last = next(self._numbers)
        if not self.threaded:
            self._serve(self._last, request)
            return self._last
        self._requests.put((self._last, request))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="PointSeg", daemon=True)
            self._thread.start()
        return self._last

    def poll(self) -> list[Event]:
        """What has happened since the last call, in order; never waits."""
        return drained(self._events)

    def cancel(self) -> None:
        """Give up all that is asked for and not done, before the next window of frames."""
        self._given_up = self._last

    def shutdown(self) -> None:
        """Give up everything, wait for the window at work, and free network and clip."""
        self.cancel()
        if self._thread is not None:
            self._requests.put(None)
            self._thread.join()
        self._thread = self._desk = None

    def _work(self) -> None:
        while (task := self._requests.get()) is not None:
            self._serve(*task)

    def _serve(self, job: int, request: Request) -> None:
        if self._desk is None:
            # here, so that whoever only makes an engine does not wait for torch
            from PointSegLib.inference.desk import Desk

            self._desk = Desk(self.checkpoint, self.device)
        self._desk.serve(job, request, self._events.put, lambda: job <= self._given_up)


def drained(events: queue.SimpleQueue[Event]) -> list[Event]:
    """All that a queue holds now."""
    found = []
    with suppress(queue.Empty):
        while True:
            found.append(events.get_nowait())
    return found
