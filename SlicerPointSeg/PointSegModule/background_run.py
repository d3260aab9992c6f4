"""`BackgroundRun`: a long job as a row of short steps, so that the application is never held up for long."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from PointSegLib.errors import PointSegError
from PointSegModule.engines import ProcessingCancelledError, Steps

__all__ = ["BackgroundRun", "PointSegError", "ProcessingCancelledError"]

# One turn of the main thread; with the longest step, which may follow it, it has to stay under 50 ms.
TURN_S = 0.008
# While the application waits for events, its main thread can hold Python's lock: threads advance while `poll` sleeps.
SLEEP_S = 0.01


class BackgroundRun:
    """The engine computes elsewhere; the steps read and write the scene on the thread that calls `poll`.

    Args:
        steps: the job. It yields between its steps and returns what `output` is to be; when it is cancelled, a
            ProcessingCancelledError is raised inside it, upon which it tidies up.
    """

    def __init__(self, steps: Steps) -> None:
        self.output: Any = None
        self.isCancelled = False
        self._steps = steps
        self._stepping = self._isTold = False
        self._over = False
        self._error: BaseException | None = None

    @property
    def isOver(self) -> bool:
        """Whether nothing is left to do; `poll` may still have an error to raise."""
        return self._over

    def cancel(self) -> None:
        """Stop; from inside a step, after that step. A job that leaves something behind takes a few more steps."""
        if self._over or self.isCancelled:
            return
        self.isCancelled = True
        if not self._stepping:
            self._advance(self._throw)

    def abandon(self) -> None:
        """Stop at once and leave nothing behind: the scene, the module or the application is about to go."""
        self.isCancelled = True
        if not self._stepping:
            self._steps.close()
            self._over = True

    def wait(self, seconds: float | None = None) -> bool:
        """Do the job's steps until it is over, at most for `seconds`; returns whether it is. `poll` tells how it went.

        Until then no events are handled.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while not self._over and (end is None or time.monotonic() < end):
            self._turn()
        return self._over

    def poll(self, waitSeconds: float = SLEEP_S) -> bool:
        """Advance for a short while.

        Args:
            waitSeconds: how long to let other threads work when there is nothing to do but wait for the engine.

        Returns:
            True when the run is over; `output` is then set.

        Raises:
            ProcessingCancelledError: once, when the run was cancelled.
            Exception: once, what went wrong.
        """
        if not self._over and not self._stepping:
            self._turn(waitSeconds)
        error, self._error = self._error, None
        if error is not None:
            raise error
        return self._over

    def _turn(self, waitSeconds: float = SLEEP_S) -> None:
        end = time.monotonic() + TURN_S
        while not self._over and time.monotonic() < end:
            if self._advance(self._steps.__next__):
                time.sleep(waitSeconds)
                return

    def _advance(self, step: Any) -> bool:
        """Do one step; gives whether it waits for the engine."""
        self._stepping = True
        try:
            waits = step()
        except StopIteration as stop:
            self._over, self.output = True, stop.value
        except BaseException as error:  # kept for `poll`, which raises it to the caller
            self._over, self._error = True, error
        else:
            if self.isCancelled and not self._isTold:  # while it did this step
                return self._advance(self._throw)
            return bool(waits)
        finally:
            self._stepping = False
        return False

    def _throw(self) -> Any:
        self._isTold = True
        return self._steps.throw(ProcessingCancelledError("The run was cancelled; nothing was written."))


def started(steps: Steps, waitForCompletion: bool) -> Any:
    """The run of some steps; or, when it is to be waited for, what comes of it."""
    run = BackgroundRun(steps)
    if not waitForCompletion:
        return run
    run.wait()
    run.poll()
    return run.output


def onThread(work: Callable[[], Any]) -> Steps:
    """Do some work on a thread of its own while the job waits for it; gives what it returns, or raises what it raises.

    Args:
        work: knows nothing of the scene, which belongs to the main thread. When the job is cancelled it runs to its
            end unheard.
    """
    found: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:  # carried to the main thread, which raises it
            failed.append(error)

    thread = threading.Thread(target=run, name="PointSeg work", daemon=True)
    thread.start()
    while thread.is_alive():
        yield True
    if failed:
        raise failed[0]
    return found[0]


def onAskingThread(work: Callable[[Callable[[Any], Any]], Any], answer: Callable[[Any], Steps]) -> Steps:
    """Do some work on a thread that needs, in between, what only the job's own steps can give.

    Args:
        work: as for `onThread`; called with a function that takes a question and returns its answer.
        answer: the steps that answer a question; a PointSegError in them is raised where the question was asked.
    """
    questions: queue.SimpleQueue[Any] = queue.SimpleQueue()
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask(question: Any) -> Any:
        questions.put(question)
        given, error = answers.get()
        if error is not None:
            raise error
        return given

    waiting = onThread(lambda: work(ask))
    try:
        while True:
            try:
                next(waiting)
            except StopIteration as stop:
                return stop.value
            if questions.empty():
                yield True
                continue
            try:
                answers.put(((yield from answer(questions.get())), None))
            except ProcessingCancelledError:
                raise
            except PointSegError as error:
                answers.put((None, error))
    finally:
        answers.put((None, ProcessingCancelledError("Nobody waits for this any more.")))
