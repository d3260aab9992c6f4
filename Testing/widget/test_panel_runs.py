"""Runs started from the panel: progress, results, cancelling, and what interrupts a run from outside."""

from __future__ import annotations

import sys
import threading

import pytest
from mrml.fake_predictor import EndlessPredictor, FailingPredictor, FakePredictor, SlowPredictor
from widget import slicer_application
from widget.pumping import pump


def nodeCount():
    import slicer

    return slicer.mrmlScene.GetNumberOfNodes()


def test_a_run_shows_progress_and_fills_the_output_selectors(panel, image, application):
    panel.segment.predictor = SlowPredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    assert panel.ui.applyButton.text == "Cancel"
    pump(application, lambda: panel.ui.progressBar.value == 1)
    assert panel.ui.statusLabel.text.startswith("Frame 1 of 6")
    panel.segment.predictor.letGo.set()
    pump(application, lambda: panel.runs.current is None)
    output = panel.ui.outputSegmentationSelector.currentNode()
    assert output.GetName() == "Echo segmentation"
    assert panel.ui.outputPointsSelector.currentNode().GetName() == "Echo points"
    assert panel.ui.applyButton.text == "Apply"
    assert panel.ui.applyButton.enabled
    assert panel.ui.statusLabel.text.startswith("6 frames, 48 points")
    assert "made by a test double" in panel.ui.statusLabel.text
    assert application.toolBarBrowsers[0].GetName() == "Echo browser"
    assert application.pauseDepth == 0


def test_running_again_replaces_the_result(panel, image, application):
    panel.segment.predictor = FakePredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    counts = []
    for _ in range(2):
        panel.ui.applyButton.click()
        pump(application, lambda: panel.runs.current is None)
        counts.append(nodeCount())
    assert counts[0] == counts[1]


def test_cancel_stops_and_changes_nothing(panel, image, application):
    panel.segment.predictor = SlowPredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    before = nodeCount()
    panel.ui.applyButton.click()
    pump(application, panel.segment.predictor.waiting.is_set)
    panel.ui.applyButton.click()
    assert not panel.ui.applyButton.enabled
    assert nodeCount() == before, "not only when the engine has heard of it"
    pump(application, lambda: panel.runs.current is None)
    panel.segment.predictor.letGo.set()
    assert panel.ui.statusLabel.text == "Cancelled; the scene was not changed."
    assert panel.ui.applyButton.enabled
    assert nodeCount() == before


def test_closing_the_scene_cancels_the_run(panel, image, application):
    import slicer

    panel.segment.predictor = SlowPredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    pump(application, panel.segment.predictor.waiting.is_set)
    slicer.mrmlScene.Clear(False)
    panel.segment.predictor.letGo.set()
    pump(application, lambda: panel.runs.current is None)
    assert slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode") is None
    assert not panel.ui.applyButton.enabled


def test_removing_the_image_during_a_run_writes_nothing(panel, image, application):
    import slicer

    panel.segment.predictor = SlowPredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    pump(application, panel.segment.predictor.waiting.is_set)
    slicer.mrmlScene.RemoveNode(slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(image))
    panel.segment.predictor.letGo.set()
    pump(application, lambda: panel.runs.current is None)
    assert "was removed from the scene" in panel.ui.statusLabel.text
    assert slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode") is None


def test_an_engine_failure_is_shown_and_leaves_the_panel_usable(panel, image, application):
    panel.segment.predictor = FailingPredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    before = nodeCount()
    panel.ui.applyButton.click()
    pump(application, lambda: panel.runs.current is None)
    assert panel.ui.statusLabel.text == "the clip could not be worked on: out of memory"
    assert panel.ui.applyButton.enabled
    assert nodeCount() == before


def test_a_stack_of_frames_is_replaced_by_its_playable_sequence(panel, application, monkeypatch):
    import slicer
    from mrml import cines

    shown = []
    monkeypatch.setattr(slicer.util, "setSliceViewerLayers", lambda **layers: shown.append(layers["background"]))
    volume = slicer.mrmlScene.AddNode(cines.volumeNode(cines.speckle()))
    panel.segment.predictor = FakePredictor()
    panel.ui.inputSelector.setCurrentNode(volume)
    panel.ui.applyButton.click()
    pump(application, lambda: panel.runs.current is None)
    chosen = panel.ui.inputSelector.currentNode()
    assert chosen is not volume
    assert shown == [chosen]


@pytest.mark.parametrize(
    ("then", "message"),
    [(FakePredictor(), "6 frames, 48 points"), (FailingPredictor(), "the clip could not be worked on: out of memory")],
    ids=["success", "failure"],
)
def test_what_a_run_came_to_while_another_module_was_open_is_shown_on_return(panel, image, application, then, message):
    panel.segment.predictor = SlowPredictor(then)
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    pump(application, panel.segment.predictor.waiting.is_set)
    slicer_application.leave(panel)
    panel.segment.predictor.letGo.set()
    pump(application, lambda: panel.runs.current is None)
    slicer_application.enter(panel)
    assert panel.ui.statusLabel.text.startswith(message)
    assert panel.ui.applyButton.text == "Apply"
    assert panel.ui.applyButton.enabled
    names = [
        selector.currentNode().GetName() if selector.currentNode() is not None else ""
        for selector in (panel.ui.outputSegmentationSelector, panel.ui.outputPointsSelector)
    ]
    assert names == (["Echo segmentation", "Echo points"] if message.startswith("6") else ["", ""])


def test_a_run_goes_on_while_another_module_is_open(panel, image, application):
    panel.segment.predictor = SlowPredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    pump(application, panel.segment.predictor.waiting.is_set)
    slicer_application.leave(panel)
    slicer_application.enter(panel)
    assert panel.ui.applyButton.text == "Cancel"
    panel.segment.predictor.letGo.set()
    pump(application, lambda: panel.runs.current is None)
    assert panel.ui.outputPointsSelector.currentNode().GetName() == "Echo points"


def engineThreads():
    return [thread for thread in threading.enumerate() if thread.name == "PointSeg engine"]


def assertHasStopped(thread):
    thread.join(300)
    assert not thread.is_alive()


def startEndlessRun(panel, image, application):
    """Gives the thread that the run works on."""
    before = engineThreads()
    panel.segment.predictor = EndlessPredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    pump(application, panel.segment.predictor.working.is_set)
    (thread,) = [thread for thread in engineThreads() if thread not in before]
    return thread


def test_quitting_during_a_run_waits_for_the_engine_and_writes_nothing(panel, image, application):
    before = nodeCount()
    thread = startEndlessRun(panel, image, application)
    application.aboutToQuit.emit()
    assertHasStopped(thread)
    assert nodeCount() == before


@pytest.fixture
def modulesRestored():
    """Reloading makes new classes; other tests go on with those they have imported."""

    def ours():
        return {name: m for name, m in sys.modules.items() if name.split(".")[0].startswith("PointSeg")}

    before = ours()
    yield
    for name in ours():
        del sys.modules[name]
    sys.modules.update(before)


def test_reloading_during_a_run_leaves_no_thread_and_an_unchanged_scene(application, image, modulesRestored):
    panel = slicer_application.loadModule(slicer_application.MODULE_FILE)
    slicer_application.enter(panel)
    before = nodeCount()
    thread = startEndlessRun(panel, image, application)
    reloaded = slicer_application.reloadModule(panel)
    assertHasStopped(thread)
    assert type(reloaded) is not type(panel)
    slicer_application.enter(reloaded)
    assert reloaded.ui.applyButton.enabled
    for _ in range(5):
        application.processEvents()
    assert nodeCount() == before
    reloaded.cleanup()


def test_what_the_section_segment_says_reaches_the_engine(panel, image, application, monkeypatch, tmp_path):
    from mrml.fake_engine import FakeEngine

    from PointSegLib import SegmentOptions
    from PointSegLib.errors import CheckpointError
    from PointSegLib.inference.messages import Failed
    from PointSegModule import panel_segment
    from PointSegModule.parameters import Device

    engine, asked = FakeEngine(), []
    monkeypatch.setattr(panel_segment, "offerInstallation", lambda: None)
    monkeypatch.setattr(panel.logic.engines, "of", lambda *chosen: asked.append(chosen) or engine)
    (tmp_path / "mine.safetensors").touch()
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.modelPathLineEdit.currentPath = str(tmp_path / "mine.safetensors")
    panel.parameters().device = Device.CPU
    panel.ui.gridSpinBox.value = 24
    panel.ui.smoothingSpinBox.value = 1.5
    panel.ui.applyButton.click()
    pump(application, lambda: len(engine.requests) == 2)
    assert asked == [("cpu", tmp_path / "mine.safetensors")]
    assert engine.requests[0].options == SegmentOptions(24, 1.5)
    engine.tell(Failed(2, CheckpointError("mine.safetensors: the checkpoint is corrupt.\nand where it was found")))
    pump(application, lambda: panel.runs.current is None)
    assert panel.ui.statusLabel.text == "mine.safetensors: the checkpoint is corrupt."


def test_the_worker_is_asked_after_the_panel_has_said_so(panel, image, application, monkeypatch):
    from mrml.fake_engine import FakeEngine

    from PointSegLib.errors import WorkerError
    from PointSegLib.inference.messages import Died
    from PointSegModule import panel_segment

    engine = FakeEngine()
    monkeypatch.setattr(panel_segment, "offerInstallation", lambda: None)
    monkeypatch.setattr(panel.logic.engines, "of", lambda *chosen: engine)
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    assert panel.ui.statusLabel.text == "Loading the network..."
    assert panel.ui.applyButton.text == "Cancel"
    assert panel.ui.applyButton.enabled
    pump(application, lambda: len(engine.requests) == 2)
    engine.tell(Died(2, WorkerError("The process was killed; ask again.")))
    pump(application, lambda: panel.runs.current is None)
    assert panel.ui.statusLabel.text == "The process was killed; ask again."
    assert panel.ui.applyButton.text == "Apply"
    assert panel.ui.applyButton.enabled


def test_the_panel_leaves_the_network_to_a_worker_process(panel):
    assert panel.logic.engines.inWorker


def test_a_second_click_during_the_installation_starts_nothing(panel, image, monkeypatch):
    from PointSegLib.errors import DependencyError
    from PointSegModule import panel_segment

    asked = []

    def installAndClick():
        asked.append("install?")
        assert len(asked) == 1
        panel.ui.applyButton.click()
        raise DependencyError("declined")

    monkeypatch.setattr(panel_segment, "offerInstallation", installAndClick)
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    assert asked == ["install?"]
    assert panel.ui.statusLabel.text == "declined"
    assert panel.ui.applyButton.enabled


def test_a_failure_to_start_restores_the_panel(panel, image, monkeypatch):
    panel.segment.predictor = FakePredictor()
    monkeypatch.setattr(panel.logic, "process", lambda *_, **__: 1 / 0)
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    assert panel.ui.statusLabel.text == "PointSeg could not start: division by zero"
    assert panel.ui.applyButton.text == "Apply"
    assert panel.ui.applyButton.enabled
    assert not panel.ui.progressBar.visible
