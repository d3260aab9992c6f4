"""The panel: what it binds, when it lets itself be run, and what a run, a cancel and a scene close do."""

from __future__ import annotations

import threading
import time
import xml.etree.ElementTree as ET

import pytest
from widget.slicer_application import MODULE_FILE

UI_FILE = MODULE_FILE.parent / "Resources" / "UI" / "PointSeg.ui"


class SlowPredictor:
    """Waits at its second frame until it is let go."""

    def __init__(self):
        from mrml.fake_predictor import FakePredictor

        self.predict = FakePredictor()
        self.waiting, self.letGo = threading.Event(), threading.Event()

    def __call__(self, clip, points=None, progress=None):
        progress(1, len(clip))
        self.waiting.set()
        assert self.letGo.wait(20)
        return self.predict(clip, points, progress)


@pytest.fixture
def image(application):
    from mrml import cines
    from mrml.headless_slicer import newSequenceBrowser

    browser = newSequenceBrowser(cines.imageSequence(cines.speckle()))
    return browser.GetProxyNode(browser.GetMasterSequenceNode())


def pump(application, until, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, "nothing happened in time"
        application.processEvents()
        time.sleep(0.005)


def nodeCount():
    import slicer

    return slicer.mrmlScene.GetNumberOfNodes()


def test_every_input_control_is_bound_to_a_parameter(application):
    from PointSegModule.parameters import PointSegParameterNode

    root = ET.parse(UI_FILE)
    bound = {
        widget.get("name"): entry.findtext("string")
        for widget in root.iter("widget")
        for entry in widget.findall("property")
        if entry.get("name") == "SlicerParameterName"
    }
    controls = {w.get("name") for w in root.iter("widget") if w.get("class") in ("qMRMLNodeComboBox", "QComboBox")}
    assert set(bound) == controls
    assert set(bound.values()) == set(PointSegParameterNode.__annotations__)


def test_every_visible_control_explains_itself():
    for widget in ET.parse(UI_FILE).iter("widget"):
        if widget.get("class") in ("qMRMLNodeComboBox", "QComboBox", "QPushButton", "QProgressBar"):
            tips = [p.findtext("string") for p in widget.findall("property") if p.get("name") == "toolTip"]
            assert tips, widget.get("name")
            assert tips[0]


def test_selectors_and_parameters_follow_each_other(panel, image):
    from PointSegModule.parameters import Device

    panel.ui.inputSelector.setCurrentNode(image)
    assert panel._parameterNode.inputVolume is image
    panel._parameterNode.inputVolume = None
    assert panel.ui.inputSelector.currentNode() is None
    panel.ui.deviceComboBox.currentIndex = 1
    assert panel._parameterNode.device is Device.CPU
    panel._parameterNode.device = Device.CUDA
    assert panel.ui.deviceComboBox.currentIndex == 2


def test_an_image_sequence_already_loaded_is_chosen(application, image):
    from widget import slicer_application

    widget = slicer_application.loadModule(MODULE_FILE)
    assert widget._parameterNode.inputVolume is image
    assert widget.ui.applyButton.enabled
    widget.cleanup()


def test_apply_says_what_is_missing(panel):
    assert not panel.ui.applyButton.enabled
    assert panel.ui.applyButton.toolTip == "Select an ultrasound sequence or volume."


def test_apply_says_why_an_image_cannot_be_used(panel, application):
    import slicer

    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    panel.ui.inputSelector.setCurrentNode(empty)
    assert not panel.ui.applyButton.enabled
    assert panel.ui.applyButton.toolTip == "'Empty' holds no image; load it again."


def test_status_describes_the_input_and_its_calibration(panel, image):
    panel.ui.inputSelector.setCurrentNode(image)
    assert panel.ui.statusLabel.text == "6 frames of 128 x 96 pixels\nPixel spacing 0.3 x 0.25 mm"


def test_an_uncalibrated_input_is_said_to_be_so(panel, application):
    import slicer
    from mrml import cines

    volume = slicer.mrmlScene.AddNode(cines.volumeNode(cines.speckle(), cines.dicomMatrix((1.0, 1.0))))
    panel.ui.inputSelector.setCurrentNode(volume)
    assert panel.ui.applyButton.enabled
    assert "Not calibrated" in panel.ui.statusLabel.text


def test_a_run_shows_progress_and_fills_the_output_selectors(panel, image, application):
    panel.predictor = SlowPredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    assert panel.ui.applyButton.text == "Cancel"
    pump(application, lambda: panel.ui.progressBar.value == 1)
    assert panel.ui.statusLabel.text.startswith("Frame 1 of 6")
    panel.predictor.letGo.set()
    pump(application, lambda: panel._run is None)
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
    from mrml.fake_predictor import FakePredictor

    panel.predictor = FakePredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    counts = []
    for _ in range(2):
        panel.ui.applyButton.click()
        pump(application, lambda: panel._run is None)
        counts.append(nodeCount())
    assert counts[0] == counts[1]


def test_cancel_stops_and_changes_nothing(panel, image, application):
    panel.predictor = SlowPredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    before = nodeCount()
    panel.ui.applyButton.click()
    assert panel.predictor.waiting.wait(20)
    panel.ui.applyButton.click()
    assert not panel.ui.applyButton.enabled
    panel.predictor.letGo.set()
    pump(application, lambda: panel._run is None)
    assert panel.ui.statusLabel.text == "Cancelled; the scene was not changed."
    assert panel.ui.applyButton.enabled
    assert nodeCount() == before


def test_closing_the_scene_cancels_the_run(panel, image, application):
    import slicer

    panel.predictor = SlowPredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    assert panel.predictor.waiting.wait(20)
    slicer.mrmlScene.Clear(False)
    panel.predictor.letGo.set()
    pump(application, lambda: panel._run is None)
    assert slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode") is None
    assert not panel.ui.applyButton.enabled


def test_removing_the_image_during_a_run_writes_nothing(panel, image, application):
    import slicer

    panel.predictor = SlowPredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    assert panel.predictor.waiting.wait(20)
    slicer.mrmlScene.RemoveNode(slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(image))
    panel.predictor.letGo.set()
    pump(application, lambda: panel._run is None)
    assert "was removed from the scene" in panel.ui.statusLabel.text
    assert slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode") is None


def test_an_engine_failure_is_shown_and_leaves_the_panel_usable(panel, image, application):
    from mrml.fake_predictor import FailingPredictor

    panel.predictor = FailingPredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    before = nodeCount()
    panel.ui.applyButton.click()
    pump(application, lambda: panel._run is None)
    assert panel.ui.statusLabel.text == "PointSeg failed: out of memory"
    assert panel.ui.applyButton.enabled
    assert nodeCount() == before


def test_a_stack_of_frames_is_replaced_by_its_playable_sequence(panel, application, monkeypatch):
    import slicer
    from mrml import cines
    from mrml.fake_predictor import FakePredictor

    shown = []
    monkeypatch.setattr(slicer.util, "setSliceViewerLayers", lambda **layers: shown.append(layers["background"]))
    volume = slicer.mrmlScene.AddNode(cines.volumeNode(cines.speckle()))
    panel.predictor = FakePredictor()
    panel.ui.inputSelector.setCurrentNode(volume)
    panel.ui.applyButton.click()
    pump(application, lambda: panel._run is None)
    chosen = panel.ui.inputSelector.currentNode()
    assert chosen is not volume
    assert shown == [chosen]


def test_missing_torch_is_explained_with_the_remedy(panel, image, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    assert panel._run is None
    assert "needs PyTorch, which is not installed" in panel.ui.statusLabel.text
    assert "Extensions Manager" in panel.ui.statusLabel.text


def test_module_reads_like_a_module(application):
    import PointSeg

    widget_methods = {"setup", "cleanup", "enter", "exit", "onSceneStartClose", "onSceneEndClose", "onReload"}
    assert widget_methods <= set(vars(PointSeg.PointSegWidget))


def test_picture_of_the_panel(panel, image, application):
    from mrml.artifacts import artifactsFolder
    from mrml.fake_predictor import FakePredictor

    panel.predictor = FakePredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    pump(application, lambda: panel._run is None)
    panel.parent.resize(420, 460)
    panel.parent.show()
    application.processEvents()
    picture = panel.parent.grab()
    file = artifactsFolder() / "panel.png"
    assert picture.save(str(file))
    colors = {picture.toImage().pixelColor(x, y).rgb() for x in range(0, 420, 7) for y in range(0, 460, 7)}
    assert len(colors) > 5, "the panel is not blank"
