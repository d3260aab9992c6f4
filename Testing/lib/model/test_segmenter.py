"""Claims about fusion layers and mask decoder: shapes, switches of Table 3, neutral hints, points that matter."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from lib.networks import tiny_config, tiny_network

from PointSegLib.model import PointCues
from PointSegLib.model.config import HINT_CAVITY, HINT_OUTSIDE, HINT_WALL
from PointSegLib.model.segmenter import hint_maps

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


@torch.no_grad()
def test_a_coarser_encoder_sees_the_averaged_frame_and_takes_hints_where_a_fine_one_does():
    fine, coarse = tiny_network(mask_stride=2), _coarse_network()
    images = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(9))
    seen = coarse.segmenter.encoder(images)
    averaged = fine.segmenter.encoder(F.avg_pool2d(images, 2))
    torch.testing.assert_close(seen.levels[8], averaged.levels[8])
    assert _masks(coarse, _cues())[-1].shape[-1] == 64 // coarse.config.segmenter.input_stride == 16
    assert fine.segmenter.decoder.hint_stride == 2 * coarse.segmenter.decoder.hint_stride
    with torch.no_grad():
        coarse.segmenter.decoder.hints.weight.normal_()
    hint = torch.full((2, POINTS), HINT_WALL)
    assert not torch.allclose(_masks(coarse, _cues())[-1], _masks(coarse, _cues(hint=hint))[-1])


def _coarse_network():
    encoder = replace(tiny_config().segmenter.encoder, image_stride=2)
    return tiny_network(encoder=encoder, mask_stride=2)


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


@pytest.mark.parametrize(("patches", "masks"), [(16, 4), (16, 2), (8, 4)])
def test_patches_and_masks_may_have_other_strides(patches, masks):
    found = _masks(tiny_network(patch_stride=patches, mask_stride=masks), _cues())[-1]
    assert found.shape[-2:] == (64 // masks, 64 // masks)


def test_a_still_needs_no_tokens_of_a_tracker():
    cues = PointCues.resting(torch.rand(2 * FRAMES, POINTS, 2), torch.zeros(2 * FRAMES, POINTS, dtype=torch.long))
    assert bool(torch.isfinite(_masks(tiny_network(), cues)[-1]).all())


def test_a_hint_changes_nothing_before_it_is_trained_and_something_after():
    hint = torch.full((2, POINTS), HINT_WALL)
    before = _masks(tiny_network(), _cues())[-1]
    torch.testing.assert_close(before, _masks(tiny_network(), _cues(hint=hint))[-1])
    for part in ("hint_embedding.weight", "decoder.hints.weight"):
        network = tiny_network()
        with torch.no_grad():
            network.segmenter.get_parameter(part).normal_()
        assert not torch.allclose(_masks(network, _cues())[-1], _masks(network, _cues(hint=hint))[-1])


def test_a_spot_lies_where_the_hint_is_in_each_frame_and_on_its_own_map():
    xy = torch.tensor([[0.25, 0.5], [0.75, 0.5], [0.5, 0.9]]).view(1, 1, 3, 2)
    cues = PointCues(xy, torch.ones(1, 1, 3), None, torch.tensor([[HINT_CAVITY]]))
    maps = hint_maps(cues, (20, 40))
    assert maps.shape == (3, 3, 20, 40)
    assert float(maps[:, [HINT_WALL - 1, HINT_OUTSIDE - 1]].max()) == 0
    for spot, (x, y) in zip(maps[:, HINT_CAVITY - 1], xy[0, 0].tolist(), strict=True):
        row, column = divmod(int(spot.argmax()), 40)
        assert abs(column + 0.5 - x * 40) <= 1
        assert abs(row + 0.5 - y * 20) <= 1
        assert float(spot.max()) > 0.7
