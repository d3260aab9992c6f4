"""What the network is fed: the sector's box of each frame, resized to a square, black outside the sector."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Box = tuple[int, int, int, int]


def box_size(box: Box) -> tuple[int, int]:
    """(width, height) of an inclusive pixel box (x0, y0, x1, y1)."""
    return box[2] - box[0] + 1, box[3] - box[1] + 1


def network_frames(frames: np.ndarray, mask: np.ndarray, box: Box, size: int, device: torch.device | str) -> Tensor:
    """Crop, blacken and resize frames.

    Args:
        frames: uint8 `[T, H, W]`.
        mask: bool `[H, W]`, True inside the sector.
        box: the sector's inclusive pixel box.
        size: side of the square result.
        device: where the result lies.

    Returns:
        float32 `[T, 1, size, size]` in 0..1.
    """
    x0, y0, x1, y1 = box
    cropped = torch.from_numpy(frames[:, y0 : y1 + 1, x0 : x1 + 1] * mask[y0 : y1 + 1, x0 : x1 + 1])
    return _resized(cropped.to(device), size).div_(255.0)


def _resized(frames: Tensor, size: int) -> Tensor:
    return F.interpolate(
        frames.unsqueeze(1).float(), (size, size), mode="bilinear", align_corners=False, antialias=True
    )


def clip_to_unit(xy: np.ndarray, box: Box) -> np.ndarray:
    """Pixel positions `[..., 2]` of the clip as normalised positions in the network's square."""
    return (xy - np.array(box[:2]) + 0.5) / np.array(box_size(box))


def unit_to_clip(xy: np.ndarray, box: Box) -> np.ndarray:
    """The inverse of `clip_to_unit`."""
    return xy * np.array(box_size(box)) - 0.5 + np.array(box[:2])


def clip_probabilities(logits: Tensor, mask: Tensor, box: Box, size_hw: tuple[int, int]) -> Tensor:
    """Mask logits `[T, K, h, w]` of the network's square as probabilities `[T, K, H, W]` of the clip's frames.

    Outside the sector they are zero. The logits, not the probabilities, are interpolated: contours stay smooth.
    """
    width, height = box_size(box)
    full = logits.new_zeros(*logits.shape[:2], *size_hw)
    inside = F.interpolate(logits.float(), (height, width), mode="bilinear", align_corners=False).sigmoid()
    full[:, :, box[1] : box[3] + 1, box[0] : box[2] + 1] = inside
    return full * mask


def labels_from_probabilities(probabilities: Tensor, class_labels: tuple[int, ...]) -> Tensor:
    """The likeliest class of each pixel where any exceeds one half, else 0: `[T, K, H, W]` to uint8 `[T, H, W]`."""
    best, index = probabilities.max(1)
    values = torch.tensor(class_labels, dtype=torch.uint8, device=probabilities.device)
    return values[index] * (best > 0.5)
