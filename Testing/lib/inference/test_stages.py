"""Claims about what is measured of each stage: parameters, operations, and any meter in general."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from lib.networks import tiny_checkpoint, tiny_network
from torch import nn

from PointSegLib import CineClip, PointSegPredictor
from PointSegLib.inference.stages import (
    MASK_DECODER,
    REST,
    SEGMENTER_ENCODER,
    STAGES,
    TRACKER_DECODER,
    TRACKER_ENCODER,
    count_flop,
    spent_by_stage,
    stage_parameters,
)
from PointSegLib.model import parameter_count


@pytest.fixture(scope="module")
def predictor():
    return PointSegPredictor(tiny_checkpoint(), device="cpu")


@pytest.fixture
def clip():
    return CineClip(np.random.default_rng(0).integers(20, 255, (4, 70, 90), dtype=np.uint8))


def test_parameters_of_the_stages_add_up_to_the_network():
    network = tiny_network()
    counts = stage_parameters(network)
    assert tuple(counts) == STAGES
    assert sum(counts.values()) == parameter_count(network)
    assert all(counts[stage] > 0 for stage in STAGES if stage != REST)


def test_operations_of_a_convolution_are_those_counted_by_hand():
    convolution = nn.Conv2d(3, 8, 3, padding=1)
    with torch.inference_mode(), count_flop() as counter:
        convolution(torch.zeros(2, 3, 16, 20))
    assert counter.get_total_flops() == 2 * (2 * 8 * 16 * 20) * (3 * 3 * 3)


def test_operations_of_attention_are_those_of_its_two_products():
    query, context = torch.zeros(1, 2, 10, 4), torch.zeros(1, 2, 7, 4)
    with torch.inference_mode(), count_flop() as counter:
        F.scaled_dot_product_attention(query, context, context)
    assert counter.get_total_flops() == 2 * 2 * (2 * 10 * 7 * 4)


def test_operations_of_an_encoder_are_counted_once_in_its_own_stage(predictor, clip):
    images = torch.zeros(len(clip), 1, 64, 64)
    with torch.inference_mode(), count_flop() as alone:
        predictor.model.tracker.encoder(images)
    with count_flop() as counter, spent_by_stage(predictor.model, counter.get_total_flops) as spent:
        predictor(clip)
    assert spent[TRACKER_ENCODER] == alone.get_total_flops()
    assert sum(spent.values()) == counter.get_total_flops()
    assert min(spent[stage] for stage in STAGES if stage != REST) > 0


def test_each_stage_reads_the_meter_around_its_own_calls_only(predictor, clip):
    readings = iter(range(1000))
    with spent_by_stage(predictor.model, lambda: next(readings)) as spent:
        predictor(clip)
    # one window; points are described on its first and on its last frame, then tracked
    assert spent[TRACKER_ENCODER] == spent[SEGMENTER_ENCODER] == spent[MASK_DECODER] == 1
    assert spent[TRACKER_DECODER] == 3
    assert sum(spent.values()) == next(readings) - 1


def test_network_is_as_before_after_measuring_even_when_the_run_fails(predictor, clip):
    model = predictor.model
    parts = (model.tracker, model.tracker.encoder, model.segmenter, model.segmenter.encoder)
    before = [set(vars(part)) for part in parts]

    def stop(done, total):
        assert "forward" in vars(model.tracker)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"), spent_by_stage(model, lambda: 0.0):
        predictor(clip, progress=stop)
    assert [set(vars(part)) for part in parts] == before
