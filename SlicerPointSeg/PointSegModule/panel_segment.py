"""The section Segment: what to write, where to compute, and Apply."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from PointSegModule.background_run import BackgroundRun
from PointSegModule.dependencies import offerInstallation
from PointSegModule.logic import Predictor
from PointSegModule.panel_license import requireAcceptance
from PointSegModule.panel_section import PanelSection
from PointSegModule.parameters import PointSegParameterNode
from PointSegModule.scene_output import SceneOutput
from PointSegModule.status_text import describeInput, describeOutput, problemOf, settingsOf


class SegmentPanel(PanelSection):
    """Starts and cancels the segmentation, and shows its result.

    Args:
        made: what a `PanelSection` is made with.
        scenesParameters: gives the parameter node also while another module is open.
    """

    def __init__(self, *made: Any, scenesParameters: Callable[[], PointSegParameterNode]) -> None:
        self.predictor: Predictor | None = None
        self._scenesParameters = scenesParameters
        super().__init__(*made)

    def setup(self, ui: Any) -> None:
        ui.applyButton.connect("clicked(bool)", self.onApplyButton)
        ui.modelPathLineEdit.connect("currentPathChanged(QString)", self.onModelChosen)

    def refresh(self) -> None:
        """Say what is selected and whether it can be run."""
        self._showModel()
        if self._runs.isBusy:
            return
        problem = problemOf(self._parameters())
        self._ui.applyButton.text = _("Apply")
        self._ui.applyButton.enabled = not problem
        self._ui.applyButton.toolTip = problem or _("Segment the frames and follow the tissue points")
        self._ui.statusLabel.text = problem or describeInput(self._parameters())

    def onApplyButton(self, checked: bool = False) -> None:
        if self._runs.current is not None:
            self._runs.cancel()
            return
        message = _("Loading the network...") if self.predictor is None else _("Starting...")
        self._runs.start(self._newRun, self._present, message)

    def onModelChosen(self, path: str) -> None:
        if self._parameters() is not None:
            self._parameters().modelFile = path.strip()

    def _newRun(self) -> BackgroundRun:
        node = self._scenesParameters()
        if self.predictor is None:
            if not node.modelFile:
                requireAcceptance()
            offerInstallation()
        return self._logic.process(
            node.inputVolume,
            node.outputSegmentation,
            node.outputPoints,
            points=node.promptPoints,
            device=node.device.value,
            predictor=self.predictor,
            progress=self._runs.showProgress,
            waitForCompletion=False,
            settings=settingsOf(node),
        )

    def _showModel(self) -> None:
        # by hand, since Slicer's own binding wants a path, and would show the one that is absent as "."
        file = self._parameters().modelFile if self._parameters() is not None else ""
        if self._ui.modelPathLineEdit.currentPath.strip() != file:
            self._ui.modelPathLineEdit.currentPath = file

    def _present(self, output: SceneOutput) -> str:
        """Show the result and return a summary of it."""
        parameters = self._scenesParameters()
        parameters.outputSegmentation = output.segmentation
        if output.points is not None:
            parameters.outputPoints = output.points
        parameters.corrections = None
        if parameters.inputVolume is not output.imageNode:
            parameters.inputVolume = output.imageNode
            slicer.util.setSliceViewerLayers(background=output.imageNode, fit=True)
        slicer.modules.sequences.setToolBarActiveBrowserNode(output.browser)
        return describeOutput(output, time.monotonic() - self._runs.started)
