"""Claims about steadiness: still or uniform motion is steady, a frame that jumps is found."""

from __future__ import annotations

import numpy as np
import pytest

from PointSegLib.evaluation.temporal import (
    attribute_curves,
    frame_to_frame_dice,
    inconsistency,
    jitter,
    temporal_row,
)


def _heart(scale: float = 1.0, shift: int = 0) -> np.ndarray:
    """A U-shaped wall around a cavity that is cut flat at row 80, with an atrium below it."""
    y, x = np.mgrid[:120, :100]
    x = x - 50 - shift
    cavity = (x / (16 * scale)) ** 2 + ((y - 80) / (50 * scale)) ** 2 < 1
    wall = (x / (16 * scale + 8)) ** 2 + ((y - 80) / (50 * scale + 8)) ** 2 < 1
    labels = np.zeros((120, 100), np.uint8)
    labels[wall & (y <= 80)] = 2
    labels[cavity & (y <= 80)] = 1
    labels[(y > 80) & (y < 105) & (abs(x) < 14 * scale)] = 3
    return labels


def test_uniform_motion_has_no_jitter_and_a_zigzag_has_its_size():
    time = np.arange(8.0)
    straight = np.stack([np.stack([2 * time, 3 - time], axis=-1)])
    assert jitter(straight) == pytest.approx(0.0)
    zigzag = straight.copy()
    zigzag[0, ::2, 1] += 1.0
    assert jitter(zigzag) == pytest.approx(2.0)


def test_jitter_counts_only_frames_that_see_the_point():
    xy = np.zeros((1, 6, 2))
    xy[0, 5] = 40.0
    visible = np.ones((1, 6), bool)
    assert jitter(xy, visible) > 0
    visible[0, 5] = False
    assert jitter(xy, visible) == 0.0
    assert np.isnan(jitter(xy[:, :2]))


def test_frame_to_frame_dice_of_one_change():
    labels = np.zeros((3, 10, 10), np.uint8)
    labels[:2, :, :4] = 2
    labels[2, :, 2:6] = 2
    assert frame_to_frame_dice(labels, 2) == pytest.approx((1.0 + 0.5) / 2)
    assert np.isnan(frame_to_frame_dice(labels, 1))


def test_curves_measure_in_the_unit_of_the_spacing():
    curves = attribute_curves(_heart()[None], (0.5, 0.25))
    pixels = _heart()
    assert curves["lv_area"][0] == pytest.approx((pixels == 1).sum() * 0.125)
    assert curves["myo_area"][0] == pytest.approx((pixels == 2).sum() * 0.125)
    assert curves["lv_length"][0] == pytest.approx(50 * 0.5, abs=0.6)
    # The atrium is narrower than the cavity: the plane is where the two touch.
    assert curves["lv_base_width"][0] == pytest.approx(26 * 0.25, abs=0.6)
    assert curves["epi_center_x"][0] == pytest.approx(50 * 0.25, abs=0.05)


def test_base_without_an_atrium_is_where_the_cavity_meets_the_background():
    labels = _heart()
    labels[labels == 3] = 0
    width = attribute_curves(labels[None])["lv_base_width"][0]
    assert width == pytest.approx(30, abs=1)


def test_inconsistency_of_a_spike_on_its_own_scale():
    curve = np.array([10.0, 10.0, 20.0, 10.0, 10.0])
    span = 1.01 * 20 - 0.99 * 10
    assert inconsistency(curve) == pytest.approx(np.array([0, -5, 10, -5, 0]) / span)
    assert inconsistency(np.full(6, 3.0)) == pytest.approx(np.zeros(6))
    assert inconsistency(np.zeros(6)) == pytest.approx(np.zeros(6))


def test_smooth_beat_is_consistent_and_one_jump_is_found():
    beat = np.stack([_heart(1.0 - 0.15 * np.sin(np.pi * t / 12)) for t in range(13)])
    assert temporal_row(beat, (0.5, 0.5))["consistent"] == 1.0
    broken = beat.copy()
    broken[6] = _heart(1.2)
    row = temporal_row(broken, (0.5, 0.5))
    assert row["consistent"] == 0.0
    assert 1 / 11 <= row["error_frames"] <= 3 / 11
    assert row["lv_area_error"] > 3 * temporal_row(beat, (0.5, 0.5))["lv_area_error"]


def test_jump_sideways_breaks_the_surface_limit_only_when_mm_are_known():
    labels = np.stack([_heart()] * 5)
    labels[2] = _heart(shift=20)
    assert temporal_row(labels, (0.5, 0.5))["myo_hausdorff_mm"] > 3.0
    assert "myo_hausdorff_mm" not in temporal_row(labels)


def test_stray_speck_far_from_the_wall_breaks_the_surface_limit_alone():
    labels = np.stack([_heart()] * 5)
    labels[2, 2, 2] = 2
    assert temporal_row(labels)["consistent"] == 1.0
    row = temporal_row(labels, (0.5, 0.5))
    assert row["myo_hausdorff_mm"] > 3.0
    assert row["consistent"] == 0.0


def test_missing_ventricle_in_one_frame_is_an_error_frame():
    labels = np.stack([_heart()] * 6)
    labels[3] = 0
    row = temporal_row(labels)
    assert row["consistent"] == 0.0
    assert row["error_frames"] > 0


def test_two_frames_have_no_inner_frame_to_judge():
    row = temporal_row(np.stack([_heart()] * 2))
    assert np.isnan(row["consistent"])
    assert row["lv_frame_dice"] == 1.0
