"""The whole job on a real scene: any supported input in, every frame out, or nothing at all."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from mrml import cines
from mrml.fake_predictor import FakePredictor, movingHeart
from mrml.headless_slicer import newSequenceBrowser

SIZE = (cines.WIDTH, cines.HEIGHT)


def assertEveryFrameIsExact(output, frames=cines.FRAMES):
    assert output.segmentationSequence.GetNumberOfDataNodes() == frames
    for frame in range(frames):
        output.browser.SetSelectedItemNumber(frame)
        shown = cines.labelsOf(output.segmentation, output.imageNode)
        assert (shown == movingHeart(SIZE, frame)).all(), f"frame {frame}"


def nodeNames(scene):
    return sorted(
        (scene.GetNthNode(i).GetClassName(), scene.GetNthNode(i).GetID()) for i in range(scene.GetNumberOfNodes())
    )


@pytest.mark.parametrize("given", ["proxy", "sequence", "browser"])
def test_each_way_to_name_a_sequence_gives_the_same_result(processor, browser, given):
    sequence = browser.GetMasterSequenceNode()
    node = {"proxy": browser.GetProxyNode(sequence), "sequence": sequence, "browser": browser}[given]
    output = processor.process(node, predictor=FakePredictor())
    assert output.browser is browser
    assert output.imageSequence is sequence
    assertEveryFrameIsExact(output)


def test_colour_frames_reach_the_network_as_grey(processor):
    grey = cines.speckle()
    sequence = cines.imageSequence(cines.speckle(channels=3))
    predictor = FakePredictor()
    output = processor.process(newSequenceBrowser(sequence), predictor=predictor)
    assert (predictor.calls[0][0].frames == grey).all()
    assertEveryFrameIsExact(output)


@pytest.mark.parametrize("channels", [0, 3])
def test_a_volume_of_stacked_frames_gets_a_sequence_and_browser(processor, scene, channels):
    stack = cines.speckle(channels=channels)
    volume = scene.AddNode(cines.volumeNode(stack))
    volume.SetName("Stack")
    predictor = FakePredictor()
    output = processor.process(volume, predictor=predictor)
    assert (predictor.calls[0][0].frames == cines.speckle()).all()
    assert output.browser.GetMasterSequenceNode() is output.imageSequence
    for frame in range(cines.FRAMES):
        output.browser.SetSelectedItemNumber(frame)
        assert (slicer.util.arrayFromVolume(output.imageNode)[0] == stack[frame]).all()
    assertEveryFrameIsExact(output)
    assert output.imageNode.GetName() == "Stack frames"
    assert output.segmentation.GetName() == "Stack segmentation"
    assert output.imageSequence.GetIndexName() == "frame"
    assert output.imageSequence.GetIndexUnit() == ""


def test_a_sequence_without_browser_gets_one(processor, scene):
    output = processor.process(cines.imageSequence(cines.speckle()), predictor=FakePredictor())
    assert output.browser.GetProxyNode(output.imageSequence) is output.imageNode
    assertEveryFrameIsExact(output)


def test_a_browser_that_shows_no_image_yet_gets_its_proxy(processor, scene):
    sequence = cines.imageSequence(cines.speckle())
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Bare")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    for proxy in [browser.GetProxyNode(sequence)]:
        if proxy is not None:
            browser.RemoveProxyNode(proxy.GetID())
    output = processor.process(browser, predictor=FakePredictor())
    assert output.browser is browser
    assertEveryFrameIsExact(output)


def test_one_frame_is_enough(processor, scene):
    output = processor.process(cines.imageSequence(cines.speckle(1)), predictor=FakePredictor())
    assertEveryFrameIsExact(output, frames=1)
    assert output.trajectories == ()


@pytest.mark.parametrize(
    ("index", "textIndex"),
    [
        (("time", "ms", ["0", "33.333", "66.667", "100.0", "133.333", "166.7"]), False),
        (("instance number", "", ["1", "2", "3", "10", "11", "12"]), False),
        (("fast", "s", [f"{0.0004 * t:.4f}" for t in range(6)]), False),
        (("phase", "%", ["ED", "b", "a", "ES", "c", "0"]), True),
    ],
)
def test_index_is_copied_verbatim(processor, index, textIndex):
    frames = cines.speckle()
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Echo")
    sequence.SetNumericIndexValueTolerance(1e-5)
    sequence.SetIndexName(index[0])
    sequence.SetIndexUnit(index[1])
    sequence.SetIndexType(sequence.TextIndex if textIndex else sequence.NumericIndex)
    for frame, value in zip(frames, index[2], strict=True):
        sequence.SetDataNodeAtValue(cines.volumeNode(frame[None]), value)
    output = processor.process(newSequenceBrowser(sequence), predictor=FakePredictor())
    for written in (output.segmentationSequence, output.pointsSequence):
        assert written.GetIndexName() == index[0]
        assert written.GetIndexUnit() == index[1]
        assert written.GetIndexType() == sequence.GetIndexType()
        assert [written.GetNthIndexValue(i) for i in range(6)] == index[2]
    assertEveryFrameIsExact(output)


def test_every_frame_has_the_same_segments_even_where_a_structure_is_missing(processor, browser):
    from PointSegModule.appearance import SEGMENTS

    output = processor.process(browser, predictor=FakePredictor())
    for frame in range(cines.FRAMES):
        segmentation = output.segmentationSequence.GetNthDataNode(frame).GetSegmentation()
        assert segmentation.GetNumberOfSegments() == 3
        for index, style in enumerate(SEGMENTS):
            segment = segmentation.GetNthSegment(index)
            tag = vtk.mutable("")
            assert segmentation.GetNthSegmentID(index) == style.segmentId
            assert segment.GetName() == style.name
            assert segment.GetColor() == pytest.approx(style.color)
            assert segment.GetTag(segment.GetTerminologyEntryTagName(), tag)
            assert str(tag) == style.terminology
    assert "SCT^74281007^Myocardium" in SEGMENTS[0].terminology


def test_hidden_points_are_hidden_and_the_list_is_locked(processor, browser):
    output = processor.process(browser, predictor=FakePredictor())
    last = output.points.GetNumberOfControlPoints() - 1
    assert output.points.GetLocked()
    for frame in range(cines.FRAMES):
        browser.SetSelectedItemNumber(frame)
        assert output.points.GetNthControlPointVisibility(last) == (frame != 1)


def test_users_points_come_first_and_wall_points_stand_out(processor, browser):
    output = processor.process(browser, predictor=FakePredictor(), points=[[0, 5.0, 6.0], [2, 20.0, 30.0]])
    points, tracks = output.points, output.result.tracks
    labels = [points.GetNthControlPointLabel(i) for i in range(len(tracks))]
    assert labels == ["P1", "P2", *[""] * (len(tracks) - 2)]
    for index, (_, x, y) in enumerate(tracks.queries):
        inWall = movingHeart(SIZE, 0)[round(float(y)), round(float(x))] == 2
        assert points.GetNthControlPointSelected(index) == (index < 2 or inWall), index


def test_a_second_run_into_the_same_nodes_replaces_the_first(processor, browser, scene):
    first = processor.process(browser, predictor=FakePredictor(), points=[[0, 30.0, 40.0]])
    before = nodeNames(scene)
    second = processor.process(
        browser, first.segmentation, first.points, predictor=FakePredictor(), points=[[0, 50.0, 20.0]]
    )
    assert second.segmentation is first.segmentation
    assert second.points is first.points
    assert first.segmentationSequence.GetScene() is None
    assert second.segmentationSequence.GetName() == "Echo segmentation"
    assert [kind for kind, _ in nodeNames(scene)] == [kind for kind, _ in before]
    assert len(second.trajectories) == 1
    browser.SetSelectedItemNumber(0)
    assert slicer.util.arrayFromMarkupsControlPoints(second.points)[0] == pytest.approx([-50 * 0.25, -20 * 0.30, 0])
    assertEveryFrameIsExact(second)


def test_given_output_nodes_become_the_proxies(processor, browser, scene):
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    points = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "My points")
    output = processor.process(browser, segmentation, points, predictor=FakePredictor())
    assert output.segmentation is segmentation
    assert segmentation.GetName() == "Mine"
    assert browser.GetProxyNode(output.pointsSequence) is points
    assertEveryFrameIsExact(output)


def test_the_points_to_follow_are_not_overwritten_by_the_result(processor, browser, scene):
    points = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Apex")
    points.AddControlPointWorld(vtk.vtkVector3d(-5, -6, 0), "mine")
    before = nodeNames(scene)
    with pytest.raises(ValueError, match="'Apex' holds the points to follow, which the result would overwrite"):
        processor.process(browser, outputPoints=points, points=points, predictor=FakePredictor())
    assert nodeNames(scene) == before
    assert points.GetNumberOfControlPoints() == 1


def test_given_output_nodes_survive_a_failed_run_unchanged(processor, browser, scene, monkeypatch):
    from PointSegModule import scene_output

    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    segmentation.GetSegmentation().AddEmptySegment("scar", "Scar")
    before = nodeNames(scene)
    monkeypatch.setattr(scene_output, "stylePointList", lambda node: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        processor.process(browser, segmentation, predictor=FakePredictor())
    assert segmentation.GetScene() is scene
    assert segmentation.GetSegmentation().GetSegmentIDs() == ("scar",)
    assert [n for n in nodeNames(scene) if "Display" not in n[0]] == [n for n in before if "Display" not in n[0]]


class StopError(Exception):
    pass


def stopAtSecondFrame(done, total):
    if done == 2:
        raise StopError


@pytest.mark.parametrize("asVolume", [False, True])
def test_cancelling_leaves_the_scene_as_it_was(processor, browser, scene, asVolume):
    node = scene.AddNode(cines.volumeNode(cines.speckle())) if asVolume else browser
    before = nodeNames(scene)
    with pytest.raises(StopError):
        processor.process(node, predictor=FakePredictor(), progress=stopAtSecondFrame)
    assert nodeNames(scene) == before


@pytest.mark.parametrize("asVolume", [False, True])
def test_a_failure_while_writing_takes_everything_back(processor, browser, scene, monkeypatch, asVolume):
    from PointSegModule import scene_output

    node = scene.AddNode(cines.volumeNode(cines.speckle())) if asVolume else browser
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    before, items = nodeNames(scene), hierarchy.GetNumberOfItems()
    monkeypatch.setattr(scene_output, "stylePointList", lambda node: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        processor.process(node, predictor=FakePredictor())
    assert nodeNames(scene) == before
    assert hierarchy.GetNumberOfItems() == items
    assert browser.GetNumberOfSynchronizedSequenceNodes(True) == 1
    assert not scene.IsBatchProcessing()


@pytest.mark.parametrize("failing", ["newPointList", "fillCurve", "placeNodes"])
def test_a_failure_while_replacing_restores_the_earlier_result(processor, browser, scene, monkeypatch, failing):
    from PointSegModule import scene_output

    first = processor.process(browser, predictor=FakePredictor())
    before = nodeNames(scene)
    monkeypatch.setattr(scene_output, failing, lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        processor.process(browser, first.segmentation, first.points, predictor=FakePredictor())
    assert nodeNames(scene) == before
    assertEveryFrameIsExact(first)


def test_results_lie_beside_their_image_in_the_subject_hierarchy(processor, browser, scene):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "Study")
    image = browser.GetProxyNode(browser.GetMasterSequenceNode())
    hierarchy.CreateItem(study, image)
    output = processor.process(image, predictor=FakePredictor())
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(output.segmentation)) == study
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(output.points)) == study
    folders = {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(curve)) for curve in output.trajectories}
    assert len(folders) == 1
    folder = folders.pop()
    assert hierarchy.GetItemParent(folder) == study
    assert hierarchy.GetItemName(folder) == "Echo trajectories"


def test_few_readable_trajectories_are_drawn_and_they_start_in_the_wall(processor, browser):
    output = processor.process(browser, predictor=FakePredictor())
    assert 1 <= len(output.trajectories) <= 8
    for curve in output.trajectories:
        x, y = slicer.util.arrayFromMarkupsControlPoints(curve)[0][:2] / [-0.25, -0.30]
        assert movingHeart(SIZE, 0)[round(y), round(x)] == 2


def test_result_of_another_length_is_refused(processor, browser, scene):
    class OneFrame(FakePredictor):
        def __call__(self, clip, points=None, progress=None):
            return super().__call__(type(clip)(frames=clip.frames[:1]), points, progress)

    before = nodeNames(scene)
    with pytest.raises(ValueError, match="1 frames but 'Echo' has 6"):
        processor.process(browser, predictor=OneFrame())
    assert nodeNames(scene) == before


def test_labels_follow_flipped_matrices_exactly(processor, scene):
    flipped = np.diag([0.4, 0.7, 2.0, 1.0])
    flipped[:3, 3] = (5.0, -60.0, 12.0)
    sequence = cines.imageSequence(cines.speckle(), matrices=[flipped] * cines.FRAMES)
    output = processor.process(newSequenceBrowser(sequence), predictor=FakePredictor())
    assertEveryFrameIsExact(output)
    assert slicer.util.arrayFromMarkupsControlPoints(output.points)[0] == pytest.approx(
        [5 + 8 * 0.4, -60 + 8 * 0.7, 12]
    )
