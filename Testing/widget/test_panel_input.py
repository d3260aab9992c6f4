"""The section Input: calibration and its source, the frame range, and the sector that was detected."""

from __future__ import annotations

import numpy as np
import pytest
from mrml import cines
from widget.pumping import pump


@pytest.fixture
def uncalibrated(panel, application):
    import slicer

    volume = slicer.mrmlScene.AddNode(cines.volumeNode(cines.speckle(), cines.dicomMatrix((1.0, 1.0))))
    volume.SetName("Stack")
    panel.ui.inputSelector.setCurrentNode(volume)
    return volume


def measureWithRuler(panel):
    """Choose a ruler over 50 pixels, named Depth."""
    import slicer

    ruler = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "Depth")
    ruler.AddControlPointWorld(0, 0, 0)
    ruler.AddControlPointWorld(-30, -40, 0)
    panel.ui.rulerSelector.setCurrentNode(ruler)


def test_a_ruler_of_known_length_calibrates_the_image(panel, uncalibrated):

    from PointSegModule.status_text import settingsOf

    assert panel.ui.calibrationLabel.text.startswith("Unknown")
    measureWithRuler(panel)
    panel.ui.rulerLengthSpinBox.value = 20
    assert panel.ui.calibrationLabel.text == "0.4 x 0.4 mm per pixel, from the ruler 'Depth'"
    settings = settingsOf(panel.parameters())
    assert settings.spacingMm == pytest.approx((0.4, 0.4))
    assert settings.calibration == "from the ruler 'Depth'"


def test_a_ruler_without_length_is_told_of(panel, uncalibrated):
    import slicer

    ruler = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "Depth")
    for _ in range(2):
        ruler.AddControlPointWorld(-5, -5, 0)
    panel.ui.rulerSelector.setCurrentNode(ruler)
    panel.ui.rulerLengthSpinBox.value = 20
    assert "The ends of the ruler 'Depth' lie on one pixel" in panel.ui.statusLabel.text
    assert not panel.ui.applyButton.enabled


def test_frames_that_do_not_exist_keep_apply_from_being_pressed(panel, image):
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.lastFrameSpinBox.value = 9
    assert "'Echo' has frames 0 to 5" in panel.ui.applyButton.toolTip
    assert not panel.ui.applyButton.enabled
    panel.ui.lastFrameSpinBox.value = -1
    assert panel.ui.applyButton.enabled
    assert "the movie's last frame is 5" in panel.ui.lastFrameSpinBox.toolTip


def test_at_least_one_structure_is_asked_for(panel, image):
    panel.ui.inputSelector.setCurrentNode(image)
    for name in ("myocardiumCheckBox", "cavityCheckBox", "atriumCheckBox"):
        assert panel.ui.applyButton.enabled
        getattr(panel.ui, name).checked = False
    assert panel.ui.applyButton.toolTip == "Choose at least one structure to segment."


def test_the_sector_is_outlined_and_the_outline_goes_again(panel, image, application):
    import slicer

    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.sectorCheckBox.checked = True
    pump(application, lambda: panel.runs.current is None)
    curve = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLMarkupsClosedCurveNode")
    assert curve is not None
    points = slicer.util.arrayFromMarkupsControlPoints(curve) / [-0.25, -0.30, 1]
    assert (points[:, :2] >= 0).all()
    assert (points[:, :2] <= np.array([cines.WIDTH, cines.HEIGHT])).all()
    panel.ui.sectorCheckBox.checked = False
    assert slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLMarkupsClosedCurveNode") is None


def test_an_outline_goes_around_its_mask():
    from PointSegModule.sector_outline import outlineOf

    mask = np.zeros((20, 30), bool)
    mask[5:15, 8:21] = True
    outline = outlineOf(mask)
    assert outline.min(0).tolist() == [8, 5]
    assert outline.max(0).tolist() == [20, 14]


def test_find_tells_what_pytorch_can_compute_on(panel, application):
    pytest.importorskip("torch")
    panel.ui.findDeviceButton.click()
    pump(application, lambda: panel.runs.current is None)
    assert panel.ui.deviceLabel.text.startswith("PyTorch ")
    assert panel.ui.deviceLabel.text.endswith("processor")


def test_the_depth_of_the_sector_calibrates_the_image_once_the_sector_is_found(panel, uncalibrated, application):
    from PointSegModule.status_text import settingsOf

    panel.ui.depthSpinBox.value = 9.6
    assert not panel.ui.applyButton.enabled or panel.ui.applyButton.text == "Cancel"
    pump(application, lambda: panel.runs.current is None)
    height = int(uncalibrated.GetAttribute("PointSeg.sectorHeight"))
    assert 80 <= height <= cines.HEIGHT
    assert panel.ui.calibrationLabel.text.endswith(f"from 9.6 cm over the {height} lines of the sector")
    assert settingsOf(panel.parameters()).spacingMm == pytest.approx((96 / height, 96 / height))
    assert panel.ui.applyButton.enabled
    panel.ui.depthSpinBox.value = 0
    assert panel.ui.calibrationLabel.text.startswith("Unknown")


def test_a_ruler_goes_before_the_depth(panel, uncalibrated, application):

    panel.ui.depthSpinBox.value = 9.6
    pump(application, lambda: panel.runs.current is None)
    measureWithRuler(panel)
    panel.ui.rulerLengthSpinBox.value = 20
    assert panel.ui.calibrationLabel.text == "0.4 x 0.4 mm per pixel, from the ruler 'Depth'"


def test_a_sector_that_cannot_be_found_is_told_of_once(panel, application):
    import slicer

    flat = slicer.mrmlScene.AddNode(cines.volumeNode(np.full((4, 96, 128), 7, np.uint8), cines.dicomMatrix((1.0, 1.0))))
    panel.ui.inputSelector.setCurrentNode(flat)
    panel.ui.depthSpinBox.value = 12
    pump(application, lambda: panel.runs.current is None)
    application.processEvents()
    assert panel.runs.current is None, "it is not looked for again and again"
    assert "same value" in panel.ui.statusLabel.text
    assert not panel.ui.applyButton.enabled
    assert "The height of the sector is not known" in panel.ui.applyButton.toolTip


def test_two_clicks_draw_a_ruler(panel, uncalibrated, application, sessionView):
    sessionView.showVolume(uncalibrated)
    panel.ui.rulerLengthSpinBox.value = 20
    panel.ui.drawRulerButton.click()
    sessionView.render()
    sessionView.click((-20, -20, 0))
    sessionView.click((-60, -50, 0))
    assert not panel.ui.drawRulerButton.checked
    assert panel.parameters().ruler.GetNumberOfDefinedControlPoints() == 2
    row = float(panel.ui.calibrationLabel.text.split(" ")[0])
    assert row == pytest.approx(0.4, rel=0.03)
