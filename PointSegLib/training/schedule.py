"""How far a run is, and the learning rate there."""

from __future__ import annotations

import math

from PointSegLib.training.settings import TrainingSettings

WARM_UP = 0.03
DROP = 0.1


def progress(settings: TrainingSettings, step: int, seconds: float) -> float:
    """How much of the steps, or of the minutes left for training, is used up; training ends at 1.

    Args:
        settings: `steps`, `minutes` and the `validation_share` of them that is kept for the validation at the end.
        step: optimiser steps taken.
        seconds: used so far.
    """
    by_steps = step / settings.steps
    by_time = seconds / training_seconds(settings) if settings.minutes else 0.0
    return max(by_steps, by_time)


def training_seconds(settings: TrainingSettings) -> float:
    """The part of the budget that is not kept for the last validation, s; infinite without a budget."""
    return 60 * settings.minutes * (1 - settings.validation_share) if settings.minutes else math.inf


def rate_factor(settings: TrainingSettings, done: float) -> float:
    """The learning rate as a share of its peak: a linear warm-up, then half a cosine to zero, or drops to a tenth.

    Args:
        settings: `schedule` and `rate_drops`.
        done: progress of the run, 0..1.
    """
    warm = min(1.0, (done + 1e-3) / WARM_UP)
    if settings.schedule == "step":
        return warm * DROP ** sum(done >= drop for drop in settings.rate_drops)
    return warm * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
