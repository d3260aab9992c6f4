"""Local correlation: how much the surroundings of an estimate look like the tissue the point was put on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from PointSegLib.model.deformable import level_sizes, sample_map
from PointSegLib.model.layers import frame_parts


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

    def describe(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Unit-length descriptors of every cell: one `[B, C, H_l, W_l]` in channels_last per level.

        What all cells of a frame share is taken out first; it would make everything look alike.
        """
        return [_whitened(layer(m).float()) for layer, m in zip(self.project, maps, strict=True)]

    def sample(self, described: Sequence[Tensor], locations: Tensor) -> Tensor:
        """Descriptors at normalised locations `[F, N, 2]` of maps from `describe`: `[F, N, L, C]`, of unit length."""
        return F.normalize(torch.stack([sample_map(m, locations) for m in described], 2), dim=-1)

    def volumes(self, described: Sequence[Tensor], wanted: Tensor) -> list[Tensor]:
        """Correlate descriptors with every cell of the frame they are looked for in.

        Args:
            described: maps `[B * T, C, H_l, W_l]` from `describe`.
            wanted: `[B * T, N, L, C]` descriptors, N for each frame.

        Returns:
            One `[B * T * N, 1, H_l, W_l]` per level: cosine times the level's learned sharpness.
        """
        result = []
        for level, feature_map in enumerate(described):
            sharp = wanted[:, :, level] * self.log_sharpness[level].exp()
            product = sharp @ feature_map.flatten(2)
            result.append(product.unflatten(-1, feature_map.shape[-2:]).flatten(0, 1).unsqueeze(1))
        return result

    def search(self, described: Sequence[Tensor], wanted: Tensor, locations: Tensor) -> list[Tensor]:
        """`windows` of the `volumes`, which are not kept."""
        largest = wanted.shape[1] * described[0].shape[-2:].numel()
        found = [
            self.windows(self.volumes([m[part] for m in described], wanted[part]), locations[part])
            for part in frame_parts(len(wanted), largest)
        ]
        return [torch.cat(level) for level in zip(*found, strict=True)]

    def windows(self, volumes: Sequence[Tensor], locations: Tensor) -> list[Tensor]:
        """Sample the volumes around the estimates.

        Args:
            volumes: from `volumes`.
            locations: `[B * T, N, 2]` normalised estimates.

        Returns:
            `[B * T, N, (2 r + 1)^2]` per level, row by row.
        """
        cells = window_cells(self.radius, locations.device)
        centre = locations.flatten(0, 1)[:, None, None]
        result = []
        for volume, size in zip(volumes, level_sizes(volumes), strict=True):
            # each volume has one channel, and a place of its own for every point
            grid = (centre + cells / size) * 2 - 1
            around = F.grid_sample(volume, grid, padding_mode="zeros", align_corners=False)
            result.append(around.flatten(1).unflatten(0, locations.shape[:2]))
        return result


def window_cells(radius: int, device: torch.device) -> Tensor:
    """Offsets (x, y) of a square window's cells from its middle, `[(2 r + 1)^2, 2]`, row by row."""
    steps = torch.arange(-radius, radius + 1, device=device, dtype=torch.float32)
    return torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1).reshape(-1, 2)


def offsets_of(window: Tensor) -> Tensor:
    """Mean offset in cells, `[..., 2]`, of windows `[..., (2 r + 1)^2]` of logits."""
    radius = (math.isqrt(window.shape[-1]) - 1) // 2
    return window.softmax(-1) @ window_cells(radius, window.device)


def _whitened(projected: Tensor) -> Tensor:
    """Every channel of a map to mean 0 and spread 1 over the frame, then every cell to length 1."""
    cells = projected.permute(0, 2, 3, 1)
    centred = cells - cells.mean((1, 2), keepdim=True)
    even = centred / (centred.square().mean((1, 2), keepdim=True).sqrt() + 1e-3)
    return F.normalize(even, dim=-1).permute(0, 3, 1, 2)
