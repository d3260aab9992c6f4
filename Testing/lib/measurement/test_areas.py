"""Areas are pixels times their size; frames without the structure or with a part of it say so."""

from __future__ import annotations

import numpy as np
import pytest

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.areas import fractional_area_change, measure_areas
from PointSegLib.measurement.scale import Scale
from PointSegLib.result import LEFT_ATRIUM, LV_CAVITY, MYOCARDIUM


def disk(radius_mm: float, scale: Scale, centre: tuple[float, float] = (40.0, 40.0)) -> np.ndarray:
    """bool `[100, 120]`, a disk around (x, y) in mm."""
    y, x = np.mgrid[:100, :120]
    xy = scale.to_units(np.stack([x, y], -1))
    return np.linalg.norm(xy - centre, axis=-1) <= radius_mm


@pytest.mark.parametrize("scale", [Scale(1.0, 1.0, "mm"), Scale(0.7, 1.0, "mm"), Scale(0.9, 1.4, "mm")])
def test_disk_has_its_area_whatever_the_shape_of_a_pixel(scale):
    labels = np.where(disk(25.0, scale), LV_CAVITY, 0)[None]
    curve = measure_areas(labels, scale)[LV_CAVITY]
    assert curve.area[0] == pytest.approx(np.pi * 25.0**2, rel=0.01)
    assert not curve.cut.any()
    assert not curve.warnings


def test_uncalibrated_area_is_in_pixels():
    labels = np.zeros((2, 40, 40), np.uint8)
    labels[:, 10:20, 10:30] = MYOCARDIUM
    curve = measure_areas(labels, Scale())[MYOCARDIUM]
    assert curve.unit == "px"
    assert np.array_equal(curve.area, [200.0, 200.0])


def test_frames_without_the_structure_are_named_and_not_known():
    labels = np.zeros((4, 40, 40), np.uint8)
    labels[[0, 1, 3], 10:20, 10:20] = LV_CAVITY
    curve = measure_areas(labels, Scale())[LV_CAVITY]
    assert curve.absent.tolist() == [False, False, True, False]
    assert np.isnan(curve.known()).tolist() == curve.absent.tolist()
    assert curve.warnings == ("LV cavity: not found in frame 2.",)


def test_structure_at_the_images_edge_is_cut_and_one_corner_of_it_is_not():
    scale = Scale(1.0, 1.0, "mm")
    at_edge = np.where(disk(25.0, scale, (10.0, 50.0)), LEFT_ATRIUM, 0)
    touching = np.where(disk(25.0, scale, (27.0, 50.0)), LEFT_ATRIUM, 0)
    assert measure_areas(np.stack([at_edge, touching]), scale)[LEFT_ATRIUM].cut.tolist() == [True, False]


def test_structure_that_ends_with_the_sector_is_cut():
    scale = Scale(1.0, 1.0, "mm")
    inside = np.ones((100, 120), bool)
    inside[:, :30] = False
    labels = np.where(disk(25.0, scale) & inside, LV_CAVITY, 0)[None]
    assert measure_areas(labels, scale, inside)[LV_CAVITY].cut[0]
    assert not measure_areas(labels, scale)[LV_CAVITY].cut[0]


def test_fractional_area_change_is_positive_when_the_cavity_empties():
    assert fractional_area_change(30.0, 15.0) == 50.0
    with pytest.raises(MeasurementError, match="end-diastolic"):
        fractional_area_change(0.0, 1.0)


def test_malformed_input_is_refused():
    with pytest.raises(MeasurementError, match=r"\[T, H, W\]"):
        measure_areas(np.zeros((40, 40)), Scale())
    with pytest.raises(MeasurementError, match="does not fit"):
        measure_areas(np.zeros((1, 40, 40)), Scale(), np.ones((10, 10), bool))
