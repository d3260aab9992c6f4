"""Area, length and diameters of a cavity are those of its shape, on any grid and at any angle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lib.measurement.ventricles import SCALE, Ventricle

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.long_axis import LongAxis
from PointSegLib.measurement.scale import Scale
from PointSegLib.measurement.silhouette import DISKS, crossings, measure_silhouette

HEART = Ventricle()


@pytest.mark.parametrize("scale", [SCALE, Scale(0.3, 0.6, "mm"), Scale(0.7, 0.4, "mm")])
@pytest.mark.parametrize("tilt", [-0.35, 0.0, 0.2])
def test_half_ellipse_has_its_area_length_and_diameters(scale, tilt):
    found = measure_silhouette(replace(HEART, tilt=tilt).labels(scale), scale)
    height = (np.arange(DISKS) + 0.5) / DISKS
    assert found.area == pytest.approx(HEART.area, rel=0.01)
    assert found.length == pytest.approx(HEART.length, abs=0.8)
    assert np.allclose(found.diameters, 2 * HEART.radius * np.sqrt(1 - height**2), atol=1.2)


def test_diameters_and_length_add_up_to_the_area():
    found = measure_silhouette(HEART.labels(), SCALE)
    assert found.diameters.mean() * found.length == pytest.approx(found.area, rel=0.01)


def test_given_axis_is_used():
    labels = HEART.labels()
    axis = LongAxis(np.array([[66.0, 160.0], [154.0, 160.0]]), np.array([110.0, 60.0]))
    found = measure_silhouette(labels, SCALE, axis)
    assert found.length == pytest.approx(50.0)
    assert found.axis is axis
    assert len(found.diameters) == DISKS


def test_width_of_a_notched_shape_leaves_the_notch_out():
    # A square of side 4 with a notch of width 1 in its lower side.
    border = np.array([[0, 0], [4, 0], [4, 4], [3, 4], [3, 2], [2, 2], [2, 4], [0, 4]], float)
    where, sign = crossings(border, np.array([1.0, 4.0]), np.array([1.0, 0.0]), np.array([0.25, 0.75]))
    assert np.abs((where * sign).sum(1)) == pytest.approx([3.0, 4.0])


def test_axis_without_length_is_refused():
    with pytest.raises(MeasurementError, match="no length"):
        measure_silhouette(
            HEART.labels(), SCALE, LongAxis(np.array([[80.0, 90.0], [100.0, 90.0]]), np.array([90.0, 90.0]))
        )
