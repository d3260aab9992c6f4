"""The heart cycle in time: how far the ventricle is contracted at each frame of a clip."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from PointSegLib.simulation.motion_config import MotionConfig
from PointSegLib.simulation.sampling import chance, uniform

Knots = list[tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Rhythm:
    """The beats that a clip shows parts of.

    Attributes:
        frame_time_s: time between two frames.
        starts_s: float `[B + 1]`, when each beat begins; the last closes the last beat. Frame 0 is at time 0.
        strengths: float `[B]`, contraction of each beat relative to a full one.
        knots: (phase, contraction) between which the course of one beat is interpolated.
    """

    frame_time_s: float
    starts_s: Tensor
    strengths: Tensor
    knots: Knots

    def contraction(self, frames: Tensor, lag: float = 0.0) -> Tensor:
        """Contraction, 0 at end-diastole and 1 at a full end-systole, at frame numbers `[T]`, `lag` cycles late."""
        typical = float(self.starts_s.diff().mean())
        times = (frames * self.frame_time_s - lag * typical).clamp(
            float(self.starts_s[0]), float(self.starts_s[-1]) - 1e-6
        )
        beat = torch.searchsorted(self.starts_s, times, right=True) - 1
        phase = (times - self.starts_s[beat]) / self.starts_s.diff()[beat]
        return self.strengths[beat] * cycle(phase, self.knots)


def draw_rhythm(n_frames: int, generator: torch.Generator, config: MotionConfig) -> Rhythm:
    """Draw heart rate, frame rate, the phase of frame 0 and, in arrhythmia, beats of different length and strength.

    A short beat leaves less time to fill: the next one is weaker.
    """
    frame_time = 1.0 / uniform(generator, *config.frame_rate_hz)
    length = 60.0 / uniform(generator, *config.heart_rate_bpm)
    knots = draw_knots(generator)
    irregular = config.beat_variation if chance(generator, config.arrhythmia_probability) else 0.0
    phase = uniform(generator, 0.0, 1.0)
    starts, strengths, strength = [-length * (1.0 + phase), -length * phase], [1.0], 1.0
    while starts[-1] <= n_frames * frame_time + length:
        change = uniform(generator, -irregular, irregular)
        starts.append(starts[-1] + length * (1.0 + change))
        strengths.append(strength)
        strength = min(1.0, 1.0 + change)
    return Rhythm(frame_time, torch.tensor(starts), torch.tensor(strengths), knots)


def draw_knots(generator: torch.Generator) -> Knots:
    """(phase, contraction) of: start, end-systole, end of isovolumic phase, early filling, diastasis, next start."""
    systole = uniform(generator, 0.30, 0.42)
    filled = uniform(generator, 0.15, 0.45)
    early = systole + 0.05 + uniform(generator, 0.12, 0.2)
    late = uniform(generator, max(early + 0.02, 0.74), 0.88)
    return [(0.0, 0.0), (systole, 1.0), (systole + 0.05, 1.0), (early, filled), (late, filled), (1.0, 0.0)]


def cycle(phase: Tensor, knots: Knots) -> Tensor:
    """Contraction 0..1 at `phase` (cycles), with smooth steps between the knots."""
    phase = phase - phase.floor()
    value = torch.zeros_like(phase)
    for (start, low), (end, high) in itertools.pairwise(knots):
        step = ((phase - start) / (end - start)).clamp(0.0, 1.0)
        value += (high - low) * step * step * (3.0 - 2.0 * step)
    return value
