"""Claims about the heart cycle: no contraction at end-diastole, a full one at end-systole, beats as asked for."""

from __future__ import annotations

import torch

from PointSegLib.simulation.cycle import draw_rhythm
from PointSegLib.simulation.motion_config import MotionConfig

REGULAR = MotionConfig(arrhythmia_probability=0.0)
IRREGULAR = MotionConfig(arrhythmia_probability=1.0)


def _rhythm(seed: int, config: MotionConfig = REGULAR, n_frames: int = 400):
    return draw_rhythm(n_frames, torch.Generator().manual_seed(seed), config)


def test_regular_beats_go_from_rest_to_full_contraction_and_back():
    for seed in range(10):
        rhythm = _rhythm(seed)
        course = rhythm.contraction(torch.arange(400.0))
        assert float(course.min()) >= 0.0
        assert 0.97 < float(course.max()) <= 1.0
        at_start = rhythm.contraction(rhythm.starts_s[1:-1] / rhythm.frame_time_s)
        assert float(at_start.abs().max()) < 1e-3


def test_rates_are_those_asked_for():
    config = MotionConfig(arrhythmia_probability=0.0, heart_rate_bpm=(60.0, 60.0), frame_rate_hz=(50.0, 50.0))
    rhythm = _rhythm(0, config)
    assert torch.allclose(rhythm.starts_s.diff(), torch.tensor(1.0), atol=1e-4)
    assert rhythm.frame_time_s == 0.02


def test_beats_cover_the_clip_whatever_its_phase():
    for seed in range(20):
        rhythm = _rhythm(seed, IRREGULAR, 30)
        assert float(rhythm.starts_s[0]) <= 0.0
        assert float(rhythm.starts_s[-1]) > 30 * rhythm.frame_time_s


def test_short_beat_makes_the_next_one_weaker():
    rhythm = _rhythm(3, IRREGULAR)
    lengths = rhythm.starts_s.diff()
    assert float(lengths.std()) > 0.05 * float(lengths.mean())
    short = lengths[1:-1] < 0.8 * lengths[0]
    assert bool(short.any())
    assert float(rhythm.strengths[2:][short].max()) < 1.0


def test_course_is_continuous():
    rhythm = _rhythm(5, IRREGULAR)
    fine = rhythm.contraction(torch.arange(0.0, 300.0, 0.05))
    assert float(fine.diff().abs().max()) < 0.05


def test_lag_delays_the_course():
    rhythm = _rhythm(1)
    length = float(rhythm.starts_s.diff()[0]) / rhythm.frame_time_s
    frames = torch.arange(40.0, 80.0)
    assert torch.allclose(rhythm.contraction(frames, 0.1), rhythm.contraction(frames - 0.1 * length), atol=1e-4)
