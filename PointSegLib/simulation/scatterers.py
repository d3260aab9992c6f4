"""Point scatterers that ride on the tissue: the source of speckle that moves, deforms and decorrelates.

After the COLE idea (Gao et al., IEEE TUFFC 2009): scatterers are projected to the raster of depths and lines with the
phase of their exact depth; a convolution (`point_spread`) then gives the echo.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from PointSegLib.simulation.imaging import Pulse, Speckle
from PointSegLib.simulation.polar import PolarRaster
from PointSegLib.simulation.sampling import sample_at
from PointSegLib.simulation.scene import ATRIAL_BLOOD, LV_BLOOD, OTHER_BLOOD, Scene

_SPEED_MM_PER_US = 1.54
# Tissue moves into the fan from this far beside it, as a fraction of the image side.
_REACH = 0.1


@dataclass(frozen=True, eq=False)
class Scatterers:
    """N scatterers in the reference frame.

    Attributes:
        xy: float32 `[N, 2]` pixel positions.
        strength: float32 `[N]`, amplitude.
        blood: bool `[N]`, those that flow.
    """

    xy: Tensor
    strength: Tensor
    blood: Tensor


def draw_scatterers(scene: Scene, raster: PolarRaster, count: int, generator: torch.Generator) -> Scatterers:
    """Throw scatterers over the fan and a rim around it.

    They are spread evenly over depth and angle as seen from a point above the apex, so that speckle is fully developed
    near the probe too; their strength makes up for the uneven density: the mean power per raster cell is that of the
    scene's echogenicity everywhere.
    """
    sector, rim = raster.sector, _REACH * scene.side
    half = max(-sector.angles[0], sector.angles[1])
    lift = rim / max(math.sin(min(half, 0.5 * math.pi)), 0.3)
    near, far = max(sector.depths[0] + lift - rim, 0.3 * lift), sector.depths[1] + lift + rim
    draws = _jittered(count, generator)
    count = len(draws)
    depth = near + (far - near) * draws[:, 0]
    angle = sector.angles[0] + (sector.angles[1] - sector.angles[0]) * (1.2 * draws[:, 1] - 0.1)
    apart = torch.stack([depth * torch.sin(angle), depth * torch.cos(angle) - lift], dim=-1)
    xy = apart * torch.tensor([sector.squeeze, 1.0], device=apart.device)
    xy = xy + torch.tensor(sector.apex_xy, device=apart.device)
    # Pixels per scatterer over pixels per raster cell.
    share = depth * (far - near) * 1.2 * (sector.angles[1] - sector.angles[0]) / count
    cell = apart.norm(dim=-1).clamp_min(2.0) * raster.step_px * raster.step_rad
    maps = torch.stack([scene.echogenicity, is_blood(scene.tissue).float()])[None].to(apart.device)
    echo, blood = sample_at(maps, xy[None], (scene.side, scene.side))[0].unbind(-1)
    return Scatterers(xy, echo * (share / cell).sqrt(), blood > 0.5)


def scatter_fields(
    scene: Scene, raster: PolarRaster, pulse: Pulse, speckle: Speckle, generator: torch.Generator
) -> Tensor:
    """Echoes of all frames before the point spread.

    Args:
        scene: what is seen and how it moves.
        raster: depths and lines.
        pulse: of which the frequency counts.
        speckle: number of scatterers, and the share that is replaced from frame to frame.
        generator: source of the random numbers.

    Returns:
        complex64 `[T, D, L]`.
    """
    scatterers = draw_scatterers(scene, raster, speckle.scatterers, generator)
    turns = 4.0 * math.pi * pulse.frequency_mhz / _SPEED_MM_PER_US * scene.spacing_mm
    shifts = sample_at(scene.forward.reshape(1, -1, *scene.forward.shape[2:]), scatterers.xy[None], (scene.side,) * 2)
    # Without the Newton steps of `scene.follow`, which move a point by less than 0.15 px and cost more than all else.
    shifts = shifts[0].T.reshape(len(scene), 2, -1)
    phases = _phases(scatterers, len(scene), speckle, generator)
    fields = torch.zeros((len(scene), *raster.shape), dtype=torch.complex64, device=generator.device)
    for field, shift, own_phase in zip(fields, shifts, phases, strict=True):
        polar = raster.sector.polar(scatterers.xy + shift.T)
        phase = polar[..., 0] * turns + own_phase
        echo = torch.complex(scatterers.strength * torch.cos(phase), scatterers.strength * torch.sin(phase))
        _splat(field, raster.cells(polar), echo)
    return fields


def is_blood(tissue: Tensor) -> Tensor:
    """Bool mask of the blood in a `Scene.tissue`."""
    return (tissue == LV_BLOOD) | (tissue == ATRIAL_BLOOD) | (tissue == OTHER_BLOOD)


def _jittered(count: int, generator: torch.Generator) -> Tensor:
    """About `count` positions `[N, 2]` in the unit square, two in each cell of a grid: no clumps, no gaps."""
    rows = max(round(math.sqrt(count)), 1)
    columns = max(round(0.5 * count / rows), 1)
    row, column = torch.meshgrid(
        torch.arange(rows, device=generator.device), torch.arange(columns, device=generator.device), indexing="ij"
    )
    corner = torch.stack([row, column], dim=-1).reshape(-1, 2).repeat(2, 1)
    inside = torch.rand(corner.shape, generator=generator, device=generator.device)
    return (corner + inside) / torch.tensor([rows, columns], device=generator.device)


def _phases(scatterers: Scatterers, n_frames: int, speckle: Speckle, generator: torch.Generator) -> Iterator[Tensor]:
    """Phase `[N]` in each frame; from one to the next some scatterers leave the plane, others take their place."""
    leave = torch.where(scatterers.blood, speckle.blood_decorrelation, speckle.decorrelation)
    count, turn = len(leave), 2.0 * math.pi
    phases = turn * torch.rand(count, generator=generator, device=leave.device)
    for _ in range(n_frames):
        yield phases
        fresh = turn * torch.rand(count, generator=generator, device=leave.device)
        gone = torch.rand(count, generator=generator, device=leave.device) < leave
        phases = torch.where(gone, fresh, phases)


def _splat(field: Tensor, cells: Tensor, echo: Tensor) -> None:
    """Add point echoes `[N]` at raster positions `[N, 2]` to `field` `[D, L]`, shared among the four nearest cells."""
    depths, lines = field.shape
    corner = cells.floor()
    line, row = corner.long().unbind(-1)
    inside = (line >= 0) & (line < lines - 1) & (row >= 0) & (row < depths - 1)
    echo = echo * inside
    index = torch.where(inside, row * lines + line, 0)
    right, down = (cells - corner).unbind(-1)
    flat = field.view(-1)
    left_echo, right_echo = echo * (1.0 - right), echo * right
    for shift, part in (
        (0, left_echo * (1.0 - down)),
        (1, right_echo * (1.0 - down)),
        (lines, left_echo * down),
        (lines + 1, right_echo * down),
    ):
        flat.index_add_(0, index + shift, part)
