"""A plot view drawn off screen, from the same chart and series nodes as Slicer's own, which is a Qt widget."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from mrml.window_picture import pictureOf

_MARKERS = {"none": vtk.vtkPlotPoints.NONE, "circle": vtk.vtkPlotPoints.CIRCLE}
_LINES = {
    "none": vtk.vtkPen.NO_PEN,
    "solid": vtk.vtkPen.SOLID_LINE,
    "dot": vtk.vtkPen.DOT_LINE,
    "dash": vtk.vtkPen.DASH_LINE,
}


class OffscreenPlotView:
    """Draws a vtkMRMLPlotChartNode, and tells which point a click hits.

    Args:
        chartNode: the chart.
        size: width and height of the picture in pixels.
    """

    def __init__(self, chartNode: Any, size: tuple[int, int] = (800, 420)) -> None:
        self._view = vtk.vtkContextView()
        self._view.GetRenderer().SetBackground(1, 1, 1)
        self._view.GetRenderWindow().SetOffScreenRendering(1)
        self._view.GetRenderWindow().SetSize(*size)
        self.chart = vtk.vtkChartXY()
        self._view.GetScene().AddItem(self.chart)
        self.chart.SetTitle(chartNode.GetTitle())
        self.chart.GetAxis(vtk.vtkAxis.BOTTOM).SetTitle(chartNode.GetXAxisTitle())
        self.chart.GetAxis(vtk.vtkAxis.LEFT).SetTitle(chartNode.GetYAxisTitle())
        self.chart.SetShowLegend(True)
        self.series: list[Any] = []
        for index in range(chartNode.GetNumberOfPlotSeriesNodes()):
            self._add(chartNode.GetNthPlotSeriesNode(index))

    def render(self, path: Path | None = None) -> np.ndarray:
        """Draw and return the picture, uint8 `[H, W, 3]`, top row first; written to `path` as PNG when given."""
        self._view.Render()
        return pictureOf(self._view.GetRenderWindow(), path)

    def selectionOf(self, seriesNode: Any, row: int) -> tuple[Any, Any]:
        """(series IDs, rows): what Slicer's plot view tells when a point is clicked."""
        ids, rows, selected = vtk.vtkStringArray(), vtk.vtkIdTypeArray(), vtk.vtkCollection()
        ids.InsertNextValue(seriesNode.GetID())
        rows.InsertNextValue(row)
        selected.AddItem(rows)
        return ids, selected

    def _add(self, node: Any) -> None:
        table = node.GetTableNode().GetTable()
        columns = [table.GetColumnName(i) for i in range(table.GetNumberOfColumns())]
        plot = self.chart.AddPlot(vtk.vtkChart.LINE)
        plot.SetInputData(table, columns.index(node.GetXColumnName()), columns.index(node.GetYColumnName()))
        plot.SetLabel(node.GetName())
        plot.SetColorF(*node.GetColor())
        plot.SetWidth(node.GetLineWidth())
        plot.GetPen().SetLineType(_LINES[node.GetLineStyleAsString(node.GetLineStyle())])
        plot.SetMarkerStyle(_MARKERS[node.GetMarkerStyleAsString(node.GetMarkerStyle())])
        plot.SetMarkerSize(node.GetMarkerSize())
        self.series.append(node)


@contextmanager
def layoutOfApplication() -> Iterator[Any]:
    """What the application has: a layout that makes the views it names. Its views are gone afterwards."""
    logic = slicer.vtkMRMLLayoutLogic()
    known = set(_viewNodes())
    logic.SetMRMLScene(slicer.mrmlScene)
    yield logic
    made = [node for node in _viewNodes() if node not in known]
    logic.SetMRMLScene(None)
    for node in made:
        slicer.mrmlScene.RemoveNode(node)


def _viewNodes() -> list[Any]:
    scene = slicer.mrmlScene
    nodes = (scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes()))
    return [node for node in nodes if node.IsA("vtkMRMLAbstractViewNode") or node.IsA("vtkMRMLLayoutNode")]
