"""The whole job on one cine: read it from the scene, run the engine, write the result back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.errors import PointSegError
from PointSegLib.result import PointSegResult
from PointSegModule.dependencies import requireTorch
from PointSegModule.geometry import CineGeometry
from PointSegModule.scene_input import CineSource, findCine, readClip
from PointSegModule.scene_output import SceneOutput, checkOutputs, writeResult

Progress = Callable[[int, int], None]


class Predictor(Protocol):
    """What runs the network: `PointSegLib.PointSegPredictor`, or a double in tests."""

    def __call__(
        self, clip: CineClip, points: np.ndarray | None = None, progress: Progress | None = None
    ) -> PointSegResult: ...


class ProcessingCancelledError(PointSegError):
    """The user cancelled; the scene is as it was."""


@dataclass(frozen=True)
class ProcessSettings:
    """What a run may be told beyond its nodes.

    Attributes:
        spacingMm: (row, column) pixel distance to use instead of the image's own, for images without calibration.
    """

    spacingMm: tuple[float, float] | None = None


@dataclass(frozen=True)
class CineJob:
    """One run, prepared: everything the engine needs, and where its result goes."""

    source: CineSource
    clip: CineClip
    queries: np.ndarray | None
    outputSegmentation: Any
    outputPoints: Any

    def write(self, result: PointSegResult) -> SceneOutput:
        """Write the result into the scene."""
        warnings = tuple(dict.fromkeys((*self.clip.warnings, *result.warnings)))
        return writeResult(self.source, result, self.outputSegmentation, self.outputPoints, warnings)


class CineProcessor:
    """Segments cines of the scene; keeps the loaded network from one run to the next."""

    def __init__(self) -> None:
        self._predictors: dict[str, Predictor] = {}

    def process(
        self,
        inputNode: Any,
        outputSegmentation: Any = None,
        outputPoints: Any = None,
        *,
        points: Any = None,
        device: str = "auto",
        predictor: Predictor | None = None,
        progress: Progress | None = None,
        waitForCompletion: bool = True,
        settings: ProcessSettings = ProcessSettings(),
    ) -> SceneOutput | BackgroundRun:
        """Segment every frame of a cine and follow its tissue points.

        Args:
            inputNode: a sequence of images, its proxy volume, its browser, or a volume whose slices are frames.
            outputSegmentation: a segmentation node to show the result in; made when None.
            outputPoints: a markups fiducial node to show the tracked points in; made when None.
            points: what to follow besides the automatic grid: a markups node (its points belong to the frame now
                shown), or an array `[M, 3]` of rows (frame, x, y) in pixels.
            device: "auto", "cpu", "cuda" or "mps".
            predictor: runs instead of the embedded network.
            progress: called with (done, total) frames; an exception it raises cancels the run.
            waitForCompletion: True runs on the calling thread and returns when all is written. False runs the engine
                alone, which touches no node, on a worker thread, and returns a `BackgroundRun`; its `poll` must be
                called from the main thread (by a timer) and writes the scene there.
            settings: what else can be chosen.

        Returns:
            the nodes and the arrays; or the running job when `waitForCompletion` is False.

        Raises:
            PointSegError: for inputs that cannot be used, missing PyTorch, or a failed run; the scene is then as
                it was.
        """
        job = self.prepare(inputNode, outputSegmentation, outputPoints, points=points, settings=settings)
        predictor = predictor or self.predictor(device)
        if not waitForCompletion:
            return BackgroundRun(job, predictor, progress)
        return job.write(predictor(job.clip, points=job.queries, progress=progress))

    def prepare(
        self, inputNode: Any, outputSegmentation: Any, outputPoints: Any, *, points: Any, settings: ProcessSettings
    ) -> CineJob:
        """Read and check everything a run needs from the scene."""
        source = findCine(inputNode)
        checkOutputs(source, outputSegmentation, outputPoints)
        queries = points
        if hasattr(points, "IsA"):
            queries = CineGeometry(source).queriesFromMarkups(points)
        elif points is not None:
            queries = np.asarray(points, np.float64)
        return CineJob(source, readClip(source, settings.spacingMm), queries, outputSegmentation, outputPoints)

    def predictor(self, device: str) -> Predictor:
        """The embedded network on a device, loaded once."""
        if device not in self._predictors:
            requireTorch()
            from PointSegLib import PointSegPredictor

            self._predictors[device] = PointSegPredictor.from_pretrained(device=device)
        return self._predictors[device]


class BackgroundRun:
    """The engine at work on a worker thread.

    The worker computes on arrays and never touches the scene; `poll` writes the scene on the thread that calls it.
    While the application waits for events its main thread can hold Python's lock, so `poll` gives it away for a moment.

    Args:
        job: what to do.
        predictor: who does it.
        progress: called by `poll`, on the main thread, with (done, total) frames.
    """

    def __init__(self, job: CineJob, predictor: Predictor, progress: Progress | None = None) -> None:
        self.output: SceneOutput | None = None
        self._job = job
        self._progress = progress
        self._done: tuple[int, int] | None = None
        self._reported: tuple[int, int] | None = None
        self._cancelled = threading.Event()
        self._finished = threading.Event()
        self._result: PointSegResult | None = None
        self._error: BaseException | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._compute, args=(predictor,), name="PointSeg engine", daemon=True)
        self._thread.start()

    @property
    def isCancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Stop at the next frame; the scene stays as it is."""
        self._cancelled.set()

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
        finished = self._finished.wait(waitSeconds)
        self._reportProgress()
        if not finished:
            return False
        self._closed = True
        if self.isCancelled:
            raise ProcessingCancelledError("The run was cancelled; nothing was written.")
        if self._error is not None:
            raise self._error
        self.output = self._job.write(self._result)
        return True

    def _reportProgress(self) -> None:
        """Pass on what is new; a `progress` that raises cancels the run."""
        if self._progress is None or self._done == self._reported or self.isCancelled:
            return
        self._reported = self._done
        try:
            self._progress(*self._reported)
        except BaseException:
            self.cancel()
            self._closed = True
            raise

    def wait(self) -> None:
        """Block until the engine has stopped, without writing anything: for cancelling on the way out."""
        self._thread.join()

    def _compute(self, predictor: Predictor) -> None:
        try:
            self._result = predictor(self._job.clip, points=self._job.queries, progress=self._report)
        except BaseException as error:  # carried to the main thread, which raises it
            self._error = error
        finally:
            self._finished.set()

    def _report(self, done: int, total: int) -> None:
        if self._cancelled.is_set():
            raise ProcessingCancelledError("The run was cancelled; nothing was written.")
        self._done = (done, total)
