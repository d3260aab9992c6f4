"""A scene saved as .mrb holds the result bit by bit, with its links."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from mrml import cines
from mrml.fake_predictor import FakePredictor, movingHeart
from mrml.headless_slicer import newSequenceBrowser


@pytest.mark.parametrize("kind", ["scalar", "colour", "volume", "oblique"])
def test_reloaded_scene_holds_the_same_values(scene, tmp_path, kind):
    from PointSegModule.logic import CineProcessor

    images = cines.speckle(channels=3 if kind == "colour" else 0)
    turned = np.array([[0.0, 0.3, 0.1, 8], [-0.25, 0, 0, 9], [0, 0.1, -1, 7], [0, 0, 0, 1]])
    if kind == "volume":
        node = scene.AddNode(cines.volumeNode(images))
        node.SetName("Echo")
    else:
        matrices = [turned] * cines.FRAMES if kind == "oblique" else None
        node = newSequenceBrowser(cines.imageSequence(images, matrices=matrices))
    output = CineProcessor().process(node, predictor=FakePredictor(), points=[[1, 40.25, 30.5]])
    names = {
        key: getattr(output, key).GetName()
        for key in ("browser", "imageSequence", "segmentationSequence", "pointsSequence")
    }
    values = [output.imageSequence.GetNthIndexValue(i) for i in range(cines.FRAMES)]
    points = [
        slicer.util.arrayFromMarkupsControlPoints(output.pointsSequence.GetNthDataNode(i)) for i in range(cines.FRAMES)
    ]
    curve = slicer.util.arrayFromMarkupsControlPoints(output.trajectories[0])

    file = tmp_path / "scene.mrb"
    assert scene.WriteToMRB(str(file))
    scene.Clear(False)
    assert scene.ReadFromMRB(str(file))

    sequences = {
        key: scene.GetFirstNode(name, "vtkMRMLSequenceNode") for key, name in names.items() if key != "browser"
    }
    browser = scene.GetFirstNode(names["browser"], "vtkMRMLSequenceBrowserNode")
    assert browser.GetMasterSequenceNode() is sequences["imageSequence"]
    for sequence in sequences.values():
        assert [sequence.GetNthIndexValue(i) for i in range(sequence.GetNumberOfDataNodes())] == values
    for frame in range(cines.FRAMES):
        browser.SetSelectedItemNumber(frame)
        image = browser.GetProxyNode(sequences["imageSequence"])
        assert (slicer.util.arrayFromVolume(image)[0] == images[frame]).all()
        segmentation = browser.GetProxyNode(sequences["segmentationSequence"])
        assert (cines.labelsOf(segmentation, image) == movingHeart((cines.WIDTH, cines.HEIGHT), frame)).all()
        assert segmentation.GetSegmentation().GetSegmentIDs() == ("Myocardium", "LVCavity", "LeftAtrium")
        stored = sequences["pointsSequence"].GetNthDataNode(frame)
        assert slicer.util.arrayFromMarkupsControlPoints(stored) == pytest.approx(points[frame], abs=1e-4)
        hidden = stored.GetNumberOfControlPoints() - 1
        assert stored.GetNthControlPointVisibility(hidden) == (frame != 1)
    reloaded = scene.GetFirstNodeByClass("vtkMRMLMarkupsCurveNode")
    assert slicer.util.arrayFromMarkupsControlPoints(reloaded) == pytest.approx(curve, abs=1e-4)


def test_a_frame_without_any_structure_survives(scene, tmp_path):
    from PointSegModule.logic import CineProcessor

    class SeesNothing(FakePredictor):
        def __call__(self, clip, points=None, progress=None):
            result = super().__call__(clip, points, progress)
            result.labels[:] = 0
            return result

    output = CineProcessor().process(newSequenceBrowser(cines.imageSequence(cines.speckle())), predictor=SeesNothing())
    name = output.segmentationSequence.GetName()
    file = tmp_path / "scene.mrb"
    assert scene.WriteToMRB(str(file))
    scene.Clear(False)
    assert scene.ReadFromMRB(str(file))
    sequence = scene.GetFirstNode(name, "vtkMRMLSequenceNode")
    assert sequence.GetNumberOfDataNodes() == cines.FRAMES
    for frame in range(cines.FRAMES):
        ids = sequence.GetNthDataNode(frame).GetSegmentation().GetSegmentIDs()
        assert ids == ("Myocardium", "LVCavity", "LeftAtrium")
