"""The section Results: what it measures, shows and writes, and why it cannot."""

from __future__ import annotations

import logging

import pytest
import slicer
from lib.measurement.beating import GLS
from mrml import plot_view
from mrml.beating_heart import KnowsTheHeart, beatingCine
from widget.pumping import pump

BUTTONS = ("measureButton", "showResultsButton", "edButton", "esButton", "findBeatsButton", "exportButton")


class PlotViews:
    """Stands for the application's layout manager with one plot view, whose clicks a test makes."""

    plotViewCount = 1

    def __init__(self):
        self.listeners = []

    def plotWidget(self, index):
        return self

    def plotView(self):
        return self

    def connect(self, signal, listener):
        assert signal == "dataSelected(vtkStringArray*,vtkCollection*)"
        self.listeners.append(listener)

    def disconnect(self, signal, listener):
        self.listeners.remove(listener)

    def click(self, series, row):
        for listener in self.listeners:
            listener(*plot_view.OffscreenPlotView.selectionOf(self, series, row))


@pytest.fixture
def plots(application, monkeypatch):
    views = PlotViews()
    monkeypatch.setattr(type(application), "layoutManager", lambda _: views)
    return views


@pytest.fixture
def segmented(panel, plots, application):
    """The panel after the segmentation of a heart whose strain is known; gives its browser."""
    return segment(panel, application)


def segment(panel, application, frames=44, **known):
    browser, result = beatingCine(frames, **known)
    panel.segment.predictor = KnowsTheHeart(result)
    panel.ui.inputSelector.setCurrentNode(browser.GetProxyNode(browser.GetMasterSequenceNode()))
    panel.ui.applyButton.click()
    pump(application, lambda: panel.runs.current is None)
    return browser


def press(panel, application, button):
    getattr(panel.ui, button).click()
    pump(application, lambda: panel.runs.current is None)


def resultsOf(panel):
    from PointSegModule.results_output import SceneResults

    return SceneResults.of(panel.parameters().outputSegmentation)


def test_nothing_can_be_measured_before_it_is_segmented(panel, image):
    panel.ui.inputSelector.setCurrentNode(image)
    for name in BUTTONS:
        assert not getattr(panel.ui, name).enabled, name
        assert getattr(panel.ui, name).toolTip == "Segment the movie first."
    assert panel.ui.resultsLabel.text == "Segment the movie first."


def test_figures_are_shown_and_the_charts_opened(panel, application, segmented):
    assert panel.ui.showResultsButton.toolTip == "Measure the movie first."
    assert panel.ui.findBeatsButton.toolTip == "No frame was set by you."
    panel.ui.viewComboBox.currentIndex = 1
    press(panel, application, "measureButton")
    assert panel.ui.resultsLabel.text.startswith("EF ")
    assert f"GLS \N{MINUS SIGN}{-GLS:.0f}" in panel.ui.resultsLabel.text
    assert panel.ui.resultsLabel.text.startswith(panel.ui.statusLabel.text)
    assert 'ES <a href="11">11</a>' in panel.ui.beatsLabel.text
    assert panel.ui.showResultsButton.enabled
    assert resultsOf(panel).segments.GetTable().GetValueByName(0, "segment").ToString() == "basal inferoseptal"


def test_another_view_has_to_be_measured_first(panel, application, segmented):
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "A2C segmentation")
    panel.ui.otherViewSelector.setCurrentNode(other)
    press(panel, application, "measureButton")
    assert "'A2C segmentation' was not measured in this session" in panel.ui.statusLabel.text
    panel.ui.otherViewSelector.setCurrentNode(None)
    press(panel, application, "measureButton")
    assert panel.ui.statusLabel.text.startswith("EF ")


def test_an_unknown_view_is_said_and_logged(panel, application, segmented, caplog):
    with caplog.at_level(logging.WARNING):
        press(panel, application, "measureButton")
    assert "The view is unknown: segments are called by their side" in panel.ui.resultsLabel.text
    assert "The view is unknown" in caplog.text


def test_the_shown_frame_becomes_end_systole_and_can_be_found_again(panel, application, segmented):
    press(panel, application, "measureButton")
    segmented.SetSelectedItemNumber(13)
    press(panel, application, "esButton")
    assert 'ES <a href="13">13</a>' in panel.ui.beatsLabel.text
    assert panel.ui.beatsLabel.text.endswith("(set by you)")
    assert panel.logic.measured.beats[0]["es_frame"] == 13
    press(panel, application, "findBeatsButton")
    assert panel.ui.beatsLabel.text.endswith("(found)")
    assert 'ES <a href="11">11</a>' in panel.ui.beatsLabel.text


def test_a_beat_can_be_marked_from_nothing(panel, application, segmented):
    segmented.SetSelectedItemNumber(5)
    panel.ui.esButton.click()
    assert panel.ui.statusLabel.text.startswith("Frame 5 cannot be end-systole")
    panel.ui.edButton.click()
    assert panel.ui.statusLabel.text == "Now show the end-systole of this beat and press ES."
    segmented.SetSelectedItemNumber(12)
    press(panel, application, "esButton")
    assert [(row["ed_frame"], row["es_frame"]) for row in panel.logic.measured.beats] == [(5, 12)]


def test_a_click_on_a_curve_and_a_named_frame_show_that_frame(panel, application, segmented, plots):
    press(panel, application, "measureButton")
    chart = resultsOf(panel).strainChart
    plots.click(chart.GetNthPlotSeriesNode(0), 17)
    assert segmented.GetSelectedItemNumber() == 17
    assert resultsOf(panel).cursor.GetTable().GetValueByName(0, "time_s").ToDouble() == pytest.approx(17 * 0.025)
    plots.click(chart.GetNthPlotSeriesNode(chart.GetNumberOfPlotSeriesNodes() - 1), 1)
    assert segmented.GetSelectedItemNumber() == 17, "the line at the shown frame leads nowhere"
    panel.results.onBeatLink("31")
    assert segmented.GetSelectedItemNumber() == 31


def test_segmenting_again_asks_for_measuring_again(panel, application, segmented):
    press(panel, application, "measureButton")
    first = resultsOf(panel).frames
    press(panel, application, "applyButton")
    assert panel.ui.resultsLabel.text == "Measure the movie first."
    press(panel, application, "measureButton")
    assert panel.ui.resultsLabel.text.startswith("EF ")
    assert resultsOf(panel).frames is first


def test_closing_the_scene_lets_go_of_everything(panel, application, segmented, plots):
    import slicer

    press(panel, application, "measureButton")
    assert plots.listeners
    slicer.mrmlScene.Clear(False)
    assert not plots.listeners
    assert panel.ui.resultsLabel.text == "Select an ultrasound sequence or volume first."


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"frames": 1}, "1 frame with an LV area show no beat"),
        ({"frames": 8}, "is incomplete: end-diastole is missing"),
        ({"spacing_mm": None}, "not calibrated"),
        ({"times_s": None}, "no heart rate"),
    ],
)
def test_what_limits_the_measurement_is_shown_and_logged(panel, plots, application, caplog, known, said):
    segment(panel, application, **known)
    with caplog.at_level(logging.WARNING):
        press(panel, application, "measureButton")
    assert said in panel.ui.resultsLabel.text
    assert said in caplog.text


def test_files_are_written_and_replaced_after_consent(panel, application, segmented, tmp_path, monkeypatch):
    import slicer

    press(panel, application, "measureButton")
    panel.ui.exportDirectoryButton.directory = str(tmp_path)
    panel.ui.exportFramesComboBox.currentIndex = 2
    press(panel, application, "exportButton")
    assert {"Heart labels.seq.nrrd", "Heart frame 11.seg.nrrd", "Heart beats.csv", "Heart tracks.csv"} <= {
        file.name for file in tmp_path.iterdir()
    }
    assert panel.ui.statusLabel.text == f"{len(list(tmp_path.iterdir()))} files were written to {tmp_path}."

    labels = tmp_path / "Heart labels.seq.nrrd"
    labels.write_bytes(b"mine")
    asked = []
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, *_: asked.append(text))
    press(panel, application, "exportButton")
    assert "Heart labels.seq.nrrd" in asked[0]
    assert labels.read_bytes() == b"mine"
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, *_: True)
    press(panel, application, "exportButton")
    assert labels.read_bytes() != b"mine"


def test_a_folder_that_cannot_be_written_is_told_and_logged(panel, application, segmented, tmp_path, caplog):
    panel.ui.exportDirectoryButton.directory = str(tmp_path / "nowhere")
    with caplog.at_level(logging.WARNING):
        press(panel, application, "exportButton")
    assert "nowhere does not exist; create it first" in panel.ui.statusLabel.text
    assert "nowhere does not exist" in caplog.text


def test_frames_of_beats_cannot_be_exported_before_they_are_known(panel, application, segmented, tmp_path):
    panel.ui.exportDirectoryButton.directory = str(tmp_path)
    panel.ui.exportFramesComboBox.currentIndex = 2
    press(panel, application, "exportButton")
    assert panel.ui.statusLabel.text.startswith("End-diastole and end-systole are not known yet")
    assert not list(tmp_path.iterdir())


def test_picture_of_the_section(panel, application, segmented):
    from mrml.artifacts import artifactsFolder

    panel.ui.viewComboBox.currentIndex = 1
    press(panel, application, "measureButton")
    for name in ("input", "segment", "correct", "track"):
        getattr(panel.ui, f"{name}CollapsibleButton").collapsed = True
    panel.ui.resultsCollapsibleButton.collapsed = False
    panel.parent.resize(460, 620)
    panel.parent.show()
    application.processEvents()
    assert panel.parent.grab().save(str(artifactsFolder() / "panel_results.png"))
