"""Heart-like displacement fields: smooth, bounded and invertible, with a temporal course of their own.

The displacement of a material point X at frame t is u(X, t) = sum_k a_k(t) u_k(X): a few spatial modes (radial
contraction, longitudinal shortening, rocking, a random smooth field, probe drift) times temporal curves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.result import LEFT_ATRIUM, LV_CAVITY
from PointSegLib.simulation.config import WarpConfig
from PointSegLib.simulation.cycle import cycle, draw_knots
from PointSegLib.simulation.sampling import chance, pixel_grid, sample_at, smooth_noise, uniform

CELL_PX = 4
_INVERSION_STEPS, _NEWTON_STEPS = 16, 4


@dataclass(frozen=True)
class HeartAxes:
    """The ellipse that stands for the LV cavity: centre (x, y), unit axis from apex to base, semi-axes in pixels."""

    centre: Tensor
    axis: Tensor
    half_width: float
    half_length: float


def heart_axes(labels: Tensor) -> HeartAxes:
    """Fit the cavity ellipse by second moments.

    Args:
        labels: uint8 `[H, W]`. Without an LV cavity an upright ellipse in the image centre is returned.

    Returns:
        The ellipse; its axis points to the left atrium where there is one, else down the image (apex at the top).
    """
    height, width = labels.shape
    ys, xs = torch.nonzero(labels == LV_CAVITY, as_tuple=True)
    device = labels.device
    if len(xs) < 20:
        centre = torch.tensor([(width - 1) / 2, (height - 1) / 2], device=device)
        return HeartAxes(centre, torch.tensor([0.0, 1.0], device=device), 0.13 * width, 0.25 * height)
    points = torch.stack([xs, ys], dim=1).float()
    centre = points.mean(0)
    variances, vectors = torch.linalg.eigh(torch.cov(points.T))
    axis = vectors[:, 1]
    towards_base = torch.tensor([0.0, 1.0], device=device)
    ys, xs = torch.nonzero(labels == LEFT_ATRIUM, as_tuple=True)
    if len(xs):
        towards_base = torch.stack([xs.float().mean(), ys.float().mean()]) - centre
    if torch.dot(axis, towards_base) < 0:
        axis = -axis
    half = 2.0 * variances.clamp_min(1.0).sqrt()
    return HeartAxes(centre, axis, float(half[0]), float(half[1]))


def simulate_displacement(labels: Tensor, n_frames: int, generator: torch.Generator, config: WarpConfig) -> Tensor:
    """Draw one motion.

    Args:
        labels: uint8 `[H, W]`, the reference configuration.
        n_frames: number of frames T.
        generator: source of the random numbers, on the device of `labels`.
        config: ranges of the motion.

    Returns:
        float32 `[T, 2, h, w]`, displacement (x, y) in pixels on a raster of one node per 4 x 4 pixels. Between two
        frames no point moves more than `max_step_px`, in all no more than `max_total_px`, and the Jacobian of
        X + u(X, t) is nowhere below `min_jacobian`.
    """
    height, width = labels.shape
    grid = pixel_grid(math.ceil(height / CELL_PX), math.ceil(width / CELL_PX), labels.device, (height, width))
    unit = max(height, width) / 256.0
    if chance(generator, config.rest_probability):
        return torch.zeros((n_frames, 2, *grid.shape[:2]), device=labels.device)
    modes = torch.cat([_heart_modes(labels, grid, generator, config), _other_modes(grid, unit, generator, config)])
    curves = torch.cat([_heart_curves(n_frames, generator, config), _drift_curves(n_frames, generator)], dim=1)
    field = (curves.to(modes.device) @ modes.flatten(1)).reshape(n_frames, 2, *grid.shape[:2])
    return field * _allowed_scale(field, (height, width), unit, config)


def _heart_modes(labels: Tensor, grid: Tensor, generator: torch.Generator, config: WarpConfig) -> Tensor:
    """`[4, 2, h, w]`: radial, longitudinal, rocking and random field, each at its end-systolic amplitude in pixels."""
    axes = heart_axes(labels)
    across = torch.stack([-axes.axis[1], axes.axis[0]])
    offset = grid - axes.centre
    n, z = offset @ across / axes.half_width, offset @ axes.axis / axes.half_length
    radius = (n.square() + z.square()).sqrt()
    power = uniform(generator, *config.radial_decay)
    contraction = uniform(generator, *config.radial_contraction) * axes.half_width
    radial = -contraction * n * torch.exp((1.0 - radius**power) / power)
    radial = radial * _regional_gain(grid, generator, config.regional_variation)
    # 0 at the apex, 1 at the base; rounded, because a kink could not be inverted on a raster.
    along = (z + 1.0) / 2.0
    along = 0.5 * (along + (along.square() + 0.04).sqrt())
    shortening = uniform(generator, *config.longitudinal_shortening) * 2.0 * axes.half_length
    longitudinal = -shortening * along * torch.exp((1.0 - along**2) / 2.0 - (n / 3.0).square())
    angle = math.radians(uniform(generator, *config.twist_deg))
    rocking = angle * torch.stack([-offset[..., 1], offset[..., 0]]) * torch.exp(-radius.square() / 4.0)
    amplitude = uniform(generator, *config.random_field_px) * max(labels.shape) / 256.0
    cells = int(uniform(generator, 3, 7))
    random = amplitude * 0.5 * smooth_noise((2, *grid.shape[:2]), (cells, cells), generator)
    return torch.stack(
        [radial * across[:, None, None], longitudinal * axes.axis[:, None, None], rocking, random],
    )


def _regional_gain(grid: Tensor, generator: torch.Generator, variation: float) -> Tensor:
    strength = uniform(generator, 0.0, variation)
    noise = smooth_noise(tuple(grid.shape[:2]), (4, 4), generator)
    return 1.0 + strength * torch.tanh(noise)


def _other_modes(grid: Tensor, unit: float, generator: torch.Generator, config: WarpConfig) -> Tensor:
    """`[4, 2, h, w]`: probe translation x and y, rotation and scale at their full amplitude in pixels."""
    h, w = grid.shape[:2]
    offset = grid - grid.reshape(-1, 2).mean(0)
    reach, direction = uniform(generator, *config.drift_px) * unit, uniform(generator, 0.0, 2.0 * math.pi)
    one, zero = torch.ones((h, w), device=grid.device), torch.zeros((h, w), device=grid.device)
    angle = math.radians(uniform(generator, -config.drift_rotation_deg, config.drift_rotation_deg))
    growth = uniform(generator, -config.drift_scale, config.drift_scale)
    return torch.stack(
        [
            torch.stack([reach * math.cos(direction) * one, zero]),
            torch.stack([zero, reach * math.sin(direction) * one]),
            angle * torch.stack([-offset[..., 1], offset[..., 0]]),
            growth * offset.permute(2, 0, 1),
        ]
    )


def _heart_curves(n_frames: int, generator: torch.Generator, config: WarpConfig) -> Tensor:
    """`[T, 4]`: the course of the heart modes, zero at a random phase, which is thus the reference."""
    frames = torch.arange(n_frames, dtype=torch.float32)
    low, high = (math.log(v) for v in config.frames_per_cycle)
    period = math.exp(uniform(generator, low, high))
    if chance(generator, config.monotonic_probability):
        phase = frames / max(n_frames - 1, 1) * 0.4
        phase = phase.flip(0) if chance(generator, 0.5) else phase
        reference = uniform(generator, 0.0, 0.4)
    else:
        phase = frames / period + uniform(generator, 0.0, 1.0)
        reference = uniform(generator, 0.0, 1.0)
    knots = draw_knots(generator)
    columns = []
    for index in range(4):
        lag = uniform(generator, -0.04, 0.04) * (index > 0)
        times = torch.cat([phase + lag, torch.tensor([reference + lag])])
        values = cycle(times, knots)
        columns.append(values[:-1] - values[-1])
    return torch.stack(columns, dim=1)


def _drift_curves(n_frames: int, generator: torch.Generator) -> Tensor:
    """`[T, 4]`: probe motion, a slow sine of random phase for each mode."""
    time = torch.linspace(0.0, 1.0, n_frames) if n_frames > 1 else torch.zeros(1)
    columns = []
    for _ in range(4):
        turns, phase = uniform(generator, 0.2, 1.2), uniform(generator, 0.0, 2.0 * math.pi)
        columns.append(torch.sin(2.0 * math.pi * turns * time + phase) - math.sin(phase))
    return torch.stack(columns, dim=1)


def _allowed_scale(field: Tensor, full_hw: tuple[int, int], unit: float, config: WarpConfig) -> float:
    """The factor <= 1 that keeps steps, reach and compression within the configured bounds."""
    reach = float(field.square().sum(1).max().sqrt())
    step = float(field.diff(dim=0).square().sum(1).max().sqrt()) if len(field) > 1 else 0.0
    spacing_y, spacing_x = full_hw[0] / field.shape[2], full_hw[1] / field.shape[3]
    along_y, along_x = torch.gradient(field, spacing=(spacing_y, spacing_x), dim=(2, 3))
    steepness = float((along_x.square() + along_y.square()).sum(1).max().sqrt())
    # With a Frobenius norm g of grad u, det(I + grad u) >= min(1 - g, (1 - g / sqrt(2))^2).
    steepest = min(1.0 - config.min_jacobian, math.sqrt(2.0) * (1.0 - math.sqrt(config.min_jacobian)))
    limits = ((reach, config.max_total_px * unit), (step, config.max_step_px * unit), (steepness, steepest))
    return min([1.0, *(limit / value for value, limit in limits if value > limit)])


def inverse_displacement(field: Tensor, size_wh: tuple[int, int]) -> Tensor:
    """Invert y = X + u(X): return v with X = y + v(y), by the fixed point X <- y - u(X).

    Args:
        field: float `[T, 2, h, w]`, u in pixels of an image of `size_wh`, laid over it.
        size_wh: (W, H) of the image.

    Returns:
        float `[T, 2, H, W]`, v in pixels for each pixel y.
    """
    full_hw = (size_wh[1], size_wh[0])
    here = pixel_grid(field.shape[2], field.shape[3], field.device, full_hw).expand(len(field), -1, -1, -1)
    origin = here - field.permute(0, 2, 3, 1)
    for _ in range(_INVERSION_STEPS):
        origin = here - sample_at(field, origin, size_wh)
    # Only with antialias does PyTorch use the cubic kernel that keeps straight lines straight.
    return F.interpolate((origin - here).permute(0, 3, 1, 2), full_hw, mode="bicubic", antialias=True)


def follow(points: Tensor, field: Tensor, inverse: Tensor) -> Tensor:
    """Trajectories of material points, exact for images that were sampled with `inverse`.

    The start X + u(X) is off by the interpolation error of the inverse; Newton steps on y + v(y) = X remove it.

    Args:
        points: float `[N, 2]`, reference positions X in pixels.
        field: float `[T, 2, h, w]`, u, laid over the image.
        inverse: float `[T, 2, H, W]`, v of each pixel.

    Returns:
        float `[N, T, 2]`, pixel positions y.
    """
    height, width = inverse.shape[2:]
    size_wh, spacing = (width, height), (height / field.shape[2], width / field.shape[3])
    start = points.expand(len(field), -1, -1)
    along_y, along_x = torch.gradient(field, spacing=spacing, dim=(2, 3))
    local = sample_at(torch.cat([field, along_x, along_y], dim=1), start, size_wh)
    y = start + local[..., :2]
    for _ in range(_NEWTON_STEPS):
        missing = start - y - sample_at(inverse, y, size_wh)
        y = y + missing + local[..., 2:4] * missing[..., :1] + local[..., 4:6] * missing[..., 1:]
    return y.transpose(0, 1).contiguous()
