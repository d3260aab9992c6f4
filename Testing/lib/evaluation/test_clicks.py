"""Claims about the simulated user: it clicks the worst mistake, says what lies there, and counts until 0.90."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from PointSegLib.clip import CineClip
from PointSegLib.evaluation.clicks import Click, ClickCurve, click_curve, evaluate_clicks, worst_mistake
from PointSegLib.evaluation.runs import standing_still
from PointSegLib.result import PointSegResult

SHAPE = (60, 80)


def _truth() -> np.ndarray:
    """A wall of 40 x 40 around a cavity of 20 x 20."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[10:50, 20:60] = 2
    labels[20:40, 30:50] = 1
    return labels


def _clip(frames: int = 2) -> CineClip:
    return CineClip(np.zeros((frames, *SHAPE), np.uint8), source="made")


def _two(second: np.ndarray) -> np.ndarray:
    return np.stack([_truth(), second])


def _missed() -> np.ndarray:
    labels = _truth()
    labels[10:19, 20:60] = 0
    return labels


def _truths() -> dict[int, np.ndarray]:
    return {0: _truth(), 1: _truth()}


def test_missed_wall_is_clicked_in_its_frame_and_at_its_centre():
    click = worst_mistake(_two(_missed()), _truths())
    assert (click.frame, click.y, click.hint) == (1, 14, "wall")
    assert 24 <= click.x <= 55


def test_false_wall_in_the_cavity_and_outside_are_told_apart():
    inside, outside = _truth(), _truth()
    inside[25:34, 35:44] = 2
    outside[0:7, 0:7] = 2
    assert worst_mistake(_two(inside), _truths()) == Click(1, 39, 29, "cavity")
    assert worst_mistake(_two(outside), _truths()) == Click(1, 3, 3, "outside")


def test_the_largest_of_several_mistakes_is_clicked():
    labels = _missed()
    labels[52:57, 70:75] = 2
    assert worst_mistake(_two(labels), _truths()).hint == "wall"
    labels[50:60, 0:80] = 2
    assert worst_mistake(_two(labels), _truths()).hint == "outside"


def test_mistakes_about_the_atrium_are_not_clicked():
    truth = _truth()
    truth[50:58, 30:50] = 3
    assert worst_mistake(np.stack([_truth()]), {0: truth}) is None


def test_no_mistake_no_click():
    assert worst_mistake(_two(_truth()), _truths()) is None


def test_a_pixel_is_not_clicked_twice():
    labels = _truth()
    labels[0:3, 0:3] = 2
    first = worst_mistake(_two(labels), _truths())
    second = worst_mistake(_two(labels), _truths(), [first])
    assert first == Click(1, 1, 1, "outside")
    assert (second.x, second.y) != (first.x, first.y)


class _Learner:
    """Misses the top of the wall in every frame until it has been told of it `needs` times."""

    def __init__(self, needs: int) -> None:
        self.needs, self.heard = needs, []

    def __call__(self, clip: CineClip, points: np.ndarray, hints: Sequence[str]) -> PointSegResult:
        assert points.dtype == np.float32
        assert points.shape == (len(hints), 3)
        self.heard.append(list(hints))
        right = hints.count("wall") >= self.needs
        labels = np.stack([_truth() if right else _missed()] * len(clip))
        return PointSegResult(labels, standing_still(clip, points))


def test_clicks_are_counted_until_the_target():
    learner = _Learner(2)
    curve = click_curve(learner, ("case", _clip(), _truths()), 4)
    before = 2 * 840 / (840 + 1200)
    assert curve.dices == pytest.approx((before, before, 1.0, 1.0, 1.0))
    assert learner.heard == [[], ["wall"], ["wall", "wall"]]
    row = curve.as_row()
    assert (row["clicks_to_90"], row["censored"]) == (2, 0)
    assert [row[f"reached_after_{k}"] for k in range(5)] == [0, 0, 1, 1, 1]


def test_a_case_never_mended_counts_as_all_clicks_and_is_censored():
    (row,) = evaluate_clicks(_Learner(9), [("case", _clip(), _truths())], 3)
    assert (row["case"], row["clicks_to_90"], row["censored"], row["most_clicks"]) == ("case", 3, 1, 3)


def test_a_case_right_from_the_start_needs_no_click():
    row = ClickCurve((0.95, 0.85), ()).as_row()
    assert (row["clicks_to_90"], row["censored"], row["reached_after_1"]) == (0, 0, 1)


def test_a_case_that_fails_is_noted_and_the_others_go_on():
    failed: dict[str, str] = {}
    cases = [("bad", _clip(), {5: _truth()}), ("good", _clip(), _truths())]
    rows = evaluate_clicks(_Learner(1), cases, 1, failed)
    assert [row["case"] for row in rows] == ["good"]
    assert "truth of frame 5" in failed["bad"]
