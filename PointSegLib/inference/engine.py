"""What the application asks to segment: `Engine`, and those that work in its own process, `LocalEngine` above all."""

from __future__ import annotations

import os
import queue
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.inference.messages import Close, Correct, Event, Open, Propagate, Request, Segment, Track
from PointSegLib.inference.options import AS_TRAINED, SegmentOptions
from PointSegLib.inference.serving import Desk, Server


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

    def open(self, clip: CineClip, options: SegmentOptions = AS_TRAINED) -> int:
        """Open a clip in place of the one before; the options hold as long as it is open."""
        return self.submit(Open(clip, options))

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


class DeskEngine(Engine):
    """Has requests answered in this process, at a desk of any kind.

    Its thread ends with `shutdown`, or when nobody holds the engine any more.

    Args:
        new_desk: sets the desk up, for the first request.
        threaded: work on a thread of its own; otherwise a request returns when it is done.
    """

    def __init__(self, new_desk: Callable[[], Desk], threaded: bool = True) -> None:
        self.threaded = threaded
        self._new_desk = new_desk
        self._server = Server(new_desk)
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._requests: queue.SimpleQueue[tuple[DeskEngine, int, Request] | None] = queue.SimpleQueue()
        self._last = self._given_up = 0
        self._thread: threading.Thread | None = None

    def submit(self, request: Request) -> int:
        """Ask for something; gives the number of the job."""
        self._last += 1
        if not self.threaded:
            self._serve(self._last, request)
            return self._last
        self._requests.put((self, self._last, request))
        if self._thread is None:
            # one for all requests: what CUDA has prepared is lost with its thread
            self._thread = threading.Thread(target=_work, args=(self._requests,), name="PointSeg engine", daemon=True)
            self._thread.start()
            weakref.finalize(self, self._requests.put, None)
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
        self._thread, self._server = None, Server(self._new_desk)
        self._requests = queue.SimpleQueue()

    def _serve(self, job: int, request: Request) -> None:
        self._server.serve(job, request, self._events.put, lambda: job <= self._given_up)


def _work(requests: queue.SimpleQueue[tuple[DeskEngine, int, Request] | None]) -> None:
    # it holds the engine while there is something to do, and no longer
    while (task := requests.get()) is not None:
        engine, job, request = task
        engine._serve(job, request)
        del task, engine, request


class LocalEngine(DeskEngine):
    """Runs the network in this process.

    Args:
        checkpoint: of the network; None takes the embedded one.
        device: "auto", "cpu", "cuda" or "mps".
        threaded: work on a thread of its own; otherwise a request returns when it is done.
    """

    def __init__(
        self, checkpoint: str | os.PathLike[str] | None = None, device: str = "auto", threaded: bool = True
    ) -> None:
        super().__init__(lambda: network_desk(checkpoint, device), threaded)


def network_desk(checkpoint: str | os.PathLike[str] | None, device: str) -> Desk:
    """A desk with a network; whoever only makes an engine does not wait for torch, which is imported here."""
    from PointSegLib.inference.desk import NetworkDesk

    return NetworkDesk(checkpoint, device)


def drained(events: queue.SimpleQueue[Event]) -> list[Event]:
    """All that a queue holds now."""
    found = []
    with suppress(queue.Empty):
        while True:
            found.append(events.get_nowait())
    return found
