"""The long axis is found from whatever the mask shows of wall and atrium, however the heart lies in the image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lib.measurement.ventricles import SCALE, Ventricle

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.long_axis import find_long_axis
from PointSegLib.measurement.scale import Scale
from PointSegLib.result import LV_CAVITY, MYOCARDIUM

HEART = Ventricle()


def in_mm(axis, scale=SCALE) -> np.ndarray:
    """`[3, 2]`: left and right end of the annulus and the apex."""
    return scale.to_units(np.stack([*axis.annulus, axis.apex]))


@pytest.mark.parametrize(("wall", "atrium"), [(9.0, 35.0), (9.0, 0.0), (0.0, 35.0), (0.0, 0.0)])
@pytest.mark.parametrize("tilt", [-0.4, 0.0, 0.3])
def test_annulus_and_apex_are_found_with_and_without_wall_and_atrium(wall, atrium, tilt):
    axis = find_long_axis(replace(HEART, wall=wall, atrium=atrium, tilt=tilt).labels(), SCALE)
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    truth = np.array([[-22.0, 0.0], [22.0, 0.0], [0.0, -80.0]]) @ turn + (55.0, 100.0)
    # The round of the cavity leaves its flat base slowly.
    assert np.linalg.norm(in_mm(axis) - truth, axis=1).max() < (1.5 if wall or atrium else 5.0)
    assert axis.length(SCALE) == pytest.approx(80.0, abs=1.5)
    assert axis.from_shape == (not wall and not atrium)


@pytest.mark.parametrize("scale", [Scale(0.3, 0.6, "mm"), Scale(0.8, 0.4, "mm")])
def test_axis_does_not_depend_on_the_shape_of_a_pixel(scale):
    heart = replace(HEART, tilt=0.3)
    assert np.allclose(in_mm(find_long_axis(heart.labels(scale), scale), scale), in_mm(_axis(heart)), atol=1.5)


def test_mirrored_heart_has_the_mirrored_axis():
    labels = replace(HEART, tilt=0.3).labels()
    there, back = find_long_axis(labels, SCALE), find_long_axis(labels[:, ::-1], SCALE)
    width = labels.shape[1] - 1
    assert np.allclose(there.annulus, (np.array([width, 0]) + back.annulus * (-1, 1))[::-1])
    assert np.allclose(there.apex, (width - back.apex[0], back.apex[1]), atol=1.0)


def test_side_wall_cut_off_by_the_sector_does_not_move_the_annulus():
    labels = HEART.labels()
    cut = labels.copy()
    cut[110:, 155:][cut[110:, 155:] == MYOCARDIUM] = 0
    cut[:, 153:] = np.where(cut[:, 153:] == LV_CAVITY, 0, cut[:, 153:])
    assert np.linalg.norm(in_mm(find_long_axis(cut, SCALE)) - in_mm(_axis(HEART)), axis=1).max() < 5.0
    assert find_long_axis(cut, SCALE).length(SCALE) == pytest.approx(80.0, abs=3.0)


def test_holes_in_the_wall_are_not_taken_for_the_base():
    labels = HEART.labels()
    labels[110:125, :105][labels[110:125, :105] == MYOCARDIUM] = 0
    assert np.allclose(in_mm(find_long_axis(labels, SCALE)), in_mm(_axis(HEART)), atol=0.1)


def test_spur_of_wall_under_the_valve_does_not_halve_the_annulus():
    labels = HEART.labels()
    labels[200:204, 104:107] = MYOCARDIUM
    assert np.allclose(in_mm(find_long_axis(labels, SCALE)), in_mm(_axis(HEART)), atol=0.6)


def test_specks_beside_the_cavity_are_ignored():
    labels = HEART.labels()
    labels[5:12, 5:12] = LV_CAVITY
    assert np.array_equal(in_mm(find_long_axis(labels, SCALE)), in_mm(_axis(HEART)))


def test_mask_without_cavity_or_level_base_is_refused():
    with pytest.raises(MeasurementError, match="LV cavity"):
        find_long_axis(np.full((60, 60), MYOCARDIUM, np.uint8), SCALE)
    with pytest.raises(MeasurementError, match="shape"):
        find_long_axis(np.zeros((2, 60, 60), np.uint8), SCALE)


def _axis(heart: Ventricle):
    return find_long_axis(heart.labels(), SCALE)
