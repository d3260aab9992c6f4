"""The section Correct: clicks that say what is where, and an edited frame carried to the others."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from PointSegLib.errors import PointSegError
from PointSegLib.result import PointSegResult
from PointSegModule.background_run import BackgroundRun
from PointSegModule.corrections import countOf, nameClick, showClicksOf, takeBack
from PointSegModule.open_cine import OpenCine
from PointSegModule.panel_placing import beginPlacing, endPlacing, isPlacing
from PointSegModule.panel_rules import enableUnless, whyNotSegmented
from PointSegModule.panel_section import PanelSection


class CorrectPanel(PanelSection):
    """Lets the user place clicks, and has the clip segmented again after each."""

    def setup(self, ui: Any) -> None:
        self._again = False
        self._placed: Any = None
        self.buttons = {"wall": ui.wallButton, "cavity": ui.cavityButton, "outside": ui.outsideButton}
        self.undoButton = ui.undoButton
        for kind, button in self.buttons.items():
            button.connect("toggled(bool)", lambda isOn, kind=kind: self.onKindToggled(kind, isOn))
        ui.undoButton.connect("clicked(bool)", self.onUndo)
        ui.propagateButton.connect("clicked(bool)", self.onPropagate)
        ui.releaseButton.connect("clicked(bool)", self.onRelease)

    def refresh(self) -> None:
        """Enable what can be done, and say why the rest cannot."""
        problem = whyNotSegmented(self._parameters())
        corrections = None if problem else self._parameters().corrections
        hasClicks = countOf(corrections) > 0
        for button in self.buttons.values():
            enableUnless(button, problem)
        enableUnless(self._ui.undoButton, problem or ("" if hasClicks else _("No click has been made.")))
        for button in (self._ui.propagateButton, self._ui.releaseButton):
            enableUnless(button, problem or self._runs.whyBusy)
        enableUnless(self._ui.falloffSpinBox, problem)
        if problem:
            self.stopPlacing()

    def onKindToggled(self, kind: str, isOn: bool) -> None:
        """Begin or end placing clicks of a kind."""
        if not isOn:
            if not any(button.checked for button in self.buttons.values()):
                self.stopPlacing()
            return
        for other, button in self.buttons.items():
            if other != kind:
                button.checked = False
        try:
            self._startPlacing(self._openedCine())
        except PointSegError as error:
            self._runs.explain(error)
            self.stopPlacing()

    def stopPlacing(self) -> None:
        """Give the mouse back."""
        self.removeObservers()
        for button in self.buttons.values():
            button.checked = False
        placed, self._placed = self._placed, None
        endPlacing(placed)

    def onUndo(self, checked: bool = False) -> None:
        if takeBack(self._parameters().corrections):
            self._correct(False)

    def onPropagate(self, checked: bool = False) -> None:
        parameters = self._parameters()

        def begin() -> BackgroundRun:
            self._openedCine()
            return self._logic.propagateFrame(
                None,
                parameters.falloffFrames,
                corrections=parameters.corrections,
                progress=self._runs.showProgress,
                waitForCompletion=False,
            )

        self._runs.start(begin, lambda result: _("The frame was carried to those around it."), _("Propagating..."))

    def onRelease(self, checked: bool = False) -> None:
        def begin() -> BackgroundRun:
            self._openedCine()
            return self._logic.releaseFrame(progress=self._runs.showProgress, waitForCompletion=False)

        self._runs.start(begin, lambda result: _("The frame is PointSeg's again."), _("Drawing the frame again..."))

    def onRest(self) -> None:
        """Go on with what was clicked during the run that has ended."""
        if self._again:
            self._again = False
            self._correct(True)

    def forget(self) -> None:
        """The scene is about to close."""
        self._again = False
        self.stopPlacing()

    def _startPlacing(self, opened: OpenCine) -> None:
        parameters = self._parameters()
        corrections = self._logic.correctionsOf(opened, parameters.corrections)
        parameters.corrections = corrections
        self.removeObservers()
        self.addObserver(corrections, corrections.PointPositionDefinedEvent, self.onPlaced)
        self.addObserver(opened.source.browser, vtk.vtkCommand.ModifiedEvent, self.onFrameChanged)
        self._placed = corrections
        beginPlacing(corrections)
        application = slicer.app.applicationLogic()
        interaction, selection = application.GetInteractionNode(), application.GetSelectionNode()
        self.addObserver(selection, selection.ActivePlaceNodeIDChangedEvent, self.onModeChanged)
        self.addObserver(interaction, interaction.InteractionModeChangedEvent, self.onModeChanged)

    def onPlaced(self, node: Any, event: Any = None) -> None:
        """A click was made: let it say what the pressed button says."""
        kind = next((kind for kind, button in self.buttons.items() if button.checked), None)
        opened = self._logic.opened
        if kind is None or opened is None:
            return
        for index in range(node.GetNumberOfControlPoints()):
            isPlaced = node.GetNthControlPointPositionStatus(index) == node.PositionDefined
            if isPlaced and not node.GetNthControlPointDescription(index):
                nameClick(node, index, kind, opened.shownFrame)
        self._correct(True)

    def onFrameChanged(self, browser: Any = None, event: Any = None) -> None:
        """Show the clicks of the frame that is shown now."""
        if self._parameters() is not None and self._parameters().corrections is not None:
            showClicksOf(self._parameters().corrections, browser.GetSelectedItemNumber())

    def onModeChanged(self, caller: Any, event: Any = None) -> None:
        """The user may end placing elsewhere, by the toolbar or the Escape key, or go on with another node."""
        if not isPlacing(self._placed):
            self.stopPlacing()

    def _correct(self, isNewClick: bool) -> None:
        if self._runs.isBusy:
            self._again = True  # what is clicked during a run is asked, in one go, when it has ended
            return
        corrections = self._parameters().corrections

        def begin() -> BackgroundRun:
            self._openedCine()
            return self._logic.correct(
                corrections, isNewClick=isNewClick, progress=self._runs.showProgress, waitForCompletion=False
            )

        self._runs.start(begin, self._describe, _("Correcting..."))

    def _describe(self, result: PointSegResult) -> str:
        count = countOf(self._parameters().corrections) if self._parameters() is not None else 0
        return "\n".join([_("Corrected by {count} clicks.").format(count=count), *result.warnings])
