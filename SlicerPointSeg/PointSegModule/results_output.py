"""Puts measurements into the scene: tables, curves to plot, and charts, in a folder beside the cine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _
from vtk.util.numpy_support import numpy_to_vtk

from PointSegModule.engines import Steps
from PointSegModule.measuring import MeasuredCine
from PointSegModule.results_charts import ChartPlan, chartPlans, cursorRows, plottedRows
from PointSegModule.results_text import describeResults
from PointSegModule.scene_transaction import SceneTransaction, takenBackOnFailure
from PointSegModule.subject_hierarchy import folderItemOf, newFolder, parentItemOf, placeNodes

OWNER_REFERENCE = "PointSeg.segmentation"  # of a result: the segmentation that was measured
MEASURED_REFERENCE = "PointSeg.measured"  # of the table of frames: the sequence of segmentations that was measured
ROLE_ATTRIBUTE = "PointSeg.result"  # of a result: what it is
CHECKSUM_ATTRIBUTE = "PointSeg.labels"  # of the table of frames: the checksum of the masks that were measured
TABLES = ("beats", "segments", "frames", "cursor", "together")
CHARTS = ("volume", "strain")
_CLASSES = ("vtkMRMLTableNode", "vtkMRMLPlotChartNode", "vtkMRMLPlotSeriesNode")


@dataclass(frozen=True, eq=False)
class SceneResults:
    """The nodes of one measurement; None for what had nothing to show.

    Attributes:
        beats: table with a row for each beat.
        segments: table with a row for each segment of each beat.
        frames: table with a row for each frame, what the charts plot.
        cursor: table of the line that marks the shown frame in the charts.
        together: table with one row, of this view and another one of the same heart.
        volumeChart: volume, or area without calibration, over the cine.
        strainChart: strain of the segments, and GLS.
    """

    beats: Any
    segments: Any
    frames: Any
    cursor: Any
    together: Any
    volumeChart: Any
    strainChart: Any

    @classmethod
    def of(cls, segmentation: Any) -> SceneResults | None:
        """What an earlier measurement, in this session or before the scene was saved, has left."""
        nodes = _nodesOf(segmentation)
        if "frames" not in nodes:
            return None
        return cls(*(nodes.get(role) for role in (*TABLES, *(f"{kind} chart" for kind in CHARTS))))

    @property
    def checksum(self) -> int:
        """Of the masks that were measured."""
        return int(self.frames.GetAttribute(CHECKSUM_ATTRIBUTE))

    def isOf(self, sequence: Any) -> bool:
        """Whether it was these segmentations that were measured, and not those of an earlier run."""
        return self.frames.GetNodeReferenceID(MEASURED_REFERENCE) == sequence.GetID()

    @property
    def summary(self) -> str:
        """The figures in one line, and what limits them in others."""
        return self.frames.GetDescription()


def rowsOf(table: Any) -> list[dict[str, Any]]:
    """The rows of a table node as they were written into it."""
    content = table.GetTable()
    columns = [content.GetColumn(index) for index in range(content.GetNumberOfColumns())]
    return [
        {column.GetName(): _valueOf(column.GetValue(row)) for column in columns}
        for row in range(content.GetNumberOfRows())
    ]


def resultSteps(measured: MeasuredCine) -> Steps:
    """Write a measurement into the scene, in place of an earlier one of the same segmentation; gives `SceneResults`."""
    segmentation = measured.opened.segmentation
    with takenBackOnFailure(slicer.mrmlScene) as transaction:
        writer = _Writer(measured, transaction)
        rows = {
            "beats": measured.beats,
            "segments": measured.segments,
            "frames": plottedRows(measured),
            "cursor": cursorRows(measured),
            "together": measured.together,
        }
        for role in TABLES:
            with transaction.step():
                writer.writeTable(role, rows[role])
            yield False
        for plan in chartPlans(measured):
            with transaction.step():
                writer.writeChart(plan)
            yield False
        with transaction.step():
            writer.arrange()
        writer.removeOthers()
    measured.marks.keep(measured.opened.sequence)
    results = SceneResults.of(segmentation)
    results.frames.SetAttribute(CHECKSUM_ATTRIBUTE, str(measured.checksum))
    results.frames.SetNodeReferenceID(MEASURED_REFERENCE, measured.opened.sequence.GetID())
    results.frames.SetDescription(describeResults(measured))
    return results


class _Writer:
    """Writes the nodes of one measurement, reusing those of an earlier one."""

    def __init__(self, measured: MeasuredCine, transaction: SceneTransaction) -> None:
        self._measured, self._transaction = measured, transaction
        self._before = _nodesOf(measured.opened.segmentation)
        self._written: dict[str, Any] = {}

    def writeTable(self, role: str, rows: Iterable[dict[str, Any]]) -> None:
        columns = _columns(tuple(rows))
        if not columns:
            return
        table = self._node(role, "vtkMRMLTableNode", f"{self._measured.opened.source.name} {role}")
        table.RemoveAllColumns()
        for column in columns:
            table.AddColumn(column)

    def writeChart(self, plan: ChartPlan) -> None:
        name = f"{self._measured.opened.source.name} {plan.kind}"
        chart = self._node(f"{plan.kind} chart", "vtkMRMLPlotChartNode", name)
        chart.RemoveAllPlotSeriesNodeIDs()
        chart.SetTitle(plan.title)
        chart.SetXAxisTitle(plan.xTitle)
        chart.SetYAxisTitle(plan.yTitle)
        for line in plan.lines:
            series = self._node(f"{plan.kind} {line.name}", "vtkMRMLPlotSeriesNode", line.name)
            series.SetPlotType(series.PlotTypeScatter)
            series.SetAndObserveTableNodeID(self._written[line.table].GetID())
            series.SetXColumnName(line.x)
            series.SetYColumnName(line.y)
            series.SetColor(*line.color)
            series.SetLineStyle(series.GetLineStyleFromString(line.style))
            series.SetLineWidth(line.width)
            series.SetMarkerStyle(series.GetMarkerStyleFromString(line.marker))
            series.SetMarkerSize(line.markerSize)
            chart.AddAndObservePlotSeriesNodeID(series.GetID())

    def arrange(self) -> None:
        """Put all into one folder beside the cine: that of the earlier measurement, where there is one."""
        image = self._measured.opened.source.imageNode
        folder = folderItemOf(self._before.values())
        if not folder:
            name = _("{name} results").format(name=self._measured.opened.source.name)
            folder = newFolder(parentItemOf(image), name, self._transaction)
        placeNodes(self._written.values(), folder, self._transaction)

    def removeOthers(self) -> None:
        """Remove what this measurement does not have any more."""
        for role, node in self._before.items():
            if role not in self._written:
                slicer.mrmlScene.RemoveNode(node)

    def _node(self, role: str, className: str, name: str) -> Any:
        node = self._before.get(role)
        if node is None:
            node = self._transaction.newNode(className, name)
            node.SetAttribute(ROLE_ATTRIBUTE, role)
            node.SetNodeReferenceID(OWNER_REFERENCE, self._measured.opened.segmentation.GetID())
        else:
            self._transaction.protect(node)
        self._written[role] = node
        return node


def _nodesOf(segmentation: Any) -> dict[str, Any]:
    """Role -> node of what was measured in a segmentation."""
    owned = segmentation.GetID()
    return {
        node.GetAttribute(ROLE_ATTRIBUTE): node
        for className in _CLASSES
        for node in slicer.util.getNodesByClass(className)
        if node.GetNodeReferenceID(OWNER_REFERENCE) == owned
    }


def _valueOf(stored: Any) -> Any:
    """None for what stands in a table for it."""
    return None if stored == "" or stored != stored else stored


def _columns(rows: tuple[dict[str, Any], ...]) -> list[Any]:
    """Table columns of rows; a column in which nothing could be measured is left out."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns = []
    for name in names:
        values = [row.get(name) for row in rows]
        if any(value is not None for value in values):
            columns.append(_column(name, values))
    return columns


def _column(name: str, values: list[Any]) -> Any:
    """Text stays text, with nothing for None; numbers become numbers, with NaN for None, which charts leave out."""
    known = [value for value in values if value is not None]
    if any(isinstance(value, str) for value in known):
        column = vtk.vtkStringArray()
        for value in values:
            column.InsertNextValue("" if value is None else str(value))
    else:
        whole = len(known) == len(values) and all(isinstance(value, int) for value in known)
        numbers = [np.nan if value is None else value for value in values]
        column = numpy_to_vtk(np.array(numbers, np.int64 if whole else np.float64), deep=True)
    column.SetName(name)
    return column
