"""The section Input: the movie, its frames, its calibration and the sector that was detected."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from PointSegLib.errors import PointSegError
from PointSegModule.background_run import BackgroundRun
from PointSegModule.calibration import sectorHeightOf
from PointSegModule.panel_placing import PlaceButton
from PointSegModule.panel_rules import enableUnless
from PointSegModule.panel_section import PanelSection
from PointSegModule.parameters import PointSegParameterNode
from PointSegModule.scene_input import findCine
from PointSegModule.sector_outline import outlineSteps, removeOutlines, sectorSteps
from PointSegModule.status_text import describeCalibration


class InputPanel(PanelSection):
    """Shows what is known of the chosen movie."""

    def setup(self, ui: Any) -> None:
        self._soughtFor: tuple[str, float] | None = None
        self._ruler = PlaceButton(ui.drawRulerButton, self._rulerToDraw, self.onRulerPlaced, 2)
        ui.sectorCheckBox.connect("toggled(bool)", self.onSectorToggled)

    def refresh(self) -> None:
        """Show calibration and limits of the chosen movie."""
        parameters = self._parameters()
        count = self._frameCount(parameters)
        self._ui.calibrationLabel.text = describeCalibration(parameters)
        self._ui.sectorCheckBox.enabled = count > 0 and not self._runs.isBusy
        self._ui.sectorCheckBox.toolTip = (
            _("Draw the outline of the part of the image that is taken for ultrasound")
            if count
            else _("Select an ultrasound sequence or volume first")
        )
        last = _("The last frame to segment")
        if count:
            last += "; " + _("the movie's last frame is {last}").format(last=count - 1)
        self._ui.lastFrameSpinBox.toolTip = last
        problem = "" if count else _("Select an ultrasound sequence or volume first.")
        enableUnless(self._ui.drawRulerButton, problem)
        self._ruler.follow(parameters.ruler if parameters is not None else None)
        if count:
            self._seekSectorFor(parameters)

    def onSectorToggled(self, isWanted: bool) -> None:
        if not isWanted:
            removeOutlines()
        elif self._parameters() is not None and self._parameters().inputVolume is not None:
            self._runs.start(
                self._newOutlineRun, lambda curve: _("The sector is outlined."), _("Looking for the sector...")
            )

    def onRulerPlaced(self, ruler: Any, index: int) -> None:
        """Let all sections see the new size of a pixel."""
        self._parameters().parameterNode.Modified()

    def stopPlacing(self) -> None:
        """Give the mouse back."""
        self._ruler.stop()
        self._ruler.follow(None)

    def _rulerToDraw(self) -> Any:
        """A ruler without ends: the chosen one, or a new one."""
        parameters = self._parameters()
        if parameters.ruler is None:
            name = slicer.mrmlScene.GenerateUniqueName(f"{parameters.inputVolume.GetName()} ruler")
            parameters.ruler = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", name)
        parameters.ruler.RemoveAllControlPoints()
        return parameters.ruler

    def _seekSectorFor(self, parameters: PointSegParameterNode) -> None:
        """Look for the sector, once for each depth that is entered, where its height is not known."""
        sought = (parameters.inputVolume.GetID(), parameters.depthCm)
        if parameters.depthCm <= 0 or sought == self._soughtFor or self._runs.isBusy:
            return
        if sectorHeightOf(findCine(parameters.inputVolume)) is None:
            self._soughtFor = sought
            self._runs.start(
                lambda: BackgroundRun(sectorSteps(findCine(parameters.inputVolume))),
                lambda sector: _("The sector was found; its depth gives the size of a pixel."),
                _("Looking for the sector..."),
            )

    def _newOutlineRun(self) -> BackgroundRun:
        return BackgroundRun(outlineSteps(findCine(self._parameters().inputVolume)))

    @staticmethod
    def _frameCount(parameters: PointSegParameterNode | None) -> int:
        if parameters is None or parameters.inputVolume is None:
            return 0
        try:
            return len(findCine(parameters.inputVolume))
        except PointSegError:
            return 0
