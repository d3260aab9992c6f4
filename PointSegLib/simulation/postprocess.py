"""From envelope to the stored picture: log compression, grey map, and what machines do to please the eye."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.simulation.imaging import Display

# The luminance table of the JPEG standard (ITU-T T.81, Annex K).
_QUANTISATION = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=torch.float32,
)
_BLOCK = 8


def log_compress(envelope: Tensor, white: float, display: Display) -> Tensor:
    """Map an envelope to grey: `white` and above to 1, what lies the dynamic range below it to 0.

    Args:
        envelope: float32 `[...]` >= 0.
        white: envelope that becomes white at a gain of 0 dB.
        display: dynamic range, gain, gamma and curve.

    Returns:
        float32 `[...]` in 0..1.
    """
    grey = torch.log10((envelope / white).clamp_min(1e-6)).mul_(20.0 / display.range_db)
    grey = grey.add_(1.0 + display.gain_db / display.range_db).clamp_(0.0, 1.0)
    if display.s_curve > 0:
        grey = grey - display.s_curve * torch.sin(2.0 * math.pi * grey) / (2.0 * math.pi)
    return grey.clamp_(0.0, 1.0).pow_(display.gamma)


def smooth(frames: Tensor, passes: float) -> Tensor:
    """Filter `[T, H, W]` by a 3 x 3 binomial, the last time in part: the speckle reduction of a machine."""
    while passes > 0.0:
        frames = torch.lerp(frames, _binomial(frames), min(passes, 1.0))
        passes -= 1.0
    return frames


def sharpen(frames: Tensor, strength: float) -> Tensor:
    """Enhance edges of `[T, H, W]` by unsharp masking."""
    if strength == 0.0:
        return frames
    return (frames + strength * (frames - _binomial(_binomial(frames)))).clamp_(0.0, 1.0)


def persist(frames: Tensor, share: float) -> Tensor:
    """Let each picture of `[T, H, W]` keep a share of the one before."""
    if share == 0.0:
        return frames
    kept = [frames[0]]
    for frame in frames[1:]:
        kept.append(torch.lerp(frame, kept[-1], share))
    return torch.stack(kept)


def jpeg(frames: Tensor, quality: int | None) -> Tensor:
    """Lose what JPEG loses of `[T, H, W]` in 0..1: the cosine transform of 8 x 8 blocks, quantised; None loses nothing.

    The scaling of the table with `quality` (1 to 100) is that of the Independent JPEG Group.
    """
    if quality is None:
        return frames
    height, width = frames.shape[1:]
    down, right = -height % _BLOCK, -width % _BLOCK
    padded = F.pad(frames[None], (0, right, 0, down), mode="replicate")[0] * 255.0 - 128.0
    blocks = padded.unflatten(2, (-1, _BLOCK)).unflatten(1, (-1, _BLOCK)).transpose(2, 3)
    basis = _cosines().to(frames.device)
    scale = (5000.0 / quality if quality < 50 else 200.0 - 2.0 * quality) / 100.0
    table = (_QUANTISATION.to(frames.device) * scale).round().clamp(1.0, 255.0)
    coefficients = ((basis @ blocks @ basis.T) / table).round_() * table
    restored = (basis.T @ coefficients @ basis).transpose(2, 3).flatten(3, 4).flatten(1, 2)
    return ((restored[:, :height, :width] + 128.0) / 255.0).clamp_(0.0, 1.0)


def _binomial(frames: Tensor) -> Tensor:
    """Binomial 3 x 3 filter; two 2 x 2 means make it cheaply."""
    padded = F.pad(frames[None], (1, 1, 1, 1), mode="replicate")
    return F.avg_pool2d(F.avg_pool2d(padded, 2, stride=1), 2, stride=1)[0]


def _cosines() -> Tensor:
    """The orthonormal cosine transform `[8, 8]`."""
    order = torch.arange(_BLOCK, dtype=torch.float32)
    basis = torch.cos(math.pi * (2.0 * order[None] + 1.0) * order[:, None] / (2.0 * _BLOCK)) * 0.5
    basis[0] *= math.sqrt(0.5)
    return basis
