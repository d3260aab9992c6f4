"""Claims about the course of the learning rate and how budgets end a run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from PointSegLib.training import TrainingSettings
from PointSegLib.training.schedule import progress, rate_factor, training_seconds

SETTINGS = TrainingSettings(steps=100)


@pytest.mark.parametrize("schedule", ["cosine", "step"])
def test_the_rate_warms_up_and_never_rises_again(schedule):
    settings = replace(SETTINGS, schedule=schedule)
    rates = [rate_factor(settings, done / 100) for done in range(101)]
    assert rates[0] < 0.1
    assert max(rates) > 0.99
    assert rates[3:] == sorted(rates[3:], reverse=True)


def test_cosine_is_half_way_at_half_time_and_ends_at_zero():
    assert rate_factor(SETTINGS, 0.5) == pytest.approx(0.5)
    assert rate_factor(SETTINGS, 1.0) == pytest.approx(0.0)
    assert rate_factor(SETTINGS, 1.5) == pytest.approx(0.0)


def test_steps_fall_to_a_tenth_at_each_drop():
    settings = replace(SETTINGS, schedule="step", rate_drops=(0.6, 0.9))
    assert [rate_factor(settings, done) for done in (0.59, 0.6, 0.89, 0.9)] == pytest.approx([1, 0.1, 0.1, 0.01])


def test_whichever_budget_is_used_up_first_ends_the_run():
    settings = replace(SETTINGS, minutes=10.0, validation_share=0.1)
    assert training_seconds(settings) == 540
    assert progress(settings, 20, 54.0) == pytest.approx(0.2)
    assert progress(settings, 5, 54.0) == pytest.approx(0.1)
    assert progress(SETTINGS, 5, 1e9) == pytest.approx(0.05)
