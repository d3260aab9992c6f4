"""The one place that converts between pixel and normalised image coordinates.

Pixel coordinates are (x right, y down) and the centre of the top-left pixel is (0, 0). Normalised
coordinates are (x + 0.5) / W, (y + 0.5) / H, so that the image spans [0, 1]: the convention of
`torch.nn.functional.grid_sample(..., align_corners=False)` up to the factor 2. The functions take
NumPy arrays and torch tensors alike: they only add, multiply and divide.
"""

from __future__ import annotations

from typing import Any


def pixel_to_unit(xy: Any, size_wh: Any) -> Any:
    """Map pixel positions to normalised ones.

    Args:
        xy: `[..., 2]` pixel positions (x, y).
        size_wh: `(W, H)`, as an array or tensor broadcastable to `xy`.

    Returns:
        `[..., 2]` positions with the image spanning [0, 1].
    """
    return (xy + 0.5) / size_wh


def unit_to_pixel(xy: Any, size_wh: Any) -> Any:
    """Map normalised positions `[..., 2]` to pixel positions; the inverse of `pixel_to_unit`."""
    return xy * size_wh - 0.5


def resize_xy(xy: Any, from_wh: Any, to_wh: Any) -> Any:
    """Carry pixel positions `[..., 2]` from an image of size `from_wh` to its resized copy of size `to_wh`."""
    return unit_to_pixel(pixel_to_unit(xy, from_wh), to_wh)
