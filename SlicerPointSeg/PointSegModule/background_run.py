"""Runs the engine on a worker thread that holds arrays only, while the scene stays with the main thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

from PointSegLib.errors import PointSegError
from PointSegLib.result import PointSegResult, Progress
from PointSegModule.scene_output import SceneOutput

Engine = Callable[[Progress | None], PointSegResult]


class ProcessingCancelledError(PointSegError):
    """The user cancelled; the scene is as it was."""


class BackgroundRun:
    """The engine at work on a worker thread.

    The worker computes on arrays and never touches the scene; `poll` writes the scene on the thread that calls it.
    While the application waits for events its main thread can hold Python's lock, so `poll` gives it away for a moment.

    Args:
        engine: loads the network and computes; it is all the worker gets, and must not refer to nodes.
        write: puts the result into the scene; called by `poll`.
        progress: called by `poll`, on the main thread, with (done, total) frames.
    """

    def __init__(
        self, engine: Engine, write: Callable[[PointSegResult], SceneOutput], progress: Progress | None = None
    ) -> None:
        self.output: SceneOutput | None = None
        self._write = write
        self._progress = progress
        self._reported: tuple[int, int] | None = None
        self._closed = False
        self._work = _Work(engine)
        self._thread = threading.Thread(target=self._work.compute, name="PointSeg engine", daemon=True)
        self._thread.start()

    @property
    def isCancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._work.cancelled.is_set()

    def cancel(self) -> None:
        """Stop at the next frame; the scene stays as it is."""
        self._work.cancelled.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Block until the engine has stopped, at most `seconds`, without writing anything; returns whether it has."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def poll(self, waitSeconds: float = 0.03) -> bool:
        """Report progress and, when the engine has finished, write the scene.

        Args:
            waitSeconds: time given to the worker before looking.

        Returns:
            True when the run is over; `output` is then set.

        Raises:
            ProcessingCancelledError: once, when the run was cancelled.
            Exception: once, what went wrong in the engine or in writing.
        """
        if self._closed:
            return True
        finished = self.wait(waitSeconds)
        self._reportProgress()
        if not finished:
            return False
        self._closed = True
        try:
            if self.isCancelled:
                raise ProcessingCancelledError("The run was cancelled; nothing was written.")
            if self._work.error is not None:
                raise self._work.error
            self.output = self._write(self._work.result)
        finally:
            self._work.error = None  # once raised it refers to this run, a cycle that any thread may collect
        return True

    def _reportProgress(self) -> None:
        """Pass on what is new; a `progress` that raises cancels the run."""
        done = self._work.done
        if self._progress is None or done == self._reported or self.isCancelled:
            return
        self._reported = done
        try:
            self._progress(*done)
        except BaseException:
            self.cancel()
            self._closed = True
            raise


class _Work:
    """What the worker thread holds. A node here could lose its last reference on that thread, and MRML is not safe."""

    def __init__(self, engine: Engine) -> None:
        self.cancelled = threading.Event()
        self.done: tuple[int, int] | None = None
        self.result: PointSegResult | None = None
        self.error: BaseException | None = None
        self._engine = engine

    def compute(self) -> None:
        try:
            self.result = self._engine(self._report)
        except BaseException as error:  # carried to the main thread, which raises it
            self.error = error

    def _report(self, done: int, total: int) -> None:
        if self.cancelled.is_set():
            raise ProcessingCancelledError("The run was cancelled; nothing was written.")
        self.done = (done, total)
