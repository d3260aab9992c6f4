"""Filled outlines hold the pixels whose centre they enclose."""

from __future__ import annotations

import numpy as np
import pytest

from PointSegLib.io.polygon import fill_polygon


def test_a_rectangle_between_pixel_centres_holds_exactly_those_inside():
    inside = fill_polygon(np.array([[1.5, 2.5], [6.5, 2.5], [6.5, 4.5], [1.5, 4.5]]), (8, 10))
    expected = np.zeros((8, 10), bool)
    expected[3:5, 2:7] = True
    assert np.array_equal(inside, expected)


def test_two_polygons_with_a_common_edge_through_centres_share_no_pixel_and_leave_none():
    left = fill_polygon(np.array([[-0.5, -0.5], [4, -0.5], [6, 9.5], [-0.5, 9.5]]), (10, 10))
    right = fill_polygon(np.array([[4, -0.5], [9.5, -0.5], [9.5, 9.5], [6, 9.5]]), (10, 10))
    assert not (left & right).any()
    assert (left | right).all()


def test_corners_on_pixel_rows_are_counted_once():
    inside = fill_polygon(np.array([[5, 1], [9, 5], [5, 9], [1, 5]]), (11, 11))
    y, x = np.mgrid[:11, :11]
    strictly = np.abs(x - 5) + np.abs(y - 5) < 4
    around = np.abs(x - 5) + np.abs(y - 5) <= 4
    assert (inside >= strictly).all()
    assert (inside <= around).all()


@pytest.mark.parametrize("turn", [1, -1])
def test_the_area_of_a_large_circle_is_right_either_way_round(turn):
    angle = turn * np.linspace(0, 2 * np.pi, 400, endpoint=False)
    inside = fill_polygon(np.stack([60.3 + 40 * np.cos(angle), 55.7 + 40 * np.sin(angle)], 1), (112, 120))
    assert inside.sum() == pytest.approx(np.pi * 40**2, rel=0.005)


def test_what_leaves_the_image_is_cut_at_its_border():
    assert fill_polygon(np.array([[-50, -50], [50, -50], [50, 50], [-50, 50]]), (8, 9)).all()
