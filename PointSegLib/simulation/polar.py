"""`PolarRaster`: the depths and lines a probe samples, and the way from there to the screen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.coordinates import pixel_to_unit
from PointSegLib.simulation.sampling import pixel_grid
from PointSegLib.simulation.scene import SectorGeometry

# Cells beyond the fan on every side: echoes from there reach into it, and filters by FFT wrap around in them.
MARGIN = 12
_DEPTHS_PER_PIXEL, _LINE_DEG = 1.5, 0.6
_FEWEST_LINES, _MOST_LINES = 64, 192


@dataclass(frozen=True)
class PolarRaster:
    """Equidistant depths and lines over a fan, with `MARGIN` cells more on each side.

    Attributes:
        sector: the fan that is shown, in a square image.
        side: side of that image in pixels.
        shape: (depths D, lines L) of the raster, margins included.
    """

    sector: SectorGeometry
    side: int
    shape: tuple[int, int]

    @property
    def step_px(self) -> float:
        """Distance of two depths in pixels."""
        near, far = self.sector.depths
        return (far - near) / (self.shape[0] - 2 * MARGIN)

    @property
    def step_rad(self) -> float:
        """Angle between two lines."""
        left, right = self.sector.angles
        return (right - left) / (self.shape[1] - 2 * MARGIN)

    def cells(self, depth_angle: Tensor) -> Tensor:
        """Raster position (line, depth index) `[..., 2]` of (depth in pixels, angle) `[..., 2]`; centres are whole."""
        depth, angle = depth_angle.unbind(-1)
        line = (angle - self.sector.angles[0]) * (1.0 / self.step_rad) + (MARGIN - 0.5)
        row = (depth - self.sector.depths[0]) * (1.0 / self.step_px) + (MARGIN - 0.5)
        return torch.stack([line, row], dim=-1)

    def fractions(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Depth `[D, 1]`, 0 nearest and 1 farthest, and angle `[1, L]`, -1 left and 1 right edge of the fan."""
        depths, lines = self.shape
        depth = (torch.arange(depths, device=device) + 0.5 - MARGIN) / (depths - 2 * MARGIN)
        angle = (torch.arange(lines, device=device) + 0.5 - MARGIN) / (lines - 2 * MARGIN)
        return depth[:, None], 2.0 * angle[None] - 1.0

    def pixels(self, device: torch.device) -> Tensor:
        """Pixel positions `[D, L, 2]` of the cell centres."""
        depth, angle = self.fractions(device)
        near, far = self.sector.depths
        left, right = self.sector.angles
        depth, angle = near + (far - near) * depth, left + (right - left) * 0.5 * (angle + 1.0)
        return self.sector.cartesian(torch.stack(torch.broadcast_tensors(depth, angle), dim=-1))

    def to_screen(self, maps: Tensor) -> Tensor:
        """Scan conversion of `[T, D, L]` to `[T, S, S]`, bilinear; zero outside the fan."""
        here = pixel_grid(self.side, self.side, maps.device)
        size = torch.tensor([self.shape[1], self.shape[0]], dtype=torch.float32, device=maps.device)
        grid = 2.0 * pixel_to_unit(self.cells(self.sector.polar(here)), size) - 1.0
        # Frames as channels share one grid.
        shown = F.grid_sample(maps[None], grid[None], mode="bilinear", padding_mode="border", align_corners=False)[0]
        return shown * self.sector.contains(here)


def polar_raster(sector: SectorGeometry, side: int) -> PolarRaster:
    """The raster for a fan in an image of `side` pixels: finer than the pixels in depth, about 0.6 degrees a line."""
    depths = math.ceil((sector.depths[1] - sector.depths[0]) * _DEPTHS_PER_PIXEL) + 2 * MARGIN
    lines = round(math.degrees(sector.angles[1] - sector.angles[0]) / _LINE_DEG)
    lines = min(max(lines, _FEWEST_LINES), _MOST_LINES) + 2 * MARGIN
    # Multiples of 16 keep the FFT fast.
    return PolarRaster(sector, side, (16 * math.ceil(depths / 16), 16 * math.ceil(lines / 16)))
