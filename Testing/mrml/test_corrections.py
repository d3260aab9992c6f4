"""Clicks, edited frames and what is kept of them, through a real engine with a tiny network."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from mrml import cines

torch = pytest.importorskip("torch")

CLICK = (2, 40, 30)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    from lib.networks import tiny_checkpoint

    from PointSegLib.model import save_checkpoint

    model = tiny_checkpoint().model
    decoder = model.segmenter.decoder
    # masks that are neither empty nor full, and hints, which start at zero, that say something
    with torch.no_grad():
        decoder.bias.weight.zero_()
        decoder.bias.bias.zero_()
        decoder.hints.weight.normal_(0, 30)
    path = tmp_path_factory.mktemp("network") / "tiny.safetensors"
    save_checkpoint(path, model, {})
    return path


@pytest.fixture(scope="module")
def engines(headless, checkpoint):
    from PointSegModule.engines import Engines

    made = Engines(checkpoint=checkpoint)
    yield made
    made.shutdown()


@pytest.fixture
def segmented(scene, engines, browser, checkpoint):
    """(processor, output, a session of the library's own on the same clip, its first result)."""
    from PointSegLib import PointSegPredictor
    from PointSegModule.logic import CineProcessor

    processor = CineProcessor(engines)
    output = processor.process(browser, device="cpu")
    session = PointSegPredictor.from_pretrained(checkpoint, "cpu").open(processor.opened.clip)
    return processor, output, session, session.segment().labels


def labelsInScene(browser, segmentation, image):
    found = []
    for frame in range(cines.FRAMES):
        browser.SetSelectedItemNumber(frame)
        found.append(cines.labelsOf(segmentation, image))
    return np.stack(found)


def sceneOf(output):
    return labelsInScene(output.browser, output.segmentation, output.imageNode)


def test_clicks_improve_every_frame_and_can_be_taken_back(segmented):
    processor, output, session, first = segmented
    assert (sceneOf(output) == first).all()
    frame, x, y = CLICK
    processor.addCorrection("wall", frame, x, y)
    expected = session.correct(np.array([CLICK]), ["wall"]).labels
    assert (expected != first).any(), "the click says nothing, and this test neither"
    assert (sceneOf(output) == expected).all()
    node = processor.opened.corrections
    assert node.GetNthControlPointLabel(0) == "wall"
    processor.undoCorrection()
    assert node.GetNumberOfControlPoints() == 0
    assert (sceneOf(output) == first).all()


def test_a_click_is_shown_on_its_own_frame_only(segmented):
    from PointSegModule.corrections import showClicksOf

    processor, _, _, _ = segmented
    processor.addCorrection("outside", 2, 40, 30)
    node = processor.opened.corrections
    showClicksOf(node, 2)
    assert node.GetNthControlPointVisibility(0)
    showClicksOf(node, 3)
    assert not node.GetNthControlPointVisibility(0)


def test_bad_clicks_are_refused_and_leave_no_trace(segmented):
    processor, output, _, first = segmented
    with pytest.raises(ValueError, match="a click cannot say 'bone'; choose one of wall, cavity, outside"):
        processor.addCorrection("bone", 0, 5, 5)
    with pytest.raises(ValueError, match="Frame 77 was not segmented; choose one of 0 to 5"):
        processor.addCorrection("wall", 77, 5, 5)
    with pytest.raises(ValueError, match="lies outside the image"):
        processor.addCorrection("wall", 0, 500, 5)
    assert processor.opened.corrections.GetNumberOfControlPoints() == 0
    assert (sceneOf(output) == first).all()


def edit(output, frame):
    """Draw a box of cavity into a frame, as the Segment Editor would; gives its labels."""
    output.browser.SetSelectedItemNumber(frame)
    mask = np.zeros((1, cines.HEIGHT, cines.WIDTH), np.uint8)
    mask[0, 20:60, 40:80] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, output.segmentation, "LVCavity", output.imageNode)
    drawn = cines.labelsOf(output.segmentation, output.imageNode)
    assert (drawn[20:60, 40:80] != 0).all()
    return drawn


def test_an_edited_frame_is_carried_to_those_around_it(segmented):
    processor, output, session, first = segmented
    drawn = edit(output, 3)
    processor.propagateFrame(falloffFrames=2)
    expected = session.propagate(3, drawn, 2).labels
    assert (expected[4] != first[4]).any()
    assert (sceneOf(output) == expected).all()


def test_corrections_go_on_after_the_scene_was_saved_and_loaded(segmented, scene, engines, tmp_path):
    from PointSegModule.logic import CineProcessor

    processor, output, session, _ = segmented
    processor.addCorrection("wall", *CLICK)
    drawn = edit(output, 3)
    processor.propagateFrame(falloffFrames=2, corrections=processor.opened.corrections)
    names = [node.GetName() for node in (output.segmentation, processor.opened.corrections)]
    file = tmp_path / "scene.mrb"
    assert scene.WriteToMRB(str(file))
    scene.Clear(False)
    assert scene.ReadFromMRB(str(file))

    browser = scene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    image = browser.GetProxyNode(browser.GetMasterSequenceNode())
    segmentation = scene.GetFirstNode(names[0], "vtkMRMLSegmentationNode")
    corrections = scene.GetFirstNode(names[1], "vtkMRMLMarkupsFiducialNode")
    again = CineProcessor(engines)
    again.openScene(image, segmentation, "cpu")
    again.addCorrection("cavity", 4, 70, 50, corrections=corrections)

    session.correct(np.array([CLICK]), ["wall"])
    session.propagate(3, drawn, 2)
    expected = session.correct(np.array([CLICK, (4, 70, 50)]), ["wall", "cavity"]).labels
    assert (labelsInScene(browser, segmentation, image) == expected).all()


def test_a_cancelled_correction_changes_nothing(segmented):
    from PointSegModule.engines import ProcessingCancelledError

    processor, output, _, first = segmented
    node = processor.correctionsOf(processor.opened)
    run = processor.addCorrection("wall", *CLICK, waitForCompletion=False)
    run.poll()
    run.cancel()
    with pytest.raises(ProcessingCancelledError):
        run.poll()
    assert (sceneOf(output) == first).all()
    assert node.GetNumberOfControlPoints() == 0


def test_points_are_followed_without_changing_the_masks(segmented):
    processor, output, session, first = segmented
    points = np.array([[2, 40, 30], [0, 70, 50]])
    found = processor.trackPoints(points)
    assert (found.tracks.xy == session.track(points).xy).all()
    assert (sceneOf(output) == first).all()
    for index, curve in enumerate(found.curves):
        seen = found.tracks.visible[index]
        assert slicer.util.arrayFromMarkupsControlPoints(curve)[:, 0] == pytest.approx(
            -0.25 * found.tracks.xy[index][seen][:, 0], abs=1e-3
        )


@pytest.mark.slow
def test_a_killed_worker_is_told_of_and_the_next_segmentation_has_another(scene, browser, checkpoint):
    import os
    import signal

    from PointSegLib.errors import WorkerError
    from PointSegModule.engines import Engines
    from PointSegModule.logic import CineProcessor

    before = scene.GetNumberOfNodes()
    processor = CineProcessor(Engines(inWorker=True, checkpoint=checkpoint))
    run = processor.process(browser, device="cpu", waitForCompletion=False)
    worker = processor.engines.of("cpu")
    while worker.pid is None:
        run.poll()
    os.kill(worker.pid, signal.SIGKILL)
    run.wait()
    with pytest.raises(WorkerError, match="was killed"):
        run.poll()
    assert scene.GetNumberOfNodes() == before
    output = processor.process(browser, device="cpu")
    assert (sceneOf(output) == output.result.labels).all()
    processor.engines.shutdown()


def test_nothing_can_be_corrected_before_it_is_segmented(processor):
    from PointSegLib import PointSegError

    with pytest.raises(PointSegError, match="segment a cine first"):
        processor.addCorrection("wall", 0, 5, 5)
