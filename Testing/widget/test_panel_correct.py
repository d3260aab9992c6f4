"""The section Correct: clicks in a real slice view, and what they start."""

from __future__ import annotations

import numpy as np
import pytest
from mrml import cines
from mrml.fake_engine import FakeEngine
from mrml.fake_predictor import FakePredictor, movingHeart
from widget.pumping import pump

SIZE = (cines.WIDTH, cines.HEIGHT)


@pytest.fixture
def engine(panel, monkeypatch):
    made = FakeEngine()
    monkeypatch.setattr(panel.logic.engines, "of", lambda *chosen: made)
    return made


@pytest.fixture
def segmented(panel, image, application):
    """The panel after a segmentation; gives the segmentation node."""
    panel.segment.predictor = FakePredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    pump(application, lambda: panel.runs.current is None)
    return panel.ui.outputSegmentationSelector.currentNode()


@pytest.fixture
def corrected(segmented, panel, engine):
    """The segmented panel, and an engine that answers as the test tells it."""
    panel.logic.opened.engine = engine
    return engine


def position(x, y):
    return (-0.25 * x, -0.30 * y, 0.0)


def place(panel, x, y):
    """Put a point as a click in place mode does, once the markups widget has had it."""
    return panel.parameters().corrections.AddControlPointWorld(*position(x, y))


def theLabels():
    return np.stack([movingHeart(SIZE, frame) for frame in range(cines.FRAMES)])


def test_nothing_can_be_corrected_before_it_is_segmented(panel, image):
    panel.ui.inputSelector.setCurrentNode(image)
    for name in ("wallButton", "cavityButton", "outsideButton", "undoButton", "propagateButton", "releaseButton"):
        button = getattr(panel.ui, name)
        assert not button.enabled
        assert button.toolTip == "Segment the movie first."


def test_undo_says_why_it_cannot(panel, segmented):
    assert panel.ui.wallButton.enabled
    assert panel.ui.wallButton.toolTip == "Then click on the heart muscle"
    assert panel.ui.undoButton.toolTip == "No click has been made."


def test_a_click_asks_for_what_the_button_says_and_undo_takes_it_back(panel, application, image, corrected):
    browser = panel.logic.opened.source.browser
    browser.SetSelectedItemNumber(2)
    panel.ui.wallButton.click()
    place(panel, 40, 30)
    pump(application, lambda: corrected.requests)
    assert np.allclose(corrected.requests[-1].points, [[2, 40, 30]], atol=1e-3)
    assert corrected.requests[-1].hints == ["wall"]
    better = theLabels()
    better[:, 5:10, 5:10] = 2
    corrected.finish(better)
    pump(application, lambda: panel.runs.current is None)
    assert panel.ui.statusLabel.text == "Corrected by 1 clicks."
    assert (cines.labelsOf(panel.logic.opened.segmentation, image) == better[2]).all()
    assert panel.ui.undoButton.enabled
    panel.ui.undoButton.click()
    pump(application, lambda: len(corrected.requests) == 2)
    assert len(corrected.requests[-1].points) == 0
    corrected.finish(theLabels())
    pump(application, lambda: panel.runs.current is None)
    assert (cines.labelsOf(panel.logic.opened.segmentation, image) == theLabels()[2]).all()


def test_a_click_during_a_run_is_asked_when_it_has_ended(panel, application, corrected):
    panel.ui.cavityButton.click()
    place(panel, 40, 30)
    pump(application, lambda: corrected.requests)
    place(panel, 60, 50)
    corrected.finish(theLabels())
    pump(application, lambda: len(corrected.requests) == 2)
    assert corrected.requests[-1].hints == ["cavity", "cavity"]
    corrected.finish(theLabels())
    pump(application, lambda: panel.runs.current is None)


def test_a_click_that_cannot_be_used_is_taken_back_with_the_reason(panel, application, corrected):
    from PointSegLib.errors import PointError
    from PointSegLib.inference.messages import Failed

    panel.ui.outsideButton.click()
    place(panel, 40, 30)
    pump(application, lambda: corrected.requests)
    corrected.tell(Failed(1, PointError("it lies outside the image")))
    pump(application, lambda: panel.runs.current is None)
    assert panel.ui.statusLabel.text == "it lies outside the image"
    assert panel.parameters().corrections.GetNumberOfControlPoints() == 0


def test_propagating_asks_for_the_shown_frame_with_the_falloff(panel, application, corrected):
    panel.logic.opened.source.browser.SetSelectedItemNumber(3)
    panel.ui.falloffSpinBox.value = 4
    panel.ui.propagateButton.click()
    pump(application, lambda: corrected.requests)
    request = corrected.requests[-1]
    assert (request.frame, request.falloff_frames) == (3, 4)
    assert (request.labels == movingHeart(SIZE, 3)).all()
    corrected.finish(theLabels())
    pump(application, lambda: panel.runs.current is None)
    assert panel.logic.opened.edits == {3: 4}


def test_an_edited_frame_is_given_back_on_request(panel, application, corrected):
    from PointSegLib.inference.messages import Done, Keep

    panel.ui.releaseButton.click()
    pump(application, lambda: panel.runs.current is None)
    assert "Frame 0 is as PointSeg has drawn it" in panel.ui.statusLabel.text
    segmentation = panel.logic.opened.segmentation
    segmentation.GetSegmentation().RemoveSegment("LVCavity")  # an edit, if a rough one
    panel.ui.releaseButton.click()
    pump(application, lambda: corrected.requests)
    assert isinstance(corrected.requests[-1], Keep)
    corrected.tell(Done(1, None))
    pump(application, lambda: len(corrected.requests) == 2)
    assert (corrected.requests[-1].frame, corrected.requests[-1].labels) == (0, None)
    corrected.finish(theLabels())
    pump(application, lambda: panel.runs.current is None)
    assert panel.ui.statusLabel.text == "The frame is PointSeg's again."
    assert panel.logic.opened.edits == {}


def test_one_kind_is_placed_at_a_time_and_ending_it_elsewhere_releases_the_button(panel, application, corrected):
    interaction = application.applicationLogic().GetInteractionNode()
    panel.ui.wallButton.click()
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    panel.ui.cavityButton.click()
    assert not panel.ui.wallButton.checked
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)
    assert not panel.ui.cavityButton.checked


def test_shortcuts_choose_kinds_and_frames_while_the_module_is_open(panel, segmented):
    from widget import slicer_application

    keys = {str(s.key.toString()): s for s in panel._shortcuts}
    assert set(keys) == {"Ctrl+1", "Ctrl+2", "Ctrl+3", "Ctrl+0", "Ctrl+Left", "Ctrl+Right"}
    browser = panel.logic.opened.source.browser
    keys["Ctrl+Right"].activated.emit()
    assert browser.GetSelectedItemNumber() == 1
    keys["Ctrl+Left"].activated.emit()
    assert browser.GetSelectedItemNumber() == 0
    keys["Ctrl+2"].activated.emit()
    assert panel.ui.cavityButton.checked
    slicer_application.leave(panel)
    assert not any(s.enabled for s in panel._shortcuts)


def test_a_control_has_its_own_tooltip_again_once_it_can_be_used(panel, application, image):
    panel.refresh()
    assert not panel.ui.falloffSpinBox.enabled
    assert "Select an ultrasound" in panel.ui.falloffSpinBox.toolTip
    panel.segment.predictor = FakePredictor()
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    pump(application, lambda: panel.runs.current is None)
    assert panel.ui.falloffSpinBox.enabled
    assert "the edit has faded out" in panel.ui.falloffSpinBox.toolTip


def test_clicks_placed_by_mouse_in_a_slice_view_lie_where_they_were_made(
    panel, application, corrected, image, sessionView
):
    from mrml.artifacts import artifactsFolder

    sessionView.showVolume(image)
    panel.ui.wallButton.click()
    sessionView.render()
    sessionView.click(position(48, 26))
    pump(application, lambda: corrected.requests)
    assert np.abs(corrected.requests[-1].points[0] - [0, 48, 26]).max() < 1.5
    corrected.finish(theLabels())
    pump(application, lambda: panel.runs.current is None)
    panel.ui.wallButton.click()
    picture = sessionView.render(artifactsFolder() / "slice_view_corrected.png")
    assert picture.std() > 5


def test_picture_of_the_panel_with_a_result(panel, segmented, application):
    from mrml.artifacts import artifactsFolder

    panel.parent.resize(480, 760)
    panel.parent.show()
    application.processEvents()
    assert panel.parent.grab().save(str(artifactsFolder() / "panel_corrections.png"))
