"""The engines of the module: a worker process in the application, a thread of this process in scripts."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import slicer

from PointSegLib.errors import CheckpointError, PointSegError, WorkerError
from PointSegLib.inference.engine import DeskEngine, Engine
from PointSegLib.inference.messages import Cancelled, Died, Done, Failed, FrameDone, Progressed, Request
from PointSegLib.result import Progress
from PointSegModule.dependencies import requirePackages
from PointSegModule.predictor_desk import PredictorDesk

# Where a step of a run waits for the engine it gives True, else False; in between, the application may do other things.
Steps = Generator[bool, None, Any]


class ProcessingCancelledError(PointSegError):
    """The user cancelled; the scene is as it was, or as the user wished it to be left."""


class Engines:
    """One engine for each device and network, made when first asked for; it lives, with its network loaded, until
    another one has taken its place (`keepOnly`) or until `shutdown`.

    Args:
        inWorker: True for worker processes, which cannot freeze the application and can be killed. False for threads
            of this process, which need PyTorch to work inside it.
        checkpoint: of the network where none is asked for; None takes the embedded one.
    """

    def __init__(self, inWorker: bool = False, checkpoint: Path | None = None) -> None:
        self.inWorker = inWorker
        self.checkpoint = checkpoint
        self._ofNetworks: dict[Any, Engine] = {}
        self._ofPredictors: dict[int, Engine] = {}

    def of(self, device: str, checkpoint: Path | None = None) -> Engine:
        """The engine of a device and a network.

        Args:
            device: "auto", "cpu", "cuda" or "mps".
            checkpoint: file of the network; one that was written anew is loaded anew.

        Raises:
            CheckpointError: when there is no such file.
            DependencyError: when a package that this process needs is missing or broken.
            WorkerError: when Slicer's Python interpreter is not found.
        """
        chosen = checkpoint or self.checkpoint
        key = device, chosen, chosen and checkedModel(chosen).stat().st_mtime_ns
        if key not in self._ofNetworks:
            self._ofNetworks[key] = self._newEngine(device, chosen)
        return self._ofNetworks[key]

    def ofPredictor(self, predictor: Callable[..., Any]) -> Engine:
        """The engine that asks a predictor; see `PredictorDesk`."""
        # the engine holds on to the predictor, so that no other one can get its id
        if id(predictor) not in self._ofPredictors:
            self._ofPredictors[id(predictor)] = DeskEngine(lambda: PredictorDesk(predictor))
        return self._ofPredictors[id(predictor)]

    def keepOnly(self, engine: Engine) -> None:
        """Free all networks but that of one engine: a graphics card may not have room for two."""
        for key, other in [*self._ofNetworks.items()]:
            if other is not engine:
                del self._ofNetworks[key]
                other.shutdown()

    def shutdown(self) -> None:
        """Free the networks and end the workers."""
        for engine in (*self._ofNetworks.values(), *self._ofPredictors.values()):
            engine.shutdown()
        self._ofNetworks.clear()
        self._ofPredictors.clear()

    def _newEngine(self, device: str, checkpoint: Path | None) -> Engine:
        if self.inWorker:
            from PointSegLib import WorkerEngine

            return WorkerEngine(checkpoint, device, pythonInterpreter())
        requirePackages()
        from PointSegLib import LocalEngine

        return LocalEngine(checkpoint, device)


def checkedModel(file: Path) -> Path:
    """The file of a network, if it can be one; what is inside is seen when it is loaded.

    Raises:
        CheckpointError: when it is not there, or no .safetensors file.
    """
    remedy = "choose a .safetensors file written by 'pointseg train', or none for the embedded network"
    if not file.is_file():
        raise CheckpointError(f"{file}: there is no such file; {remedy}.")
    if file.suffix != ".safetensors":
        raise CheckpointError(f"{file}: a network is a .safetensors file; {remedy}.")
    return file


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
