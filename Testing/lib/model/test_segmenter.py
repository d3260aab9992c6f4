"""Claims about fusion layers and mask decoder: shapes, switches of Table 3, neutral hints, points that matter."""

from __future__ import annotations

import pytest
import torch
from lib.networks import tiny_network

from PointSegLib.model import PointCues
from PointSegLib.model.config import HINT_WALL

FRAMES, POINTS = 3, 5


def _cues(seed=0, **changes):
    generator = torch.Generator().manual_seed(seed)
    parts = {
        "xy": torch.rand(2, POINTS, FRAMES, 2, generator=generator),
        "visibility": torch.rand(2, POINTS, FRAMES, generator=generator),
        "tokens": torch.randn(2, POINTS, FRAMES, 24, generator=generator),
        "hint": torch.zeros(2, POINTS, dtype=torch.long),
    }
    return PointCues(**{**parts, **changes})


@torch.no_grad()
def _masks(network, cues, every_layer=False):
    images = torch.rand(2 * FRAMES, 1, 64, 64, generator=torch.Generator().manual_seed(9))
    return network.segmenter(network.segmenter.encoder(images), cues, every_layer)


@pytest.mark.parametrize(("classes", "stride"), [((1, 2, 3), 2), ((2,), 1)])
def test_one_mask_per_class_frame_and_layer(classes, stride):
    layers = _masks(tiny_network(class_labels=classes, mask_stride=stride), _cues(), every_layer=True)
    assert len(layers) == 3
    assert all(m.shape == (2, FRAMES, len(classes), 64 // stride, 64 // stride) for m in layers)


def test_last_layer_is_the_same_with_and_without_the_others():
    network = tiny_network()
    torch.testing.assert_close(_masks(network, _cues(), every_layer=True)[-1], _masks(network, _cues())[0])


@pytest.mark.parametrize("switch", ["point_to_patch", "mlp", "point_attention", "temporal_attention"])
def test_each_component_can_be_switched_off(switch):
    full, without = tiny_network(), tiny_network(**{switch: False})
    assert sum(p.numel() for p in without.parameters()) < sum(p.numel() for p in full.parameters())
    assert bool(torch.isfinite(_masks(without, _cues())[-1]).all())


def test_without_temporal_attention_frames_do_not_see_each_other():
    cues = _cues()
    other = cues.tokens.clone()
    other[:, :, -1] += 1.0
    changed = _cues(tokens=other)
    apart = tiny_network(temporal_attention=False)
    torch.testing.assert_close(_masks(apart, cues)[-1][:, 0], _masks(apart, changed)[-1][:, 0])
    joined = tiny_network()
    assert not torch.allclose(_masks(joined, cues)[-1][:, 0], _masks(joined, changed)[-1][:, 0])


def test_without_trajectories_the_trackers_tokens_do_not_matter():
    network = tiny_network(use_trajectories=False)
    torch.testing.assert_close(_masks(network, _cues())[-1], _masks(network, _cues(tokens=_cues(1).tokens))[-1])


def test_order_of_points_does_not_matter():
    network, cues = tiny_network(), _cues()
    order = torch.tensor([3, 1, 4, 0, 2])
    shuffled = PointCues(cues.xy[:, order], cues.visibility[:, order], cues.tokens[:, order], cues.hint[:, order])
    torch.testing.assert_close(_masks(network, cues)[-1], _masks(network, shuffled)[-1], atol=1e-5, rtol=1e-4)


def test_a_hint_changes_nothing_before_it_is_trained_and_something_after():
    network, hint = tiny_network(), torch.full((2, POINTS), HINT_WALL)
    torch.testing.assert_close(_masks(network, _cues())[-1], _masks(network, _cues(hint=hint))[-1])
    with torch.no_grad():
        network.segmenter.hint_embedding.weight[HINT_WALL] = 1.0
    assert not torch.allclose(_masks(network, _cues())[-1], _masks(network, _cues(hint=hint))[-1])
