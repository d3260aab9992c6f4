"""Random numbers and image sampling that the simulation modules share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.coordinates import pixel_to_unit

# bounds of a quantity that is drawn
Range = tuple[float, float]


def uniform(generator: torch.Generator, low: float, high: float) -> float:
    """One number drawn uniformly from `low` to `high`."""
    return low + (high - low) * float(torch.rand((), generator=generator, device=generator.device))


def chance(generator: torch.Generator, probability: float) -> bool:
    """True with the given probability."""
    return uniform(generator, 0.0, 1.0) < probability


def smooth_noise(shape: tuple[int, ...], cells: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Gaussian noise of about unit spread that varies smoothly.

    Args:
        shape: the wanted shape `[..., H, W]`.
        cells: rows and columns of independent values that are interpolated; fewer are smoother.
        generator: source of the random numbers.

    Returns:
        float32 of the given shape on the generator's device.
    """
    coarse = torch.randn((1, *shape[:-2], *cells), generator=generator, device=generator.device)
    coarse = coarse.reshape(1, -1, *cells)
    return F.interpolate(coarse, shape[-2:], mode="bicubic", align_corners=False).reshape(shape)


def speckle_noise(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Uncorrelated-looking noise `[..., H, W]` of unit spread with a grain of about two pixels.

    Uniform numbers on half the raster are several times cheaper than Gaussian ones on all of it.
    """
    cells = (max(shape[-2] // 2, 1), max(shape[-1] // 2, 1))
    coarse = torch.rand((1, *shape[:-2], *cells), generator=generator, device=generator.device).reshape(1, -1, *cells)
    fine = F.interpolate(coarse, shape[-2:], mode="bilinear", align_corners=False).reshape(shape)
    # Bilinear doubling leaves 25/64 of the variance 1/12 of a uniform number.
    return (fine - 0.5) * (12.0 * 64.0 / 25.0) ** 0.5


def white_noise(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Circular complex Gaussian noise of unit mean power, complex64."""
    return torch.randn(shape, dtype=torch.complex64, generator=generator, device=generator.device)


def pixel_grid(height: int, width: int, device: torch.device, full_hw: tuple[int, int] | None = None) -> Tensor:
    """Pixel positions `[height, width, 2]` of the cell centres of a raster laid over an image of `full_hw` pixels."""
    full_h, full_w = full_hw or (height, width)
    y = (torch.arange(height, device=device) + 0.5) * (full_h / height) - 0.5
    x = (torch.arange(width, device=device) + 0.5) * (full_w / width) - 0.5
    return torch.stack([x[None].expand(height, width), y[:, None].expand(height, width)], dim=-1)


def sample_at(maps: Tensor, xy: Tensor, size_wh: tuple[int, int], mode: str = "bilinear") -> Tensor:
    """Read `maps` at pixel positions; beyond the border the border value holds.

    Args:
        maps: float `[B, C, h, w]`, laid over an image of `size_wh` pixels (it may be coarser).
        xy: float `[B, ..., 2]` pixel positions in that image.
        size_wh: (W, H) of the image the positions refer to.
        mode: `bilinear`, `bicubic` or `nearest`.

    Returns:
        float `[B, ..., C]`.
    """
    size = torch.tensor(size_wh, dtype=xy.dtype, device=xy.device)
    grid = (2.0 * pixel_to_unit(xy, size) - 1.0).reshape(len(xy), 1, -1, 2)
    values = F.grid_sample(maps, grid, mode=mode, padding_mode="border", align_corners=False)
    return values[:, :, 0].transpose(1, 2).reshape(*xy.shape[:-1], maps.shape[1])
