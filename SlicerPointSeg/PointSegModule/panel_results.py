"""The section Results: measurements, the beats, curves that lead to their frames, and files."""

from __future__ import annotations

import importlib.util
import logging
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from PointSegLib.errors import PointSegError
from PointSegModule.background_run import BackgroundRun
from PointSegModule.beat_marks import BeatMarks
from PointSegModule.exporting import ExportChoice
from PointSegModule.measuring import MeasureSettings
from PointSegModule.panel_plots import PlotClicks
from PointSegModule.panel_rules import enableUnless, whyNotSegmented
from PointSegModule.panel_section import PanelSection
from PointSegModule.parameters import ExportFrames, View
from PointSegModule.results_output import SceneResults
from PointSegModule.results_text import describeMarks
from PointSegModule.results_view import moveCursor, showResults
from PointSegModule.status_text import settingsOf


class ResultsPanel(PanelSection):
    """Measures the chosen movie, and shows and writes what was measured."""

    def setup(self, ui: Any) -> None:
        import qt

        self._clicks = PlotClicks()
        actions = {
            "measureButton": self.onMeasure,
            "showResultsButton": self.onShow,
            "edButton": lambda checked=False: self.onMark("ED"),
            "esButton": lambda checked=False: self.onMark("ES"),
            "findBeatsButton": self.onFindBeats,
            "exportButton": self.onExport,
        }
        self._buttons = tuple(actions)
        for name, action in actions.items():
            getattr(ui, name).connect("clicked(bool)", action)
        ui.beatsLabel.connect("linkActivated(QString)", self.onBeatLink)
        ui.exportDirectoryButton.directory = qt.QDir.homePath()
        if importlib.util.find_spec("av") is None:
            ui.movieCheckBox.enabled = False
            ui.movieCheckBox.toolTip = _("Needs the Python package av: slicer.util.pip_install('av')")

    def refresh(self) -> None:
        """Show what was measured, enable what can be done, and say why the rest cannot."""
        problem = whyNotSegmented(self._parameters())
        results = None if problem else SceneResults.of(self._segmentation())
        marks = BeatMarks() if problem else BeatMarks.of(self._sequence())
        if results is not None and not results.isOf(self._sequence()):
            results = None
        busy = self._runs.whyBusy
        unmeasured = problem or ("" if results is not None else _("Measure the movie first."))
        found = "" if marks.byUser else _("No frame was set by you.")
        problems = dict.fromkeys(self._buttons, problem or busy)
        problems["showResultsButton"] = unmeasured
        problems["findBeatsButton"] = problem or busy or found
        for name, reason in problems.items():
            enableUnless(getattr(self._ui, name), reason)
        self._ui.resultsLabel.text = results.summary if results is not None else unmeasured
        self._ui.beatsLabel.text = describeMarks(marks)
        self._observe(None if results is None else self._browser())

    def forget(self) -> None:
        """The scene is about to close."""
        self.removeObservers()
        self._clicks.disconnect()

    def onMeasure(self, checked: bool = False) -> None:
        self._runs.start(self._newMeasurement, self._present, _("Measuring..."))

    def onMark(self, phase: str) -> None:
        """Make the shown frame end-diastole or end-systole, and measure again once there is a whole contraction."""
        try:
            self._openedCine()
            marks = self._logic.markBeat(phase)
        except PointSegError as error:
            self._runs.explain(error)
            return
        self.refresh()
        if marks.haveBeat:
            self.onMeasure()
        else:
            self._runs.say(_("Now show the end-systole of this beat and press ES."))

    def onFindBeats(self, checked: bool = False) -> None:
        self._openedCine()
        self._logic.forgetMarks()
        self.onMeasure()

    def onBeatLink(self, frame: str) -> None:
        """Show a frame that is named among the beats."""
        self._browser().SetSelectedItemNumber(int(frame))

    def onShow(self, checked: bool = False) -> None:
        showResults(SceneResults.of(self._segmentation()))
        self._clicks.connect()

    def onExport(self, checked: bool = False) -> None:
        folder = str(self._ui.exportDirectoryButton.directory)
        try:
            self._openedCine()
            choice = self._choice()
            existing = [file.name for file in self._logic.filesToExport(folder, choice) if file.exists()]
        except PointSegError as error:
            self._runs.explain(error)
            return
        question = _("Replace these files in {folder}?").format(folder=folder)
        if existing and not slicer.util.confirmOkCancelDisplay("\n".join([question, *existing])):
            return

        def begin() -> BackgroundRun:
            return self._logic.export(folder, choice, overwrite=bool(existing), waitForCompletion=False)

        said = _("{count} files were written to {folder}.")
        self._runs.start(begin, lambda files: said.format(count=len(files), folder=folder), _("Writing files..."))

    def onFrameChanged(self, browser: Any = None, event: Any = None) -> None:
        """Move the line in the charts to the shown frame."""
        results = SceneResults.of(self._segmentation()) if self._parameters() is not None else None
        if results is not None:
            moveCursor(results, browser.GetSelectedItemNumber())

    def _newMeasurement(self) -> BackgroundRun:
        parameters = self._parameters()
        calibrated = settingsOf(parameters)
        self._openedCine()
        settings = MeasureSettings(
            view=None if parameters.view is View.UNKNOWN else parameters.view.value,
            mirrored=parameters.mirrored,
            correctDrift=parameters.correctDrift,
            insist=parameters.insist,
            spacingMm=calibrated.spacingMm,
            calibration=calibrated.calibration,
        )
        return self._logic.measure(
            settings, other=parameters.otherView, progress=self._runs.showProgress, waitForCompletion=False
        )

    def _present(self, results: SceneResults) -> str:
        """Show the curves, and return the figures and what limits them."""
        if self._parameters() is not None:  # not while another module is open
            showResults(results)
            self._clicks.connect()
            self.refresh()
        limits = self._logic.measured.warnings
        if limits:
            logging.warning("\n".join(limits))
        return results.summary.splitlines()[0]

    def _choice(self) -> ExportChoice:
        parameters = self._parameters()
        chosen = ((parameters.exportSequence, "seq.nrrd"), (parameters.exportNifti, "nii.gz"))
        opened = self._logic.opened
        marks = BeatMarks.of(opened.sequence)
        if parameters.exportFrames is ExportFrames.BEATS and not marks.ed:
            raise PointSegError(_("End-diastole and end-systole are not known yet; measure the movie first."))
        frames = {
            ExportFrames.NONE: (),
            ExportFrames.SHOWN: (opened.shownFrame,),
            ExportFrames.BEATS: tuple(sorted({*marks.ed, *marks.es})),
            ExportFrames.ALL: tuple(opened.frames),
        }[parameters.exportFrames]
        return ExportChoice(
            labels=tuple(suffix for isChosen, suffix in chosen if isChosen),
            frames=frames,
            tables=parameters.exportTables,
            movie=parameters.exportMovie,
        )

    def _segmentation(self) -> Any:
        return self._parameters().outputSegmentation

    def _sequence(self) -> Any:
        return self._browser().GetSequenceNode(self._segmentation())

    def _browser(self) -> Any:
        return slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(self._parameters().inputVolume)

    def _observe(self, browser: Any) -> None:
        """Follow a browser whose frames were measured, or none."""
        if browser is not None and self.hasObserver(browser, vtk.vtkCommand.ModifiedEvent, self.onFrameChanged):
            return
        self.removeObservers()
        if browser is not None:
            self.addObserver(browser, vtk.vtkCommand.ModifiedEvent, self.onFrameChanged)
            self._clicks.connect()
