"""Points and curves that are followed: what plays with the images, and the trails that are drawn."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from mrml import cines
from mrml.fake_predictor import FakePredictor, shift

HIDDEN = 4  # the frame in which the first point cannot be seen


class HidingPredictor(FakePredictor):
    """Follows the user's points by the fake heart; the first is hidden in one frame."""

    def __call__(self, clip, points=None, progress=None):
        result = super().__call__(clip, points, progress)
        if result.tracks.is_prompt.any():
            result.tracks.visible[0, HIDDEN] = False
        return result


@pytest.fixture
def segmented(processor, browser):
    processor.process(browser, predictor=HidingPredictor())
    return processor


def position(x, y):
    return (-0.25 * x, -0.30 * y, 0.0)


def newPoints(className="vtkMRMLMarkupsFiducialNode", places=((40, 30), (50, 60))):
    node = slicer.mrmlScene.AddNewNodeByClass(className, "Mine")
    for x, y in places:
        node.AddControlPointWorld(*position(x, y))
    node.CreateDefaultDisplayNodes()
    return node


def nodesOfScene():
    return {slicer.mrmlScene.GetNthNode(i).GetID() for i in range(slicer.mrmlScene.GetNumberOfNodes())}


def settings(**chosen):
    from PointSegModule.point_tracking import TrackSettings

    return TrackSettings(**chosen)


def linesOf(model):
    """The coloured lines of the frame that is shown: `[L, 2, 3]` ends and `[L, 2]` values."""
    from vtk.util.numpy_support import vtk_to_numpy

    polyData = model.GetPolyData()
    if polyData.GetNumberOfLines() == 0:
        return np.zeros((0, 2, 3)), np.zeros((0, 2))
    pairs = vtk_to_numpy(polyData.GetLines().GetConnectivityArray()).reshape(-1, 2)
    values = vtk_to_numpy(polyData.GetPointData().GetArray("PointSeg"))
    return vtk_to_numpy(polyData.GetPoints().GetData())[pairs], values[pairs]


def shownFrame(processor, frame):
    processor.opened.source.browser.SetSelectedItemNumber(frame)


def test_points_play_with_the_images_and_a_hidden_one_is_dim(segmented):
    node = newPoints()
    found = segmented.trackPoints(node)
    for frame in range(cines.FRAMES):
        shownFrame(segmented, frame)
        xy = slicer.util.arrayFromMarkupsControlPoints(found.points) / [-0.25, -0.30, 1]
        assert xy[:, :2] == pytest.approx(np.add([[40, 30], [50, 60]], [float(shift(frame)), 0]), abs=1e-3)
        assert bool(found.points.GetNthControlPointSelected(0)) == (frame != HIDDEN)
        assert found.points.GetNthControlPointSelected(1)
    assert not node.GetDisplayNode().GetVisibility(), "it stays where it was put, and would only be in the way"


def test_a_trail_goes_back_as_many_frames_as_asked_and_has_gaps_where_its_point_is_hidden(segmented):
    found = segmented.trackPoints(newPoints(), settings=settings(trailFrames=2))
    for frame, lines in ((0, 0), (1, 2), (2, 4), (3, 4), (HIDDEN, 3), (5, 2)):
        shownFrame(segmented, frame)
        assert len(linesOf(found.trails)[0]) == lines, f"frame {frame}"
    shownFrame(segmented, 3)
    ends, values = linesOf(found.trails)
    x = np.sort(np.unique((ends[..., 0] / -0.25).round(2)))
    assert x == pytest.approx([42, 44, 46, 52, 54, 56])
    assert sorted(set(values.ravel().round(3))) == pytest.approx([0.5, 1.0, 1.5]), "millimetres from where it was put"


def test_each_point_starts_in_the_frame_it_was_placed_on(segmented):
    from PointSegModule.track_input import noteFrame

    node = newPoints()
    noteFrame(node, 0, 3)
    shownFrame(segmented, 1)
    assert segmented.trackPoints(node).tracks.queries[:, 0].tolist() == [3, 1]


def test_a_curve_is_resampled_evenly_and_deforms_through_the_clip(segmented):
    node = newPoints("vtkMRMLMarkupsCurveNode", ((20, 20), (50, 50), (80, 20)))
    found = segmented.trackPoints(node, settings=settings(curvePoints=9))
    assert found.points.IsA("vtkMRMLMarkupsCurveNode")
    steps = np.linalg.norm(np.diff(found.tracks.queries[:, 1:] * [0.25, 0.30], axis=0), axis=1)
    assert len(steps) == 8
    assert steps == pytest.approx(np.full(8, steps.mean()), rel=0.1)
    shownFrame(segmented, 2)
    xy = slicer.util.arrayFromMarkupsControlPoints(found.points)[:, :2] / [-0.25, -0.30]
    assert xy == pytest.approx(found.tracks.queries[:, 1:] + [float(shift(2)), 0], abs=1e-2)


def test_the_control_points_of_a_curve_can_be_followed_as_they_are(segmented):
    node = newPoints("vtkMRMLMarkupsCurveNode", ((20, 20), (50, 50), (80, 20)))
    found = segmented.trackPoints(node, settings=settings(curvePoints=0))
    assert found.tracks.queries[:, 1:] == pytest.approx(np.array([[20, 20], [50, 50], [80, 20]]), abs=1e-3)


def test_a_curve_whose_points_lie_in_several_frames_is_refused(segmented):
    from PointSegLib.errors import PointError
    from PointSegModule.track_input import noteFrame

    node = newPoints("vtkMRMLMarkupsCurveNode")
    noteFrame(node, 0, 3)
    with pytest.raises(PointError, match="lie in the frames 0, 3; draw it anew in one frame"):
        segmented.trackPoints(node)


def test_the_strain_of_a_curve_that_only_moves_is_zero_and_its_pieces_are_coloured(segmented):
    node = newPoints("vtkMRMLMarkupsCurveNode", ((20, 20), (50, 50), (80, 20)))
    found = segmented.trackPoints(node, settings=settings(curvePoints=6, trailFrames=0, colorBy="strain"))
    shownFrame(segmented, 3)
    ends, values = linesOf(found.trails)
    assert len(ends) == 5, "the pieces of the curve, and no trails"
    assert values == pytest.approx(np.zeros((5, 2)), abs=1e-3)
    display = found.trails.GetDisplayNode()
    assert display.GetScalarRange()[0] == -display.GetScalarRange()[1]


def test_strain_of_points_is_refused_before_anything_is_followed(segmented):
    from PointSegLib import PointSegError

    before = slicer.mrmlScene.GetNumberOfNodes()
    with pytest.raises(PointSegError, match="choose a curve, or colour the trails by something else"):
        segmented.trackPoints(newPoints(), settings=settings(colorBy="strain"))
    assert slicer.mrmlScene.GetNumberOfNodes() == before + 2, "the points and their display"


def test_tracking_again_replaces_what_was_drawn(segmented):
    node = newPoints()
    first = segmented.trackPoints(node)
    before = slicer.mrmlScene.GetNumberOfNodes()
    again = segmented.trackPoints(node)
    assert (again.points, again.trails) == (first.points, first.trails)
    assert slicer.mrmlScene.GetNumberOfNodes() == before


def test_trails_are_drawn_anew_with_other_colours_and_length_without_the_engine(segmented):
    found = segmented.trackPoints(newPoints())
    before = slicer.mrmlScene.GetNumberOfNodes()
    segmented.opened.engine = None
    segmented.redrawTrails(settings(trailFrames=1, colorBy="speed"))
    shownFrame(segmented, 1)
    ends, values = linesOf(found.trails)
    assert len(ends) == 2
    assert values == pytest.approx(np.full((2, 2), 2 * 0.25 / 0.04), rel=0.15)
    legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(found.trails.GetDisplayNode())
    assert legend.GetTitleText() == "Speed\n[mm/s]"
    assert slicer.mrmlScene.GetNumberOfNodes() == before


def test_a_length_of_ones_own_calibrates_the_trails(segmented):
    found = segmented.trackPoints(newPoints(), settings=settings(spacingMm=(1.0, 0.5)))
    shownFrame(segmented, 1)
    assert linesOf(found.trails)[1].max() == pytest.approx(1.0)


def test_one_legend_is_shown_that_of_the_trails_drawn_last(segmented):
    legendOf = slicer.modules.colors.logic().GetColorLegendDisplayNode
    first = segmented.trackPoints(newPoints())
    second = segmented.trackPoints(newPoints("vtkMRMLMarkupsCurveNode"))
    assert not legendOf(first.trails.GetDisplayNode()).GetVisibility()
    assert legendOf(second.trails.GetDisplayNode()).GetVisibility()


def test_trails_of_nothing_cannot_be_drawn(segmented):
    from PointSegLib import PointSegError

    with pytest.raises(PointSegError, match="track points or a curve first"):
        segmented.redrawTrails(settings())


def test_tracked_points_and_trails_are_saved_with_the_scene(segmented, scene, tmp_path):
    found = segmented.trackPoints(newPoints())
    names = found.points.GetName(), found.trails.GetName()
    file = tmp_path / "scene.mrb"
    assert scene.WriteToMRB(str(file))
    scene.Clear(False)
    assert scene.ReadFromMRB(str(file))
    browser = scene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    points, trails = (browser.GetProxyNode(scene.GetFirstNode(name, "vtkMRMLSequenceNode")) for name in names)
    browser.SetSelectedItemNumber(3)
    assert points.GetNumberOfControlPoints() == 2
    assert len(linesOf(trails)[0]) == 6
    assert trails.GetDisplayNode().GetScalarVisibility()


def test_a_failure_leaves_nothing_behind(segmented, monkeypatch):
    from PointSegModule import point_tracking

    def fail(*_args):
        raise RuntimeError("no room")

    node = newPoints()
    before = nodesOfScene()
    monkeypatch.setattr(point_tracking, "_arrange", fail)
    with pytest.raises(RuntimeError, match="no room"):
        segmented.trackPoints(node)
    assert nodesOfScene() == before
    assert node.GetDisplayNode().GetVisibility()


def test_picture_of_tracked_points_and_a_curve(segmented, sliceView):
    from mrml.artifacts import artifactsFolder

    curve = newPoints("vtkMRMLMarkupsCurveNode", ((20, 20), (50, 50), (80, 20)))
    segmented.trackPoints(newPoints())
    segmented.trackPoints(curve)
    sliceView.showVolume(segmented.opened.source.imageNode)
    shownFrame(segmented, 3)
    before = sliceView.render(artifactsFolder() / "slice_view_tracked.png")
    segmented.tracked.trails.GetDisplayNode().SetVisibility(False)
    assert (sliceView.render() != before).any(), "the trails can be seen"
