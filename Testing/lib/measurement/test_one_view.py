"""One call measures a clip; whatever is missing is named, and nothing is guessed in its place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lib.measurement.beating import EF, FRAME_S, GLS, PERIOD, SIDE, beating, hidden, measured

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement import Measurements, Naming, beats_from_frames, measure
from PointSegLib.result import LV_CAVITY, MYOCARDIUM


@pytest.fixture(scope="module")
def known() -> Measurements:
    return measured()


def said(measurements: Measurements, words: str) -> bool:
    return any(words in warning for warning in measurements.warnings)


def test_even_shrinking_gives_its_strain_and_its_ejection_fraction(known):
    best = known.best
    assert best.wall.gls == pytest.approx(GLS, abs=0.3)
    for curves in best.wall.layers.values():
        assert [curve.end_systolic for curve in curves] == pytest.approx([GLS] * 6, abs=0.6)
    assert best.wall.contour_gls == pytest.approx(GLS, abs=1.5)
    assert best.cavity.simpson.ef_percent == pytest.approx(EF, abs=1.5)
    assert best.cavity.area_length.ef_percent == pytest.approx(EF, abs=1.5)
    assert best.wall.ejection.ef_percent == pytest.approx(EF, abs=0.5)
    assert known.cycle.heart_rate_bpm == pytest.approx(60.0 / (PERIOD * FRAME_S), rel=0.02)


def test_beat_that_does_not_end_at_the_border_is_quoted(known):
    assert [beat.beat.at_border for beat in known.beats] == [True, False]
    assert known.best is known.beats[1]
    assert known.best.beat.start == 21


def test_r_waves_of_the_clip_are_its_end_diastoles():
    by_ecg = measured(r_wave_times_s=FRAME_S * np.array([2.9, 23.0]))
    assert by_ecg.cycle.from_r_waves
    assert (3, 11, 23) in [(beat.beat.start, beat.beat.es, beat.beat.end) for beat in by_ecg.beats]
    assert by_ecg.best.wall.lines.geometry.frame == by_ecg.best.beat.start


def test_segments_are_named_by_the_view_and_scored(known):
    wall = known.best.wall
    assert wall.strain.names[0] == "basal inferoseptal"
    assert wall.strain.names[-1] == "basal anterolateral"
    assert [int(score) for score in wall.scores] == [1] * 6
    mirrored = measure(*beating(24), Naming("A4C", mirrored=True))
    assert mirrored.best.wall.strain.names[0] == "basal anterolateral"


def test_unknown_view_is_said():
    unknown = measured(view=None, frames=24)
    assert said(unknown, "view is unknown")
    assert unknown.best.wall.strain.names[0] == "basal left"


def test_without_calibration_there_are_no_millilitres():
    measurements = measured(frames=24, spacing_mm=None)
    cavity = measurements.best.cavity
    assert measurements.volume_ml is None
    assert (cavity.simpson.edv_ml, cavity.area_length.esv_ml, cavity.atrial_volume.volume_ml) == (None, None, None)
    assert cavity.simpson.ef_percent == pytest.approx(EF, abs=1.5)
    assert measurements.best.wall.annulus.unit == "px"
    assert said(measurements, "pixel size is unknown")


def test_without_times_there_is_strain_but_no_rate_and_no_heart_rate():
    measurements = measured(frames=24, times_s=None)
    wall = measurements.best.wall
    assert measurements.cycle.heart_rate_bpm is None
    assert wall.gls == pytest.approx(GLS, abs=0.5)
    assert wall.strain.longitudinal[0].peak_systolic_rate is None
    assert wall.dispersion_ms is None
    assert said(measurements, "no heart rate")


def test_one_frame_has_areas_and_the_reason_for_the_rest():
    measurements = measured(frames=1)
    assert measurements.beats == ()
    assert measurements.best is None
    assert measurements.areas[LV_CAVITY].area[0] > 0
    assert measurements.volume_ml[0] > 0
    assert said(measurements, "1 frame")


def test_less_than_a_beat_is_measured_and_called_incomplete():
    measurements = measured(frames=12)
    best = measurements.best
    assert not best.beat.complete
    assert best.wall.gls == pytest.approx(GLS, abs=0.5)
    assert best.wall.strain.gls["mid"].drift is None
    assert measurements.cycle.heart_rate_bpm is None
    assert said(measurements, "incomplete")


def test_without_a_wall_there_is_ejection_but_no_strain():
    result, clip = beating(24)
    bare = replace(result, labels=np.where(result.labels == MYOCARDIUM, 0, result.labels))
    measurements = measure(bare, clip, "A4C")
    assert measurements.best.wall is None
    assert measurements.best.cavity.simpson.ef_percent == pytest.approx(EF, abs=2.0)
    assert said(measurements, "Strain was not measured")


def test_without_a_cavity_nothing_is_measured_and_that_is_said():
    result, clip = beating(12)
    measurements = measure(replace(result, labels=np.zeros_like(result.labels)), clip, "A4C")
    assert measurements.beats == ()
    assert said(measurements, "LV cavity: not found in all frames")


def test_end_diastole_without_a_whole_wall_borrows_it_from_the_next_frame():
    result, clip = beating(44)
    labels = result.labels.copy()
    broken = labels[21]
    broken[:, : SIDE // 2][broken[:, : SIDE // 2] == MYOCARDIUM] = 0
    measurements = measure(replace(result, labels=labels), clip, "A4C", beats=beats_from_frames([21, 41], [31], 44))
    wall = measurements.best.wall
    assert wall.lines.geometry.frame == 22
    assert wall.gls == pytest.approx(GLS, abs=0.5)
    assert wall.contours is None
    assert said(measurements, "taken from frame 22")
    assert said(measurements, "no strain of contours")


def left_half(result):
    return result.tracks.xy[:, 0, 0] < SIDE / 2


def test_segment_that_is_not_trusted_is_left_out_of_gls():
    result, clip = beating(24)
    low = left_half(result) & (result.tracks.xy[:, 0, 1] > 0.46 * SIDE)
    wall = measure(hidden(result, low), clip, "A4C").best.wall
    assert [verdict.trusted for verdict in wall.trust] == [False, True, True, True, True, True]
    assert wall.strain.left_out == ("basal inferoseptal",)
    assert wall.scores[0] is None
    assert wall.gls == pytest.approx(GLS, abs=0.5)


def test_gls_that_the_contours_contradict_is_not_to_be_trusted():
    result, clip = beating(24)
    still = replace(result, labels=np.repeat(result.labels[1:2], len(clip), 0))
    contradicted = measure(still, clip, "A4C", beats=beats_from_frames([1, 21], [11], len(clip)))
    wall = contradicted.best.wall
    assert wall.contradicted
    assert wall.less_contours == pytest.approx(GLS, abs=1.0)
    assert said(contradicted, "GLS is not to be trusted")
    agreed = measure(result, clip, "A4C")
    assert not agreed.best.wall.contradicted
    assert abs(agreed.best.wall.less_contours) < 1.5
    assert not said(agreed, "not to be trusted")


def test_three_untrusted_segments_forbid_gls_unless_it_is_insisted_on():
    result, clip = beating(24)
    result = hidden(result, left_half(result))
    refused = measure(result, clip, "A4C")
    assert refused.best.wall.gls is None
    assert refused.best.wall.strain.longitudinal[0].end_systolic == pytest.approx(GLS, abs=2.0)
    assert said(refused, "There is no GLS")
    insisted = measure(result, clip, "A4C", insist=True)
    assert insisted.best.wall.gls == pytest.approx(GLS, abs=1.0)
    assert said(insisted, "as was insisted on")


def test_too_few_points_leave_the_ejection_fraction():
    result, clip = beating(24)
    tracks = result.tracks
    few = replace(tracks, **{name: getattr(tracks, name)[:3] for name in vars(tracks)})
    measurements = measure(replace(result, tracks=few), clip, "A4C")
    assert measurements.best.wall is None
    assert measurements.best.cavity.simpson is not None
    assert said(measurements, "Put query points on the wall")


def test_end_systole_that_misses_the_peak_is_doubted(known):
    assert not said(known, "check the frame of end-systole")
    result, clip = beating(24)
    early = measure(result, clip, "A4C", beats=beats_from_frames([1, 21], [6], 24))
    assert said(early, "check the frame of end-systole")


def test_points_that_stand_still_under_moving_masks_are_doubted():
    result, clip = beating(24)
    still = replace(result.tracks, xy=np.repeat(result.tracks.xy[:, :1], 24, 1))
    assert said(measure(replace(result, tracks=still), clip, "A4C", insist=True), "GLS is not to be trusted")


def test_beats_the_user_names_are_measured():
    result, clip = beating(24)
    measurements = measure(result, clip, "A4C", beats=beats_from_frames([2, 20], [10], 24, clip.times_s))
    assert [(beat.beat.start, beat.beat.es, beat.beat.end) for beat in measurements.beats] == [(2, 10, 20)]


def test_drift_is_kept_when_it_is_not_to_be_corrected():
    result, clip = beating(24)
    assert not measure(result, clip, "A4C", correct_drift=False).best.wall.strain.gls["mid"].corrected


def test_what_does_not_belong_together_is_refused():
    result, clip = beating(12)
    with pytest.raises(MeasurementError, match="give the result of this clip"):
        measure(beating(13)[0], clip)
    with pytest.raises(MeasurementError, match="A5C"):
        measure(result, clip, "A5C")
    with pytest.raises(MeasurementError, match="12 frames"):
        measure(result, clip, beats=beats_from_frames([0, 20], [10], 24))
