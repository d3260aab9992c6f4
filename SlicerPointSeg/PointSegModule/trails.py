"""The paths of tracked points over the last frames, as coloured lines that play with the images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _
from vtk.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray

from PointSegModule.appearance import PATH_COLORS

LINE_WIDTH = 3  # pixels on the screen
ARRAY_NAME = "PointSeg"
RANGE_PERCENT = 95  # of the values have colours of their own; one point that went astray would dim all others


@dataclass(frozen=True, eq=False)
class Trails:
    """What trails are drawn from.

    Attributes:
        values: float `[N, T]`; a trail has gaps where a value is NaN, as where its point is hidden.
        unit: of the values.
        quantity: what they are, for the legend and the colours.
        length: a trail goes back so many frames; 0 draws none.
        isLine: whether neighbouring points are joined, too.
    """

    values: np.ndarray
    unit: str
    quantity: str
    length: int
    isLine: bool

    def polyData(self, frame: int, positions: np.ndarray) -> Any:
        """The lines of one frame.

        Args:
            frame: counted from the first that was tracked.
            positions: float `[N, K, 3]` of all points in the K frames up to this one.

        Returns:
            a vtkPolyData of lines with the values as point data.
        """
        values = self.values[:, frame + 1 - positions.shape[1] : frame + 1]
        known = np.isfinite(values) & np.isfinite(positions).all(axis=-1)
        numbers = np.arange(values.size).reshape(values.shape)
        pieces = [_pieces(numbers, known)] if self.length else []
        if self.isLine:
            pieces.append(_pieces(numbers[:, -1:].T, known[:, -1:].T))
        return _polyData(positions.reshape(-1, 3), values.ravel(), np.concatenate(pieces or [np.zeros((0, 2), int)]))

    def firstOf(self, frame: int) -> int:
        """The first frame of the trails that end in a frame."""
        return max(0, frame - self.length)

    def style(self, model: Any) -> None:
        """Colour a model that shows the trails, with a legend."""
        model.CreateDefaultDisplayNodes()
        display = model.GetDisplayNode()
        with slicer.util.NodeModify(display):
            display.SetVisibility2D(True)
            display.SetSliceDisplayModeToProjection()
            display.SetSliceIntersectionThickness(LINE_WIDTH)
            display.SetLineWidth(LINE_WIDTH)
            display.SetLighting(False)
            display.SetAndObserveColorNodeID(PATH_COLORS[self.quantity])
            display.SetActiveScalar(ARRAY_NAME, vtk.vtkAssignAttribute.POINT_DATA)
            display.SetScalarRangeFlag(display.UseManualScalarRange)
            display.SetScalarRange(*self._range())
            display.SetScalarVisibility(True)
        legend = slicer.modules.colors.logic().AddDefaultColorLegendDisplayNode(display)
        legend.SetAndObserveColorNodeID(display.GetColorNodeID())
        legend.SetTitleText(f"{_titles()[self.quantity]}\n[{self.unit}]")
        legend.SetNumberOfLabels(3)
        legend.SetSize(0.1, 0.4)
        legend.SetVisibility(True)
        _hideOtherLegends(model)

    def _range(self) -> tuple[float, float]:
        known = self.values[np.isfinite(self.values)]
        most = float(np.percentile(np.abs(known), RANGE_PERCENT)) if known.size else 0.0
        most = most or 1.0
        return (-most if self.quantity == "strain" else 0.0), most


def _titles() -> dict[str, str]:
    return {"displacement": _("Displacement"), "speed": _("Speed"), "strain": _("Strain")}


def _hideOtherLegends(model: Any) -> None:
    """All legends have one place in the views: that of the trails drawn last is shown."""
    for other in slicer.util.getNodesByClass("vtkMRMLModelNode"):
        display = other.GetDisplayNode()
        if other is not model and display is not None and display.GetActiveScalarName() == ARRAY_NAME:
            legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(display)
            if legend is not None:
                legend.SetVisibility(False)


def _pieces(numbers: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Pairs `[P, 2]` of neighbours along the second axis that are both known."""
    both = known[:, :-1] & known[:, 1:]
    return np.stack([numbers[:, :-1][both], numbers[:, 1:][both]], axis=1)


def _polyData(positions: np.ndarray, values: np.ndarray, pairs: np.ndarray) -> Any:
    """Lines between pairs of points; points that no line needs are left out."""
    used, ends = np.unique(pairs, return_inverse=True)
    polyData, points, lines = vtk.vtkPolyData(), vtk.vtkPoints(), vtk.vtkCellArray()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(positions[used], np.float64), deep=True))
    cells = np.column_stack([np.full(len(pairs), 2), ends.reshape(-1, 2)]).astype(np.int64)
    lines.ImportLegacyFormat(numpy_to_vtkIdTypeArray(cells.ravel(), deep=True))
    scalars = numpy_to_vtk(np.ascontiguousarray(values[used], np.float64), deep=True)
    scalars.SetName(ARRAY_NAME)
    polyData.SetPoints(points)
    polyData.SetLines(lines)
    polyData.GetPointData().AddArray(scalars)
    return polyData
