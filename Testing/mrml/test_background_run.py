"""The engine at work on its own thread: when the scene is written, and what the thread must not hold."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
from mrml import cines
from mrml.fake_predictor import FailingPredictor, FakePredictor, SlowPredictor


def nodeNames(scene):
    return sorted(scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes()))


@pytest.fixture
def noCollection():
    """Objects go with their last reference only, not with a cycle that is found some time later."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def jobOf(run):
    """A weak reference to what knows the run's nodes."""
    return weakref.ref(run._write.__self__)


def test_background_run_writes_only_when_polled(processor, browser, scene):
    before = nodeNames(scene)
    seen = []
    run = processor.process(
        browser, predictor=FakePredictor(), progress=lambda *p: seen.append(p), waitForCompletion=False
    )
    run.wait()
    assert nodeNames(scene) == before
    assert run.poll(1.0)
    assert seen == [(cines.FRAMES, cines.FRAMES)]
    assert run.output.segmentationSequence.GetNumberOfDataNodes() == cines.FRAMES


def test_cancelled_background_run_writes_nothing(processor, browser, scene):
    from PointSegModule.background_run import ProcessingCancelledError

    before = nodeNames(scene)
    run = processor.process(browser, predictor=FakePredictor(), waitForCompletion=False)
    run.cancel()
    run.wait()
    with pytest.raises(ProcessingCancelledError):
        run.poll(1.0)
    assert run.poll() is True
    assert run.output is None
    assert nodeNames(scene) == before


def test_progress_that_raises_cancels_a_background_run(processor, browser, scene):
    class StopError(Exception):
        pass

    def refuse(done, total):
        raise StopError

    before = nodeNames(scene)
    run = processor.process(browser, predictor=FakePredictor(), progress=refuse, waitForCompletion=False)
    run.wait()
    with pytest.raises(StopError):
        run.poll(1.0)
    assert run.isCancelled
    assert run.poll() is True
    assert nodeNames(scene) == before


def test_failed_background_run_raises_the_engines_error(processor, browser):
    run = processor.process(browser, predictor=FailingPredictor(), waitForCompletion=False)
    run.wait()
    with pytest.raises(RuntimeError, match="out of memory"):
        run.poll(1.0)


def test_waiting_ends_when_the_time_is_up(processor, browser):
    predictor = SlowPredictor()
    run = processor.process(browser, predictor=predictor, waitForCompletion=False)
    assert predictor.waiting.wait(20)
    assert run.wait(0.01) is False
    predictor.letGo.set()
    assert run.wait(20) is True


def test_the_worker_does_not_keep_the_nodes_of_a_forgotten_run(processor, browser, noCollection):
    predictor = SlowPredictor()
    run = processor.process(browser, predictor=predictor, waitForCompletion=False)
    job, thread = jobOf(run), run._thread
    assert predictor.waiting.wait(20)
    del run
    assert thread.is_alive()
    assert job() is None, "nodes would be released on the worker thread"
    predictor.letGo.set()
    thread.join(20)


@pytest.mark.parametrize("predictor", [FakePredictor(), FailingPredictor()], ids=["success", "failure"])
def test_a_run_that_is_over_leaves_no_cycle_for_another_thread_to_collect(processor, browser, noCollection, predictor):
    run = processor.process(browser, predictor=predictor, waitForCompletion=False)
    run.wait()
    try:
        run.poll(1.0)
    except RuntimeError:
        assert isinstance(predictor, FailingPredictor)
    job = jobOf(run)
    del run
    assert job() is None


def test_the_network_is_loaded_on_the_worker_thread_once(processor, browser, monkeypatch):
    import PointSegLib
    from PointSegModule import logic

    threads = []

    class Network:
        @staticmethod
        def from_pretrained(device):
            threads.append((threading.current_thread().name, device))
            return FakePredictor()

    monkeypatch.setattr(logic, "requirePackages", lambda: None)
    monkeypatch.setattr(PointSegLib, "PointSegPredictor", Network, raising=False)
    for _ in range(2):
        run = processor.process(browser, device="cpu", waitForCompletion=False)
        run.wait()
        assert run.poll(1.0)
    assert threads == [("PointSeg engine", "cpu")]


def test_what_is_missing_is_said_by_the_run_that_needed_it(processor, browser, monkeypatch):
    import sys

    from PointSegLib.errors import DependencyError

    monkeypatch.setitem(sys.modules, "torch", None)
    run = processor.process(browser, waitForCompletion=False)
    run.wait()
    with pytest.raises(DependencyError, match="needs PyTorch, which is not installed"):
        run.poll(1.0)
