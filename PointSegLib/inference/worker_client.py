"""`WorkerEngine`: works in a process of its own, which can be killed; see `worker`."""

from __future__ import annotations

import os
import queue
import sys
from itertools import count
from pathlib import Path

from PointSegLib.inference.engine import Engine, drained
from PointSegLib.inference.messages import Event, Job, Memory, Open, Request
from PointSegLib.inference.worker_process import WorkerProcess, WorkerSettings


class WorkerEngine(Engine):
    """Works in a worker process that is started by the first request and lives until `shutdown`.

    When a worker dies or has to be killed, the next request starts another and tells it clip, clicks and edits, so that
    what the user did is never lost. Nothing here waits for the worker.

    Args:
        checkpoint: of the network; None takes the embedded one.
        device: "auto", "cpu", "cuda" or "mps".
        python: the interpreter; None takes the one that runs this. In Slicer that is PythonSlicer, not the application.
    """

    def __init__(
        self,
        checkpoint: str | os.PathLike[str] | None = None,
        device: str = "auto",
        python: str | os.PathLike[str] | None = None,
    ) -> None:
        named = None if checkpoint is None else str(Path(checkpoint).resolve())
        self.settings = WorkerSettings(str(python or sys.executable), named, device)
        self._numbers = count(1)
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._worker: WorkerProcess | None = None

    def submit(self, request: Request) -> int:
        """Ask for something; gives the number of the job."""
        number = next(self._numbers)
        while not self._living(isinstance(request, Open)).ask(Job(number, request)):
            pass
        return number

    def poll(self) -> list[Event]:
        """What has happened since the last call, in order; never waits."""
        if self._worker is not None and self._worker.ended and self._worker.unserved:
            self._living(False)
        return drained(self._events)

    def cancel(self) -> None:
        """Give up all that is asked for and not done; a worker that does not hear is killed within a second."""
        if self._worker is not None:
            self._worker.give_up()

    def shutdown(self) -> None:
        """End the worker; clip, clicks and edits are forgotten."""
        if self._worker is not None:
            self._worker.stop()
        self._worker = None

    @property
    def pid(self) -> int | None:
        """The process of the worker, once it has said so; None where there is none."""
        return None if self._worker is None else self._worker.pid

    def _living(self, opens_another: bool) -> WorkerProcess:
        """The worker, a new one where the last has ended; it takes over what that one knew and had not begun."""
        last = self._worker
        if last is not None and not last.ended:
            return last
        memory, unserved = (last.memory, last.unserved) if last else (Memory(), [])
        worker = self._worker = WorkerProcess(self.settings, self._events, memory)
        reopening = memory.reopening()
        if reopening is not None and not opens_another:
            worker.ask(Job(next(self._numbers), reopening), silent=True)
        for job in unserved:
            worker.ask(job)
        return worker
