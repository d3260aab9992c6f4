"""What the panel does, for scripts: segment a cine of the scene; `improving` and `measurer` have what follows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import slicer

from PointSegLib import SegmentOptions
from PointSegLib.clip import CineClip
from PointSegLib.inference.engine import Engine
from PointSegLib.inference.messages import Correct, Open, Segment
from PointSegLib.result import PointSegResult, Progress
from PointSegModule.appearance import SEGMENTS
from PointSegModule.background_run import BackgroundRun, started
from PointSegModule.engines import ProcessingCancelledError, Steps, answered
from PointSegModule.geometry import CineGeometry
from PointSegModule.measurer import CineMeasurer
from PointSegModule.open_cine import OpenCine
from PointSegModule.points_input import RESULT_POINTS_REFERENCE
from PointSegModule.run_record import RunRecord
from PointSegModule.scene_input import CineSource, SceneInputError, clipSteps, findCine
from PointSegModule.scene_output import OutputTarget, ResultWriter, SceneOutput, checkOutputs
from PointSegModule.scene_transaction import takenBackOnFailure
from PointSegModule.written_frames import checksumOf


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
        checkpoint: file of the network; None takes the embedded one.
        options: density of the grid of automatic points, and smoothing of the masks over time.
    """

    spacingMm: tuple[float, float] | None = None
    calibration: str = ""
    firstFrame: int = 0
    lastFrame: int | None = None
    structures: tuple[str, ...] = tuple(style.segmentId for style in SEGMENTS)
    keepFinishedFrames: bool = False
    checkpoint: Path | None = None
    options: SegmentOptions = field(default_factory=SegmentOptions)

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


class CineProcessor(CineMeasurer):
    """Segments cines of the scene, and improves and measures what it has segmented last.

    Args:
        engines: run the network; by default on a thread of this process.
    """

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
            predictor: runs instead of a network.
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
        engines = self.engines
        engine = engines.of(device, settings.checkpoint) if predictor is None else engines.ofPredictor(predictor)
        job = _Job(source, target, rows, engine, progress, settings)
        return started(self._segmentSteps(job), waitForCompletion)

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
            frames, structures = job.target.frames, job.target.structures
            clip = yield from clipSteps(job.source, frames, settings.spacingMm, settings.calibration)
            checksums = dict.fromkeys(frames, checksumOf(np.zeros(clip.frames.shape[1:], np.uint8), structures))
            with transaction.step():
                writer = ResultWriter(job.source, transaction, job.target)
            yield from writer.begin()

            def write(frame: int, drawn: np.ndarray) -> None:
                writer.writeFrame(frame, drawn)
                labels[frame] = drawn
                checksums[frames[frame]] = checksumOf(drawn, structures)

            try:
                yield from answered(job.engine, Open(clip, settings.options))
                request = Correct(job.prompts, [None] * len(job.prompts)) if len(job.prompts) else Segment()
                result = yield from answered(job.engine, request, job.progress, write)
                output = yield from writer.finish(result, (*clip.warnings, *result.warnings))
            except ProcessingCancelledError:
                if not (settings.keepFinishedFrames and labels):
                    raise
                output = yield from writer.finishEarly(labels, clip.warnings)
        self.opened = self._openedBy(job, output, writer.source, clip)
        self.opened.written.begin(checksums)
        self.engines.keepOnly(job.engine)
        return output

    def _openedBy(self, job: _Job, output: SceneOutput, source: CineSource, clip: CineClip) -> OpenCine:
        job.record.write(output.segmentationSequence)
        points = output.points
        pointsId = None if points is None else points.GetID()
        output.segmentationSequence.SetNodeReferenceID(RESULT_POINTS_REFERENCE, pointsId)
        opened = OpenCine(source, output.segmentation, job.record, job.engine, True, clip)
        # a copy: what the user draws is noted in it, and the result is the engine's
        opened.labels, opened.tracks = output.result.labels.copy(), output.result.tracks
        opened.edits, opened.corrections = {}, None
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

    @property
    def record(self) -> RunRecord:
        """What is to be known of it later."""
        frames, settings = self.target.frames, self.settings
        return RunRecord(
            firstFrame=frames.start,
            lastFrame=frames.stop - 1,
            prompts=tuple(map(tuple, self.prompts.tolist())),
            options=settings.options,
            checkpoint=settings.checkpoint,
            spacingMm=settings.spacingMm,
            calibration=settings.calibration,
        )
