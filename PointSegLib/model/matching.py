"""Where a piece of tissue is found again: likeness of pixels and of learned descriptors, shared by neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from PointSegLib.model.correlation import LocalCorrelation, offsets_of, window_cells

# patches are 13 pixels wide, of which every second is compared: speckle is coarser than that
PATCH, SPACING_PX, RADIUS_PX = 7, 2, 3
PATCH_PX = SPACING_PX * (PATCH - 1) + 1
SIDE_PX = PATCH_PX + 2 * RADIUS_PX
# between points that share nothing; infinity would turn the gradient of the reach into NaN
FAR_PX = 1e4
# exponent of the least weight between neighbours; weights too small for full precision slow arithmetic down manyfold
LEAST_EXPONENT = -50.0
# a patch whose grey values spread less than this looks like nothing
FLAT = 0.02


class TissueMatching(nn.Module):
    """Looks around the estimates of each frame for tissue that was described in another.

    Pixels tell small offsets, learned maps large ones. Neighbouring points move alike, so what each saw is averaged
    over its neighbours, as windows and not as offsets: where one point sees two places, its neighbours decide. How far
    that reaches is learnt.

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
        self.log_reach_px = nn.Parameter(torch.tensor(math.log(12.0)))
        self.out_features = len(strides) * ((2 * radius + 1) ** 2 + 2) + (2 * RADIUS_PX + 1) ** 2 + 2

    def forward(
        self, likeness: Tensor, windows: Sequence[Tensor], squares_px: Tensor, side_px: int
    ) -> tuple[Tensor, Tensor]:
        """What is seen around the estimates, and where it points.

        Args:
            likeness: `[B * T, N, (2 r + 1)^2]` of pixels, from `patch_likeness`.
            windows: of the maps, from `coarse.windows`.
            squares_px: `[B * T, N, N]`, squared distances in pixels of an input of side S; `FAR_PX` squared between
                points that share nothing.
            side_px: S.

        Returns:
            `[B * T, N, out_features]`, and per level the mean offset, normalised, `[B * T, N, L, 2]`.
        """
        seen = [likeness * self.log_sharpness.exp(), *windows]
        near = torch.exp((squares_px * (-0.5 * torch.exp(-2 * self.log_reach_px))).clamp(min=LEAST_EXPONENT))
        shared = near @ torch.cat(seen, -1) / near.sum(-1, keepdim=True)
        offsets = torch.stack([offsets_of(part) for part in shared.split([s.shape[-1] for s in seen], -1)], 2)
        cells = torch.tensor(self.cells_px, device=offsets.device)[:, None] / side_px
        return torch.cat([shared / 10, offsets.flatten(2) / RADIUS_PX], -1), offsets * cells


@torch.no_grad()
def sample_regions(images: Tensor, locations: Tensor) -> Tensor:
    """Squares of pixels around normalised locations, the border's pixels continued beyond it.

    No gradient is passed: images are not learnt, and estimates are detached.

    Args:
        images: `[F, 1, S, S]`.
        locations: `[F, N, 2]`.

    Returns:
        float32 `[F, N, SIDE_PX, SIDE_PX]`.
    """
    grid = (locations.unsqueeze(2) + window_cells(SIDE_PX // 2, images.device) / images.shape[-1]) * 2 - 1
    regions = F.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)
    return regions.squeeze(1).unflatten(-1, (SIDE_PX, SIDE_PX))


@torch.no_grad()
def patch_likeness(patches: Tensor, regions: Tensor) -> Tensor:
    """Normalised cross-correlation with a Gaussian window, the classic of speckle tracking (Bohs and Trahey 1991).

    Args:
        patches: `[F, N, K, PATCH, PATCH]`, K looked for around each estimate.
        regions: `[F, N, SIDE_PX, SIDE_PX]` around the estimates.

    Returns:
        `[K, F, N, (2 r + 1)^2]` in -1..1, row by row, for r = `RADIUS_PX` pixels; near 0 where a patch is flat.
    """
    frames, count, kinds = patches.shape[:3]
    weights = _gaussian_window(patches.device)
    n_offsets = (2 * RADIUS_PX + 1) ** 2
    centred = patches - (patches * weights).sum((-2, -1), keepdim=True)
    spread = ((centred.square() * weights).sum((-2, -1)) + FLAT**2).sqrt()
    kernel = (centred * weights).flatten(0, 2).unsqueeze(1)
    product = F.conv2d(regions.flatten(0, 1)[None], kernel, groups=frames * count, dilation=SPACING_PX)
    # a product with every window's weights is faster than a convolution of so many little squares
    windows, pixels = _window_weights(weights), regions.flatten(2)
    around = ((pixels.square() @ windows - (pixels @ windows).square()).clamp(min=0) + FLAT**2).sqrt()
    likeness = product.view(frames, count, kinds, n_offsets) / (spread.unsqueeze(-1) * around.unsqueeze(2))
    return likeness.permute(2, 0, 1, 3)


def inner_patches(regions: Tensor) -> Tensor:
    """The patches `[..., PATCH, PATCH]` in the middle of regions `[..., SIDE_PX, SIDE_PX]`."""
    inner = slice(RADIUS_PX, RADIUS_PX + PATCH_PX, SPACING_PX)
    return regions[..., inner, inner]


def frame_before(values: Tensor, frames: int) -> Tensor:
    """Values `[B * T, ...]` moved on by one frame within each clip; the first frame keeps its own."""
    clips = values.unflatten(0, (-1, frames))
    return torch.cat([clips[:, :1], clips[:, :-1]], 1).flatten(0, 1)


def _gaussian_window(device: torch.device) -> Tensor:
    along = torch.exp(-0.5 * ((torch.arange(PATCH, device=device) - (PATCH - 1) / 2) / (PATCH / 4)).square())
    window = along[:, None] * along
    return window / window.sum()


def _window_weights(weights: Tensor) -> Tensor:
    """`[SIDE_PX^2, (2 r + 1)^2]`: what every pixel of a region weighs in the patch at every offset."""
    side = 2 * RADIUS_PX + 1
    result = weights.new_zeros(side, side, SIDE_PX, SIDE_PX)
    for y in range(side):
        for x in range(side):
            result[y, x, y : y + PATCH_PX : SPACING_PX, x : x + PATCH_PX : SPACING_PX] = weights
    return result.view(side * side, -1).T.contiguous()
