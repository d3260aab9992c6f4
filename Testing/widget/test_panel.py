"""The panel: what it binds, what it says, and when it lets itself be run."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from widget.pumping import pump
from widget.slicer_application import MODULE_FILE

CONTROLS = ("qMRMLNodeComboBox", "QComboBox", "QCheckBox", "QSpinBox", "QDoubleSpinBox")
UI_FILE = MODULE_FILE.parent / "Resources" / "UI" / "PointSeg.ui"


def test_every_input_control_is_bound_to_a_parameter(application):
    from PointSegModule.parameters import PointSegParameterNode

    root = ET.parse(UI_FILE)
    bound = {
        widget.get("name"): entry.findtext("string")
        for widget in root.iter("widget")
        for entry in widget.findall("property")
        if entry.get("name") == "SlicerParameterName"
    }
    controls = {w.get("name") for w in root.iter("widget") if w.get("class") in CONTROLS}
    assert set(bound) == controls - {"sectorCheckBox"}, "an outline is shown or not, and nothing more"
    assert set(bound.values()) == set(PointSegParameterNode.__annotations__) - {"corrections", "modelFile"}


def test_every_visible_control_explains_itself():
    for widget in ET.parse(UI_FILE).iter("widget"):
        if widget.get("class") in (*CONTROLS, "QPushButton", "QProgressBar"):
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


def test_a_model_is_chosen_by_its_file_and_a_wrong_one_says_why(panel, image, tmp_path):
    from PointSegModule.status_text import settingsOf

    panel.ui.inputSelector.setCurrentNode(image)
    line = panel.ui.modelPathLineEdit
    line.currentPath = str(tmp_path / "mine.safetensors")
    assert not panel.ui.applyButton.enabled
    assert "mine.safetensors: there is no such file; choose a .safetensors file" in panel.ui.applyButton.toolTip
    (tmp_path / "mine.pth").touch()
    line.currentPath = str(tmp_path / "mine.pth")
    assert "a network is a .safetensors file" in panel.ui.statusLabel.text
    (tmp_path / "mine.safetensors").touch()
    line.currentPath = str(tmp_path / "mine.safetensors")
    assert panel.ui.applyButton.enabled
    assert settingsOf(panel.parameters()).checkpoint == tmp_path / "mine.safetensors"
    panel.parameters().modelFile = ""
    assert line.currentPath == ""
    assert settingsOf(panel.parameters()).checkpoint is None


def test_grid_and_smoothing_are_those_of_the_panel(panel, image):
    from PointSegLib import SegmentOptions
    from PointSegModule.status_text import settingsOf

    panel.ui.inputSelector.setCurrentNode(image)
    assert settingsOf(panel.parameters()).options == SegmentOptions()
    panel.ui.gridSpinBox.value = 24
    panel.ui.smoothingSpinBox.value = 1.5
    assert settingsOf(panel.parameters()).options == SegmentOptions(24, 1.5)
    panel.ui.gridSpinBox.value = 1
    assert not panel.ui.applyButton.enabled
    assert "a grid of 1 x 1 points" in panel.ui.statusLabel.text


def test_apply_refuses_to_overwrite_the_points_to_follow(panel, image):
    import slicer

    points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Apex")
    panel.ui.inputSelector.setCurrentNode(image)
    panel._parameterNode.promptPoints = points
    assert panel.ui.applyButton.enabled
    panel._parameterNode.outputPoints = points
    assert not panel.ui.applyButton.enabled
    assert "'Apex' holds the points to follow, which the result would overwrite" in panel.ui.statusLabel.text


def test_status_describes_the_input_and_its_calibration(panel, image):
    panel.ui.inputSelector.setCurrentNode(image)
    assert panel.ui.statusLabel.text == "6 frames of 128 x 96 pixels"
    assert panel.ui.calibrationLabel.text == "0.3 x 0.25 mm per pixel, from the image"


def test_an_uncalibrated_input_is_said_to_be_so(panel, application):
    import slicer
    from mrml import cines

    volume = slicer.mrmlScene.AddNode(cines.volumeNode(cines.speckle(), cines.dicomMatrix((1.0, 1.0))))
    panel.ui.inputSelector.setCurrentNode(volume)
    assert panel.ui.applyButton.enabled
    assert panel.ui.calibrationLabel.text.startswith("Unknown: draw a ruler")


def test_missing_torch_is_explained_with_the_remedy(panel, image, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    assert panel.runs.current is None
    assert "needs PyTorch, which is not installed" in panel.ui.statusLabel.text
    assert "Extensions Manager" in panel.ui.statusLabel.text


def test_module_reads_like_a_module(application):
    import PointSeg

    widget_methods = {"setup", "cleanup", "enter", "exit", "onSceneStartClose", "onSceneEndClose", "onReload"}
    assert widget_methods <= set(vars(PointSeg.PointSegWidget))


def test_picture_of_the_panel(panel, image, application):
    from mrml.artifacts import artifactsFolder
    from mrml.fake_predictor import FakePredictor

    panel.segment.predictor = FakePredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    pump(application, lambda: panel.runs.current is None)
    panel.parent.resize(460, 760)
    panel.parent.show()
    application.processEvents()
    picture = panel.parent.grab()
    file = artifactsFolder() / "panel.png"
    assert picture.save(str(file))
    colors = {picture.toImage().pixelColor(x, y).rgb() for x in range(0, 460, 7) for y in range(0, 760, 7)}
    assert len(colors) > 5, "the panel is not blank"
