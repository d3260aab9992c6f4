"""A chamber's border runs between its pixels and the next ones, and knows what lies beyond."""

from __future__ import annotations

import numpy as np
import pytest

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.chamber import trace_chamber
from PointSegLib.result import LEFT_ATRIUM, LV_CAVITY, MYOCARDIUM


def square() -> np.ndarray:
    """A cavity of 10 x 12 pixels from (20, 10) on, wall to its left, atrium under it."""
    labels = np.zeros((40, 50), np.uint8)
    labels[10:22, 20:30] = LV_CAVITY
    labels[10:22, 18:20] = MYOCARDIUM
    labels[22:26, 20:30] = LEFT_ATRIUM
    return labels


def test_border_lies_half_a_pixel_outside_the_outermost_pixels():
    chamber = trace_chamber(square())
    assert chamber.pixels == 120
    assert chamber.border.min(0).tolist() == [19.5, 9.5]
    assert chamber.border.max(0).tolist() == [29.5, 21.5]


def test_every_step_of_the_border_knows_its_neighbour():
    chamber = trace_chamber(square())
    x, y = chamber.border.T
    assert set(chamber.beyond[x == 19.5]) == {MYOCARDIUM}
    assert set(chamber.beyond[y == 21.5]) == {LEFT_ATRIUM}
    assert set(chamber.beyond[x == 29.5]) == {0}


def test_beyond_the_image_is_background():
    labels = np.full((12, 12), LV_CAVITY, np.uint8)
    assert not trace_chamber(labels).beyond.any()


def test_largest_part_is_taken():
    labels = square()
    labels[30:39, 2:10] = LV_CAVITY
    assert trace_chamber(labels).pixels == 120


def test_speck_is_no_chamber():
    labels = np.zeros((40, 50), np.uint8)
    labels[3:6, 3:6] = LEFT_ATRIUM
    with pytest.raises(MeasurementError, match="9 pixels of Left atrium"):
        trace_chamber(labels, LEFT_ATRIUM)
