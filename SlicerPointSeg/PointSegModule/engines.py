"""The engines of the module: a worker process in the application, a thread of this process in scripts."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer

from PointSegLib.errors import PointSegError, WorkerError
from PointSegLib.inference.messages import Cancelled, Died, Done, Failed, FrameDone, Progressed, Request
from PointSegLib.result import Progress
from PointSegModule.dependencies import requirePackages

if TYPE_CHECKING:
    from PointSegLib.inference.engine import Engine

# Where a step of a run waits for the engine it gives True, else False; in between, the application may do other things.
Steps = Generator[bool, None, Any]


class ProcessingCancelledError(PointSegError):
    """The user cancelled; the scene is as it was, or as the user wished it to be left."""


class Engines:
    """One engine for each device, made when first asked for; a worker lives, with its network loaded, until `shutdown`.

    Args:
        inWorker: True for worker processes, which cannot freeze the application and can be killed. False for threads
            of this process, which need PyTorch to work inside it.
        checkpoint: of the network; None takes the embedded one.
    """

    def __init__(self, inWorker: bool = False, checkpoint: Path | None = None) -> None:
        self.inWorker = inWorker
        self.checkpoint = checkpoint
        self._byDevice: dict[str, Engine] = {}

    def of(self, device: str) -> Engine:
        """The engine of a device: "auto", "cpu", "cuda" or "mps".

        Raises:
            DependencyError: when a package that this process needs is missing or broken.
            WorkerError: when Slicer's Python interpreter is not found.
        """
        if device not in self._byDevice:
            self._byDevice[device] = self._newEngine(device)
        return self._byDevice[device]

    def shutdown(self) -> None:
        """Free the networks and end the workers."""
        for engine in self._byDevice.values():
            engine.shutdown()
        self._byDevice.clear()

    def _newEngine(self, device: str) -> Engine:
        if self.inWorker:
            from PointSegLib import WorkerEngine

            return WorkerEngine(self.checkpoint, device, pythonInterpreter())
        requirePackages()
        from PointSegLib import LocalEngine

        return LocalEngine(self.checkpoint, device)


def pythonInterpreter() -> str:
    """Slicer's own Python interpreter, PythonSlicer; outside the application the one that runs this.

    Raises:
        WorkerError: when it is not found.
    """
    if Path(sys.executable).stem.lower().startswith("python"):
        return sys.executable
    found = shutil.which("PythonSlicer")
    if found is None:
        found = shutil.which("PythonSlicer", path=str(Path(slicer.app.slicerHome) / "bin"))
    if found is None:
        msg = "Slicer's Python interpreter PythonSlicer was not found; reinstall Slicer, or run PointSeg in a script."
        raise WorkerError(msg)
    return found


def answered(
    engine: Engine,
    request: Request,
    progress: Progress | None = None,
    onFrame: Any = None,
) -> Steps:
    """Ask an engine and wait, step by step, for what it answers.

    Args:
        engine: to ask.
        request: what for.
        progress: told (frames done, frames in all); an exception it raises cancels the request.
        onFrame: called with (frame, labels) for each frame that is done.

    Returns:
        what the engine's `Done` holds.

    Raises:
        PointSegError: what the engine says went wrong; a worker that died is a WorkerError.
        ProcessingCancelledError: when the request was given up.
    """
    job = engine.submit(request)
    ended = False
    try:
        while True:
            events = [event for event in engine.poll() if event.job == job]
            for event in events:
                if isinstance(event, Done):
                    ended = True
                    return event.result
                if isinstance(event, (Failed, Died)):
                    ended = True
                    raise event.error
                if isinstance(event, Cancelled):
                    ended = True
                    raise ProcessingCancelledError("The run was cancelled; nothing was written.")
                if isinstance(event, Progressed) and progress is not None:
                    progress(event.done, event.total)
                if isinstance(event, FrameDone) and onFrame is not None:
                    onFrame(event.frame, event.labels)
                    yield False
            if not events:
                yield True
    finally:
        if not ended:
            engine.cancel()
