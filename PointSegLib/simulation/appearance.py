"""What a moving heart looks like to the probe: the fan, speckle that decorrelates, haze, shadow, gain."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.simulation.config import WarpConfig
from PointSegLib.simulation.sampling import chance, smooth_noise, speckle_noise, uniform

_SIGNAL = 2.0 / 255.0


@dataclass(frozen=True, eq=False)
class Scenery:
    """What does not move with the tissue.

    Attributes:
        sector: bool `[H, W]`, the fan.
        shadow: float32 `[H, W]`, share of the signal that is left, 1 without shadow.
        haze: float32 `[H, W]`, brightness that is added everywhere in the fan.
        gain: float32 `[T]`, factor of each frame.
        gamma: float32 `[T]`, exponent of each frame.
    """

    sector: Tensor
    shadow: Tensor
    haze: Tensor
    gain: Tensor
    gamma: Tensor


def sector_mask(image: Tensor) -> Tensor:
    """Find the fan: pixels between the outermost signal of their row and of their column.

    Args:
        image: float `[H, W]` in 0..1, zero outside the fan.

    Returns:
        bool `[H, W]`.
    """
    signal = (image > _SIGNAL).float()[None, None]
    # Lone specks beside the fan would widen it.
    dense = (F.avg_pool2d(signal, 5, stride=1, padding=2) > 0.3)[0, 0] & (signal[0, 0] > 0)
    filled = dense if bool(dense.any()) else signal[0, 0] > 0
    spans = []
    for axis in (0, 1):
        counts = filled.to(torch.int32)
        before = counts.cumsum(axis) > 0
        after = counts.flip(axis).cumsum(axis).flip(axis) > 0
        spans.append(before & after)
    return spans[0] & spans[1]


def fill_outside(image: Tensor, sector: Tensor, generator: torch.Generator) -> Tensor:
    """Continue the tissue beyond the fan, so that motion brings no black into it.

    Returns:
        float32 `[H, W]`: `image` inside the fan's rim, a blurred continuation with speckle outside.
    """
    # The outermost pixels are mixed with the black beside them; they must not move inwards as a dark line.
    inside = -F.max_pool2d(-sector.float()[None, None], 5, stride=1, padding=2)
    values, weights = image[None, None] * inside, inside
    filled = torch.zeros_like(values)
    known = torch.zeros_like(values)
    for factor in (8, 32):
        value = F.avg_pool2d(values, factor, ceil_mode=True)
        weight = F.avg_pool2d(weights, factor, ceil_mode=True)
        for _ in range(2):
            value, weight = (F.avg_pool2d(v, 3, stride=1, padding=1) for v in (value, weight))
        mean = torch.where(weight > 1e-4, value / weight.clamp_min(1e-4), torch.zeros_like(value))
        size = image.shape
        mean = F.interpolate(mean, size, mode="bilinear", align_corners=False)
        trust = F.interpolate((weight > 1e-4).float(), size, mode="bilinear", align_corners=False)
        filled = filled + (1.0 - known) * trust * mean
        known = known + (1.0 - known) * trust
    speckle = (1.0 + 0.4 * speckle_noise(tuple(image.shape), generator)).clamp_min(0.0)
    return torch.where(inside[0, 0] > 0, image, filled[0, 0] * speckle)


def draw_scenery(sector: Tensor, n_frames: int, generator: torch.Generator, config: WarpConfig) -> Scenery:
    """Draw haze, shadow and the course of gain and gamma for one clip."""
    time = (
        torch.linspace(0.0, 1.0, n_frames, device=sector.device) if n_frames > 1 else torch.zeros(1).to(sector.device)
    )
    return Scenery(
        sector=sector,
        shadow=_shadow(sector, generator, config),
        haze=_haze(sector, generator, config),
        gain=(1.0 + config.gain_drift * _wander(time, generator)).clamp_min(0.05)
        * _blackout(n_frames, generator, config),
        gamma=torch.exp(config.gamma_drift * _wander(time, generator)),
    )


def film(moved: Tensor, speckle: Tensor, scenery: Scenery, generator: torch.Generator, config: WarpConfig) -> Tensor:
    """Turn warped tissue into frames.

    Args:
        moved: float `[T, H, W]`, the warped source.
        speckle: float `[T, H, W]`, noise that moved with it.
        scenery: what is static.
        generator: source of the random numbers.
        config: strengths.

    Returns:
        float32 `[T, H, W]` in 0..1, zero outside the fan.
    """
    moving, fresh = uniform(generator, *config.moving_speckle), uniform(generator, *config.fresh_speckle)
    texture = speckle_noise(tuple(moved.shape), generator).mul_(fresh).add_(speckle, alpha=moving).add_(1.0)
    frames = (moved * texture).clamp_(1e-6, 4.0)
    if chance(generator, config.blur_probability):
        frames = F.avg_pool2d(F.avg_pool2d(frames, 2, stride=1, padding=1), 2, stride=1)
    frames = frames.log_().mul_(scenery.gamma[:, None, None]).exp_()
    frames = frames.mul_(scenery.shadow * scenery.sector).mul_(scenery.gain[:, None, None])
    return frames.add_(scenery.haze).clamp_(0.0, 1.0)


def _wander(time: Tensor, generator: torch.Generator) -> Tensor:
    """A slow course within -1..1, zero at no particular frame."""
    turns, phase = uniform(generator, 0.1, 1.5), uniform(generator, 0.0, 2.0 * math.pi)
    return uniform(generator, 0.0, 1.0) * torch.sin(2.0 * math.pi * turns * time + phase)


def _blackout(n_frames: int, generator: torch.Generator, config: WarpConfig) -> Tensor:
    gain = torch.ones(n_frames, device=generator.device)
    if chance(generator, config.blackout_probability):
        gain[int(uniform(generator, 0.0, n_frames - 1e-3))] = uniform(generator, 0.05, 0.4)
    return gain


def _polar(sector: Tensor) -> tuple[Tensor, Tensor]:
    """(angle in radians from straight down, depth 0..1) of each pixel as seen from the top of the fan."""
    rows, columns = torch.nonzero(sector, as_tuple=True)
    top, bottom = float(rows.min()), float(rows.max())
    centre = float(columns[rows <= top + 2].float().mean())
    y = torch.arange(sector.shape[0], device=sector.device, dtype=torch.float32)[:, None] - top + 1.0
    x = torch.arange(sector.shape[1], device=sector.device, dtype=torch.float32)[None] - centre
    depth = (x.square() + y.square()).sqrt() / max(bottom - top, 1.0)
    return torch.atan2(x, y), depth


def _shadow(sector: Tensor, generator: torch.Generator, config: WarpConfig) -> Tensor:
    if not chance(generator, config.shadow_probability):
        return torch.ones(sector.shape, device=sector.device)
    angle, depth = _polar(sector)
    middle, width = uniform(generator, -0.6, 0.6), uniform(generator, 0.05, 0.16)
    start = uniform(generator, 0.0, 0.5)
    beam = torch.sigmoid((width - (angle - middle).abs()) / 0.02) * torch.sigmoid((depth - start) / 0.03)
    return 1.0 - (1.0 - uniform(generator, *config.shadow_gain)) * beam


def _haze(sector: Tensor, generator: torch.Generator, config: WarpConfig) -> Tensor:
    _, depth = _polar(sector)
    height, width = sector.shape
    cloud = (0.6 + 0.4 * smooth_noise((height, width), (5, 5), generator)).clamp_min(0.0)
    grain = (1.0 + 0.4 * speckle_noise((height, width), generator)).clamp_min(0.0)
    near = torch.exp(-((depth / uniform(generator, 0.15, 0.9)) ** 2))
    return uniform(generator, *config.haze) * near * cloud * grain * sector
