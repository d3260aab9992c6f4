"""Claims about material coordinates on masks: the curves lie on the mask's edges and name the same material twice."""

from __future__ import annotations

import numpy as np
import pytest
from lib.simulation.contours_cup import cup

from PointSegLib.errors import ClipError
from PointSegLib.simulation.contours import WALL_POINTS, by_arc_length, trace_contours


@pytest.mark.parametrize("tilt", [-0.3, 0.0, 0.25])
def test_curves_lie_on_the_edges_of_the_mask(tilt):
    contours = trace_contours(cup(tilt=tilt))
    assert contours.endo.shape == contours.epi.shape == (WALL_POINTS, 2)
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    for curve, half, height in ((contours.endo, 22.0, 70.0), (contours.epi, 32.0, 80.0)):
        x, y = ((curve - np.array([64.0, 25.0])) @ turn).T
        radius = np.hypot(x / half, (y - 70.0) / height)
        body = slice(3, -3)
        assert np.abs(radius[body] - 1).max() * half < 1.2


def test_apex_is_in_the_middle_and_the_base_at_the_ends():
    endo = trace_contours(cup()).endo
    assert np.abs(endo[WALL_POINTS // 2] - [64.0, 25.0]).max() < 3.0
    assert np.abs(endo[[0, -1]] - [[42.0, 92.0], [86.0, 92.0]]).max() < 5.0


def test_atrium_runs_from_annulus_over_the_roof_to_annulus():
    atrium = trace_contours(cup()).atrium
    assert abs(atrium[len(atrium) // 2][1] - (25 + 70 + 28)) < 2.0
    assert atrium[0][0] < 64 < atrium[-1][0]


def test_mirrored_mask_gives_mirrored_curves():
    labels = cup(tilt=0.2)
    curves, other = trace_contours(labels), trace_contours(labels[:, ::-1])
    flipped = other.endo[::-1] * [-1, 1] + [127, 0]
    assert np.abs(flipped - curves.endo).max() < 0.6


def test_missing_atrium_is_left_out():
    labels = cup()
    labels[labels == 3] = 0
    assert len(trace_contours(labels).atrium) == 0


def test_mask_without_ventricle_is_refused():
    with pytest.raises(ClipError, match="cavity inside a wall"):
        trace_contours(np.zeros((64, 64), np.uint8))


def test_closed_cavity_is_refused():
    y, x = np.mgrid[:128, :128]
    radius = np.hypot(x - 64, y - 64)
    labels = np.where(radius < 25, 1, np.where(radius < 40, 2, 0)).astype(np.uint8)
    with pytest.raises(ClipError, match="closed all round"):
        trace_contours(labels)


def test_resampling_steps_are_equal_within_each_half():
    line = np.stack([np.linspace(0, 1, 50) ** 2 * 30, np.zeros(50)], 1)
    curve = by_arc_length(line, line, 20.0)
    steps = np.diff(curve[:, 0])
    half = WALL_POINTS // 2
    assert np.allclose(steps[:half], steps[0], rtol=1e-6)
    assert np.allclose(steps[half:], steps[-1], rtol=1e-6)
