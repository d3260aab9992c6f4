"""Claims about MAPSE, displacement, velocity, scores and M-mode."""

from __future__ import annotations

import numpy as np
import pytest
from lib.measurement.walls import as_tracks, beat_of, cup, heart, moved_grid, product_tracks, scale_of, true_lines

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.curves import StrainCurve
from PointSegLib.measurement.cycle import Beat
from PointSegLib.measurement.geometry import find_wall
from PointSegLib.measurement.motion import WallMotion, annular_motion, m_mode, suggested_score, track_motion
from PointSegLib.measurement.scale import Scale
from PointSegLib.measurement.slopes import slope
from PointSegLib.measurement.wall_lines import follow_wall

MM = Scale(0.5, 0.5, "mm")
BEAT = Beat(0, 4, 8, complete=True)


def _descend(xy: np.ndarray, frame: int) -> np.ndarray:
    """The base rises by 12 pixels towards a resting apex in four frames and comes back in four."""
    share = 1.0 - abs(frame - 4) / 4.0
    moved = xy.astype(float).copy()
    moved[:, 1] -= 12.0 * share * (xy[:, 1] - 24.5) / 100.0
    return moved


def test_mapse_is_the_way_of_the_annulus_towards_the_apex_in_millimetres():
    motion = annular_motion(follow_wall(find_wall(cup(), MM), moved_grid(_descend, 9)), BEAT)
    assert motion.mapse_left == pytest.approx(6.0, abs=0.15)
    assert motion.mapse_right == pytest.approx(6.0, abs=0.15)
    assert (motion.unit, motion.warnings) == ("mm", ())
    assert abs(motion.left[-1]) < 0.05


def test_mapse_without_calibration_is_in_pixels_and_says_so():
    motion = annular_motion(follow_wall(find_wall(cup(), Scale()), moved_grid(_descend, 9)), BEAT)
    assert motion.mapse_left == pytest.approx(12.0, abs=0.3)
    assert motion.unit == "px"
    assert "pixels" in motion.warnings[0]


@pytest.mark.parametrize("seed", [0, 1, 4])
def test_mapse_of_a_simulated_heart_is_near_that_of_its_material(seed):
    scene = heart(seed)
    wall, beat = find_wall(scene.labels[scene.ed].numpy(), scale_of(scene), scene.ed), beat_of(scene)
    motion = annular_motion(follow_wall(wall, product_tracks(scene)), beat)
    ends = wall.scale.to_units(true_lines(wall, scene)["endo"][beat.start : beat.es + 1][:, [0, -1]])
    wanted = ((ends - ends[0]) @ (wall.long_axis / np.linalg.norm(wall.long_axis))).max(0)
    np.testing.assert_allclose([motion.mapse_left, motion.mapse_right], wanted, atol=1.0)


def test_mapse_of_a_beat_outside_the_clip_is_refused():
    with pytest.raises(MeasurementError, match="frame 3"):
        annular_motion(follow_wall(find_wall(cup(), MM), moved_grid(_descend, 9)), Beat(3, 5, 12, complete=False))


def test_steady_motion_has_its_velocity_and_hidden_points_have_none():
    steady = np.stack([np.array([[10.0, 20.0], [30.0, 40.0]]) + frame * np.array([2.0, -1.0]) for frame in range(6)], 1)
    visible = np.ones((2, 6), bool)
    visible[1, 3] = False
    motion = track_motion(as_tracks(steady, visible), MM, 1, np.arange(6) / 50.0)
    np.testing.assert_allclose(motion.displacement[0], np.outer(np.arange(-1, 5), [1.0, -0.5]), atol=1e-5)
    np.testing.assert_allclose(motion.velocity[0], np.tile([50.0, -25.0], (6, 1)), rtol=1e-4)
    assert np.isnan(motion.velocity[1, 3]).all()
    assert np.isfinite(motion.velocity[1, [0, 1, 2, 4, 5]]).all()


def test_velocity_needs_times():
    assert track_motion(moved_grid(_descend, 9), MM).velocity is None


def test_displacement_from_a_frame_that_does_not_exist_is_refused():
    with pytest.raises(MeasurementError, match="frame 9"):
        track_motion(moved_grid(_descend, 9), MM, start=9)


def test_slope_of_a_straight_line_is_the_same_at_any_frame_rate_and_across_gaps():
    times = np.array([0.0, 0.02, 0.03, 0.07, 0.08, 0.12])
    values = 3.0 * times + 1.0
    values[2] = np.nan
    np.testing.assert_allclose(slope(values, times), 3.0, rtol=1e-9)


@pytest.mark.parametrize(
    ("strain", "score"),
    [
        (-20.0, WallMotion.NORMAL),
        (-8.0, WallMotion.HYPOKINETIC),
        (-1.0, WallMotion.AKINETIC),
        (6.0, WallMotion.DYSKINETIC),
    ],
)
def test_scores_follow_end_systolic_strain(strain, score):
    curve = StrainCurve.of(np.array([0.0, strain, 0.0]), Beat(0, 1, 2, complete=True), None, True, True)
    assert suggested_score(curve) is score


def test_a_segment_without_end_systole_has_no_score():
    curve = StrainCurve.of(np.array([0.0, np.nan, 0.0]), Beat(0, 1, 2, complete=True), None, True, True)
    assert suggested_score(curve) is None


def test_m_mode_along_a_line_that_moves_with_the_picture_does_not_change():
    picture = np.random.default_rng(0).integers(0, 255, (60, 60)).astype(np.uint8)
    frames = np.stack([np.roll(picture, (k, 2 * k), (0, 1)) for k in range(5)])
    line = np.linspace([10.0, 20.0], [25.0, 30.0], 12)
    moving = line + np.arange(5)[:, None, None] * np.array([2.0, 1.0])
    trace = m_mode(frames, moving)
    assert trace.shape == (12, 5)
    np.testing.assert_allclose(trace, trace[:, :1].repeat(5, 1), atol=1e-3)
    assert np.ptp(m_mode(frames, line), axis=1).max() > 20


def test_m_mode_is_black_where_the_line_is_unknown():
    frames = np.full((2, 40, 40), 200, np.uint8)
    line = np.full((2, 3, 2), 10.0)
    line[1] = np.nan
    np.testing.assert_array_equal(m_mode(frames, line), [[200, 0]] * 3)
    with pytest.raises(MeasurementError, match="frames"):
        m_mode(frames, line[:1])
