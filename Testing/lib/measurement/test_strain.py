"""Claims about strain: exact for known motion, unmoved by scale, turn, mirror and frame rate, near a heart's truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from lib.measurement.walls import (
    as_tracks,
    beat_of,
    cup,
    heart,
    moved_grid,
    noisy,
    product_tracks,
    scale_of,
    true_lines,
)

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.curves import StrainCurve
from PointSegLib.measurement.cycle import Beat
from PointSegLib.measurement.geometry import find_wall
from PointSegLib.measurement.scale import Scale
from PointSegLib.measurement.strain import (
    dyssynchrony,
    longitudinal_strain,
    measure_strain,
    segmental_strain,
    transmural_strain,
)
from PointSegLib.measurement.wall_lines import WallLines, contour_lines, follow_wall
from PointSegLib.result import PointTracks
from PointSegLib.simulation.motion_config import MotionConfig

PIXELS = Scale()
FRAMES = 21
BEAT = Beat(0, 8, FRAMES - 1, complete=True)


def _course(frame: float, frames: int = FRAMES) -> float:
    """A beat: from 0 over 1 at frame 8 of 21 back to 0."""
    share = frame / (frames - 1)
    return math.sin(math.pi * share ** (math.log(0.5) / math.log(0.4))) ** 2


def _squeeze(xy: np.ndarray, frame: float, frames: int = FRAMES) -> np.ndarray:
    """The heart grows 18 % shorter and 10 % narrower about the middle of the image."""
    return (xy - 99.5) * (1.0 - _course(frame, frames) * np.array([0.10, 0.18])) + 99.5


def _lines(tracks: PointTracks, labels: np.ndarray | None = None, scale: Scale = PIXELS) -> WallLines:
    return follow_wall(find_wall(cup() if labels is None else labels, scale), tracks)


def _gls(tracks: PointTracks, labels: np.ndarray | None = None, scale: Scale = PIXELS) -> np.ndarray:
    return longitudinal_strain(_lines(tracks, labels, scale), BEAT)


def test_uniform_stretch_gives_its_strain_in_every_layer_and_segment():
    lines = _lines(moved_grid(lambda xy, frame: xy * (1.0 - 0.01 * frame), FRAMES))
    wanted = -np.arange(FRAMES, dtype=float)
    for layer in ("endo", "mid", "epi"):
        np.testing.assert_allclose(longitudinal_strain(lines, BEAT, layer), wanted, atol=1e-3)
    np.testing.assert_allclose(segmental_strain(lines, BEAT), np.tile(wanted, (6, 1)), atol=0.01)
    np.testing.assert_allclose(transmural_strain(lines, BEAT), np.tile(wanted, (6, 1)), atol=0.01)


def test_rigid_motion_is_no_strain():
    def swing(xy: np.ndarray, frame: int) -> np.ndarray:
        turn = 0.03 * frame
        turning = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        return xy @ turning + np.array([0.7, -0.4]) * frame

    strain = measure_strain(_lines(moved_grid(swing, FRAMES)), BEAT)
    for curve in (*strain.gls.values(), *strain.longitudinal, *strain.transmural):
        assert np.abs(curve.values).max() < 0.01


def test_strain_does_not_depend_on_the_size_of_a_pixel():
    tracks = moved_grid(_squeeze, FRAMES)
    np.testing.assert_allclose(_gls(tracks, scale=Scale(0.3, 0.3, "mm")), _gls(tracks), atol=1e-6)
    larger = as_tracks((tracks.xy + 0.5) * 2.0 - 0.5)
    np.testing.assert_allclose(_gls(larger, cup(400)), _gls(tracks), atol=0.1)


def test_strain_does_not_depend_on_how_the_heart_is_turned():
    turn = 0.6
    turning = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])

    def turned(xy: np.ndarray, frame: int) -> np.ndarray:
        return (_squeeze((xy - 99.5) @ turning.T + 99.5, frame) - 99.5) @ turning + 99.5

    np.testing.assert_allclose(
        _gls(moved_grid(turned, FRAMES), cup(turn=turn)), _gls(moved_grid(_squeeze, FRAMES)), atol=0.15
    )


def test_a_mirrored_clip_has_mirrored_segments_and_the_same_gls():
    scene = heart(0)
    labels, tracks, beat = scene.labels[scene.ed].numpy(), product_tracks(scene), beat_of(scene)
    wall = find_wall(labels, scale_of(scene), scene.ed)
    flipped = as_tracks(np.array([scene.side - 1, 0]) + tracks.xy * np.array([-1, 1]), tracks.visible)
    mirror = find_wall(labels[:, ::-1], scale_of(scene), scene.ed)
    there, here = follow_wall(mirror, flipped), follow_wall(wall, tracks)
    np.testing.assert_allclose(longitudinal_strain(there, beat), longitudinal_strain(here, beat), atol=0.02)
    np.testing.assert_allclose(segmental_strain(there, beat)[::-1], segmental_strain(here, beat), atol=0.1)


def test_twice_the_frame_rate_gives_the_same_curve():
    fine = moved_grid(lambda xy, frame: _squeeze(xy, frame / 2.0), 2 * FRAMES - 1)
    curve = longitudinal_strain(_lines(fine), Beat(0, 16, 2 * FRAMES - 2, complete=True))
    np.testing.assert_allclose(curve[::2], _gls(moved_grid(_squeeze, FRAMES)), atol=1e-3)


def test_a_clip_played_backwards_gives_the_mirrored_curve():
    tracks = moved_grid(_squeeze, FRAMES)
    backwards = as_tracks(tracks.xy[:, ::-1])
    curve = longitudinal_strain(_lines(backwards), Beat(0, FRAMES - 9, FRAMES - 1, complete=True))
    np.testing.assert_allclose(curve[::-1], _gls(tracks), atol=1e-3)


@pytest.mark.parametrize("seed", [0, 1, 2, 4, 5, 7])
def test_exact_tracks_of_a_simulated_heart_give_its_strain(seed):
    scene = heart(seed)
    wall = find_wall(scene.labels[scene.ed].numpy(), scale_of(scene), scene.ed)
    lines, beat = follow_wall(wall, product_tracks(scene)), beat_of(scene)
    truth = WallLines(wall, **true_lines(wall, scene), known=lines.known)
    wrong = longitudinal_strain(lines, beat) - longitudinal_strain(truth, beat)
    assert np.abs(wrong).max() < 1.0
    assert np.abs(segmental_strain(lines, beat) - segmental_strain(truth, beat)).max() < 4.0


def test_tracking_errors_of_a_pixel_and_a_half_cost_gls_about_a_point():
    wrong, segments = [], []
    for seed in range(12):
        scene = heart(seed)
        wall = find_wall(scene.labels[scene.ed].numpy(), scale_of(scene), scene.ed)
        # errors of 1.5 pixels at the product's side of 256
        tracks, beat = noisy(product_tracks(scene), 1.5 * scene.side / 256.0, seed), beat_of(scene)
        lines = follow_wall(wall, tracks)
        truth = WallLines(wall, **true_lines(wall, scene), known=lines.known)
        at = beat.es - beat.start
        wrong.append((longitudinal_strain(lines, beat) - longitudinal_strain(truth, beat))[at])
        segments.append((segmental_strain(lines, beat) - segmental_strain(truth, beat))[:, at])
    assert np.sqrt(np.mean(np.square(wrong))) < 1.7
    assert abs(np.mean(wrong)) < 1.0
    assert np.sqrt(np.mean(np.square(segments))) < 4.5


def test_a_heart_at_rest_has_no_strain():
    scene = heart(0, config=MotionConfig(rest_probability=1.0))
    wall = find_wall(scene.labels[0].numpy(), scale_of(scene))
    lines = follow_wall(wall, product_tracks(scene))
    assert np.abs(longitudinal_strain(lines, Beat(0, 5, 11, complete=True))).max() < 0.3


def test_mask_contours_shorten_with_the_heart():
    scene = heart(1)
    lines, beat = contour_lines(scene.labels.numpy(), scale_of(scene), scene.ed), beat_of(scene)
    truth = WallLines(lines.geometry, **true_lines(lines.geometry, scene), known=lines.known)
    at = beat.es - beat.start
    wanted = longitudinal_strain(truth, beat)[at]
    assert longitudinal_strain(lines, beat)[at] == pytest.approx(wanted, abs=4.0)
    assert wanted < -8.0


def test_gls_leaves_out_segments_that_are_not_trusted_and_says_so():
    lines = _lines(moved_grid(_squeeze, FRAMES))
    strain = measure_strain(lines, BEAT, trusted=[True, True, False, True, True, False])
    assert strain.left_out == ("apical left", "basal right")
    parts = segmental_strain(lines, BEAT)[[0, 1, 3, 4]]
    assert parts.min(0)[8] < strain.gls["mid"].values[8] < parts.max(0)[8]
    with pytest.raises(MeasurementError, match="trusted"):
        measure_strain(lines, BEAT, trusted=[False] * 6)


def test_the_beat_is_measured_from_its_own_start():
    lines = _lines(moved_grid(_squeeze, FRAMES))
    later = longitudinal_strain(lines, Beat(4, 8, 20, complete=True))
    whole = longitudinal_strain(lines, BEAT)
    np.testing.assert_allclose(later, 100.0 * ((100.0 + whole[4:]) / (100.0 + whole[4]) - 1.0), atol=1e-9)


@pytest.mark.parametrize("beat", [Beat(0, 0, 0, complete=False), Beat(5, 8, 40, complete=False)])
def test_a_beat_that_does_not_fit_is_refused(beat):
    with pytest.raises(MeasurementError, match="cannot be measured"):
        measure_strain(_lines(moved_grid(_squeeze, FRAMES)), beat)


def test_a_beat_that_starts_without_a_wall_is_refused():
    tracks = moved_grid(_squeeze, FRAMES)
    tracks.visible[:, 4] = False
    with pytest.raises(MeasurementError, match="frame 4"):
        measure_strain(_lines(tracks), Beat(4, 8, 20, complete=True))


def test_times_of_another_clip_are_refused():
    with pytest.raises(MeasurementError, match="3 times"):
        measure_strain(_lines(moved_grid(_squeeze, FRAMES)), BEAT, times_s=np.arange(3.0))


def test_missing_times_and_an_incomplete_beat_are_said():
    strain = measure_strain(_lines(moved_grid(_squeeze, FRAMES)), Beat(0, 8, 15, complete=False))
    assert [word for word in ("not complete", "times") if not any(word in w for w in strain.warnings)] == []


def _curve(values: np.ndarray, es: int, *, rate_hz: float = 50.0, correct: bool = False) -> StrainCurve:
    times = np.arange(len(values)) / rate_hz
    beat = Beat(0, es, len(values) - 1, complete=True)
    return StrainCurve.of(np.asarray(values, float), beat, times, shortens=True, correct_drift=correct)


def test_peaks_before_and_after_end_systole_are_told_apart():
    curve = _curve([0, -5, -12, -15, -20, -10, 0], es=3)
    assert (curve.end_systolic, curve.peak_systolic, curve.peak) == (-15.0, -15.0, -20.0)
    assert curve.post_systolic_index == pytest.approx(25.0)
    assert curve.time_to_peak_s == pytest.approx(0.08)


def test_a_peak_before_end_systole_has_no_post_systolic_shortening():
    curve = _curve([0, -5, -12, -11, -4, 0], es=3)
    assert (curve.peak_systolic, curve.end_systolic, curve.post_systolic_index) == (-12.0, -11.0, 0.0)


def test_a_curve_that_hardly_moves_has_no_time_to_peak():
    curve = _curve([0, 0.2, -0.3, 0.1, 0], es=2)
    assert curve.time_to_peak_s is None
    assert curve.post_systolic_index is None


def test_thickening_peaks_upwards():
    beat = Beat(0, 2, 4, complete=True)
    curve = StrainCurve.of(np.array([0.0, 20, 35, 10, 0]), beat, None, shortens=False, correct_drift=True)
    assert curve.peak == 35.0
    assert curve.time_to_peak_s is None
    assert curve.rate is None


def test_linear_drift_is_reported_and_taken_off_unless_it_is_not_to_be():
    clean = -10.0 * np.sin(np.linspace(0, math.pi, 11)) ** 2
    drifting = clean + np.linspace(0, 3.0, 11)
    corrected, raw = _curve(drifting, 5, correct=True), _curve(drifting, 5)
    np.testing.assert_allclose(corrected.values, clean, atol=1e-12)
    np.testing.assert_allclose(raw.values, drifting)
    assert corrected.drift == raw.drift == pytest.approx(3.0)
    assert (corrected.corrected, raw.corrected) == (True, False)


def test_drift_of_an_incomplete_beat_is_unknown():
    curve = StrainCurve.of(np.array([0.0, -5, -8]), Beat(0, 2, 2, complete=False), None, True, True)
    assert curve.drift is None
    assert not curve.corrected


@pytest.mark.parametrize("rate_hz", [40.0, 80.0])
def test_strain_rate_of_a_steady_shortening_is_its_slope(rate_hz):
    values = -20.0 * np.arange(41) / rate_hz
    curve = _curve(values, 30, rate_hz=rate_hz)
    np.testing.assert_allclose(curve.rate, -0.2, atol=1e-9)
    assert curve.peak_systolic_rate == pytest.approx(-0.2)


def test_the_return_after_systole_has_its_own_rate():
    values = np.concatenate([np.linspace(0, -20, 21), np.linspace(-20, 0, 11)[1:]])
    curve = _curve(values, 20)
    assert curve.peak_systolic_rate == pytest.approx(-0.5, rel=0.02)
    assert curve.peak_diastolic_rate == pytest.approx(1.0, rel=0.02)


def test_frames_without_a_measurement_are_passed_over():
    curve = _curve([0, -5, np.nan, -9, -4, 0], es=2)
    assert curve.end_systolic is None
    assert curve.peak == -9.0
    assert np.isfinite(curve.rate).all()


def test_dyssynchrony_is_the_spread_of_the_times_to_peak():
    course = -15.0 * np.sin(np.linspace(0, math.pi, 21)) ** 2
    early, late = _curve(course, 10), _curve(np.roll(course, 2), 10)
    assert dyssynchrony([early, early]) == 0.0
    assert dyssynchrony([early, late]) == pytest.approx(40.0 / math.sqrt(2.0), rel=1e-6)
    assert dyssynchrony([early]) is None
