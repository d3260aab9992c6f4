"""The atrium is measured from the mitral plane; its volume follows the area-length formula and asks for millimetres."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lib.measurement.ventricles import SCALE, Ventricle

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.left_atrium import Atrium, atrial_volume, measure_atrium
from PointSegLib.measurement.long_axis import find_long_axis
from PointSegLib.measurement.scale import Scale
from PointSegLib.result import LEFT_ATRIUM

HEART = Ventricle(tilt=0.2)


def atrium(heart: Ventricle = HEART, scale: Scale = SCALE) -> Atrium:
    labels = heart.labels(scale)
    return measure_atrium(labels, scale, find_long_axis(labels, scale))


@pytest.mark.parametrize("scale", [SCALE, Scale(0.35, 0.7, "mm")])
@pytest.mark.parametrize("tilt", [-0.3, 0.0, 0.3])
def test_area_and_length_are_those_of_the_shape(scale, tilt):
    found = atrium(replace(HEART, tilt=tilt), scale)
    assert found.area == pytest.approx(HEART.atrium_area, rel=0.015)
    assert found.length == pytest.approx(HEART.atrium, abs=0.8)


def test_volume_of_half_an_ellipsoid():
    truth = 2.0 / 3.0 * np.pi * HEART.radius**2 * HEART.atrium / 1000.0
    assert atrial_volume(atrium()).volume_ml == pytest.approx(truth, rel=0.03)
    assert atrial_volume(atrium(), atrium()).volume_ml == pytest.approx(truth, rel=0.03)


def test_two_views_take_the_shorter_length_and_tell_of_foreshortening():
    found = atrial_volume(Atrium(1500.0, 50.0, "mm"), Atrium(1400.0, 42.0, "mm"))
    assert found.volume_ml == pytest.approx(8 * 1500 * 1400 / (3 * np.pi * 42) / 1000)
    assert "5 mm" in found.warnings[0]
    assert not atrial_volume(Atrium(1500.0, 46.0, "mm"), Atrium(1400.0, 42.0, "mm")).warnings


def test_no_millilitres_from_pixels():
    found = atrial_volume(Atrium(1500.0, 50.0, "px"))
    assert found.volume_ml is None
    assert "pixel size" in found.warnings[0]
    with pytest.raises(MeasurementError, match="spacing"):
        atrial_volume(Atrium(1500.0, 50.0, "px"), Atrium(1500.0, 50.0, "mm"))


def test_missing_or_misplaced_atrium_is_refused():
    with pytest.raises(MeasurementError, match="Left atrium"):
        atrium(replace(HEART, atrium=0.0))
    labels = replace(HEART, atrium=0.0).labels()
    axis = find_long_axis(labels, SCALE)
    labels[2:14, 2:14] = LEFT_ATRIUM
    with pytest.raises(MeasurementError, match="behind the mitral plane"):
        measure_atrium(labels, SCALE, axis)
