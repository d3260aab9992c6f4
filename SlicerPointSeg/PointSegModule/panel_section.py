"""`PanelSection`: what every section of the panel is made with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.util import VTKObservationMixin

from PointSegModule.logic import CineProcessor
from PointSegModule.open_cine import OpenCine
from PointSegModule.panel_run import RunPanel
from PointSegModule.parameters import PointSegParameterNode


class PanelSection(VTKObservationMixin):
    """A part of the panel that shows what is selected and does one kind of work with it.

    Args:
        ui: the panel's widgets.
        runs: does what takes time.
        logic: what the panel does, it does through this.
        parameters: gives the parameter node, or None.
    """

    def __init__(
        self, ui: Any, runs: RunPanel, logic: CineProcessor, parameters: Callable[[], PointSegParameterNode | None]
    ) -> None:
        VTKObservationMixin.__init__(self)
        self._ui, self._runs, self._logic, self._parameters = ui, runs, logic, parameters
        self.setup(ui)

    def setup(self, ui: Any) -> None:
        """Give the section its first state and connect its widgets; called once."""

    def _openedCine(self) -> OpenCine:
        """The chosen movie with its segmentation, ready for further work.

        Raises:
            PointSegError: when they do not belong together or cannot be read.
        """
        parameters = self._parameters()
        return self._logic.openScene(parameters.inputVolume, parameters.outputSegmentation, parameters.device.value)
