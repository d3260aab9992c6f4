"""Claims about the averaged weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from PointSegLib.training.averaging import WeightAverage


def _fill(module, value):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(value)


def test_average_follows_slowly_and_the_start_is_soon_forgotten():
    module = nn.Linear(1, 1, bias=False)
    _fill(module, 0.0)
    average = WeightAverage(module, decay=0.5)
    _fill(module, 1.0)
    average.update()
    with average.applied():
        assert module.weight.item() == pytest.approx(1 - 2 / 11)
    for _ in range(20):
        average.update()
    _fill(module, 3.0)
    average.update()
    with average.applied():
        assert module.weight.item() == pytest.approx(2.0, abs=1e-5)


def test_trained_weights_come_back_even_after_an_error():
    module = nn.Linear(2, 2)
    average = WeightAverage(module, 0.9)
    _fill(module, 7.0)

    def look():
        with average.applied():
            assert not bool((module.weight == 7).any())
            raise KeyError

    with pytest.raises(KeyError):
        look()
    assert bool((module.weight == 7).all())


def test_buffers_and_frozen_weights_stay_the_modules_own():
    module = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 2).requires_grad_(False))
    average = WeightAverage(module, 0.9)
    module[0].running_mean.fill_(5.0)
    module[1].weight.fill_(4.0)
    average.update()
    with average.applied():
        assert bool((module[0].running_mean == 5).all())
        assert bool((module[1].weight == 4).all())


def test_a_saved_average_goes_on():
    module = nn.Linear(2, 2)
    average = WeightAverage(module, 0.9)
    _fill(module, 1.0)
    average.update()
    other = nn.Linear(2, 2)
    again = WeightAverage(other, 0.9)
    again.load_state_dict(average.state_dict())
    for network, part in ((module, average), (other, again)):
        _fill(network, 2.0)
        part.update()
        part.apply()
    torch.testing.assert_close(module.weight, other.weight)
