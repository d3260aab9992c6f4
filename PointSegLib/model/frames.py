"""What the network is fed: the sector's box of each frame, resized to a square, black outside the sector."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.coordinates import pixel_to_unit, unit_to_pixel

Box = tuple[int, int, int, int]


def box_size(box: Box) -> tuple[int, int]:
    """(width, height) of an inclusive pixel box (x0, y0, x1, y1)."""
    return box[2] - box[0] + 1, box[3] - box[1] + 1


def network_frames(frames: Tensor, mask: Tensor, box: Box, size: int) -> Tensor:
    """Crop, blacken and resize frames.

    Args:
        frames: uint8 `[T, H, W]`.
        mask: bool `[H, W]`, True inside the sector.
        box: the sector's inclusive pixel box.
        size: side of the square result.

    Returns:
        float32 `[T, 1, size, size]` in 0..1.
    """
    x0, y0, x1, y1 = box
    inside = frames[:, y0 : y1 + 1, x0 : x1 + 1] * mask[y0 : y1 + 1, x0 : x1 + 1]
    square = (size, size)
    resized = F.interpolate(inside.unsqueeze(1).float(), square, mode="bilinear", align_corners=False, antialias=True)
    return resized / 255


def clip_to_unit(xy: Tensor, box: Box) -> Tensor:
    """Pixel positions `[..., 2]` of the clip as normalised positions in the network's square."""
    return pixel_to_unit(xy - xy.new_tensor(box[:2]), xy.new_tensor(box_size(box)))


def unit_to_clip(xy: Tensor, box: Box) -> Tensor:
    """The inverse of `clip_to_unit`."""
    return unit_to_pixel(xy, xy.new_tensor(box_size(box))) + xy.new_tensor(box[:2])


def clip_probabilities(logits: Tensor, box: Box, size_hw: tuple[int, int]) -> Tensor:
    """Mask logits `[T, K, h, w]` of the network's square as probabilities `[T, K, H, W]` of the clip's frames.

    Outside the box they are zero; inside it a wall may reach beyond the fan's edge, as experts draw it. The logits, not
    the probabilities, are interpolated: contours stay smooth.
    """
    width, height = box_size(box)
    full = logits.new_zeros(*logits.shape[:2], *size_hw)
    inside = F.interpolate(logits.float(), (height, width), mode="bilinear", align_corners=False).sigmoid()
    full[:, :, box[1] : box[3] + 1, box[0] : box[2] + 1] = inside
    return full


def labels_from_probabilities(probabilities: Tensor, class_labels: tuple[int, ...]) -> Tensor:
    """The likeliest class of each pixel where any exceeds one half, else 0: `[T, K, H, W]` to uint8 `[T, H, W]`."""
    best, index = probabilities.max(1)
    values = torch.tensor(class_labels, dtype=torch.uint8, device=probabilities.device)
    return values[index] * (best > 0.5)
