"""A run in short steps: frames appear as they are done, and what goes wrong leaves the scene as it was."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import slicer
from mrml import cines
from mrml.fake_engine import FakeEngine
from mrml.fake_predictor import FailingPredictor, FakePredictor, SlowPredictor

from PointSegLib.errors import PointSegError

DISC = np.zeros((cines.HEIGHT, cines.WIDTH), np.uint8)
DISC[20:40, 30:60] = 2


def nodeIds(scene):
    return sorted(scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes()))


class OneEngine:
    """Gives the same engine for every device."""

    def __init__(self, engine):
        self.engine = engine

    def of(self, device, checkpoint=None):
        return self.engine

    def keepOnly(self, engine):
        assert engine is self.engine


@pytest.fixture
def engine(processor):
    processor.engines = OneEngine(FakeEngine())
    return processor.engines.engine


def begin(processor, browser, engine, frames=2, **options):
    """A run whose engine has done some frames, all of which are written."""
    run = processor.process(browser, waitForCompletion=False, **options)
    while len(engine.requests) < 2:
        run.poll(0)
    engine.finishFrames(range(frames), DISC, cines.FRAMES)
    settle(run, engine)
    return run


def settle(run, engine):
    """Let the run do all it can until it waits for the engine."""
    for _ in range(200):
        run.poll(0)


def theSegmentation(browser):
    sequences = slicer.util.getNodesByClass("vtkMRMLSequenceNode")
    sequence = next(s for s in sequences if "segmentation" in s.GetName())
    return sequence, browser.GetProxyNode(sequence)


def test_frames_are_in_the_scene_as_soon_as_they_are_done_and_can_be_played(processor, browser, engine):
    run = begin(processor, browser, engine)
    sequence, proxy = theSegmentation(browser)
    image = browser.GetProxyNode(browser.GetMasterSequenceNode())
    assert not run.isOver
    assert sequence.GetNumberOfDataNodes() == 2
    for frame in (1, 0):
        browser.SetSelectedItemNumber(frame)
        assert (cines.labelsOf(proxy, image) == DISC).all()
    browser.SetSelectedItemNumber(4)
    assert proxy.GetSegmentation().GetNumberOfSegments() == 0, "no frame's result stands in for another's"
    browser.SetSelectedItemNumber(0)
    engine.finishFrames(range(2, cines.FRAMES), DISC, cines.FRAMES)
    engine.finish(np.repeat(DISC[None], cines.FRAMES, 0))
    assert run.wait(300)
    assert run.poll()
    assert run.output.segmentation is proxy
    assert sequence.GetNumberOfDataNodes() == cines.FRAMES
    assert run.output.points is not None


def test_a_cancelled_run_leaves_the_scene_as_it_was_at_once(processor, browser, scene, engine):
    from PointSegModule.engines import ProcessingCancelledError

    before = nodeIds(scene)
    run = begin(processor, browser, engine)
    assert nodeIds(scene) != before
    run.cancel()
    assert nodeIds(scene) == before
    assert engine.cancelled
    with pytest.raises(ProcessingCancelledError):
        run.poll()
    assert run.poll() is True
    assert run.output is None


def test_what_others_add_during_a_run_survives_its_cancelling(processor, browser, scene, engine):
    run = begin(processor, browser, engine)
    note = scene.AddNewNodeByClass("vtkMRMLTextNode", "mine")
    run.cancel()
    assert scene.IsNodePresent(note)


def test_finished_frames_are_kept_if_the_user_wishes(processor, browser, engine):
    from PointSegModule.logic import ProcessSettings

    run = begin(processor, browser, engine, settings=ProcessSettings(keepFinishedFrames=True))
    run.cancel()
    assert run.wait(300)
    assert run.poll()
    output = run.output
    assert output.points is None
    for frame in range(cines.FRAMES):
        browser.SetSelectedItemNumber(frame)
        expected = DISC if frame < 2 else 0 * DISC
        assert (cines.labelsOf(output.segmentation, output.imageNode) == expected).all()


def test_a_worker_that_dies_is_told_of_and_nothing_is_left(processor, browser, scene, engine):
    from PointSegLib.errors import WorkerError
    from PointSegLib.inference.messages import Died

    before = nodeIds(scene)
    run = begin(processor, browser, engine)
    engine.tell(Died(2, WorkerError("killed")))
    with pytest.raises(WorkerError, match="killed"):
        settle(run, engine)
    assert nodeIds(scene) == before


def test_a_segmentation_removed_during_the_run_ends_it(processor, browser, scene, engine):
    from PointSegModule.scene_output import SceneOutputError

    run = begin(processor, browser, engine)
    scene.RemoveNode(theSegmentation(browser)[1])
    engine.finishFrames([2], DISC, cines.FRAMES)
    with pytest.raises(SceneOutputError, match="removed from the scene during the run"):
        settle(run, engine)
    assert scene.GetFirstNodeByClass("vtkMRMLSegmentationNode") is None
    assert scene.GetNumberOfNodesByClass("vtkMRMLSequenceNode") == 1
    assert browser.GetNumberOfSynchronizedSequenceNodes(True) == 1


def test_only_the_chosen_frames_and_structures_are_segmented(processor, browser):
    from PointSegModule.logic import ProcessSettings

    predictor = FakePredictor()
    settings = ProcessSettings(firstFrame=2, lastFrame=4, structures=("Myocardium",))
    output = processor.process(browser, predictor=predictor, settings=settings)
    assert len(predictor.calls[0][0]) == 3
    for frame in range(cines.FRAMES):
        browser.SetSelectedItemNumber(frame)
        assert output.segmentation.GetSegmentation().GetSegmentIDs() == ("Myocardium",)
        wall = slicer.util.arrayFromSegmentBinaryLabelmap(output.segmentation, "Myocardium", output.imageNode)
        assert (wall.max() > 0) == (2 <= frame <= 4)


def test_frames_that_do_not_exist_are_refused(processor, browser):
    from PointSegModule.logic import ProcessSettings

    with pytest.raises(ValueError, match="Frames 3 to 9 were asked for, but 'Echo' has frames 0 to 5"):
        processor.process(browser, predictor=FakePredictor(), settings=ProcessSettings(firstFrame=3, lastFrame=9))


def test_progress_that_raises_ends_a_run(processor, browser, scene):
    class StopError(Exception):
        pass

    def refuse(done, total):
        raise StopError

    before = nodeIds(scene)
    run = processor.process(browser, predictor=FakePredictor(), progress=refuse, waitForCompletion=False)
    run.wait()
    with pytest.raises(StopError):
        run.poll()
    assert run.poll() is True
    assert nodeIds(scene) == before


def test_a_failed_run_raises_the_engines_error(processor, browser):
    run = processor.process(browser, predictor=FailingPredictor(), waitForCompletion=False)
    run.wait()
    with pytest.raises(PointSegError, match="could not be worked on: out of memory"):
        run.poll()


def test_waiting_ends_when_the_time_is_up(processor, browser):
    predictor = SlowPredictor()
    run = processor.process(browser, predictor=predictor, waitForCompletion=False)
    assert run.wait(0.01) is False
    predictor.letGo.set()
    assert run.wait(300) is True


def test_the_thread_does_not_keep_the_nodes_of_a_forgotten_run(processor, browser):
    predictor = SlowPredictor()
    run = processor.process(browser, predictor=predictor, waitForCompletion=False)
    while not predictor.waiting.is_set():
        run.poll()
    steps = weakref.ref(run._steps)
    del run
    gc.collect()
    assert steps() is None, "nodes would be released on the worker thread"
    predictor.letGo.set()


def test_what_is_missing_is_said_before_anything_is_begun(processor, browser, monkeypatch):
    import sys

    from PointSegLib.errors import DependencyError

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DependencyError, match="needs PyTorch, which is not installed"):
        processor.process(browser, waitForCompletion=False)
