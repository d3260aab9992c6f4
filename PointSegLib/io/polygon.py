"""Fill a traced outline on the pixel grid."""

from __future__ import annotations

import numpy as np


def fill_polygon(outline: np.ndarray, size_hw: tuple[int, ...]) -> np.ndarray:
    """The pixels whose centre lies inside a closed polygon, by the even-odd rule.

    Each row of pixels is cut by every edge that crosses it; a pixel is inside when an odd number of cuts lies to its
    right. Edges hold their upper end but not their lower one, so that no corner is counted twice.

    Args:
        outline: `[n, 2]`, (x, y) in pixels of the corners in order; the last is joined to the first. It may leave
            the image.
        size_hw: height and width.

    Returns:
        bool `[H, W]`.
    """
    height, width = size_hw
    x0, y0 = np.asarray(outline, np.float64).T
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    rows, columns = np.arange(height), np.arange(width)
    crosses = (y0[:, None] <= rows) != (y1[:, None] <= rows)
    rise = np.where(y1 == y0, 1.0, y1 - y0)
    cuts = x0[:, None] + (rows - y0[:, None]) * ((x1 - x0) / rise)[:, None]
    right = crosses[..., None] & (cuts[..., None] > columns)
    return right.sum(0) % 2 == 1
