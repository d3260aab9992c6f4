"""Local correlation: how much the surroundings of an estimate look like the tissue the point was put on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from PointSegLib.model.deformable import level_sizes


class LocalCorrelation(nn.Module):
    """Compares the query's feature with a (2 r + 1)^2 window around the estimate on every level.

    In speckle, which has little texture to attend to by itself, this is what finds the way back (see RAFT, CoTracker).
    The dot products with the whole map are formed once a window; each decoder layer only samples them.
    """

    def __init__(self, dim: int, n_levels: int, channels: int, radius: int) -> None:
        super().__init__()
        self.radius = radius
        self.project = nn.ModuleList([nn.Conv2d(dim, channels, 1) for _ in range(n_levels)])
        self.log_sharpness = nn.Parameter(torch.full((n_levels,), math.log(10.0)))
        self.out_features = n_levels * ((2 * radius + 1) ** 2 + 2)

    def describe(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Unit-length descriptors of every cell: one `[B, C, H_l, W_l]` in channels_last per level.

        What all cells of a frame share is taken out first; it would make everything look alike.
        """
        return [_whitened(layer(m).float()) for layer, m in zip(self.project, maps, strict=True)]

    def volumes(self, described: Sequence[Tensor], query: Tensor) -> list[Tensor]:
        """Correlate the queries with every cell of every frame.

        Args:
            described: maps `[B * T, C, H_l, W_l]` from `describe`.
            query: `[B, N, L, C]` descriptors at the query points.

        Returns:
            One `[B * T * N, 1, H_l, W_l]` per level: cosine times the level's learned sharpness.
        """
        batch = query.shape[0]
        result = []
        for level, feature_map in enumerate(described):
            cells = feature_map.permute(0, 2, 3, 1).flatten(1, 2).unflatten(0, (batch, -1))
            sharp = query[:, :, level] * self.log_sharpness[level].exp()
            product = torch.einsum("bnc,btsc->btns", sharp, cells)
            result.append(product.unflatten(-1, feature_map.shape[-2:]).flatten(0, 2).unsqueeze(1))
        return result

    def forward(self, volumes: Sequence[Tensor], locations: Tensor) -> tuple[Tensor, Tensor]:
        """Sample the volumes around the estimates.

        Args:
            volumes: from `volumes`.
            locations: `[B * T, N, 2]` normalised estimates.

        Returns:
            `[B * T, N, L * ((2 r + 1)^2 + 2)]`: the samples, and the mean offset they weigh for; and that offset
            again, normalised, `[B * T, N, L, 2]`.
        """
        steps = torch.arange(-self.radius, self.radius + 1, device=locations.device, dtype=torch.float32)
        window = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1).reshape(1, 1, -1, 2)
        centre = locations.flatten(0, 1)[:, None, None]
        parts, offsets = [], []
        for volume, size in zip(volumes, level_sizes(volumes), strict=True):
            # each volume has one channel, and a place of its own for every point
            grid = (centre + window / size) * 2 - 1
            around = F.grid_sample(volume, grid, padding_mode="zeros", align_corners=False).flatten(1)
            offset = around.softmax(-1) @ window[0, 0]
            parts += [around / 10, offset / self.radius]
            offsets.append(offset / size)
        shape = locations.shape[:2]
        return torch.cat(parts, -1).unflatten(0, shape), torch.stack(offsets, 1).unflatten(0, shape)


def _whitened(projected: Tensor) -> Tensor:
    """Every channel of a map to mean 0 and spread 1 over the frame, then every cell to length 1."""
    cells = projected.permute(0, 2, 3, 1)
    centred = cells - cells.mean((1, 2), keepdim=True)
    even = centred / (centred.square().mean((1, 2), keepdim=True).sqrt() + 1e-3)
    return F.normalize(even, dim=-1).permute(0, 3, 1, 2)
