"""Beats are found where the heart contracts, at any rate and in noise; what a clip does not show is said."""

from __future__ import annotations

import numpy as np
import pytest

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.cycle import Beat, beats_from_frames, find_beats

SYSTOLE = 0.35


def contraction(phase: np.ndarray) -> np.ndarray:
    """0 at end-diastole, 1 at end-systole; early filling, a slow phase and the atrial kick follow."""
    knots = [0.0, SYSTOLE, 0.60, 0.82, 1.0]
    values = [0.0, 1.0, 0.25, 0.22, 0.0]
    phase = np.mod(phase, 1.0)
    out = np.zeros_like(phase)
    for a, b, low, high in zip(knots, knots[1:], values, values[1:], strict=False):
        step = np.clip((phase - a) / (b - a), 0, 1)
        out += np.where((phase >= a) & (phase < b), low + (high - low) * step**2 * (3 - 2 * step), 0.0)
    return out


def clip(beats: float, fps: float = 50.0, bpm: float = 60.0, phase: float = 0.0, depth: float = 0.4):
    """(area, times) of a heart that starts at the given phase of its cycle."""
    times = np.arange(round(beats * 60.0 / bpm * fps) + 1) / fps
    return 30.0 * (1.0 - depth * contraction(times * bpm / 60.0 + phase)), times


def test_every_beat_of_a_clip_is_found_with_its_frames():
    area, times = clip(3, phase=0.9)
    cycle = find_beats(area, times)
    whole = [beat for beat in cycle.beats if beat.complete and not beat.at_border]
    assert [(b.start, b.end) for b in whole] == [(5, 55), (55, 105)]
    assert all(abs(b.es - b.start - 50 * SYSTOLE) <= 1 for b in whole)
    assert cycle.heart_rate_bpm == pytest.approx(60.0)


@pytest.mark.parametrize("fps", [20.0, 50.0, 120.0])
@pytest.mark.parametrize("bpm", [45.0, 75.0, 150.0])
def test_heart_rate_does_not_depend_on_the_frame_rate(fps, bpm):
    area, times = clip(3.3, fps, bpm, phase=0.8)
    assert find_beats(area, times).heart_rate_bpm == pytest.approx(bpm, rel=0.03)


def test_neighbouring_beats_share_their_end_diastole():
    cycle = find_beats(*clip(4.2, phase=0.7))
    assert all(a.end == b.start for a, b in zip(cycle.beats, cycle.beats[1:], strict=False))
    assert len(cycle.beats) >= 4


@pytest.mark.parametrize("seed", range(10))
def test_flicker_of_the_masks_neither_adds_nor_loses_a_beat(seed):
    area, times = clip(3, phase=0.9)
    noisy = area * (1.0 + 0.02 * np.random.default_rng(seed).standard_normal(len(area)))
    still, moved = find_beats(area, times), find_beats(noisy, times)
    assert len(moved.beats) == len(still.beats)
    assert all(abs(a.es - b.es) <= 3 for a, b in zip(still.beats, moved.beats, strict=True))


def test_weak_and_strong_beats_are_both_beats():
    area, _ = clip(3)
    area[50:100] = 30.0 - 0.5 * (30.0 - area[50:100])
    assert len([b for b in find_beats(area).beats if b.complete]) == 3


def test_size_and_unit_of_the_area_do_not_matter():
    area, times = clip(2.5, phase=0.8)
    assert find_beats(area * 1e-3, times) == find_beats(area * 1e3, times)


def test_reversed_clip_has_the_mirrored_beats():
    area, times = clip(2.4, phase=0.8)
    last = len(area) - 1
    forward, backward = find_beats(area, times).beats, find_beats(area[::-1], times).beats
    mirrored = [(last - b.end, last - b.es, last - b.start) for b in reversed(backward) if b.complete]
    assert [(b.start, b.es, b.end) for b in forward if b.complete] == mirrored


def test_clip_cut_to_one_beat_is_whole_but_its_ends_are_guesses():
    cycle = find_beats(*clip(1))
    assert [(b.start, b.end, b.complete, b.at_border) for b in cycle.beats] == [(0, 50, True, True)]
    assert sum("guess" in text for text in cycle.warnings) == 2


def test_clip_that_starts_in_systole_begins_with_an_incomplete_beat():
    cycle = find_beats(*clip(2, phase=0.15))
    assert [b.complete for b in cycle.beats] == [False, True, False]
    assert any("incomplete" in text for text in cycle.warnings)


def test_half_sequence_from_end_diastole_to_end_systole_is_one_incomplete_beat():
    area, times = clip(SYSTOLE)
    cycle = find_beats(area, times)
    assert cycle.beats == (Beat(0, len(area) - 1, len(area) - 1, False),)
    assert cycle.heart_rate_bpm is None
    assert any("No beat is complete" in text for text in cycle.warnings)


def test_filling_without_contraction_is_no_beat():
    area, times = clip(0.6, phase=0.38)
    cycle = find_beats(area, times)
    assert cycle.beats == ()
    assert any("no contraction" in text for text in cycle.warnings)


@pytest.mark.parametrize("area", [[30.0], [np.nan, 30.0], [np.nan] * 3, [0.0] * 4])
def test_fewer_than_two_frames_show_no_beat(area):
    cycle = find_beats(np.array(area))
    assert cycle.beats == ()
    assert any("show no beat" in text for text in cycle.warnings)


@pytest.mark.parametrize("seed", range(10))
def test_heart_at_rest_has_no_beats(seed):
    noise = 1.0 + 0.02 * np.random.default_rng(seed).standard_normal(80)
    for area in (np.full(80, 30.0), 30.0 * noise):
        cycle = find_beats(area, np.arange(80) / 50.0)
        assert cycle.beats == ()
        assert any("cannot be told" in text for text in cycle.warnings)


def test_missing_frames_are_passed_over_and_counted():
    area, times = clip(3, phase=0.9)
    whole = find_beats(area, times)
    area[[0, 20, 21, 30, 31, 32, 70]] = np.nan
    cycle = find_beats(area, times)
    assert [b.es for b in cycle.beats] == pytest.approx([b.es for b in whole.beats], abs=2)
    assert any("7 of 151 frames" in text for text in cycle.warnings)
    assert not {20, 21, 30, 31, 32, 70} & {f for b in cycle.beats for f in (b.start, b.es, b.end)}


def test_without_times_beats_are_found_but_no_heart_rate():
    cycle = find_beats(clip(2.2, 25.0, phase=0.9)[0])
    assert any(b.complete for b in cycle.beats)
    assert cycle.heart_rate_bpm is None
    assert any("times of the frames are unknown" in text for text in cycle.warnings)


def test_r_waves_set_end_diastole():
    area, times = clip(2, phase=0.0)
    cycle = find_beats(area, times, r_waves_s=[0.061, 1.058, 5.0])
    assert (cycle.beats[0].start, cycle.beats[0].end, cycle.beats[0].complete) == (3, 53, True)
    assert cycle.beats[0].es == find_beats(area, times).beats[0].es
    assert cycle.beats[1].start == 53


def test_beats_cut_off_before_the_first_and_after_the_last_r_wave_are_incomplete():
    area, times = clip(2.2, phase=0.1)
    cycle = find_beats(area, times, r_waves_s=[-0.1, 0.9, 1.9, 2.9])
    assert [(b.start, b.end, b.complete) for b in cycle.beats] == [(0, 45, False), (45, 95, True), (95, 110, False)]
    assert cycle.from_r_waves
    assert cycle.heart_rate_bpm == pytest.approx(60.0)
    assert sum("incomplete" in text for text in cycle.warnings) == 2


def test_r_waves_where_the_cavity_is_small_are_doubted():
    area, times = clip(3)
    assert not any("cavity is small" in text for text in find_beats(area, times, [1.0, 2.0]).warnings)
    wrong = find_beats(area, times, r_waves_s=[1.36, 2.36])
    assert any("frames 68, 118" in text and "cavity is small" in text for text in wrong.warnings)


def test_r_waves_outside_the_clip_give_way_to_the_area():
    area, times = clip(2, phase=0.9)
    cycle = find_beats(area, times, r_waves_s=[100.0])
    assert not cycle.from_r_waves
    assert cycle.beats == find_beats(area, times).beats
    assert any("No R wave" in text for text in cycle.warnings)


def test_r_waves_show_the_beats_of_a_heart_that_hardly_moves():
    times = np.arange(101) / 50.0
    cycle = find_beats(np.full(101, 30.0), times, r_waves_s=[0.0, 1.0, 2.0])
    assert [(b.start, b.end) for b in cycle.beats] == [(0, 50), (50, 100)]
    assert any("cannot be told" in text for text in cycle.warnings)


def test_wrong_times_make_an_implausible_heart_rate():
    area, times = clip(2, phase=0.9)
    assert any("not plausible" in text for text in find_beats(area, times / 10).warnings)


def test_users_frames_are_taken_as_they_are():
    cycle = beats_from_frames([40, 0], [15, 60], 80, np.arange(80) / 40.0)
    assert cycle.beats == (Beat(0, 15, 40, True), Beat(40, 60, 79, False))
    assert cycle.heart_rate_bpm == pytest.approx(60.0)


@pytest.mark.parametrize(
    ("ed", "es"),
    [([10], [3]), ([0, 5], [10]), ([0], [3, 6]), ([0], []), ([], [3]), ([4], [4]), ([0], [99]), ([-1], [3])],
)
def test_frames_that_make_no_beat_are_refused(ed, es):
    with pytest.raises(MeasurementError, match=r"alternate|not in the clip"):
        beats_from_frames(ed, es, 20)


def test_malformed_input_is_refused():
    with pytest.raises(MeasurementError, match="one number per frame"):
        find_beats(np.zeros((3, 2)))
    with pytest.raises(MeasurementError, match="one time per frame"):
        find_beats(np.ones(3), np.array([0.0, 0.0, 1.0]))
    with pytest.raises(MeasurementError, match="times_s"):
        find_beats(np.array([3.0, 2.0, 3.0]), r_waves_s=[0.0])
