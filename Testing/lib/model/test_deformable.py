"""Claims about sampling and deformable attention: one coordinate convention, and the dense answer where one exists."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from PointSegLib.coordinates import pixel_to_unit
from PointSegLib.model.deformable import (
    DeformableAttention,
    KeyAwareDeformableAttention,
    sample_levels,
    sample_map,
)


def test_pixel_centres_sample_their_own_pixel():
    image = torch.arange(12.0).view(1, 1, 3, 4)
    y, x = torch.meshgrid(torch.arange(3.0), torch.arange(4.0), indexing="ij")
    where = pixel_to_unit(torch.stack([x, y], -1), torch.tensor([4.0, 3.0])).view(1, 12, 2)
    torch.testing.assert_close(sample_map(image, where).view(3, 4), image[0, 0])


def test_halfway_between_two_pixels_is_their_mean():
    image = torch.tensor([[[[2.0, 6.0], [2.0, 6.0]]]])
    where = pixel_to_unit(torch.tensor([[0.5, 0.0]]), torch.tensor([2.0, 2.0])).view(1, 1, 2)
    assert float(sample_map(image, where)) == pytest.approx(4.0)


def test_outside_the_image_is_zero():
    assert float(sample_map(torch.ones(1, 1, 4, 4), torch.tensor([[[1.5, 0.5]]]))) == 0.0


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_samples_and_their_gradients_are_those_of_grid_sample(memory):
    feature_map = torch.randn(2, 6, 5, 7).to(memory_format=memory).requires_grad_()
    where = (torch.rand(2, 9, 2) * 1.4 - 0.2).requires_grad_()
    wanted = F.grid_sample(feature_map, (where * 2 - 1)[:, :, None], align_corners=False)[..., 0].transpose(1, 2)
    found, weights = sample_map(feature_map, where), torch.randn(2, 9, 6)
    torch.testing.assert_close(found, wanted)
    for ours, theirs in zip(
        torch.autograd.grad((found * weights).sum(), [feature_map, where]),
        torch.autograd.grad((wanted * weights).sum(), [feature_map, where]),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_levels_and_heads_are_sampled_each_from_its_own_map():
    maps = [torch.stack([torch.full((2, 2), 10.0 * level + head) for head in range(3)])[None] for level in range(2)]
    sampled = sample_levels(maps, torch.full((1, 5, 3, 2, 4, 2), 0.5))
    assert sampled.shape == (1, 5, 3, 8, 1)
    for head in range(3):
        assert sampled[0, 0, head, :, 0].tolist() == [head] * 4 + [10.0 + head] * 4


def test_one_hot_weights_make_deformable_attention_a_lookup():
    attention = DeformableAttention(8, n_heads=2, n_levels=1, n_points=3)
    with torch.no_grad():
        attention.offsets.bias.zero_()
        attention.value.weight.copy_(torch.eye(8).view(8, 8, 1, 1))
        attention.value.bias.zero_()
        attention.out.weight.copy_(torch.eye(8))
        attention.out.bias.zero_()
    feature_map = torch.randn(1, 8, 5, 7)
    reference = pixel_to_unit(torch.tensor([[[3.0, 2.0], [6.0, 4.0]]]), torch.tensor([7.0, 5.0]))
    found = attention(torch.randn(1, 2, 8), reference, [feature_map])
    torch.testing.assert_close(found[0], torch.stack([feature_map[0, :, 2, 3], feature_map[0, :, 4, 6]]))


def test_offsets_are_counted_in_cells_of_each_axis():
    # TAPTR divides x offsets by the height; on a map that is not square that is a different place
    attention = KeyAwareDeformableAttention(8, n_heads=1, n_levels=1, n_points=1)
    with torch.no_grad():
        attention.offsets.bias.copy_(torch.tensor([2.0, 1.0]))
    _, update = attention(torch.randn(1, 1, 8), torch.full((1, 1, 2), 0.5), [torch.randn(1, 8, 4, 16)])
    torch.testing.assert_close(update[0, 0], torch.tensor([2.0 / 16, 1.0 / 4]))


def test_position_update_is_a_weighted_mean_of_the_offsets():
    attention = KeyAwareDeformableAttention(8, n_heads=2, n_levels=2, n_points=2)
    maps = [torch.randn(1, 8, 8, 8), torch.randn(1, 8, 4, 4)]
    _, update = attention(torch.randn(1, 3, 8), torch.full((1, 3, 2), 0.5), maps)
    assert float(update.detach().abs().max()) <= 2 / 4 + 1e-6
