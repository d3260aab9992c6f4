"""Claims about whole runs: an oracle scores one, the baseline is there, misfits are named."""

from __future__ import annotations

import numpy as np
import pytest

from PointSegLib.clip import CineClip
from PointSegLib.errors import ClipError, PointError
from PointSegLib.evaluation.runs import TrackingCase, evaluate_segmentation, evaluate_tracking, standing_still
from PointSegLib.evaluation.tracking import TrackSet
from PointSegLib.result import PointSegResult, PointTracks


def _clip(frames: int = 4) -> CineClip:
    rng = np.random.default_rng(0)
    return CineClip(rng.integers(0, 255, (frames, 40, 48), dtype=np.uint8), spacing_mm=(0.5, 0.5), source="made")


def _labels(frames: int = 4) -> np.ndarray:
    labels = np.zeros((frames, 40, 48), np.uint8)
    labels[:, 5:30, 10:30] = 2
    labels[:, 10:30, 15:25] = 1
    labels[:, 30:36, 14:26] = 3
    return labels


def _result(labels: np.ndarray, classes: tuple[int, ...] = (1, 2, 3)) -> PointSegResult:
    tracks = standing_still(_clip(len(labels)), np.array([[0, 5.0, 5.0]]))
    return PointSegResult(labels, tracks, class_labels=classes)


def _walk() -> TrackingCase:
    xy = np.zeros((3, 4, 2)) + 10.0
    xy[..., 0] += 3.0 * np.arange(4)
    return TrackingCase("walk", _clip(), TrackSet(xy, np.ones((3, 4), bool)), np.zeros(3, int))


def _oracle(case: TrackingCase):
    def track(clip: CineClip, points: np.ndarray) -> PointTracks:
        still = standing_still(clip, points)
        return PointTracks(case.truth.xy.astype(np.float32), still.visible, still.confidence, still.is_prompt, points)

    return track


def test_right_labels_score_one_in_every_annotated_frame():
    labels = _labels()
    scores = evaluate_segmentation(lambda clip: _result(labels), [("case", _clip(), {3: labels[3], 0: labels[0]})])
    assert [(row["frame"], row["structure"]) for row in scores.frames][:3] == [
        (0, "LV cavity"),
        (0, "Myocardium"),
        (0, "Left atrium"),
    ]
    assert len(scores.frames) == 6
    assert all(row["dice"] == 1.0 and row["hd95_max_mm"] == 0.0 for row in scores.frames)
    (clip,) = scores.clips
    assert (clip["myocardium_dice"], clip["lv_frame_dice"], clip["scored_frames"]) == (1.0, 1.0, 2)
    assert (clip["empty_masks"], clip["consistent"]) == (0, 1.0)


def test_missing_structure_is_counted_and_costs_dice():
    truth, labels = _labels(), _labels()
    labels[0][labels[0] == 3] = 0
    scores = evaluate_segmentation(lambda clip: _result(labels), [("case", _clip(), {0: truth[0], 1: truth[1]})])
    assert scores.clips[0]["empty_masks"] == 1
    assert scores.clips[0]["left_atrium_dice"] == pytest.approx(0.5)


def test_model_of_the_wall_alone_is_scored_on_the_wall_alone():
    labels = np.where(_labels() == 2, 2, 0).astype(np.uint8)
    scores = evaluate_segmentation(lambda clip: _result(labels, (2,)), [("case", _clip(), {0: _labels()[0]})])
    assert [row["structure"] for row in scores.frames] == ["Myocardium"]
    assert scores.clips[0]["myo_frame_dice"] == 1.0
    assert "consistent" not in scores.clips[0]


def test_one_frame_clip_has_no_temporal_figures():
    scores = evaluate_segmentation(lambda clip: _result(_labels(1)), [("still", _clip(1), {0: _labels(1)[0]})])
    assert "lv_frame_dice" not in scores.clips[0]
    assert scores.frames[0]["dice"] == 1.0


@pytest.mark.parametrize("truths", [{4: _labels()[0]}, {-1: _labels()[0]}, {0: _labels()[0][:20]}])
def test_truth_that_does_not_fit_is_named(truths):
    with pytest.raises(ClipError, match=r"p7: the truth of frame"):
        evaluate_segmentation(lambda clip: _result(_labels()), [("p7", _clip(), truths)])


def test_result_of_another_size_is_named():
    with pytest.raises(ClipError, match=r"p7: labels of shape \[2, 40, 48\]"):
        evaluate_segmentation(lambda clip: _result(_labels(2)), [("p7", _clip(), {})])


def test_oracle_beats_standing_still():
    case = _walk()
    model, still = evaluate_tracking(_oracle(case), [case])
    assert (model["method"], still["method"]) == ("model", "standing still")
    assert model["average_jaccard"] == 1.0
    assert still["average_jaccard"] < 0.6
    assert still["mean_error_px"] == pytest.approx(6.0)
    assert still["mean_error_mm"] == pytest.approx(3.0)
    assert still["jitter_px"] == 0.0


def test_queries_are_the_true_positions_at_the_query_frames():
    case = _walk()
    late = TrackingCase(case.name, case.clip, case.truth, np.array([0, 1, 3]))
    assert late.queries.tolist() == [[0, 10, 10], [1, 13, 10], [3, 19, 10]]


def test_tapvid_queries_repeat_points_in_strided_mode():
    truth = TrackSet(np.zeros((2, 11, 2)), np.ones((2, 11), bool))
    assert len(TrackingCase.queried("c", _clip(11), truth, "first").truth.xy) == 2
    strided = TrackingCase.queried("c", _clip(11), truth, "strided")
    assert strided.query_frame.tolist() == [0, 0, 5, 5, 10, 10]
    rows = evaluate_tracking(standing_still, [strided], "strided")
    assert rows[0]["average_jaccard"] == 1.0


def test_tracker_that_loses_points_is_named():
    def lose(clip: CineClip, points: np.ndarray) -> PointTracks:
        return standing_still(clip, points[:-1])

    with pytest.raises(PointError, match="walk: the tracker returned"):
        evaluate_tracking(lose, [_walk()])


def test_a_case_that_fails_is_noted_and_the_others_are_scored():
    good, bad = ("good", _clip(), {0: _labels()[0]}), ("bad", _clip(), {9: _labels()[0]})
    failed: dict[str, str] = {}
    scores = evaluate_segmentation(lambda clip: _result(_labels()), [bad, good], failed)
    assert {row["case"] for row in scores.frames} == {"good"} == {row["case"] for row in scores.clips}
    assert list(failed) == ["bad"]
    assert "truth of frame 9" in failed["bad"]


def test_a_tracker_that_fails_leaves_no_half_of_its_case():
    def lose(clip: CineClip, points: np.ndarray) -> PointTracks:
        return standing_still(clip, points[:-1])

    failed: dict[str, str] = {}
    assert evaluate_tracking(lose, [_walk()], failed=failed) == []
    assert "the tracker returned" in failed["walk"]


def test_masks_that_follow_their_tracks_agree_with_them():
    scores = evaluate_segmentation(lambda clip: _result(_labels()), [("case", _clip(), {})])
    (clip,) = scores.clips
    assert clip["myo_track_warped_dice"] == 1.0
    assert (clip["track_jitter_px"], clip["track_jitter_mm"]) == (0.0, 0.0)
