"""A licence-free apical view: parametric anatomy, filmed by a toy sector probe.

Scatterers of random phase whose strength follows the anatomy are laid on a polar raster, blurred by a separable point
spread function, detected, log-compressed and scan-converted. It is made for demonstrations and tests that must not
need patient data; it is no physical simulation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.errors import ClipError
from PointSegLib.result import BACKGROUND, LEFT_ATRIUM, LV_CAVITY, MYOCARDIUM
from PointSegLib.simulation.config import WarpConfig
from PointSegLib.simulation.sampling import pixel_grid, sample_at, smooth_noise, uniform
from PointSegLib.simulation.simulated import SimulatedClip
from PointSegLib.simulation.warp import simulate_warp

MIN_SIZE = 64
_DEPTHS, _LINES = 384, 160
_DEFAULT = WarpConfig()


@dataclass(frozen=True)
class PhantomShape:
    """Anatomy and fan, in units of the image side; angles in radians. Positions are measured from the fan's tip.

    Attributes:
        tip: (x, y) of the fan's tip in the image.
        reach: depth of the fan.
        half_angle: half of its opening.
        centre: (x, y) of the LV ellipse relative to the tip.
        tilt: rotation of the long axis.
        half_width: half-width of the cavity.
        half_length: half-length of the cavity's ellipse.
        base: where the mitral plane cuts the ellipse, as a fraction of the half-length below its centre.
        wall: thickness of the myocardium.
        septal_wall: thickness of the septum relative to `wall`.
        atrium: (half-width, half-length) of the left atrium.
    """

    tip: tuple[float, float]
    reach: float
    half_angle: float
    centre: tuple[float, float]
    tilt: float
    half_width: float
    half_length: float
    base: float
    wall: float
    septal_wall: float
    atrium: tuple[float, float]


def draw_shape(generator: torch.Generator) -> PhantomShape:
    """Draw an anatomy and a fan in which the ventricle lies with its apex at the top."""
    half_width = uniform(generator, 0.085, 0.125)
    return PhantomShape(
        tip=(0.5 + uniform(generator, -0.03, 0.03), uniform(generator, 0.0, 0.03)),
        reach=uniform(generator, 0.90, 0.96),
        half_angle=uniform(generator, 0.50, 0.65),
        centre=(uniform(generator, -0.01, 0.05), uniform(generator, 0.39, 0.44)),
        tilt=uniform(generator, -0.18, 0.12),
        half_width=half_width,
        half_length=uniform(generator, 0.24, 0.29),
        base=uniform(generator, 0.6, 0.75),
        wall=uniform(generator, 0.035, 0.055),
        septal_wall=uniform(generator, 0.9, 1.2),
        atrium=(half_width * uniform(generator, 0.95, 1.2), uniform(generator, 0.11, 0.15)),
    )


def make_phantom_frame(size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Make one apical frame.

    Args:
        size: side of the square image in pixels, at least 64.
        generator: source of the random numbers; the same state gives the same frame.

    Returns:
        image: float32 `[size, size]` in 0..1, zero outside the fan.
        labels: uint8 `[size, size]`, 0 background, 1 LV cavity, 2 myocardium, 3 left atrium.

    Raises:
        ClipError: when the size is under 64 pixels.
    """
    if size < MIN_SIZE:
        msg = f"a phantom of {size} x {size} pixels cannot show a wall; give a size of at least {MIN_SIZE}."
        raise ClipError(msg)
    shape = draw_shape(generator)
    pixels = (pixel_grid(size, size, generator.device) + 0.5) / size
    from_tip = pixels - torch.tensor(shape.tip, device=pixels.device)
    depth = from_tip.norm(dim=-1)
    angle = torch.atan2(from_tip[..., 0], from_tip[..., 1])
    inside = (depth < shape.reach) & (depth > 0.015) & (angle.abs() < shape.half_angle)

    polar = _polar_image(shape, generator)
    where = torch.stack(
        [
            (angle / shape.half_angle + 1.0) / 2.0 * _LINES - 0.5,
            depth / shape.reach * _DEPTHS - 0.5,
        ],
        dim=-1,
    )
    image = sample_at(polar[None, None], where[None], (_LINES, _DEPTHS))[0, ..., 0]
    # One grey level at least: the fan is told from the black around it.
    image = image.clamp(1.0 / 255.0, 1.0) * inside
    return image, (_anatomy(from_tip, shape)[0] * inside).to(torch.uint8)


def make_phantom_clip(
    size: int,
    n_frames: int,
    n_points: int,
    generator: torch.Generator,
    config: WarpConfig = _DEFAULT,
) -> SimulatedClip:
    """Make a beating phantom: `make_phantom_frame` moved by `simulate_warp`.

    Args:
        size: side of the square frames in pixels, at least 64.
        n_frames: number of frames T.
        n_points: number of trajectories N.
        generator: source of the random numbers.
        config: ranges of motion and appearance.

    Returns:
        The clip with exact masks and trajectories.
    """
    image, labels = make_phantom_frame(size, generator)
    return simulate_warp(image, labels, n_frames, n_points, generator, config)


def _anatomy(from_tip: Tensor, shape: PhantomShape) -> tuple[Tensor, Tensor]:
    """Labels and echo strength in dB (relative to bright wall) at positions `[..., 2]` relative to the fan's tip."""
    offset = from_tip - torch.tensor(shape.centre, device=from_tip.device)
    cos, sin = math.cos(shape.tilt), math.sin(shape.tilt)
    n, z = offset[..., 0] * cos - offset[..., 1] * sin, offset[..., 0] * sin + offset[..., 1] * cos
    base = shape.base * shape.half_length
    wall = shape.wall * torch.where(n < 0, shape.septal_wall, 1.0)
    cavity = _ellipse(n, z, shape.half_width, shape.half_length) < 1.0
    outer = _ellipse(n, z, shape.half_width + wall, shape.half_length + 0.8 * wall)
    middle = base + 0.8 * shape.atrium[1]
    atrium = (_ellipse(n, z - middle, *shape.atrium) < 1.0) & (z > base)
    right = _ellipse(n + shape.half_width + wall + 0.075 + 0.25 * z, z - 0.05, 0.075, 0.2) < 1.0
    right = right | (_ellipse(n + shape.half_width + wall + 0.12, z - middle - 0.02, 0.085, 0.12) < 1.0)
    leaflets = ((z - base - 0.35 * n.abs()).abs() < 0.006) & (n.abs() < shape.half_width)

    labels = torch.full(n.shape, BACKGROUND, device=n.device)
    level = torch.full(n.shape, -23.0, device=n.device)
    level[right] = -36.0
    # Pericardium and lung: the bright rim outside the free wall.
    level[(outer >= 1.0) & (outer < 1.2) & (n > 0) & (z > -0.5 * base) & (z < base)] = -5.0
    for region, label, strength in (
        (atrium, LEFT_ATRIUM, -38.0),
        ((outer < 1.0) & (z <= base), MYOCARDIUM, -9.0),
        (cavity & (z <= base), LV_CAVITY, -38.0),
    ):
        labels[region], level[region] = label, strength
    level[leaflets] = -6.0
    return labels, level


def _ellipse(x: Tensor, y: Tensor, half_x: Tensor | float, half_y: Tensor | float) -> Tensor:
    """Squared elliptical radius: under 1 inside."""
    return (x / half_x).square() + (y / half_y).square()


def _polar_image(shape: PhantomShape, generator: torch.Generator) -> Tensor:
    """Log-compressed envelope `[depths, lines]` in 0..1."""
    device = generator.device
    depth = ((torch.arange(_DEPTHS, device=device) + 0.5) / _DEPTHS * shape.reach)[:, None]
    angle = (((torch.arange(_LINES, device=device) + 0.5) / _LINES * 2.0 - 1.0) * shape.half_angle)[None]
    where = torch.stack([depth * torch.sin(angle), depth * torch.cos(angle)], dim=-1)
    _, level = _anatomy(where, shape)
    level = level + 5.0 * smooth_noise((_DEPTHS, _LINES), (12, 8), generator)
    # Walls along the beam reflect less towards the edge of the fan; near the probe reverberation adds clutter.
    level = level - uniform(generator, 0.0, 7.0) * (angle / shape.half_angle).square()
    level = torch.maximum(level, -12.0 - 55.0 * depth - 3.0 * smooth_noise((_DEPTHS, _LINES), (8, 5), generator).abs())
    scatterers = torch.randn((2, _DEPTHS, _LINES), generator=generator, device=device) * 10.0 ** (level / 20.0)
    echoes = _point_spread(scatterers, uniform(generator, 1.2, 2.0), uniform(generator, 0.9, 1.7))
    envelope = echoes.square().sum(0).sqrt()
    decibel = 20.0 * torch.log10(envelope.clamp_min(1e-6))
    span = uniform(generator, 42.0, 56.0)
    return ((decibel + span - 4.0) / span).clamp(0.0, 1.0)


def _point_spread(scatterers: Tensor, axial: float, lateral: float) -> Tensor:
    """Blur `[2, depths, lines]` with a Gaussian of the given spreads (samples, lines), keeping the mean power."""
    out = scatterers[:, None]
    for sigma, axis in ((axial, 2), (lateral, 3)):
        reach = math.ceil(3.0 * sigma)
        offsets = torch.arange(-reach, reach + 1, dtype=out.dtype, device=out.device)
        kernel = torch.exp(-offsets.square() / (2.0 * sigma * sigma))
        kernel = (kernel / kernel.norm()).reshape((1, 1, -1, 1) if axis == 2 else (1, 1, 1, -1))
        padding = (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0)
        out = F.conv2d(F.pad(out, padding, mode="reflect"), kernel)
    return out[:, 0]
