"""What the picture shows along the wall's lines: patches that move with it, their correlation and their brightness."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

_SAMPLES = 11


def read_patches(frames: np.ndarray, line: np.ndarray, side_px: np.ndarray) -> np.ndarray:
    """Read a patch around each point of a moving line.

    Args:
        frames: `[K, H, W]`.
        line: float `[K, M, 2]`, pixel positions; NaN where unknown.
        side_px: float `[2]`, width and height of a patch in pixels.

    Returns:
        float32 `[K, M, P]`; NaN where the line is unknown, the border's value outside the image.
    """
    ticks = np.linspace(-0.5, 0.5, _SAMPLES)
    offsets = np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2) * side_px
    patches = np.empty((*line.shape[:2], len(offsets)), np.float32)
    for patch, frame, xy in zip(patches, frames, np.nan_to_num(line), strict=True):
        at = (xy[:, None] + offsets)[..., ::-1].transpose(2, 0, 1)
        ndimage.map_coordinates(frame, at, output=patch, order=1, mode="nearest")
    patches[np.isnan(line).any(-1)] = np.nan
    return patches


def frame_to_frame_correlation(patches: np.ndarray) -> np.ndarray:
    """Correlation of each patch with the one of the next frame: float64 `[K - 1, M]` from `[K, M, P]`.

    1 for the same speckle, near 0 where the line has lost its tissue, 0 where a patch is uniform.
    """
    centred = patches.astype(np.float64) - patches.mean(-1, keepdims=True)
    length = np.sqrt((centred**2).sum(-1))
    product = (centred[1:] * centred[:-1]).sum(-1)
    both = length[1:] * length[:-1]
    return np.where(both == 0, 0.0, product / np.where(both == 0, 1.0, both))
