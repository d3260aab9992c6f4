"""Where a piece of tissue is found again: likeness of pixels and of learned descriptors, shared by neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from PointSegLib.model.correlation import LocalCorrelation, offsets_of, window_cells

PATCH_PX = 13
RADIUS_PX = 3
SIDE_PX = PATCH_PX + 2 * RADIUS_PX
# between points that share nothing; infinity would turn the gradient of the reach into NaN
FAR_PX = 1e4
# a patch whose grey values spread less than this looks like nothing
FLAT = 0.02


class TissueMatching(nn.Module):
    """Looks around the estimates of each frame for tissue that was described in another.

    Pixels tell small offsets, learned maps large ones. Neighbouring points move alike, so what each saw is averaged
    over its neighbours, as windows and not as offsets: where one point sees two places, its neighbours decide. How
    wide, each level learns.

    Args:
        dim: channels of the maps.
        strides: of the maps used.
        channels: of the descriptors.
        radius: the maps are searched in (2 r + 1)^2 cells around the estimate.
    """

    def __init__(self, dim: int, strides: Sequence[int], channels: int, radius: int) -> None:
        super().__init__()
        self.cells_px = (1, *strides)
        self.coarse = LocalCorrelation(dim, len(strides), channels, radius)
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(20.0)))
        self.log_reach_px = nn.Parameter(torch.full((len(self.cells_px),), math.log(12.0)))
        self.out_features = len(strides) * ((2 * radius + 1) ** 2 + 2) + (2 * RADIUS_PX + 1) ** 2 + 2

    def forward(
        self, likeness: Tensor, volumes: Sequence[Tensor], locations: Tensor, distance_px: Tensor, side_px: int
    ) -> tuple[Tensor, Tensor]:
        """What is seen around the estimates, and where it points.

        Args:
            likeness: `[B * T, N, (2 r + 1)^2]` of pixels, from `patch_likeness`.
            volumes: of the maps, from `coarse.volumes`.
            locations: `[B * T, N, 2]` normalised estimates.
            distance_px: `[B * T, N, N]` between points, `FAR_PX` between those that share nothing; pixels of an
                input of side S.
            side_px: S.

        Returns:
            `[B * T, N, out_features]`, and per level the mean offset, normalised, `[B * T, N, L, 2]`.
        """
        seen = [likeness * self.log_sharpness.exp(), *self.coarse.windows(volumes, locations)]
        parts, offsets = [], []
        for window, reach, cell in zip(seen, self.log_reach_px.exp(), self.cells_px, strict=True):
            near = torch.exp(-0.5 * (distance_px / reach).square())
            shared = near @ window / near.sum(-1, keepdim=True)
            offset = offsets_of(shared)
            parts += [shared / 10, offset / RADIUS_PX]
            offsets.append(offset * (cell / side_px))
        return torch.cat(parts, -1), torch.stack(offsets, 2)


@torch.no_grad()
def sample_regions(images: Tensor, locations: Tensor, side: int = SIDE_PX) -> Tensor:
    """Squares of pixels around normalised locations, the border's pixels continued beyond it.

    No gradient is passed: images are not learnt, and estimates are detached.

    Args:
        images: `[F, 1, S, S]`.
        locations: `[F, N, 2]`.
        side: of the squares, odd.

    Returns:
        float32 `[F, N, side, side]`.
    """
    grid = (locations.unsqueeze(2) + window_cells((side - 1) // 2, images.device) / images.shape[-1]) * 2 - 1
    regions = F.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)
    return regions.squeeze(1).unflatten(-1, (side, side))


@torch.no_grad()
def patch_likeness(patches: Tensor, regions: Tensor) -> Tensor:
    """Normalised cross-correlation with a Gaussian window, the classic of speckle tracking (Bohs and Trahey 1991).

    Args:
        patches: `[F, N, K, PATCH_PX, PATCH_PX]`, K looked for around each estimate.
        regions: `[F, N, SIDE_PX, SIDE_PX]` around the estimates.

    Returns:
        `[K, F, N, (2 r + 1)^2]` in -1..1, row by row, for r = `RADIUS_PX` pixels; near 0 where a patch is flat.
    """
    frames, count, kinds = patches.shape[:3]
    weights = _gaussian_window(patches.device)
    centred = patches - (patches * weights).sum((-2, -1), keepdim=True)
    spread = ((centred.square() * weights).sum((-2, -1)) + FLAT**2).sqrt()
    kernel = (centred * weights).flatten(0, 2).unsqueeze(1)
    searched = regions.flatten(0, 1).unsqueeze(1)
    product = F.conv2d(searched.transpose(0, 1), kernel, groups=frames * count)[0].flatten(1)
    mean, square = (F.conv2d(values, weights[None, None]).flatten(1) for values in (searched, searched.square()))
    around = ((square - mean.square()).clamp(min=0) + FLAT**2).sqrt().unflatten(0, (frames, count))
    likeness = product.unflatten(0, (frames, count, kinds)) / (spread.unsqueeze(-1) * around.unsqueeze(2))
    return likeness.permute(2, 0, 1, 3)


def inner_patches(regions: Tensor) -> Tensor:
    """The `PATCH_PX` pixels in the middle of regions `[..., SIDE_PX, SIDE_PX]`."""
    inner = slice(RADIUS_PX, RADIUS_PX + PATCH_PX)
    return regions[..., inner, inner]


def frame_before(values: Tensor, frames: int) -> Tensor:
    """Values `[B * T, ...]` moved on by one frame within each clip; the first frame keeps its own."""
    clips = values.unflatten(0, (-1, frames))
    return torch.cat([clips[:, :1], clips[:, :-1]], 1).flatten(0, 1)


def _gaussian_window(device: torch.device) -> Tensor:
    along = torch.exp(-0.5 * ((torch.arange(PATCH_PX, device=device) - (PATCH_PX - 1) / 2) / (PATCH_PX / 4)).square())
    window = along[:, None] * along
    return window / window.sum()
