"""The section Track: when it can be used, what it asks, and what clicks in a slice view come to."""

from __future__ import annotations

import numpy as np
import pytest
from mrml import cines
from mrml.fake_engine import FakeEngine
from mrml.fake_predictor import FakePredictor
from widget.pumping import pump

from PointSegLib.inference.messages import Done
from PointSegLib.result import PointTracks


@pytest.fixture
def segmented(panel, image, application):
    """The panel after a segmentation, and an engine that answers as the test tells it."""
    panel.segment.predictor = FakePredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    pump(application, lambda: panel.runs.current is None)
    engine = panel.logic.opened.engine = FakeEngine()
    return engine


def position(x, y):
    return (-0.25 * x, -0.30 * y, 0.0)


def newNode(className, places):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass(className, "Mine")
    for x, y in places:
        node.AddControlPointWorld(*position(x, y))
    return node


def answer(engine):
    """Let what was asked for last move by one pixel a frame; the first point is hidden in frame 2."""
    queries = np.asarray(engine.requests[-1].points, np.float32)
    xy = queries[:, None, 1:] + np.arange(cines.FRAMES)[:, None] * np.array([1, 0], np.float32)
    visible = np.ones(xy.shape[:2], bool)
    visible[0, 2] = False
    tracks = PointTracks(xy, visible, visible.astype(np.float32), np.ones(len(xy), bool), queries)
    engine.tell(Done(len(engine.requests), tracks))


def track(panel, application, engine):
    asked = len(engine.requests)
    panel.ui.trackButton.click()
    pump(application, lambda: len(engine.requests) > asked)
    answer(engine)
    pump(application, lambda: panel.runs.current is None)


def test_each_control_says_what_it_waits_for(panel, image, application):
    panel.ui.inputSelector.setCurrentNode(image)
    for name in ("trackButton", "placePointsButton", "drawCurveButton"):
        assert getattr(panel.ui, name).toolTip == "Segment the movie first."
    panel.segment.predictor = FakePredictor()
    panel.ui.applyButton.click()
    pump(application, lambda: panel.runs.current is None)
    assert panel.ui.placePointsButton.enabled
    assert panel.ui.trackButton.toolTip == "Place points or draw a curve first."
    assert panel.ui.curvePointsSpinBox.toolTip == "Choose or draw a curve first."


def test_points_are_followed_and_the_status_tells_of_hidden_ones(panel, segmented, application):
    panel.ui.trackSelector.setCurrentNode(newNode("vtkMRMLMarkupsFiducialNode", ((40, 30), (60, 50))))
    track(panel, application, segmented)
    assert np.allclose(segmented.requests[0].points, [[0, 40, 30], [0, 60, 50]], atol=1e-3)
    assert panel.ui.statusLabel.text == "2 points followed through 6 frames; 1 are hidden in some of them."
    assert panel.logic.tracked.points.GetNumberOfControlPoints() == 2


def test_a_curve_is_followed_by_so_many_points_as_are_chosen(panel, segmented, application):
    panel.ui.trackSelector.setCurrentNode(newNode("vtkMRMLMarkupsCurveNode", ((20, 20), (50, 50), (80, 20))))
    assert panel.ui.curvePointsSpinBox.enabled
    panel.ui.curvePointsSpinBox.value = 7
    track(panel, application, segmented)
    assert len(segmented.requests[0].points) == 7
    assert panel.logic.tracked.points.IsA("vtkMRMLMarkupsCurveNode")


def test_strain_is_offered_for_curves_only_and_says_so(panel, segmented):
    from PointSegModule.parameters import PathColor

    panel.ui.trackSelector.setCurrentNode(newNode("vtkMRMLMarkupsFiducialNode", ((40, 30),)))
    panel.parameters().pathColor = PathColor.STRAIN
    assert not panel.ui.trackButton.enabled
    assert "choose a curve, or colour the trails by something else" in panel.ui.trackButton.toolTip
    panel.ui.trackSelector.setCurrentNode(newNode("vtkMRMLMarkupsCurveNode", ((20, 20), (50, 50))))
    assert panel.ui.trackButton.enabled


def test_other_colours_and_lengths_are_drawn_at_once(panel, segmented, application):
    panel.ui.trackSelector.setCurrentNode(newNode("vtkMRMLMarkupsFiducialNode", ((40, 30), (60, 50))))
    track(panel, application, segmented)
    panel.logic.opened.source.browser.SetSelectedItemNumber(5)
    assert panel.logic.tracked.trails.GetPolyData().GetNumberOfLines() == 8, "two gaps around a hidden frame"
    panel.ui.trailFramesSpinBox.value = 2
    pump(application, lambda: panel.runs.current is None)
    assert panel.logic.tracked.trails.GetPolyData().GetNumberOfLines() == 4
    assert len(segmented.requests) == 1, "nothing is followed again"


def test_a_scene_that_closes_leaves_no_placing_and_no_trails(panel, segmented, application):
    import slicer

    panel.ui.placePointsButton.click()
    assert panel.ui.placePointsButton.checked
    slicer.mrmlScene.Clear(False)
    assert not panel.ui.placePointsButton.checked
    assert panel.logic.tracked is None


def test_placing_one_kind_ends_the_other_and_so_does_a_correction(panel, segmented, application):
    interaction = application.applicationLogic().GetInteractionNode()
    panel.ui.placePointsButton.click()
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    panel.ui.drawCurveButton.click()
    assert not panel.ui.placePointsButton.checked
    assert panel.ui.drawCurveButton.checked
    panel.ui.wallButton.click()
    assert not panel.ui.drawCurveButton.checked
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)
    panel.ui.placePointsButton.click()
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)
    assert not panel.ui.placePointsButton.checked, "as the Escape key does"


def test_points_clicked_in_a_slice_view_lie_in_the_frames_they_were_clicked_in(
    panel, segmented, application, image, sessionView
):
    sessionView.showVolume(image)
    panel.ui.placePointsButton.click()
    sessionView.render()
    sessionView.click(position(48, 26))
    panel.logic.opened.source.browser.SetSelectedItemNumber(3)
    sessionView.render()
    sessionView.click(position(70, 40))
    panel.ui.placePointsButton.click()
    track(panel, application, segmented)
    assert np.abs(segmented.requests[0].points - np.array([[0, 48, 26], [3, 70, 40]])).max() < 1.5
