"""The whole job on one cine: read it from the scene, run the engine, write the result back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.result import PointSegResult
from PointSegModule.background_run import BackgroundRun, Engine, Progress
from PointSegModule.dependencies import requirePackages
from PointSegModule.geometry import CineGeometry
from PointSegModule.scene_input import CineSource, findCine, readClip
from PointSegModule.scene_output import SceneOutput, checkOutputs, writeResult


class Predictor(Protocol):
    """What runs the network: `PointSegLib.PointSegPredictor`, or a double in tests."""

    def __call__(
        self, clip: CineClip, points: np.ndarray | None = None, progress: Progress | None = None
    ) -> PointSegResult: ...


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


class EmbeddedNetworks:
    """The network that comes with PointSeg, loaded once for each device. Worker threads hold it: it knows no node."""

    def __init__(self) -> None:
        self._byDevice: dict[str, Predictor] = {}

    def load(self, device: str) -> Predictor:
        """Import PyTorch and read the weights, which takes seconds the first time.

        Raises:
            PointSegError: when a package is missing or broken, or the device is not there.
        """
        if device not in self._byDevice:
            requirePackages()
            from PointSegLib import PointSegPredictor

            self._byDevice[device] = PointSegPredictor.from_pretrained(device=device)
        return self._byDevice[device]


class CineProcessor:
    """Segments cines of the scene; keeps the loaded network from one run to the next."""

    def __init__(self) -> None:
        self._networks = EmbeddedNetworks()

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
            waitForCompletion: True runs on the calling thread and returns when all is written. False loads and runs
                the network, which touches no node, on a worker thread, and returns a `BackgroundRun`; its `poll`
                must be called from the main thread (by a timer) and writes the scene there.
            settings: what else can be chosen.

        Returns:
            the nodes and the arrays; or the running job when `waitForCompletion` is False.

        Raises:
            PointSegError: for inputs that cannot be used, missing packages, or a failed run; the scene is then as
                it was. What goes wrong on the worker thread is raised by `poll`.
        """
        job = self.prepare(inputNode, outputSegmentation, outputPoints, points=points, settings=settings)
        engine = self._newEngine(job, device, predictor)
        if not waitForCompletion:
            return BackgroundRun(engine, job.write, progress)
        return job.write(engine(progress))

    def prepare(
        self, inputNode: Any, outputSegmentation: Any, outputPoints: Any, *, points: Any, settings: ProcessSettings
    ) -> CineJob:
        """Read and check everything a run needs from the scene."""
        source = findCine(inputNode)
        checkOutputs(source, outputSegmentation, outputPoints, points)
        queries = points
        if hasattr(points, "IsA"):
            queries = CineGeometry(source).queriesFromMarkups(points)
        elif points is not None:
            queries = np.asarray(points, np.float64)
        return CineJob(source, readClip(source, settings.spacingMm), queries, outputSegmentation, outputPoints)

    def predictor(self, device: str) -> Predictor:
        """The embedded network on a device, loaded once; raises as `EmbeddedNetworks.load`."""
        return self._networks.load(device)

    def _newEngine(self, job: CineJob, device: str, predictor: Predictor | None) -> Engine:
        if predictor is not None:
            return functools.partial(_predict, lambda: predictor, job.clip, job.queries)
        return functools.partial(_predict, functools.partial(self._networks.load, device), job.clip, job.queries)


def _predict(
    load: Callable[[], Predictor], clip: CineClip, queries: np.ndarray | None, progress: Progress | None
) -> PointSegResult:
    return load()(clip, points=queries, progress=progress)
