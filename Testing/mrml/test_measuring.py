"""Measurements in a real scene: the tables, the beats a user moves, and what is said of what cannot be measured."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from lib.measurement.beating import EF, GLS
from mrml.beating_heart import KnowsTheHeart, beatingCine, segmentedHeart

from PointSegLib.errors import MeasurementError, PointSegError


def a4c(**more):
    from PointSegModule.measuring import MeasureSettings

    return MeasureSettings("A4C", **more)


def columnsOf(table):
    return {table.GetTable().GetColumnName(i): i for i in range(table.GetTable().GetNumberOfColumns())}


def rowsOf(table):
    from PointSegModule.results_output import rowsOf

    return rowsOf(table)


def hierarchyOf(node):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    return hierarchy.GetItemName(hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)))


def test_known_ejection_fraction_and_strain_are_in_the_tables(processor):
    segmentedHeart(processor)
    results = processor.measure(a4c())
    quoted = next(row for row in rowsOf(results.beats) if row["quoted"])
    assert quoted["gls_mid_es_percent"] == pytest.approx(GLS, abs=0.5)
    assert quoted["ef_simpson_percent"] == pytest.approx(EF, abs=1.5)
    segments = rowsOf(results.segments)
    assert len(segments) == 6 * len(rowsOf(results.beats))
    assert segments[0]["segment"] == "basal inferoseptal"
    assert "EF " in results.summary
    assert "GLS \N{MINUS SIGN}15" in results.summary


def test_everything_is_in_one_folder_beside_the_cine(processor):
    output = segmentedHeart(processor)
    results = processor.measure(a4c())
    assert results.together is None, "there is one view only"
    for node in filter(None, vars(results).values()):
        assert hierarchyOf(node) == "Heart results"
    assert results.strainChart.GetNumberOfPlotSeriesNodes() == 6 + 2
    assert output.segmentationSequence.GetAttribute("PointSeg.beats")


def test_measuring_again_replaces_the_results(processor, scene):
    segmentedHeart(processor)
    first = processor.measure(a4c())
    before = scene.GetNumberOfNodes()
    again = processor.measure(a4c())
    assert again.frames is first.frames
    assert again.volumeChart is first.volumeChart
    assert scene.GetNumberOfNodes() == before


def test_points_on_the_wall_are_followed_once_while_the_masks_stay(processor):
    browser, result = beatingCine()
    heart = KnowsTheHeart(result)
    output = processor.process(browser, predictor=heart)
    processor.measure(a4c())
    assert heart.followed == 2, "forth and back"
    assert len(processor.measured.followed.result.tracks) > len(result.tracks)
    processor.markBeat("ES", 12)
    processor.measure(a4c())
    assert heart.followed == 2
    processor.process(browser, output.segmentation, output.points, predictor=heart)
    processor.measure(a4c())
    assert heart.followed == 4


def test_strain_is_measured_without_points_on_the_wall_and_says_so(processor):
    segmentedHeart(processor, follows=False)
    quoted = next(row for row in rowsOf(processor.measure(a4c()).beats) if row["quoted"])
    assert quoted["gls_mid_es_percent"] == pytest.approx(GLS, abs=0.5)
    assert "strain rests on fewer: the tracker is ill" in processor.measured.warnings[-1]


def test_cancelling_while_points_are_followed_leaves_the_scene_alone(processor, scene):
    import threading

    from mrml.fake_engine import FakeEngine

    from PointSegModule.engines import ProcessingCancelledError

    segmentedHeart(processor)
    engine = processor.opened.engine = FakeEngine()
    before, threads = scene.GetNumberOfNodes(), threading.active_count()
    run = processor.measure(a4c(), waitForCompletion=False)
    while not engine.requests:
        run.poll()
    run.cancel()
    with pytest.raises(ProcessingCancelledError):
        run.poll()
    assert engine.cancelled == 1
    assert scene.GetNumberOfNodes() == before
    assert processor.measured is None
    for thread in threading.enumerate():
        if thread.name == "PointSeg work":
            thread.join(60)
    assert threading.active_count() == threads


def test_what_cannot_be_plotted_any_more_is_removed(processor, scene):
    browser, result = beatingCine()
    heart = KnowsTheHeart(result)
    processor.process(browser, predictor=heart)
    processor.measure(a4c())
    tracks = processor.opened.tracks
    heart.follows = False
    processor.opened.tracks = type(tracks)(*(part[:0] for part in vars(tracks).values()))
    results = processor.measure(a4c())
    assert results.strainChart is None
    assert results.segments is None
    assert results.volumeChart.GetNumberOfPlotSeriesNodes() == 4
    assert len(slicer.util.getNodesByClass("vtkMRMLPlotSeriesNode")) == 4


def test_moved_beat_is_measured_anew_and_counted_in_frames_of_the_cine(processor):
    browser, result = beatingCine()
    from PointSegModule.logic import ProcessSettings

    processor.process(browser, predictor=KnowsTheHeart(result, 1), settings=ProcessSettings(firstFrame=1))
    results = processor.measure(a4c())
    beats = rowsOf(results.beats)
    assert [(row["ed_frame"], row["es_frame"]) for row in beats] == [(1, 11), (21, 31)]
    assert rowsOf(results.frames)[0]["frame"] == 1
    assert processor.markBeat("ES", 29).es == (11, 29)
    beats = rowsOf(processor.measure(a4c()).beats)
    assert [row["es_frame"] for row in beats] == [11, 29]
    assert processor.measured.marks.byUser
    processor.forgetMarks()
    assert [row["es_frame"] for row in rowsOf(processor.measure(a4c()).beats)] == [11, 31]


def test_a_mark_that_does_not_fit_is_refused_and_changes_nothing(processor):
    segmentedHeart(processor)
    processor.measure(a4c())
    marks = processor.measured.marks
    with pytest.raises(MeasurementError, match=f"Frame {marks.es[0]} is end-systole already"):
        processor.markBeat("ED", marks.es[0])
    with pytest.raises(PointSegError, match="Frame 99 was not segmented"):
        processor.markBeat("ED", 99)
    from PointSegModule.beat_marks import BeatMarks

    assert BeatMarks.of(processor.opened.sequence) == marks


def test_saved_scene_keeps_results_and_is_measured_on(processor, scene, tmp_path):
    from PointSegModule.logic import CineProcessor
    from PointSegModule.results_output import SceneResults

    output = segmentedHeart(processor)
    processor.markBeat("ED", 1)
    output.browser.SetSelectedItemNumber(12)  # the node that shows a frame loses its attributes to the next one
    processor.markBeat("ES", 12)
    processor.markBeat("ED", 21)
    before = rowsOf(processor.measure(a4c()).beats)
    tables = {name: rowsOf(getattr(SceneResults.of(output.segmentation), name)) for name in ("segments", "frames")}
    assert scene.WriteToMRB(str(tmp_path / "scene.mrb"))
    scene.Clear(False)
    assert scene.ReadFromMRB(str(tmp_path / "scene.mrb"))

    segmentation = scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    results = SceneResults.of(segmentation)
    for name, rows in tables.items():
        for was, now in zip(rows, rowsOf(getattr(results, name)), strict=True):
            assert now == pytest.approx(was)
    assert results.strainChart.GetNumberOfPlotSeriesNodes() == 8
    assert hierarchyOf(results.frames) == "Heart results"
    later = CineProcessor()
    image = scene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    later.openScene(image, segmentation).engine = later.engines.ofPredictor(KnowsTheHeart(output.result))
    assert later.measured is None
    again = rowsOf(later.measure(a4c()).beats)
    assert [row["es_frame"] for row in again] == [12]
    for was, now in zip(before, again, strict=True):
        assert {k: v for k, v in now.items() if isinstance(v, (int, float))} == pytest.approx(
            {k: v for k, v in was.items() if isinstance(v, (int, float))}, rel=0.02, abs=0.05
        )


def test_r_waves_of_a_saved_scene_mark_end_diastole_as_before(processor, scene, tmp_path):
    from PointSegModule.logic import CineProcessor

    output = segmentedHeart(processor, r_wave_times_s=[0.05, 0.55, 1.05])
    before = rowsOf(processor.measure(a4c()).beats)
    assert [row["ed_frame"] for row in before][:2] == [2, 22], "without R waves it is 1, 21"
    assert scene.WriteToMRB(str(tmp_path / "scene.mrb"))
    scene.Clear(False)
    assert scene.ReadFromMRB(str(tmp_path / "scene.mrb"))

    later = CineProcessor()
    browser = scene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    segmentation = scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    later.openScene(browser, segmentation).engine = later.engines.ofPredictor(KnowsTheHeart(output.result))
    again = rowsOf(later.measure(a4c()).beats)
    assert [(row["ed_frame"], row["end_frame"]) for row in again] == [
        (row["ed_frame"], row["end_frame"]) for row in before
    ]


@pytest.mark.parametrize(
    ("known", "said", "column"),
    [
        ({"spacing_mm": None}, "no volumes", "edv_simpson_ml"),
        ({"times_s": None}, "The times of the frames are unknown", "heart_rate_bpm"),
    ],
)
def test_what_is_not_known_leaves_no_column(processor, known, said, column):
    segmentedHeart(processor, **known)
    results = processor.measure(a4c())
    assert column not in columnsOf(results.beats)
    assert any(said in warning for warning in processor.measured.warnings), processor.measured.warnings
    quoted = next(row for row in rowsOf(results.beats) if row["quoted"])
    assert quoted["gls_mid_es_percent"] == pytest.approx(GLS, abs=0.5)


def test_pixels_stay_pixels_in_table_and_chart(processor):
    segmentedHeart(processor, spacing_mm=None)
    results = processor.measure(a4c())
    assert "lv_area_ed_px2" in columnsOf(results.beats)
    assert results.volumeChart.GetYAxisTitle() == "LV area [px²]"
    assert not [name for table in (results.beats, results.frames) for name in columnsOf(table) if name.endswith("_ml")]


def test_a_ruler_gives_millilitres(processor):
    segmentedHeart(processor, spacing_mm=None)
    processor.measure(a4c())
    results = processor.measure(a4c(spacingMm=(0.8, 0.8), calibration="from the ruler"))
    assert "edv_simpson_ml" in columnsOf(results.beats)
    assert not any("not calibrated" in warning for warning in processor.measured.warnings)


@pytest.mark.parametrize(
    ("frames", "said"), [(1, "1 frame with an LV area show no beat"), (8, "is incomplete: end-diastole is missing")]
)
def test_too_few_frames_are_said_to_be(processor, frames, said):
    segmentedHeart(processor, frames=frames)
    results = processor.measure(a4c())
    assert any(said in warning for warning in processor.measured.warnings), processor.measured.warnings
    assert said in results.summary


def test_masks_without_a_wall_are_said_to_be(processor):
    browser, result = beatingCine()
    result.labels[result.labels == 2] = 0
    processor.process(browser, predictor=KnowsTheHeart(result))
    results = processor.measure(a4c())
    assert any("Strain was not measured" in warning for warning in processor.measured.warnings)
    assert results.segments is None
    assert "ef_simpson_percent" in columnsOf(results.beats)


def test_unknown_view_names_walls_by_their_side(processor):
    from PointSegModule.measuring import MeasureSettings

    segmentedHeart(processor)
    segments = rowsOf(processor.measure().segments)
    assert {row["segment"] for row in segments} >= {"basal left", "apical right"}
    before = slicer.mrmlScene.GetNumberOfNodes()
    with pytest.raises(MeasurementError, match="'A5C' is not known; give one of A4C, A2C, A3C"):
        processor.measure(MeasureSettings("A5C"))
    assert slicer.mrmlScene.GetNumberOfNodes() == before


def test_two_views_of_a_heart_give_biplane_volumes(processor):
    from PointSegModule.measuring import MeasureSettings

    first = segmentedHeart(processor)
    processor.measure(a4c())
    second = segmentedHeart(processor)
    results = processor.measure(MeasureSettings(view="A2C"), other=first.segmentation)
    (row,) = rowsOf(results.together)
    assert row["views"] == "A4C+A2C"
    assert row["ef_biplane_percent"] == pytest.approx(EF, abs=1.5)
    assert row["gls_mean_percent"] == pytest.approx(GLS, abs=0.5)
    assert "A4C and A2C together: EF " in results.summary
    assert rowsOf(processor.measure(MeasureSettings(view="A2C")).beats)
    assert type(results).of(second.segmentation).together is None, "of one view again"


def test_two_views_that_do_not_fit_are_said_to_be(processor):
    first = segmentedHeart(processor)
    with pytest.raises(PointSegError, match="was not measured in this session"):
        processor.measure(a4c(), other=first.segmentation)
    processor.measure(a4c())
    segmentedHeart(processor)
    results = processor.measure(a4c(), other=first.segmentation)
    assert results.together is None
    assert "it needs an A4C and an A2C, and the views are A4C and A4C" in results.summary


def test_nothing_is_measured_before_it_is_segmented(processor):
    with pytest.raises(PointSegError, match="segment a cine first"):
        processor.measure()


def test_edits_of_the_masks_are_measured(processor):
    output = segmentedHeart(processor)
    area = rowsOf(processor.measure(a4c()).frames)[5]["lv_area_mm2"]
    output.browser.SetSelectedItemNumber(5)
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(output.segmentation, "LVCavity", output.imageNode)
    edited = mask.copy()
    edited[0, :60] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(edited, output.segmentation, "LVCavity", output.imageNode)
    after = rowsOf(processor.measure(a4c()).frames)[5]["lv_area_mm2"]
    lost = int(np.count_nonzero(mask) - np.count_nonzero(edited))
    assert lost > 100
    assert area - after == pytest.approx(0.64 * lost, rel=0.05)
