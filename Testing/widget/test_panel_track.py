"""The section Track: when it can be used, and what it asks."""

from __future__ import annotations

import numpy as np
from mrml.fake_engine import FakeEngine
from mrml.fake_predictor import FakePredictor
from widget.pumping import pump

from PointSegLib.inference.messages import Done
from PointSegLib.result import PointTracks


def test_points_are_followed_and_their_trajectories_drawn(panel, image, application):
    import slicer

    panel.segment.predictor = FakePredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    assert panel.ui.trackButton.toolTip == "Segment the movie first."
    panel.ui.applyButton.click()
    pump(application, lambda: panel.runs.current is None)
    assert panel.ui.trackButton.toolTip == "Choose or place points to follow first."

    points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Mine")
    points.AddControlPointWorld(-10, -9, 0)
    panel.ui.trackSelector.setCurrentNode(points)
    engine = panel.logic.opened.engine = FakeEngine()
    before = len(slicer.util.getNodesByClass("vtkMRMLMarkupsCurveNode"))
    panel.ui.trackButton.click()
    pump(application, lambda: engine.requests)
    assert np.allclose(engine.requests[0].points, [[0, 40, 30]], atol=1e-3)
    xy = np.array([[[40 + t, 30] for t in range(6)]], np.float32)
    seen = np.ones((1, 6), np.float32)
    engine.tell(Done(1, PointTracks(xy, seen > 0, seen, np.ones(1, bool), np.array([[0, 40, 30]], np.float32))))
    pump(application, lambda: panel.runs.current is None)
    assert panel.ui.statusLabel.text == "1 points followed; 1 trajectories drawn."
    assert len(slicer.util.getNodesByClass("vtkMRMLMarkupsCurveNode")) == before + 1
