"""Positions in the patient: each frame's own matrix, parent transforms, and points placed in the scene."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from mrml import cines
from mrml.fake_predictor import FakePredictor, shift
from mrml.headless_slicer import newSequenceBrowser


def obliqueMatrix(frame):
    """A probe that turns and travels: every frame lies in another plane."""
    transform = vtk.vtkTransform()
    transform.Translate(10.0 * frame, -5.0, 3.0 * frame)
    transform.RotateWXYZ(20.0 + 7.0 * frame, 0.3, 0.5, 0.8)
    transform.Scale(0.25, 0.30, 1.5)
    return slicer.util.arrayFromVTKMatrix(transform.GetMatrix())


def newTransform(scene, translation, degrees):
    transform = vtk.vtkTransform()
    transform.Translate(*translation)
    transform.RotateZ(degrees)
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Probe")
    node.SetMatrixTransformToParent(transform.GetMatrix())
    return node


def worldPoint(points, index):
    position = [0.0, 0.0, 0.0]
    points.GetNthControlPointPositionWorld(index, position)
    return np.array(position)


def worldOf(image, x, y):
    """World position of a pixel of the image now shown, by Slicer's own matrices."""
    matrix, toWorld = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    image.GetIJKToRASMatrix(matrix)
    slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(image.GetParentTransformNode(), None, toWorld)
    return np.array(toWorld.MultiplyPoint(matrix.MultiplyPoint((x, y, 0.0, 1.0)))[:3])


def promptAt(scene, position, label="mine"):
    markups = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Prompts")
    markups.AddControlPointWorld(vtk.vtkVector3d(*position), label)
    return markups


def test_points_follow_each_frames_own_matrix(processor, scene):
    matrices = [obliqueMatrix(frame) for frame in range(cines.FRAMES)]
    browser = newSequenceBrowser(cines.imageSequence(cines.speckle(), matrices=matrices))
    output = processor.process(browser, predictor=FakePredictor(), points=[[0, 60.0, 50.0]])
    for frame in range(cines.FRAMES):
        browser.SetSelectedItemNumber(frame)
        expected = worldOf(output.imageNode, 60.0 + float(shift(frame)), 50.0)
        assert worldPoint(output.points, 0) == pytest.approx(expected, abs=1e-4)
        curvePoint = slicer.util.arrayFromMarkupsControlPoints(output.trajectories[0], world=True)[frame]
        assert curvePoint == pytest.approx(expected, abs=1e-4)


def test_results_lie_under_the_images_parent_transform(processor, scene):
    browser = newSequenceBrowser(cines.imageSequence(cines.speckle()))
    image = browser.GetProxyNode(browser.GetMasterSequenceNode())
    inner, outer = newTransform(scene, (5, 6, 7), 30), newTransform(scene, (-40, 0, 2), -75)
    image.SetAndObserveTransformNodeID(inner.GetID())
    inner.SetAndObserveTransformNodeID(outer.GetID())
    output = processor.process(image, predictor=FakePredictor(), points=[[0, 60.0, 50.0]])
    for frame in (0, 3, 5):
        browser.SetSelectedItemNumber(frame)
        expected = worldOf(image, 60.0 + float(shift(frame)), 50.0)
        assert worldPoint(output.points, 0) == pytest.approx(expected, abs=1e-4)
        assert slicer.util.arrayFromMarkupsControlPoints(output.trajectories[0], world=True)[frame] == pytest.approx(
            expected, abs=1e-4
        )
        assert output.segmentation.GetParentTransformNode() is inner


def test_curves_follow_a_transform_that_is_replayed_with_the_frames(processor, scene):
    """A tracked probe: the image hangs under a transform that the same browser replays."""
    frames = cines.speckle()
    browser = newSequenceBrowser(cines.imageSequence(frames))
    image = browser.GetProxyNode(browser.GetMasterSequenceNode())
    transforms = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Probe positions")
    for frame in range(len(frames)):
        node = slicer.vtkMRMLLinearTransformNode()
        matrix = vtk.vtkTransform()
        matrix.Translate(100.0 * frame, 0, 0)
        node.SetMatrixTransformToParent(matrix.GetMatrix())
        transforms.SetDataNodeAtValue(node, browser.GetMasterSequenceNode().GetNthIndexValue(frame))
    probe = newTransform(scene, (0, 0, 0), 0)
    browser.AddProxyNode(probe, transforms, False)
    image.SetAndObserveTransformNodeID(probe.GetID())
    output = processor.process(image, predictor=FakePredictor(), points=[[0, 60.0, 50.0]])
    curve = slicer.util.arrayFromMarkupsControlPoints(output.trajectories[0], world=True)
    for frame in range(len(frames)):
        browser.SetSelectedItemNumber(frame)
        expected = worldOf(image, 60.0 + float(shift(frame)), 50.0)
        assert worldPoint(output.points, 0) == pytest.approx(expected, abs=1e-4)
        assert curve[frame] == pytest.approx(expected, abs=1e-4)


def test_a_placed_point_becomes_a_query_in_the_frame_now_shown(processor, scene):
    matrices = [obliqueMatrix(frame) for frame in range(cines.FRAMES)]
    browser = newSequenceBrowser(cines.imageSequence(cines.speckle(), matrices=matrices))
    image = browser.GetProxyNode(browser.GetMasterSequenceNode())
    image.SetAndObserveTransformNodeID(newTransform(scene, (5, 6, 7), 30).GetID())
    browser.SetSelectedItemNumber(4)
    predictor = FakePredictor()
    processor.process(image, predictor=predictor, points=promptAt(scene, worldOf(image, 33.0, 21.5)))
    assert predictor.calls[0][1] == pytest.approx(np.array([[4, 33.0, 21.5]]), abs=1e-4)


def test_in_a_volume_of_frames_the_slice_of_a_placed_point_is_its_frame(processor, scene):
    volume = scene.AddNode(cines.volumeNode(cines.speckle()))
    predictor = FakePredictor()
    processor.process(volume, predictor=predictor, points=promptAt(scene, (-33 * 0.25, -21 * 0.30, 2.0)))
    assert predictor.calls[0][1] == pytest.approx(np.array([[2, 33, 21]]), abs=1e-4)


def test_a_point_off_the_image_plane_is_refused_by_name(processor, scene):
    browser = newSequenceBrowser(cines.imageSequence(cines.speckle()))
    with pytest.raises(ValueError, match=r"Point 'apex' of 'Prompts' lies 7\.0 slices off the image 'Echo'"):
        processor.process(browser, predictor=FakePredictor(), points=promptAt(scene, (-3, -3, 7.0), "apex"))


@pytest.mark.parametrize(("slicePosition", "distance"), [(9.0, 4.0), (-3.0, 3.0)])
def test_a_point_beside_a_stack_of_frames_is_told_how_far_out_it_lies(processor, scene, slicePosition, distance):
    volume = scene.AddNode(cines.volumeNode(cines.speckle()))
    volume.SetName("Stack")
    with pytest.raises(ValueError, match=rf"lies {distance:.1f} slices off the image 'Stack'"):
        processor.process(volume, predictor=FakePredictor(), points=promptAt(scene, (-3, -3, slicePosition)))


@pytest.mark.parametrize(("slicePosition", "frame"), [(-0.4, 0), (5.4, 5)])
def test_a_point_just_beside_a_stack_belongs_to_its_end(processor, scene, slicePosition, frame):
    volume = scene.AddNode(cines.volumeNode(cines.speckle()))
    predictor = FakePredictor()
    processor.process(volume, predictor=predictor, points=promptAt(scene, (-3, -3, slicePosition)))
    assert predictor.calls[0][1][0, 0] == frame


def test_an_empty_point_list_is_refused(processor, scene):
    browser = newSequenceBrowser(cines.imageSequence(cines.speckle()))
    empty = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Prompts")
    with pytest.raises(ValueError, match="'Prompts' holds no placed points"):
        processor.process(browser, predictor=FakePredictor(), points=empty)
