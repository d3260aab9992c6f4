"""What the panel does, for scripts: segment a cine of the scene, correct the result, carry edits, follow points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import slicer

from PointSegLib.clip import CineClip
from PointSegLib.errors import PointSegError
from PointSegLib.inference.engine import Engine
from PointSegLib.inference.messages import Correct, Open, Segment
from PointSegLib.result import PointSegResult, Progress
from PointSegModule.appearance import SEGMENTS
from PointSegModule.background_run import BackgroundRun
from PointSegModule.corrections import addClick, countOf, newCorrections, takeBack
from PointSegModule.engines import Engines, ProcessingCancelledError, Steps, answered
from PointSegModule.geometry import CineGeometry
from PointSegModule.open_cine import FRAMES_ATTRIBUTE, OpenCine
from PointSegModule.predictor_engine import PredictorEngine
from PointSegModule.scene_input import CineSource, SceneInputError, clipSteps, findCine
from PointSegModule.scene_output import OutputTarget, ResultWriter, SceneOutput, checkOutputs
from PointSegModule.scene_transaction import takenBackOnFailure


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
        calibration: where `spacingMm` is from, in words.
        firstFrame: the first frame to segment.
        lastFrame: the last one; None takes the cine's last.
        structures: segment IDs to keep.
        keepFinishedFrames: whether a cancelled run leaves the frames it has finished; otherwise it leaves nothing.
    """

    spacingMm: tuple[float, float] | None = None
    calibration: str = ""
    firstFrame: int = 0
    lastFrame: int | None = None
    structures: tuple[str, ...] = tuple(style.segmentId for style in SEGMENTS)
    keepFinishedFrames: bool = False

    def framesOf(self, source: CineSource) -> range:
        """The frames to segment.

        Raises:
            SceneInputError: when there are none, or the cine has no such frames.
        """
        last = len(source) - 1 if self.lastFrame is None else self.lastFrame
        if not 0 <= self.firstFrame <= last < len(source):
            msg = (
                f"Frames {self.firstFrame} to {last} were asked for, but '{source.name}' has frames 0 to "
                f"{len(source) - 1}; choose a first and a last frame among them."
            )
            raise SceneInputError(msg)
        return range(self.firstFrame, last + 1)


class CineProcessor:
    """Segments cines of the scene, and improves what it has segmented last.

    Args:
        engines: run the network; by default on a thread of this process.
    """

    def __init__(self, engines: Engines | None = None) -> None:
        self.engines = engines or Engines()
        self.opened: OpenCine | None = None

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
        """Segment the frames of a cine and follow its tissue points.

        Frames appear in the scene as they are done, and can be played meanwhile.

        Args:
            inputNode: a sequence of images, its proxy volume, its browser, or a volume whose slices are frames.
            outputSegmentation: a segmentation node to show the result in; made when None.
            outputPoints: a markups fiducial node to show the tracked points in; made when None.
            points: what to follow besides the automatic grid: a markups node (its points belong to the frame now
                shown), or an array `[M, 3]` of rows (frame, x, y) in pixels.
            device: "auto", "cpu", "cuda" or "mps".
            predictor: runs instead of the embedded network.
            progress: called with (done, total) frames; an exception it raises cancels the run.
            waitForCompletion: True returns when all is written. False returns a `BackgroundRun`, whose `poll` has to
                be called again and again from the main thread (by a timer): it does the run in short steps.
            settings: what else can be chosen.

        Returns:
            the nodes and the arrays; or the run when `waitForCompletion` is False.

        Raises:
            PointSegError: for inputs that cannot be used, missing packages, or a failed run; the scene is then as
                it was. What goes wrong later than the checks is raised by `poll`.
        """
        source = findCine(inputNode)
        checkOutputs(source, outputSegmentation, outputPoints, points)
        frames = settings.framesOf(source)
        rows = self._prompts(source, points, frames)
        structures = tuple(style for style in SEGMENTS if style.segmentId in settings.structures)
        if not structures:
            raise SceneInputError("No structure is chosen; choose at least one to segment.")
        target = OutputTarget(outputSegmentation, outputPoints, frames, structures)
        engine = self.engines.of(device) if predictor is None else PredictorEngine(predictor)
        job = _Job(source, target, rows, engine, progress, settings)
        return _started(self._segmentSteps(job), waitForCompletion)

    def openScene(self, inputNode: Any, segmentation: Any, device: str = "auto") -> OpenCine:
        """Go on with what an earlier run left in the scene, also after the scene was saved and loaded again.

        Raises:
            SceneInputError: when the segmentation is not one of the cine's.
        """
        opened = self.opened
        if opened is None or opened.segmentation is not segmentation or not opened.isStillThere():
            self.opened = OpenCine.ofScene(inputNode, segmentation, self.engines.of(device))
        return self.opened

    def addCorrection(
        self, kind: str, frame: int, x: float, y: float, *, corrections: Any = None, waitForCompletion: bool = True
    ) -> PointSegResult | BackgroundRun:
        """Say what lies at a pixel, and segment the cine again with that in mind.

        Args:
            kind: "wall", "cavity" or "outside".
            frame: of the cine.
            x: pixel column.
            y: pixel row.
            corrections: the markups node that holds the clicks; the last one, or a new one, when None.
            waitForCompletion: as in `process`.

        Raises:
            PointError: for an unknown kind or a position outside the image.
            PointSegError: when no cine is open, or the frame was not segmented.
        """
        opened = self._requireOpened()
        opened.requireFrame(frame)
        node = self.correctionsOf(opened, corrections)
        addClick(node, kind, frame, CineGeometry(opened.source).worldPositions(frame, np.array([[x, y]]))[0])
        return self.correct(node, isNewClick=True, waitForCompletion=waitForCompletion)

    def undoCorrection(
        self, *, corrections: Any = None, waitForCompletion: bool = True
    ) -> PointSegResult | BackgroundRun:
        """Take back the last click.

        Raises:
            PointSegError: when no cine is open or no click was made.
        """
        node = self.correctionsOf(self._requireOpened(), corrections)
        if not takeBack(node):
            raise PointSegError("There is no correction to take back.")
        return self.correct(node, waitForCompletion=waitForCompletion)

    def correct(
        self,
        corrections: Any,
        *,
        isNewClick: bool = False,
        progress: Progress | None = None,
        waitForCompletion: bool = True,
    ) -> PointSegResult | BackgroundRun:
        """Segment the open cine guided by all clicks of a markups node.

        Args:
            corrections: the node; see `PointSegModule.corrections`.
            isNewClick: whether its last click was made just now, and is to be taken back if this fails.
            progress: as in `process`.
            waitForCompletion: as in `process`.

        Raises:
            PointSegError: when no cine is open, or a click does not fit it.
        """
        opened, newest = self._requireOpened(), countOf(corrections) - 1

        def steps() -> Steps:
            try:
                yield from opened.openSteps(corrections)
                return (yield from opened.askSteps(opened.correction(corrections), progress))
            except BaseException:
                if isNewClick and slicer.mrmlScene.IsNodePresent(corrections):
                    takeBack(corrections, newest)
                raise

        return _started(steps(), waitForCompletion)

    def propagateFrame(
        self,
        frame: int | None = None,
        falloffFrames: float = 5,
        *,
        corrections: Any = None,
        progress: Progress | None = None,
        waitForCompletion: bool = True,
    ) -> PointSegResult | BackgroundRun:
        """Carry one frame as it is in the scene, edited by the user, to the frames around it.

        Args:
            frame: of the cine; the one that is shown when None.
            falloffFrames: so many frames away the edit has faded out; 1 changes no other frame, but keeps this one
                as it is whatever is clicked.
            corrections: the markups node that holds the clicks so far.
            progress: as in `process`.
            waitForCompletion: as in `process`.

        Raises:
            PointSegError: when no cine is open, the frame was not segmented, or the falloff is below 1.
        """
        opened = self._requireOpened()
        frame = opened.shownFrame if frame is None else frame
        opened.requireFrame(frame)

        def steps() -> Steps:
            drawing = opened.drawing(frame, falloffFrames)
            yield from opened.openSteps(corrections)
            result = yield from opened.askSteps(drawing, progress)
            opened.edits = {**opened.edits, frame: falloffFrames}
            return result

        return _started(steps(), waitForCompletion)

    def correctionsOf(self, opened: OpenCine, corrections: Any = None) -> Any:
        """The markups node that holds the clicks on an open cine; made when there is none."""
        if corrections is not None:
            opened.corrections = corrections
        if opened.corrections is None or not slicer.mrmlScene.IsNodePresent(opened.corrections):
            opened.corrections = newCorrections(opened.source)
        return opened.corrections

    def _requireOpened(self) -> OpenCine:
        if self.opened is None or not self.opened.isStillThere():
            raise PointSegError("There is no segmentation to correct; segment a cine first, or call `openScene`.")
        return self.opened

    def _prompts(self, source: CineSource, points: Any, frames: range) -> np.ndarray:
        if points is None:
            return np.zeros((0, 3))
        isNode = hasattr(points, "IsA")
        rows = CineGeometry(source).queriesFromMarkups(points) if isNode else np.asarray(points, np.float64)
        return rows - [frames.start, 0, 0] if frames.start else rows

    def _segmentSteps(self, job: _Job) -> Steps:
        labels: dict[int, np.ndarray] = {}
        with takenBackOnFailure(slicer.mrmlScene) as transaction:
            settings = job.settings
            clip = yield from clipSteps(job.source, job.target.frames, settings.spacingMm, settings.calibration)
            with transaction.step():
                writer = ResultWriter(job.source, transaction, job.target)
            yield from writer.begin()

            def write(frame: int, drawn: np.ndarray) -> None:
                writer.writeFrame(frame, drawn)
                labels[frame] = drawn

            try:
                yield from answered(job.engine, Open(clip))
                request = Correct(job.prompts, [None] * len(job.prompts)) if len(job.prompts) else Segment()
                result = yield from answered(job.engine, request, job.progress, write)
                output = yield from writer.finish(result, (*clip.warnings, *result.warnings))
            except ProcessingCancelledError:
                if not (settings.keepFinishedFrames and labels):
                    raise
                output = yield from writer.finishEarly(labels, clip.warnings)
        self.opened = self._openedBy(job, output, writer.source, clip)
        return output

    def _openedBy(self, job: _Job, output: SceneOutput, source: CineSource, clip: CineClip) -> OpenCine:
        frames = job.target.frames
        output.segmentation.SetAttribute(FRAMES_ATTRIBUTE, f"[{frames.start}, {frames.stop - 1}]")
        opened = OpenCine(source, output.segmentation, frames, job.engine, job.prompts, True, clip)
        opened.labels = output.result.labels
        opened.edits = {}
        return opened


@dataclass(frozen=True)
class _Job:
    """What one segmentation needs."""

    source: CineSource
    target: OutputTarget
    prompts: np.ndarray
    engine: Engine
    progress: Progress | None
    settings: ProcessSettings


def _started(steps: Steps, waitForCompletion: bool) -> Any:
    """The run of some steps; or, when it is to be waited for, what comes of it."""
    run = BackgroundRun(steps)
    if not waitForCompletion:
        return run
    run.wait()
    run.poll()
    return run.output
