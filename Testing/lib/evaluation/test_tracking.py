"""Claims about tracking scores, with numbers worked out by hand from TAP-Vid's definitions."""

from __future__ import annotations

import numpy as np
import pytest

from PointSegLib.errors import PointError
from PointSegLib.evaluation.tracking import TrackSet, first_queries, score_tracks, strided_queries

SQUARE = (256, 256)


def _still(points: int, frames: int) -> TrackSet:
    xy = np.full((points, frames, 2), 100.0)
    return TrackSet(xy, np.ones((points, frames), bool))


def _moved(truth: TrackSet, offsets_x: list[float]) -> TrackSet:
    xy = truth.xy.copy()
    xy[:, :, 0] += offsets_x
    return TrackSet(xy, truth.visible)


def test_perfect_tracks_score_one():
    truth = _still(3, 5)
    scores = score_tracks(truth, truth, np.zeros(3, int), SQUARE, spacing_mm=(0.3, 0.3))
    assert (scores.average_jaccard, scores.position_accuracy, scores.occlusion_accuracy) == (1.0, 1.0, 1.0)
    assert (scores.median_error_px, scores.median_error_mm, scores.mean_error_px) == (0.0, 0.0, 0.0)
    assert scores.evaluated == 12


def test_errors_of_known_size_pass_known_thresholds():
    # After the query: errors 0.5, 1.5, 3, 6, 12, 20 px pass 1, 2, 3, 4, 5 of the 6 frames at 1, 2, 4, 8, 16.
    truth = _still(1, 7)
    found = score_tracks(_moved(truth, [0, 0.5, 1.5, 3, 6, 12, 20]), truth, np.zeros(1, int), SQUARE)
    assert found.position_accuracy == pytest.approx(np.mean([1, 2, 3, 4, 5]) / 6)
    # All visible on both sides: k right, 6 - k false positives, 6 positives.
    assert found.average_jaccard == pytest.approx(np.mean([k / (6 + 6 - k) for k in (1, 2, 3, 4, 5)]))
    assert found.median_error_raster == pytest.approx(4.5)
    assert found.mean_error_px == pytest.approx(43 / 6)


def test_an_error_of_exactly_a_threshold_is_outside_it():
    truth = _still(1, 2)
    assert score_tracks(_moved(truth, [0, 4.0]), truth, np.zeros(1, int), SQUARE).position_accuracy == pytest.approx(
        0.4
    )
    below = score_tracks(_moved(truth, [0, 3.999]), truth, np.zeros(1, int), SQUARE)
    assert below.position_accuracy == pytest.approx(0.6)


def test_visibility_mistakes_enter_jaccard_and_occlusion_but_not_accuracy():
    truth = TrackSet(_still(1, 5).xy, np.array([[1, 1, 1, 0, 0]], bool))
    told = TrackSet(truth.xy, np.array([[1, 1, 0, 1, 0]], bool))
    found = score_tracks(told, truth, np.zeros(1, int), SQUARE)
    # Frames 1..4: one hit, one miss (told hidden), one false alarm, one rightly hidden.
    assert found.position_accuracy == 1.0
    assert found.average_jaccard == pytest.approx(1 / (2 + 1))
    assert found.occlusion_accuracy == pytest.approx(0.5)
    assert found.evaluated == 2


def test_first_counts_only_later_frames_and_strided_all_others():
    truth = _still(1, 5)
    wrong_before = _moved(truth, [50, 50, 0, 0, 0])
    query = np.array([2])
    assert score_tracks(wrong_before, truth, query, SQUARE, "first").position_accuracy == 1.0
    strided = score_tracks(wrong_before, truth, query, SQUARE, "strided")
    assert strided.position_accuracy == pytest.approx(0.5)
    assert strided.evaluated == 4


def test_query_frame_itself_never_counts():
    truth = _still(1, 3)
    wrong_at_query = _moved(truth, [0, 99, 0])
    for mode in ("first", "strided"):
        assert score_tracks(wrong_at_query, truth, np.array([1]), SQUARE, mode).position_accuracy == 1.0


def test_thresholds_apply_on_the_raster_and_mm_use_each_axis():
    truth = _still(1, 2)
    xy = truth.xy.copy()
    xy[0, 1] += (6.0, 4.0)
    found = score_tracks(TrackSet(xy, truth.visible), truth, np.zeros(1, int), (512, 1024), spacing_mm=(0.5, 0.25))
    assert found.median_error_raster == pytest.approx(np.hypot(3.0, 1.0))
    assert found.median_error_px == pytest.approx(np.hypot(6.0, 4.0))
    assert found.median_error_mm == pytest.approx(np.hypot(6.0 * 0.25, 4.0 * 0.5))
    assert found.position_accuracy == pytest.approx(3 / 5)


def test_median_trajectory_error_is_a_mean_over_points_of_medians_over_time():
    truth = _still(2, 4)
    xy = truth.xy.copy()
    xy[0, 1:, 0] += [1, 2, 30]
    xy[1, 1:, 1] += [4, 4, 4]
    found = score_tracks(TrackSet(xy, truth.visible), truth, np.zeros(2, int), SQUARE)
    assert found.median_error_px == pytest.approx((2 + 4) / 2)
    assert np.isnan(found.median_error_mm)


def test_the_gain_tells_how_much_of_the_motion_was_followed():
    truth = _moved(_still(2, 4), [0.0, 5.0, 10.0, 5.0])
    timid = _moved(_still(2, 4), [0.0, 3.5, 7.0, 3.5])
    query = np.zeros(2, int)
    assert score_tracks(timid, truth, query, SQUARE).motion_gain == pytest.approx(0.7)
    assert score_tracks(truth, truth, query, SQUARE).motion_gain == pytest.approx(1.0)
    assert np.isnan(score_tracks(_still(2, 4), _still(2, 4), query, SQUARE).motion_gain)


def test_scores_do_not_depend_on_the_order_of_points():
    rng = np.random.default_rng(0)
    truth = TrackSet(rng.uniform(0, 256, (20, 8, 2)), rng.random((20, 8)) > 0.2)
    told = TrackSet(truth.xy + rng.normal(0, 3, truth.xy.shape), rng.random((20, 8)) > 0.2)
    query, order = rng.integers(0, 8, 20), rng.permutation(20)
    one = score_tracks(told, truth, query, SQUARE, "strided")
    two = score_tracks(
        TrackSet(told.xy[order], told.visible[order]),
        TrackSet(truth.xy[order], truth.visible[order]),
        query[order],
        SQUARE,
        "strided",
    )
    assert one.as_row() == pytest.approx(two.as_row(), nan_ok=True)


def test_nothing_to_evaluate_is_nan_and_not_zero():
    truth = _still(1, 3)
    found = score_tracks(truth, truth, np.array([2]), SQUARE, "first")
    assert np.isnan([found.average_jaccard, found.position_accuracy, found.occlusion_accuracy]).all()
    assert found.evaluated == 0


def test_first_and_strided_queries():
    visible = np.zeros((3, 11), bool)
    visible[0, 4:] = True
    visible[1, [0, 5]] = True
    xy = np.arange(3 * 11 * 2, dtype=float).reshape(3, 11, 2)
    truth = TrackSet(xy, visible)
    assert first_queries(truth).tolist() == [[0, 4, *xy[0, 4]], [1, 0, *xy[1, 0]]]
    assert strided_queries(truth)[:, :2].tolist() == [[1, 0], [0, 5], [1, 5], [0, 10]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query_mode": "last"}, "query mode 'last'"),
        ({"query_frame": np.array([3])}, "queried in frame 3"),
        ({"query_frame": np.array([0, 1])}, "do not fit"),
        ({"prediction": _moved(_still(1, 3), [0, np.nan, 0])}, "point 0 in frame 1"),
    ],
)
def test_unusable_tracks_are_named(change, message):
    truth = _still(1, 3)
    arguments = {"prediction": truth, "truth": truth, "query_frame": np.array([0]), "size_wh": SQUARE} | change
    with pytest.raises(PointError, match=message):
        score_tracks(**arguments)


def test_tracks_of_a_wrong_shape_are_refused():
    with pytest.raises(PointError, match=r"\[N, T, 2\]"):
        TrackSet(np.zeros((3, 2)), np.zeros((3, 2), bool))


def test_millimetre_scores_by_hand():
    truth = _still(4, 3)
    # 0.6, 1.2, 3 and 9 mm along x
    moved = _moved(truth, np.array([[2.0], [4.0], [10.0], [30.0]]))
    scores = score_tracks(moved, truth, np.zeros(4, int), SQUARE, spacing_mm=(1.0, 0.3))
    assert scores.within_mm == (0.0, 0.25, 0.5, 0.75, 0.75)
    assert scores.position_accuracy_mm == pytest.approx(np.mean(scores.within_mm))
    # all visible and told so: within = c of 4 gives c true and 4 - c false positives
    assert scores.average_jaccard_mm == pytest.approx(np.mean([c / (8 - c) for c in (0, 1, 2, 3, 3)]))
    row = scores.as_row()
    assert (row["within_0.5_mm"], row["within_1_mm"], row["within_8_mm"]) == (0.0, 0.25, 0.75)


def test_without_a_pixel_size_there_are_no_millimetre_scores():
    truth = _still(2, 3)
    row = score_tracks(truth, truth, np.zeros(2, int), SQUARE).as_row()
    assert all(np.isnan(value) for name, value in row.items() if name.endswith("_mm"))
    assert row["average_jaccard"] == 1.0


@pytest.mark.parametrize("mode", ["first", "strided"])
def test_scores_are_tapvids_definition_spelled_out_in_loops(mode):
    rng = np.random.default_rng(3)
    truth = TrackSet(rng.uniform(0, 100, (7, 9, 2)), rng.random((7, 9)) < 0.7)
    told = TrackSet(truth.xy + rng.normal(0, 3, (7, 9, 2)), rng.random((7, 9)) < 0.8)
    query_frame = rng.integers(0, 8, 7)
    found = score_tracks(told, truth, query_frame, (128, 64), mode)
    shares, jaccards, agree = [], [], []
    for threshold in (1, 2, 4, 8, 16):
        near = seen = true_positive = false_positive = 0
        for point in range(7):
            for frame in range(9):
                if frame == query_frame[point] or (mode == "first" and frame < query_frame[point]):
                    continue
                dx, dy = (told.xy[point, frame] - truth.xy[point, frame]) * (256 / 128, 256 / 64)
                within = dx * dx + dy * dy < threshold * threshold
                visible, said = truth.visible[point, frame], told.visible[point, frame]
                seen += visible
                near += visible and within
                true_positive += visible and within and said
                false_positive += said and not (visible and within)
                agree.append(visible == said)
        shares.append(near / seen)
        jaccards.append(true_positive / (seen + false_positive))
    assert found.position_accuracy == pytest.approx(np.mean(shares))
    assert found.average_jaccard == pytest.approx(np.mean(jaccards))
    assert found.occlusion_accuracy == pytest.approx(np.mean(agree))
