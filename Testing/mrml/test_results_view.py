"""Charts of a measurement: what they draw, the line at the shown frame, and the frame behind a point."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from mrml import plot_view, slice_view
from mrml.artifacts import artifactsFolder
from mrml.beating_heart import segmentedHeart
from mrml.test_measuring import a4c, rowsOf


@pytest.fixture
def measured(processor):
    """(output, results) of the beating heart."""
    output = segmentedHeart(processor)
    return output, processor.measure(a4c())


def seriesOf(chart):
    nodes = [chart.GetNthPlotSeriesNode(i) for i in range(chart.GetNumberOfPlotSeriesNodes())]
    return {node.GetName(): node for node in nodes}


@pytest.mark.parametrize("kind", ["volume", "strain"])
def test_charts_show_their_curves(measured, kind):
    slice_view.skipUndrawn()
    _, results = measured
    from PointSegModule.results_view import moveCursor

    moveCursor(results, 14)
    view = plot_view.OffscreenPlotView(getattr(results, f"{kind}Chart"))
    picture = view.render(artifactsFolder() / f"chart_{kind}.png")
    for node in seriesOf(getattr(results, f"{kind}Chart")).values():
        color = np.round(255 * np.array(node.GetColor()))
        assert (np.abs(picture.astype(int) - color).max(axis=-1) < 24).any(), node.GetName()


def test_the_line_follows_the_shown_frame(measured):
    from PointSegModule.results_view import moveCursor

    _, results = measured
    moveCursor(results, 7)
    assert [row["time_s"] for row in rowsOf(results.cursor)] == pytest.approx([0.175] * 2)
    moveCursor(results, 999)
    assert [row["time_s"] for row in rowsOf(results.cursor)] == pytest.approx([0.175] * 2)


def test_a_point_of_a_curve_is_a_frame_of_the_cine(measured):
    from PointSegModule.results_view import frameOfPoint

    output, results = measured
    for chart in (results.volumeChart, results.strainChart):
        for name, series in seriesOf(chart).items():
            found = frameOfPoint(series, 1)
            assert found == (None if name == "shown frame" else (output.browser, 1))
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", "somebody's")
    assert frameOfPoint(other, 1) is None


def test_results_are_shown_beside_the_movie(measured):
    from PointSegModule.results_view import showResults

    _, results = measured
    with plot_view.layoutOfApplication() as layout:
        before = layout.GetLayoutNode().GetViewArrangement()
        showResults(results)
        views = {
            tag: slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLPlotViewNode")
            for tag in ("PointSegVolume", "PointSegStrain")
        }
        assert views["PointSegVolume"].GetPlotChartNodeID() == results.volumeChart.GetID()
        assert views["PointSegStrain"].GetPlotChartNodeID() == results.strainChart.GetID()
        table = slicer.mrmlScene.GetSingletonNode("PointSegTable", "vtkMRMLTableViewNode")
        assert table.GetTableNodeID() == results.segments.GetID()
        assert layout.GetLayoutNode().GetViewArrangement() != before


def test_segments_that_are_not_trusted_are_dotted(processor):
    from dataclasses import replace

    from lib.measurement.beating import hidden

    output = segmentedHeart(processor, follows=False)
    left = output.result.tracks.xy[:, 0, 0] < 60
    result = hidden(output.result, left & (output.result.tracks.xy[:, 0, 1] > 70))
    processor.opened.tracks = replace(result.tracks)
    series = seriesOf(processor.measure(a4c()).strainChart)
    doubted = [name for name in series if name.endswith("(not trusted)")]
    assert doubted
    for name, node in series.items():
        assert (node.GetLineStyleAsString(node.GetLineStyle()) == "dot") == (name in doubted)
