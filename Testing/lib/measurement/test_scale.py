"""A pixel's size is carried into every length: rows and columns are not mixed up, and unknown size says so."""

from __future__ import annotations

import numpy as np
import pytest

from PointSegLib.clip import CineClip
from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.scale import Scale

FRAMES = np.zeros((1, 32, 32), np.uint8)


def test_clips_row_and_column_spacing_land_on_y_and_x():
    scale = Scale.of(CineClip(FRAMES, spacing_mm=(0.5, 2.0)))
    assert scale.calibrated
    assert np.array_equal(scale.to_units(np.array([[3.0, 0.0], [0.0, 3.0]])), [[6.0, 0.0], [0.0, 1.5]])
    assert scale.pixel_area == pytest.approx(1.0)


def test_clip_without_spacing_is_measured_in_pixels():
    scale = Scale.of(CineClip(FRAMES))
    assert (scale.unit, scale.calibrated, scale.pixel_area) == ("px", False, 1.0)


def test_positions_return_from_units():
    xy = np.random.default_rng(0).random((3, 4, 2))
    scale = Scale(0.3, 0.7, "mm")
    assert np.allclose(scale.to_pixels(scale.to_units(xy)), xy)


@pytest.mark.parametrize("column", [0.0, -1.0, np.nan, np.inf])
def test_impossible_pixel_is_refused(column):
    with pytest.raises(MeasurementError, match="positive"):
        Scale(column, 1.0, "mm")
