"""Augmentation of real or simulated images: one random placement, one random look."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.simulation.sampling import Range, chance, pixel_grid, smooth_noise, speckle_noise, uniform


@dataclass(frozen=True)
class GeometryConfig:
    """Ranges of `augment_geometry`.

    Attributes:
        rotation_deg: greatest rotation, either way.
        scale: magnification.
        aspect: width over height after the change, relative to before.
        translation: greatest shift, as a fraction of the side, either way.
        mirror_probability: share of images mirrored left to right.
    """

    rotation_deg: float = 20.0
    scale: Range = (0.8, 1.2)
    aspect: Range = (0.85, 1.18)
    translation: float = 0.08
    mirror_probability: float = 0.3

    def scaled(self, strength: float) -> GeometryConfig:
        """The same ranges narrowed towards leaving the image as it is: 1 keeps them, 0 makes no change."""
        low, high = (1 + (bound - 1) * strength for bound in self.scale)
        narrow, wide = (1 + (bound - 1) * strength for bound in self.aspect)
        return GeometryConfig(
            self.rotation_deg * strength,
            (low, high),
            (narrow, wide),
            self.translation * strength,
            self.mirror_probability * strength,
        )


@dataclass(frozen=True)
class AppearanceConfig:
    """Ranges of `augment_appearance`.

    Attributes:
        gamma: exponent, drawn log-uniformly.
        contrast: factor on the distance from the mean.
        gain: factor on all values.
        time_gain: strength of a smooth change of gain over depth, either way.
        speckle: strength of extra multiplicative speckle.
        haze: brightness of smooth haze.
        shadow_probability: share of images with a dark wedge that begins at the probe.
        dropout_probability: share of images in which a part of the heart is nearly lost, as the lateral wall often is.
        blur_sigma_px: Gaussian blur; under 0.3 none is applied.
    """

    gamma: Range = (0.65, 1.5)
    contrast: Range = (0.8, 1.2)
    gain: Range = (0.75, 1.25)
    time_gain: float = 0.3
    speckle: Range = (0.0, 0.25)
    haze: Range = (0.0, 0.1)
    shadow_probability: float = 0.25
    dropout_probability: float = 0.35
    blur_sigma_px: Range = (0.0, 1.1)


_GEOMETRY, _APPEARANCE = GeometryConfig(), AppearanceConfig()


def augment_geometry(
    image: Tensor, labels: Tensor, generator: torch.Generator, config: GeometryConfig = _GEOMETRY
) -> tuple[Tensor, Tensor]:
    """Place the heart elsewhere: rotation, scale, aspect, shift, mirror. One draw serves all leading dimensions.

    Args:
        image: float32 `[..., H, W]`.
        labels: uint8 `[..., H, W]`.
        generator: source of the random numbers, on the device of `image`.
        config: ranges.

    Returns:
        The moved image (bilinear) and labels (nearest), of the same shapes; what comes from outside is 0.
    """
    return place(image, labels, draw_placement(image.shape[-2], image.shape[-1], generator, config))


def place(image: Tensor, labels: Tensor, placement: Tensor) -> tuple[Tensor, Tensor]:
    """Apply a placement of `draw_placement` to images and labels `[..., H, W]`, as `augment_geometry` does."""
    height, width = image.shape[-2:]
    theta = placement.to(image.device)
    grid = F.affine_grid(theta[None], [1, 1, height, width], align_corners=False)
    flat = image.reshape(1, -1, height, width)
    moved = F.grid_sample(flat, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    flat = labels.reshape(1, -1, height, width).float()
    moved_labels = F.grid_sample(flat, grid, mode="nearest", padding_mode="zeros", align_corners=False)
    return moved.reshape(image.shape), moved_labels.to(torch.uint8).reshape(labels.shape)


def place_points(unit_xy: Tensor, placement: Tensor) -> Tensor:
    """Where points `[..., 2]`, normalised to 0..1, lie in the image that `place` makes."""
    linear, shift = placement[:, :2], placement[:, 2]
    moved = (2 * unit_xy - 1 - shift) @ torch.linalg.inv(linear).T
    return (moved + 1) / 2


def draw_placement(height: int, width: int, generator: torch.Generator, config: GeometryConfig = _GEOMETRY) -> Tensor:
    """Draw a placement: `[2, 3]`, from output to input in grid_sample's coordinates.

    The rotation is one in pixels, not in the normalised square.
    """
    angle = math.radians(uniform(generator, -config.rotation_deg, config.rotation_deg))
    scale = uniform(generator, *config.scale)
    stretch = math.sqrt(math.exp(uniform(generator, math.log(config.aspect[0]), math.log(config.aspect[1]))))
    mirror = -1.0 if chance(generator, config.mirror_probability) else 1.0
    sx, sy = mirror / (scale * stretch), stretch / scale
    cos, sin = math.cos(angle), math.sin(angle)
    shift_x, shift_y = (2.0 * uniform(generator, -config.translation, config.translation) for _ in range(2))
    side = height / width
    return torch.tensor(
        [[sx * cos, -sx * sin * side, shift_x], [sy * sin / side, sy * cos, shift_y]], dtype=torch.float32
    )


def augment_appearance(frames: Tensor, generator: torch.Generator, config: AppearanceConfig = _APPEARANCE) -> Tensor:
    """Change gain, depth gain, contrast, gamma, speckle, haze and sharpness. One draw serves all leading dimensions.

    Args:
        frames: float32 `[..., H, W]` in 0..1; it is not modified.
        generator: source of the random numbers, on the device of `frames`.
        config: ranges.

    Returns:
        float32 of the same shape in 0..1. Black (outside the fan) stays black.
    """
    height, width = frames.shape[-2:]
    signal = frames > 0
    mean = frames.sum() / signal.sum().clamp_min(1)
    contrast, gain = uniform(generator, *config.contrast), uniform(generator, *config.gain)
    low, high = (math.log(v) for v in config.gamma)
    gamma = math.exp(uniform(generator, low, high))
    depth = smooth_noise((height, 1), (4, 1), generator) * uniform(generator, 0.0, config.time_gain)
    texture = 1.0 + uniform(generator, *config.speckle) * speckle_noise(tuple(frames.shape), generator)
    cloud = (0.5 + 0.5 * smooth_noise((height, width), (4, 4), generator)).clamp_min(0.0)
    haze = uniform(generator, *config.haze) * cloud
    out = (frames - mean) * contrast + mean
    out = out.mul_(texture).mul_(gain * (1.0 + depth).clamp_min(0.1)).clamp_(1e-6, 1.0)
    out = out.log_().mul_(gamma).exp_().add_(haze)
    out = _blur(out, uniform(generator, *config.blur_sigma_px))
    if chance(generator, config.shadow_probability):
        out = out * _shadow(height, width, generator).to(out)
    if chance(generator, config.dropout_probability):
        out = out * _dropout(height, width, generator).to(out)
    return out.mul_(signal).clamp_(0.0, 1.0)


def _shadow(height: int, width: int, generator: torch.Generator) -> Tensor:
    """Gain `[H, W]` of a wedge with soft edges that leaves 5 to 60 % behind it, from some depth on."""
    grid = pixel_grid(height, width, generator.device)
    angle = torch.atan2(grid[..., 0] - (width - 1) / 2, grid[..., 1] + 0.05 * height)
    centre, half_width = uniform(generator, -0.6, 0.6), uniform(generator, 0.03, 0.15)
    inside = torch.sigmoid((half_width - (angle - centre).abs()) / 0.02)
    below = torch.sigmoid((grid[..., 1] - uniform(generator, -0.1, 0.4) * height) / (0.03 * height))
    return 1 - (1 - uniform(generator, 0.05, 0.6)) * inside * below


def _dropout(height: int, width: int, generator: torch.Generator) -> Tensor:
    """Gain `[H, W]` of one to three soft, oblique spots that leave 5 to 50 %."""
    grid = pixel_grid(height, width, generator.device)
    gain = torch.ones(height, width)
    for _ in range(1 + int(uniform(generator, 0.0, 2.999))):
        x = grid[..., 0] / width - uniform(generator, 0.15, 0.85)
        y = grid[..., 1] / height - uniform(generator, 0.15, 0.85)
        turn, long, short = (
            uniform(generator, 0.0, math.pi),
            uniform(generator, 0.06, 0.25),
            uniform(generator, 0.04, 0.1),
        )
        along, across = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
        far = (along / long).square() + (across / short).square()
        gain = gain * (1 - (1 - uniform(generator, 0.05, 0.5)) * torch.exp(-far.square()))
    return gain


def _blur(frames: Tensor, sigma: float) -> Tensor:
    """Separable Gaussian blur of `[..., H, W]`; none for sigma under 0.3 px."""
    if sigma < 0.3:
        return frames
    reach = max(round(2.5 * sigma), 1)
    weights = [math.exp(-(offset**2) / (2.0 * sigma * sigma)) for offset in range(-reach, reach + 1)]
    out = frames.reshape(1, -1, *frames.shape[-2:])
    for axis, padding in ((2, (0, 0, reach, reach)), (3, (reach, reach, 0, 0))):
        length, padded = out.shape[axis], F.pad(out, padding, mode="replicate")
        # Shifted sums are several times faster than a one-channel convolution on a CPU.
        out = torch.zeros_like(out)
        for index, weight in enumerate(weights):
            out.add_(padded.narrow(axis, index, length), alpha=weight / sum(weights))
    return out.reshape(frames.shape)
