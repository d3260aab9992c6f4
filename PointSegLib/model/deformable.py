"""Deformable attention in plain PyTorch: the encoder's and the point decoder's key-aware form.

References: Zhu et al. 2021 (Deformable DETR) and Li et al. 2024 (TAPTRv2, key-aware attention with
attention-based position update).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def sample_map(feature_map: Tensor, locations: Tensor) -> Tensor:
    """Bilinear samples of a map at normalised locations; zero outside the image.

    Args:
        feature_map: `[B, C, H, W]`.
        locations: `[B, N, P, 2]` normalised (x, y) in 0..1.

    Returns:
        `[B, C, N, P]` in the type of the map.
    """
    # in bfloat16 a location would be rounded to half a pixel and more
    grid = locations.float() * 2 - 1
    sampled = F.grid_sample(feature_map.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return sampled.to(feature_map.dtype)


def sample_levels(maps: Sequence[Tensor], locations: Tensor) -> Tensor:
    """Bilinear samples per head, level and sampling point.

    Args:
        maps: one `[B, heads * C, H_l, W_l]` per level.
        locations: `[B, N, heads, L, P, 2]` normalised (x, y).

    Returns:
        `[B, heads, N, L * P, C]`.
    """
    batch, count, heads, _, points, _ = locations.shape
    samples = []
    for level, feature_map in enumerate(maps):
        per_head = feature_map.unflatten(1, (heads, -1)).flatten(0, 1)
        where = locations[:, :, :, level].transpose(1, 2).reshape(batch * heads, count, points, 2)
        samples.append(sample_map(per_head, where).unflatten(0, (batch, heads)))
    return torch.cat(samples, -1).permute(0, 1, 3, 4, 2)


def level_sizes(maps: Sequence[Tensor]) -> Tensor:
    """`[L, 2]` sizes (W, H) of the maps."""
    return torch.tensor([[m.shape[-1], m.shape[-2]] for m in maps], dtype=torch.float32, device=maps[0].device)


def ring_offsets(n_heads: int, n_levels: int, n_points: int) -> Tensor:
    """Deformable DETR's starting offsets in cells: each head looks one way, each point one cell farther."""
    angle = torch.arange(n_heads) * (2 * math.pi / n_heads)
    direction = torch.stack([angle.cos(), angle.sin()], -1)
    direction = direction / direction.abs().amax(-1, keepdim=True)
    steps = torch.arange(1, n_points + 1).view(1, 1, -1, 1)
    return (direction.view(n_heads, 1, 1, 2) * steps).expand(n_heads, n_levels, n_points, 2).clone()


class SamplingOffsets(nn.Linear):
    """Predicts where each head looks, in cells of each level around the query."""

    def __init__(self, dim: int, n_heads: int, n_levels: int, n_points: int) -> None:
        super().__init__(dim, n_heads * n_levels * n_points * 2)
        self.shape = (n_heads, n_levels, n_points, 2)
        nn.init.zeros_(self.weight)
        with torch.no_grad():
            self.bias.copy_(ring_offsets(n_heads, n_levels, n_points).flatten())

    def forward(self, query: Tensor) -> Tensor:
        """`[B, N, d]` to offsets `[B, N, heads, L, P, 2]`."""
        return super().forward(query).float().unflatten(-1, self.shape)


class DeformableAttention(nn.Module):
    """Multi-scale deformable attention of the image encoder; weights come from the query alone."""

    def __init__(self, dim: int, n_heads: int, n_levels: int, n_points: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.offsets = SamplingOffsets(dim, n_heads, n_levels, n_points)
        self.weights = nn.Linear(dim, n_heads * n_levels * n_points)
        self.value = nn.Conv2d(dim, dim, 1)
        self.out = nn.Linear(dim, dim)

    def forward(self, query: Tensor, reference: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """Attend around each query.

        Args:
            query: `[B, N, d]`.
            reference: `[B or 1, N, 2]` normalised position of each query.
            maps: one `[B, d, H_l, W_l]` per level.

        Returns:
            `[B, N, d]`.
        """
        offsets = self.offsets(query) / level_sizes(maps).view(-1, 1, 2)
        where = reference[:, :, None, None, None] + offsets
        values = sample_levels([self.value(m) for m in maps], where)
        weights = self.weights(query).unflatten(-1, (self.n_heads, -1)).softmax(-1).transpose(1, 2)
        mixed = (weights.unsqueeze(-1) * values).sum(-2)
        return self.out(mixed.transpose(1, 2).flatten(2))


class KeyAwareDeformableAttention(nn.Module):
    """TAPTRv2's cross-attention: sampled keys are compared with the query, and the same weights move the point."""

    def __init__(self, dim: int, n_heads: int, n_levels: int, n_points: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.offsets = SamplingOffsets(dim, n_heads, n_levels, n_points)
        self.query = nn.Linear(dim, dim)
        self.key_value = nn.ModuleList([nn.Conv2d(dim, 2 * dim, 1) for _ in range(n_levels)])
        self.out = nn.Linear(dim, dim)
        samples = n_heads * n_levels * n_points
        self.position_weights = nn.Sequential(nn.Linear(samples, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, samples))

    def forward(self, query: Tensor, reference: Tensor, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Attend around each point and move it.

        Args:
            query: `[B, N, d]` point tokens of one frame each (frames are part of B).
            reference: `[B, N, 2]` normalised positions.
            maps: one `[B, d, H_l, W_l]` per level.

        Returns:
            The attended features `[B, N, d]` and the position update `[B, N, 2]`, normalised.
        """
        offsets = self.offsets(query) / level_sizes(maps).view(-1, 1, 2)
        where = reference[:, :, None, None, None] + offsets
        projected = [layer(m) for layer, m in zip(self.key_value, maps, strict=True)]
        # keys and values of a head lie side by side so that one sampling serves both
        keys, values = sample_levels(projected, where).chunk(2, -1)
        q = self.query(query).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
        logits = (q.unsqueeze(-2) * keys).sum(-1) / math.sqrt(q.shape[-1])
        mixed = (logits.softmax(-1).unsqueeze(-1) * values).sum(-2)
        weights = self.position_weights(logits.transpose(1, 2).flatten(2)).float().softmax(-1)
        update = (weights.unsqueeze(-1) * offsets.flatten(2, 4)).sum(-2)
        return self.out(mixed.transpose(1, 2).flatten(2)), update
