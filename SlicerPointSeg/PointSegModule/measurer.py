"""`CineMeasurer`: measures what was segmented, lets the user move the beats, and writes files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from PointSegLib.errors import MeasurementError, WriteError
from PointSegLib.result import Progress
from PointSegModule.background_run import BackgroundRun, started
from PointSegModule.beat_marks import BeatMarks
from PointSegModule.engines import Engines, Steps
from PointSegModule.exporting import ExportChoice, exportSteps, filesOf
from PointSegModule.improving import CineImprover
from PointSegModule.measuring import Earlier, MeasuredCine, MeasureSettings, measureSteps
from PointSegModule.results_output import SceneResults, resultSteps


class CineMeasurer(CineImprover):
    """Works on the cine that was segmented last, or on one that an earlier run has left in the scene.

    Args:
        engines: run the network; by default on a thread of this process.
    """

    def __init__(self, engines: Engines | None = None) -> None:
        super().__init__(engines)
        self._measured: MeasuredCine | None = None
        self._views: dict[str, tuple[Any, Any]] = {}  # ID of a segmentation -> it, and its measurements

    @property
    def measured(self) -> MeasuredCine | None:
        """What was measured last in the open cine; None before that, and after the scene was loaded again."""
        measured = self._measured
        return measured if measured is not None and measured.opened is self.opened else None

    def measure(
        self,
        settings: MeasureSettings = MeasureSettings(),
        *,
        other: Any = None,
        progress: Progress | None = None,
        waitForCompletion: bool = True,
    ) -> SceneResults | BackgroundRun:
        """Measure volumes, strain and wall motion of the open cine, and put tables and charts into the scene.

        Masks are taken as they are in the scene, with all edits. Beats are found, unless the user has marked them. For
        strain, points on the wall itself are followed first; while the masks stay, that is not done again. What cannot
        be measured is empty in the tables, and `measured.warnings` says why.

        Args:
            settings: the view, and what else can be chosen.
            other: the segmentation of another movie of the same heart, which was measured before: an A4C and an A2C
                give biplane volumes. Whose heart they show is for the caller to know.
            progress: as in `process`, of the points that are followed.
            waitForCompletion: as in `process`.

        Returns:
            the nodes, in place of those of an earlier measurement; the numbers are in `measured`.

        Raises:
            PointSegError: when no cine is open, the view is not known, or the other was not measured in this session.
        """
        opened = self._requireOpened()
        earlier = Earlier(self.measured, self._measuredIn(other))

        def steps() -> Steps:
            measured = yield from measureSteps(opened, settings, earlier, progress)
            results = yield from resultSteps(measured)
            self._measured = measured
            self._views[opened.segmentation.GetID()] = opened.segmentation, measured.measurements
            return results

        return started(steps(), waitForCompletion)

    def _measuredIn(self, segmentation: Any) -> Any:
        if segmentation is None:
            return None
        node, measurements = self._views.get(segmentation.GetID(), (None, None))
        if node is not segmentation:  # another scene may have used the same ID
            msg = f"'{segmentation.GetName()}' was not measured in this session; measure it first, as its own view."
            raise MeasurementError(msg)
        return measurements

    def markBeat(self, phase: str, frame: int | None = None) -> BeatMarks:
        """Make a frame the end-diastole or end-systole of its beat; the next `measure` goes by it.

        Args:
            phase: "ED" or "ES".
            frame: of the cine; the one that is shown when None.

        Raises:
            PointSegError: when no cine is open, the frame was not segmented, or it does not fit the other marks.
        """
        opened = self._requireOpened()
        frame = opened.shownFrame if frame is None else frame
        opened.requireFrame(frame)
        marks = BeatMarks.of(opened.sequence).moved(phase, frame)
        marks.keep(opened.sequence)
        return marks

    def forgetMarks(self) -> None:
        """Let the next `measure` find the beats again.

        Raises:
            PointSegError: when no cine is open.
        """
        BeatMarks().keep(self._requireOpened().sequence)

    def filesToExport(self, folder: str | os.PathLike[str], choice: ExportChoice = ExportChoice()) -> tuple[Path, ...]:
        """The files that `export` would write.

        Raises:
            PointSegError: when no cine is open, or a chosen frame was not segmented.
        """
        return filesOf(self._requireOpened(), Path(folder), choice)

    def export(
        self,
        folder: str | os.PathLike[str],
        choice: ExportChoice = ExportChoice(),
        *,
        overwrite: bool = False,
        waitForCompletion: bool = True,
    ) -> tuple[Path, ...] | BackgroundRun:
        """Write the open cine's result to files that are named after it: all of them, or none when one fails.

        Args:
            folder: to write to; it must exist.
            choice: what to write.
            overwrite: whether files of these names may be replaced.
            waitForCompletion: as in `process`.

        Returns:
            the files.

        Raises:
            WriteError: when the folder cannot be written, a file is there already and may not be replaced, or the
                tables are of masks that have changed since.
            PointSegError: when no cine is open, or a chosen frame was not segmented.
            DependencyError: for a movie without the package PyAV.
        """
        files = self.filesToExport(folder, choice)
        existing = [file.name for file in files if file.exists()]
        if existing and not overwrite:
            msg = f"{folder} already has {', '.join(existing)}; choose another folder, or allow them to be replaced."
            raise WriteError(msg)
        return started(exportSteps(self._requireOpened(), Path(folder), choice), waitForCompletion)
