"""What ultrasound adds to the tissue's echo or takes from it, as maps over depths and lines."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.simulation.imaging import Display, Dropout, Imaging, Interference, Shadow
from PointSegLib.simulation.polar import PolarRaster
from PointSegLib.simulation.sampling import smooth_noise, uniform, white_noise


def signal_share(raster: PolarRaster, imaging: Imaging, n_frames: int, device: torch.device) -> Tensor:
    """What shadows and drop-out leave of the signal: float32 `[T, D, L]`, an amplitude ratio, 1 where all of it."""
    loss = torch.zeros((n_frames, *raster.shape), device=device)
    time = torch.linspace(0.0, 1.0, n_frames, device=device) if n_frames > 1 else torch.zeros(1, device=device)
    for shadow in imaging.shadows:
        loss += _shadow_loss(shadow, raster, time)
    for dropout in imaging.dropouts:
        loss += _dropout_loss(dropout, raster, time)
    return _amplitude(-loss)


def gain_profile(raster: PolarRaster, display: Display, n_frames: int, generator: torch.Generator) -> Tensor:
    """Gain over depth, angle and time that machine and body give: float32 `[T, D, L]`, an amplitude ratio."""
    device = generator.device
    depth, angle = raster.fractions(device)
    sliders = torch.tensor(display.tgc_db, device=device)[None, None]
    along = F.interpolate(sliders, raster.shape[0], mode="linear", align_corners=False)[0, 0, :, None]
    wander = torch.linspace(0.0, 2.0 * math.pi * uniform(generator, 0.2, 1.5), n_frames, device=device)
    wander = display.wander_db * torch.sin(wander + uniform(generator, 0.0, 2.0 * math.pi))
    return _amplitude(along + display.side_db * angle.abs().pow(3) + 0.0 * depth) * _amplitude(wander)[:, None, None]


def draw_interference(
    raster: PolarRaster, interference: Interference, n_frames: int, generator: torch.Generator
) -> Tensor:
    """Noise, haze and near-field clutter before the point spread.

    Noise is new in every frame, the rest stands still while the heart moves behind it.

    Returns:
        complex64 `[T, D, L]`; amplitude 1 is the level of the brightest tissue.
    """
    device = generator.device
    depth, _ = raster.fractions(device)
    noise_level = _amplitude(interference.noise_db + interference.noise_slope_db * (2.0 * depth - 1.0))
    fields = white_noise((n_frames, *raster.shape), generator) * noise_level
    return fields + white_noise(raster.shape, generator) * _clutter_level(raster, interference, generator)


def _shadow_loss(shadow: Shadow, raster: PolarRaster, time: Tensor) -> Tensor:
    """dB lost `[T, D, L]`."""
    depth, angle = raster.fractions(time.device)
    turn = 2.0 * math.pi * (shadow.turns * time + shadow.phase)
    middle = shadow.angle + shadow.sweep * torch.sin(turn)
    across = torch.sigmoid((shadow.half_width - (angle - middle[:, None]).abs()) / shadow.edge)
    if shadow.presence < 1.0:
        threshold = math.cos(math.pi * shadow.presence)
        across = across * torch.sigmoid((torch.cos(turn) - threshold) / 0.1)[:, None]
    below = torch.sigmoid((depth - shadow.depth) / 0.03)
    return shadow.loss_db * across[:, None] * below


def _dropout_loss(dropout: Dropout, raster: PolarRaster, time: Tensor) -> Tensor:
    """dB lost `[T, D, L]`."""
    depth, angle = raster.fractions(time.device)
    distance = ((angle - dropout.angle) / dropout.half_angle).square()
    distance = distance + ((depth - dropout.depth) / dropout.half_depth).square()
    strength = 0.75 + 0.25 * torch.cos(2.0 * math.pi * (dropout.turns * time + dropout.phase))
    return dropout.loss_db * strength[:, None, None] * torch.exp(-distance.square())


def _clutter_level(raster: PolarRaster, interference: Interference, generator: torch.Generator) -> Tensor:
    """Amplitude `[D, L]` of what does not move."""
    depth, _ = raster.fractions(generator.device)
    clouds = 4.0 * smooth_noise(raster.shape, (5, 4), generator)
    haze = interference.haze_db - interference.haze_slope_db * (2.0 * depth - 1.0) + clouds
    near = interference.near_db - 8.0 * (depth.clamp_min(0.0) / interference.near_depth).square()
    # Reverberation between the layers of the skin shows as bands.
    bands = 5.0 * smooth_noise((raster.shape[0], 1), (max(raster.shape[0] // 10, 2), 1), generator)
    return _amplitude(haze) + _amplitude(near + bands)


def _amplitude(decibel: Tensor) -> Tensor:
    return torch.exp(decibel * (math.log(10.0) / 20.0))
