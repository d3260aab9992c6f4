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


def edit(output, frame, rows=slice(20, 60)):
    """Draw a box of cavity into a frame, as the Segment Editor would; gives its labels."""
    output.browser.SetSelectedItemNumber(frame)
    mask = np.zeros((1, cines.HEIGHT, cines.WIDTH), np.uint8)
    mask[0, rows, 40:80] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, output.segmentation, "LVCavity", output.imageNode)
    drawn = cines.labelsOf(output.segmentation, output.imageNode)
    assert (drawn[rows, 40:80] != 0).all()
    return drawn


def test_an_edited_frame_is_carried_to_those_around_it(segmented):
    processor, output, session, first = segmented
    drawn = edit(output, 3)
    processor.propagateFrame(falloffFrames=2)
    expected = session.propagate(3, drawn, 2).labels
    assert (expected[4] != first[4]).any()
    assert (sceneOf(output) == expected).all()


def test_a_frame_edited_and_not_propagated_outlasts_every_click(segmented):
    processor, output, session, first = segmented
    drawn = edit(output, 3)
    output.browser.SetSelectedItemNumber(0)
    for _ in range(2):  # not only the first click after it
        processor.addCorrection("wall", *CLICK)
        expected = session.correct(np.array([CLICK]), ["wall"]).labels
        assert (expected != first).any()
        expected[3] = drawn
        assert (sceneOf(output) == expected).all()
        processor.undoCorrection()
    assert processor.opened.edits == {3: 1}
    again = edit(output, 3, slice(30, 70))
    processor.addCorrection("wall", *CLICK)
    assert (sceneOf(output)[3] == again).all()


def test_a_frame_edited_while_a_click_is_answered_is_the_users(segmented):
    processor, output, _, first = segmented
    run = processor.addCorrection("wall", *CLICK, waitForCompletion=False)
    run.poll()
    drawn = edit(output, 5)
    run.wait()
    run.poll()
    assert (sceneOf(output)[5] == drawn).all()
    processor.undoCorrection()
    found = sceneOf(output)
    assert (found[5] == drawn).all()
    assert (found[:5] == first[:5]).all()


def test_looking_at_frames_and_at_their_surfaces_edits_none(segmented):
    processor, output, session, _ = segmented
    for frame in range(cines.FRAMES):
        output.browser.SetSelectedItemNumber(frame)
        output.segmentation.CreateClosedSurfaceRepresentation()
    processor.addCorrection("wall", *CLICK)
    assert processor.opened.edits == {}
    assert (sceneOf(output) == session.correct(np.array([CLICK]), ["wall"]).labels).all()


def test_an_edited_frame_can_be_given_back(segmented):
    from PointSegLib import PointSegError

    processor, output, _, first = segmented
    edit(output, 3)
    processor.propagateFrame(falloffFrames=2)
    edit(output, 5)
    processor.releaseFrame()
    assert processor.opened.edits == {3: 2}
    processor.releaseFrame(3)
    assert (sceneOf(output) == first).all()
    with pytest.raises(PointSegError, match="Frame 3 is as PointSeg has drawn it"):
        processor.releaseFrame(3)


def saveAndReload(scene, file, output):
    """Gives image and segmentation of the scene as it was read again."""
    name = output.segmentation.GetName()
    assert scene.WriteToMRB(str(file))
    scene.Clear(False)
    assert scene.ReadFromMRB(str(file))
    browser = scene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    image = browser.GetProxyNode(browser.GetMasterSequenceNode())
    return browser, image, scene.GetFirstNode(name, "vtkMRMLSegmentationNode")


def test_all_that_was_chosen_for_the_run_is_known_again_after_a_reload(scene, engines, browser, checkpoint, tmp_path):
    from PointSegLib import PointSegPredictor, SegmentOptions
    from PointSegModule.logic import CineProcessor, ProcessSettings

    other = tmp_path / "other.safetensors"
    other.write_bytes(checkpoint.read_bytes())
    settings = ProcessSettings((0.5, 0.4), "a ruler", 1, 4, checkpoint=other, options=SegmentOptions(6, 1.0))
    processor = CineProcessor(engines)
    points = np.array([[2.0, 50, 40]])
    output = processor.process(browser, points=points, device="cpu", settings=settings)
    session = PointSegPredictor.from_pretrained(other, "cpu").open(processor.opened.clip, settings.options)
    expected = session.correct(np.array([[1, 50, 40], [2, 40, 30]]), [None, "wall"]).labels
    drawn = edit(output, 4)  # and nothing more before the scene is saved
    browser, image, segmentation = saveAndReload(scene, tmp_path / "scene.mrb", output)
    again = CineProcessor(engines)
    opened = again.openScene(image, segmentation, "cpu")
    again.addCorrection("wall", 3, 40, 30)
    found = labelsInScene(browser, segmentation, image)
    assert (found[1:4] == expected[:3]).all()
    assert (found[4] == drawn).all()
    assert opened.clip.spacing_mm == (0.5, 0.4)
    assert opened.clip.calibration == "a ruler"
    other.unlink()
    engines.shutdown()
    with pytest.raises(ValueError, match=r"other\.safetensors: there is no such file"):
        CineProcessor(engines).openScene(image, segmentation, "cpu")


def test_a_file_that_is_no_network_is_refused_and_the_scene_stays(scene, engines, browser, tmp_path):
    from PointSegLib.errors import CheckpointError
    from PointSegModule.logic import CineProcessor, ProcessSettings

    wrong = tmp_path / "wrong.safetensors"
    wrong.write_bytes(b"no weights at all")
    before = scene.GetNumberOfNodes()
    with pytest.raises(CheckpointError, match=r"wrong\.safetensors: the checkpoint is corrupt"):
        CineProcessor(engines).process(browser, device="cpu", settings=ProcessSettings(checkpoint=wrong))
    assert scene.GetNumberOfNodes() == before


def test_corrections_go_on_after_the_scene_was_saved_and_loaded(segmented, scene, engines, tmp_path):
    from PointSegModule.logic import CineProcessor

    processor, output, session, _ = segmented
    processor.addCorrection("wall", *CLICK)
    drawn = edit(output, 3)
    processor.propagateFrame(falloffFrames=2, corrections=processor.opened.corrections)
    browser, image, segmentation = saveAndReload(scene, tmp_path / "scene.mrb", output)
    again = CineProcessor(engines)
    again.openScene(image, segmentation, "cpu")
    again.addCorrection("cavity", 4, 70, 50)

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
