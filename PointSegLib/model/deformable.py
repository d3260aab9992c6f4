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
        locations: `[B, N, 2]` normalised (x, y) in 0..1.

    Returns:
        `[B, N, C]` in the type of the map.
    """
    return sample_heads(feature_map, locations[:, :, None, None])[:, :, 0, 0]


def sample_heads(feature_map: Tensor, locations: Tensor) -> Tensor:
    """Bilinear samples where every head reads its own channels at its own places; zero outside the image.

    A sample is a weighted sum of four rows of a table of cells, which is what an embedding bag does. Against
    `grid_sample` this spares a CPU the reordering of channels before and after.

    Args:
        feature_map: `[B, heads * C, H, W]`, fastest in channels_last.
        locations: `[B, N, heads, P, 2]` normalised (x, y).

    Returns:
        `[B, N, heads, P, C]` in the type of the map.
    """
    batch, _, height, width = feature_map.shape
    heads = locations.shape[2]
    table = feature_map.permute(0, 2, 3, 1).reshape(batch * height * width * heads, -1)
    # in bfloat16 a location would be rounded to half a pixel and more
    rows, row_weights = _corners(locations[..., 1].float(), height)
    columns, column_weights = _corners(locations[..., 0].float(), width)
    image = torch.arange(batch, device=table.device).view(-1, 1, 1, 1, 1) * height
    cells = ((image + rows).unsqueeze(-1) * width + columns.unsqueeze(-2)).flatten(-2)
    weights = (row_weights.unsqueeze(-1) * column_weights.unsqueeze(-2)).flatten(-2)
    head = torch.arange(heads, device=table.device).view(-1, 1, 1)
    index = (cells * heads + head).flatten(0, -2)
    return _weighted_rows(table.float(), index, weights.flatten(0, -2)).to(table.dtype).view(*locations.shape[:-1], -1)


def _corners(position: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The two cells beside a normalised coordinate and their weights, zero for a cell beyond the border."""
    cell = position * size - 0.5
    low = cell.floor()
    share = cell - low
    neighbours = torch.stack([low, low + 1], -1).long()
    inside = (neighbours >= 0) & (neighbours < size)
    return neighbours.clamp(0, size - 1), torch.stack([1 - share, share], -1) * inside


def _weighted_rows(table: Tensor, index: Tensor, weights: Tensor) -> Tensor:
    """`[S, C]`, row s being the sum of `weights[s]` times the rows `index[s]` of `table`."""
    if table.device.type == "mps":  # has no embedding bag
        return (table[index] * weights.unsqueeze(-1)).sum(1)
    return F.embedding_bag(index, table, mode="sum", per_sample_weights=weights)


def sample_levels(maps: Sequence[Tensor], locations: Tensor) -> Tensor:
    """Bilinear samples per head, level and sampling point.

    Args:
        maps: one `[B, heads * C, H_l, W_l]` per level.
        locations: `[B, N, heads, L, P, 2]` normalised (x, y).

    Returns:
        `[B, N, heads, L * P, C]`.
    """
    return torch.cat([sample_heads(m, locations[:, :, :, level]) for level, m in enumerate(maps)], 3)


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
        weights = self.weights(query).unflatten(-1, (self.n_heads, -1)).softmax(-1)
        return self.out((weights.unsqueeze(-1) * values).sum(-2).flatten(2))


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
        # heads go before points from here on: each has a projection of its own, and memory is read as it lies
        where = (reference[:, :, None, None, None] + offsets).transpose(1, 2)
        both = [self._keys_and_values(level, m, where[:, :, :, level]) for level, m in enumerate(maps)]
        q = self.query(query).unflatten(-1, (self.n_heads, -1)).transpose(1, 2).unsqueeze(3)
        logits = torch.cat([(q * keys).sum(-1) for keys, _ in both], -1) / math.sqrt(q.shape[-1])
        shares = logits.softmax(-1).unsqueeze(-1).chunk(len(both), 3)
        mixed = torch.stack([(share * values).sum(3) for share, (_, values) in zip(shares, both, strict=True)]).sum(0)
        weights = self.position_weights(logits.transpose(1, 2).flatten(2)).float().softmax(-1)
        update = (weights.unsqueeze(-1) * offsets.flatten(2, 4)).sum(-2)
        return self.out(mixed.transpose(1, 2).flatten(2)), update

    def _keys_and_values(self, level: int, feature_map: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
        """Two of `[B, heads, N, P, C]` at `[B, heads, N, P, 2]`; there are fewer samples than cells to project."""
        layer = self.key_value[level]
        assert isinstance(layer, nn.Conv2d)
        assert layer.bias is not None
        weight = layer.weight[:, :, 0, 0].unflatten(0, (self.n_heads, -1))
        bias = layer.bias.unflatten(0, (self.n_heads, 1, -1))
        sampled = sample_map(feature_map, where.flatten(1, 3)).unflatten(1, (self.n_heads, -1))
        keys, values = (sampled @ weight.transpose(1, 2) + bias).unflatten(2, where.shape[2:4]).chunk(2, -1)
        return keys, values
