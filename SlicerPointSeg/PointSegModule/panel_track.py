"""The section Track: the trajectories of points the user has placed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from PointSegModule.background_run import BackgroundRun
from PointSegModule.logic import CineProcessor
from PointSegModule.panel_rules import enableUnless, whyNotSegmented
from PointSegModule.panel_run import RunPanel
from PointSegModule.parameters import PointSegParameterNode
from PointSegModule.point_tracking import TrackedPoints


class TrackPanel:
    """Follows points through the movie that was segmented.

    Args:
        ui: the panel's widgets.
        runs: does what takes time.
        logic: what the panel does, it does through this.
        parameters: gives the parameter node, or None.
    """

    def __init__(
        self, ui: Any, runs: RunPanel, logic: CineProcessor, parameters: Callable[[], PointSegParameterNode | None]
    ) -> None:
        self._ui, self._runs, self._logic, self._parameters = ui, runs, logic, parameters
        self._tip = str(ui.trackButton.toolTip)
        ui.trackButton.connect("clicked(bool)", self.onTrack)

    def refresh(self) -> None:
        """Enable the button, or say why it cannot be pressed."""
        problem = whyNotSegmented(self._parameters())
        if not problem and self._parameters().trackPoints is None:
            problem = _("Choose or place points to follow first.")
        if not problem and self._runs.isBusy:
            problem = _("Wait for the run to end.")
        enableUnless(self._ui.trackButton, problem, self._tip)

    def onTrack(self, checked: bool = False) -> None:
        parameters = self._parameters()

        def begin() -> BackgroundRun:
            self._logic.openScene(parameters.inputVolume, parameters.outputSegmentation, parameters.device.value)
            return self._logic.trackPoints(
                parameters.trackPoints, progress=self._runs.showProgress, waitForCompletion=False
            )

        self._runs.start(begin, self._describe, _("Following the points..."))

    @staticmethod
    def _describe(found: TrackedPoints) -> str:
        return _("{count} points followed; {curves} trajectories drawn.").format(
            count=len(found.tracks), curves=len(found.curves)
        )
