"""Claims about masks carried by tracks: they arrive where the tissue went, whatever the motion."""

from __future__ import annotations

import numpy as np
import pytest

from PointSegLib.evaluation.warping import carried, track_warped_dice


def _disc(x: float, y: float, radius: float = 12.0, shape: tuple[int, int] = (80, 100)) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return (columns - x) ** 2 + (rows - y) ** 2 <= radius**2


def _grid(step: int = 10) -> np.ndarray:
    y, x = np.mgrid[0:80:step, 0:100:step]
    return np.column_stack([x.ravel(), y.ravel()]).astype(float)


def _moving(offsets: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    xy = np.stack([_grid() + offset for offset in offsets], axis=1)
    return xy, np.ones(xy.shape[:2], bool)


def test_tracks_that_move_with_the_mask_agree_fully():
    offsets = [(0, 0), (5, -3), (11, -6)]
    labels = np.stack([2 * _disc(40 + x, 40 + y) for x, y in offsets]).astype(np.uint8)
    xy, visible = _moving(offsets)
    assert track_warped_dice(labels, 2, xy, visible) == 1.0


def test_tracks_that_stay_while_the_mask_moves_do_not():
    labels = np.stack([2 * _disc(40, 40), 2 * _disc(52, 40)]).astype(np.uint8)
    xy, visible = _moving([(0, 0), (0, 0)])
    plain = 2 * (_disc(40, 40) & _disc(52, 40)).sum() / (_disc(40, 40).sum() + _disc(52, 40).sum())
    assert track_warped_dice(labels, 2, xy, visible) == pytest.approx(plain)


def test_an_affine_motion_is_followed_between_the_points():
    points = _grid()
    moved = (points - 40) * (1.25, 0.8) + 40
    mask = _disc(40, 40)
    rows, columns = np.mgrid[:80, :100]
    x, y = np.rint((columns - 40) / 1.25 + 40).astype(int), np.rint((rows - 40) / 0.8 + 40).astype(int)
    inside = (x >= 0) & (x < 100) & (y >= 0) & (y < 80)
    expected = np.zeros_like(mask)
    expected[inside] = mask[y[inside], x[inside]]
    np.testing.assert_array_equal(carried(mask, points, moved), expected)


def test_one_point_carries_the_whole_mask():
    np.testing.assert_array_equal(carried(_disc(40, 40), np.array([[0.0, 0.0]]), np.array([[6.0, 2.0]])), _disc(46, 42))


def test_points_on_a_line_carry_it_too():
    line = np.array([[10.0, 40.0], [40.0, 40.0], [70.0, 40.0]])
    np.testing.assert_array_equal(carried(_disc(40, 40), line, line + np.array([0, 7])), _disc(40, 47))


def test_invisible_points_carry_nothing():
    labels = np.stack([2 * _disc(40, 40), 2 * _disc(46, 40)]).astype(np.uint8)
    xy, visible = _moving([(0, 0), (6, 0)])
    wrong = xy.copy()
    wrong[::2, 1] += 30.0
    visible[::2, 1] = False
    assert track_warped_dice(labels, 2, wrong, visible) == 1.0
    assert np.isnan(track_warped_dice(labels, 2, wrong, np.zeros_like(visible)))


def test_a_mask_that_leaves_the_image_is_cut_off_there():
    moved = carried(_disc(90, 40), _grid(), _grid() + np.array([15, 0]))
    np.testing.assert_array_equal(moved, _disc(105, 40))
