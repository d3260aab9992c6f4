"""`CineImprover`: corrects what was segmented, carries edited frames, and follows points."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from PointSegLib.errors import PointSegError
from PointSegLib.inference.messages import Propagate
from PointSegLib.result import PointSegResult, Progress
from PointSegModule.background_run import BackgroundRun, started
from PointSegModule.corrections import addClick, countOf, newCorrections, takeBack
from PointSegModule.engines import Engines, Steps
from PointSegModule.environment import SmokeOutcome, smokeSteps
from PointSegModule.geometry import CineGeometry
from PointSegModule.open_cine import OpenCine
from PointSegModule.point_tracking import (
    DEFAULT_TRACKING,
    TrackedPoints,
    TrackSettings,
    checkTracking,
    redrawSteps,
    trackSteps,
)


class CineImprover:
    """Works on the cine that was segmented last, or on one that an earlier run has left in the scene.

    Args:
        engines: run the network; by default on a thread of this process.

    Attributes:
        opened: the cine; None before the first segmentation.
        tracked: what was tracked last, or None.
    """

    def __init__(self, engines: Engines | None = None) -> None:
        self.engines = engines or Engines()
        self.opened: OpenCine | None = None
        self.tracked: TrackedPoints | None = None

    def openScene(self, inputNode: Any, segmentation: Any, device: str = "auto") -> OpenCine:
        """Go on with what an earlier run left in the scene, also after the scene was saved and loaded again.

        The clicks, the edited frames, the points that were followed and the settings of the run are those of the
        scene; what the panel or a script would choose for another run does not matter.

        Raises:
            SceneInputError: when the segmentation is not one of the cine's.
            CheckpointError: when the network of that run is not there any more.
        """
        opened = self.opened
        if opened is None or opened.segmentation is not segmentation or not opened.isStillThere():
            self.opened = OpenCine.ofScene(inputNode, segmentation, self.engines, device)
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

        return started(steps(), waitForCompletion)

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

        return started(steps(), waitForCompletion)

    def releaseFrame(
        self, frame: int | None = None, *, progress: Progress | None = None, waitForCompletion: bool = True
    ) -> PointSegResult | BackgroundRun:
        """Let the network draw a frame again that the user has edited, and those that the edit was carried to.

        Args:
            frame: of the cine; the one that is shown when None.
            progress: as in `process`.
            waitForCompletion: as in `process`.

        Raises:
            PointSegError: when no cine is open, or the frame was not edited.
        """
        opened = self._requireOpened()
        frame = opened.shownFrame if frame is None else frame

        def steps() -> Steps:
            yield from opened.openSteps(opened.corrections)
            if frame not in opened.edits:
                raise PointSegError(f"Frame {frame} is as PointSeg has drawn it; there is no edit to give up.")
            result = yield from opened.askSteps(Propagate(frame - opened.frames.start, None), progress)
            opened.edits = {edited: falloff for edited, falloff in opened.edits.items() if edited != frame}
            return result

        return started(steps(), waitForCompletion)

    def trackPoints(
        self,
        points: Any,
        *,
        settings: TrackSettings = DEFAULT_TRACKING,
        progress: Progress | None = None,
        waitForCompletion: bool = True,
    ) -> TrackedPoints | BackgroundRun:
        """Follow points or a curve through the open cine without changing its segmentation, and draw their trails.

        Args:
            points: a markups node, or an array `[M, 3]` of rows (frame, x, y) in pixels. A node's points lie in the
                frame they were placed on where the panel has noted it, else in the one now shown.
            settings: how they are drawn.
            progress: as in `process`.
            waitForCompletion: as in `process`.

        Raises:
            PointSegError: when no cine is open, a point does not fit it, or it cannot be drawn as asked.
        """
        opened = self._requireOpened()
        checkTracking(points, settings)

        def steps() -> Steps:
            self.tracked = yield from trackSteps(opened, points, settings, progress)
            return self.tracked

        return started(steps(), waitForCompletion)

    def redrawTrails(self, settings: TrackSettings, *, waitForCompletion: bool = True) -> TrackedPoints | BackgroundRun:
        """Draw the trails of the points that were tracked last in another way; nothing is tracked again.

        Args:
            settings: how they are drawn; `curvePoints` changes nothing.
            waitForCompletion: as in `process`.

        Raises:
            PointSegError: when nothing was tracked, or it cannot be drawn as asked.
        """
        if self.tracked is None or not self.tracked.isStillThere():
            raise PointSegError("There are no trails to draw again; track points or a curve first.")
        checkTracking(self.tracked.given, settings)
        return started(redrawSteps(self.tracked, settings), waitForCompletion)

    def testEngine(self, device: str = "auto", *, waitForCompletion: bool = True) -> SmokeOutcome | BackgroundRun:
        """Segment a few made-up frames with the embedded network; the scene is not touched.

        Args:
            device: as in `process`.
            waitForCompletion: as in `process`.

        Returns:
            whether it passed, and what to say; a failure is told and not raised.

        Raises:
            DependencyError, WorkerError: when there is no engine to be tested.
        """
        engine = self.engines.of(device)
        if self.opened is not None and self.opened.engine is engine:
            self.opened.isOpen = False  # the engine knows one clip at a time
        return started(smokeSteps(engine), waitForCompletion)

    def correctionsOf(self, opened: OpenCine, corrections: Any = None) -> Any:
        """The markups node that holds the clicks on an open cine; made when there is none."""
        if corrections is not None or opened.corrections is None:
            opened.corrections = corrections or newCorrections(opened.source)
        return opened.corrections

    def _requireOpened(self) -> OpenCine:
        if self.opened is None or not self.opened.isStillThere():
            raise PointSegError("There is no segmentation to correct; segment a cine first, or call `openScene`.")
        return self.opened
