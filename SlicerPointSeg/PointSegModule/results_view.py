"""Shows measurements beside the movie: a layout, the line at the shown frame, and the frame behind a plotted point."""

from __future__ import annotations

from typing import Any

import slicer

from PointSegModule.results_output import OWNER_REFERENCE, SceneResults

LAYOUT = 7461  # no number of Slicer's own layouts, nor of another extension known to us
_LAYOUT_XML = """
<layout type="vertical" split="true">
 <item splitSize="700">
  <layout type="horizontal" split="true">
   <item splitSize="500">
    <view class="vtkMRMLSliceNode" singletontag="Red">
     <property name="orientation" action="default">Axial</property>
     <property name="viewlabel" action="default">R</property>
     <property name="viewcolor" action="default">#F34A33</property>
    </view>
   </item>
   <item splitSize="500">
    <layout type="vertical" split="true">
     <item><view class="vtkMRMLPlotViewNode" singletontag="PointSegVolume">
      <property name="viewlabel" action="default">V</property></view></item>
     <item><view class="vtkMRMLPlotViewNode" singletontag="PointSegStrain">
      <property name="viewlabel" action="default">S</property></view></item>
    </layout>
   </item>
  </layout>
 </item>
 <item splitSize="300">
  <view class="vtkMRMLTableViewNode" singletontag="PointSegTable">
   <property name="viewlabel" action="default">T</property>
  </view>
 </item>
</layout>
"""


def showResults(results: SceneResults) -> None:
    """Show the movie, both charts and the table of segments, or of beats where there is none, beside each other."""
    layout = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if layout is not None:
        if not layout.IsLayoutDescription(LAYOUT):
            layout.AddLayoutDescription(LAYOUT, _LAYOUT_XML)
        layout.SetViewArrangement(LAYOUT)
    for tag, chart in (("PointSegVolume", results.volumeChart), ("PointSegStrain", results.strainChart)):
        view = slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLPlotViewNode")
        if view is not None:
            view.SetDoPropagatePlotChartSelection(False)
            view.SetPlotChartNodeID(chart.GetID() if chart is not None else None)
    showTable(results.segments or results.beats or results.frames)


def showTable(table: Any) -> None:
    """Show a table in the table view of the results' layout, where it is in use."""
    view = slicer.mrmlScene.GetSingletonNode("PointSegTable", "vtkMRMLTableViewNode")
    if view is not None:
        view.SetTableNodeID(table.GetID())


def moveCursor(results: SceneResults, frame: int) -> None:
    """Put the line in the charts to a frame of the cine; one that was not measured leaves it where it is."""
    table, cursor = results.frames.GetTable(), results.cursor.GetTable()
    row = _rowOf(table, frame)
    if row < 0:
        return
    clock = cursor.GetColumn(0)
    value = table.GetValueByName(row, clock.GetName()).ToDouble()
    if clock.GetTuple1(0) == value:
        return
    for end in (0, 1):
        clock.SetTuple1(end, value)
    cursor.Modified()
    results.cursor.Modified()


def frameOfPoint(series: Any, row: int) -> tuple[Any, int] | None:
    """What a point of a plot stands for.

    Args:
        series: a vtkMRMLPlotSeriesNode.
        row: of its table.

    Returns:
        (the browser, the frame); None when the series is not one of PointSeg's curves.
    """
    segmentation = series.GetNodeReference(OWNER_REFERENCE) if series is not None else None
    if segmentation is None:
        return None
    results, table = SceneResults.of(segmentation), series.GetTableNode()
    browser = slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(segmentation)
    if results is None or table is not results.frames or browser is None or row >= table.GetNumberOfRows():
        return None
    return browser, table.GetTable().GetValueByName(row, "frame").ToInt()


def _rowOf(table: Any, frame: int) -> int:
    """The row of a frame; rows follow each other as frames do."""
    row = frame - table.GetValueByName(0, "frame").ToInt()
    return row if 0 <= row < table.GetNumberOfRows() else -1
