"""Do masks and tracks tell the same story? The mask of a frame, carried by the tracks, against that of the next."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
from scipy.spatial import QhullError

from PointSegLib.evaluation.masks import dice


def track_warped_dice(labels: np.ndarray, value: int, xy: np.ndarray, visible: np.ndarray) -> float:
    """Mean Dice between each frame's mask, moved along the tracks into the next frame, and the mask of that frame.

    Args:
        labels: uint8 `[T, H, W]`.
        value: label of the structure.
        xy: float `[N, T, 2]`, tracks in pixels.
        visible: bool `[N, T]`; a step is carried by the points visible in both its frames.

    Returns:
        0..1; NaN when no step has such points and the structure in one of its frames.
    """
    scores = []
    for first, second in pairwise(range(len(labels))):
        seen = visible[:, first] & visible[:, second]
        before, after = labels[first] == value, labels[second] == value
        if seen.any() and (before.any() or after.any()):
            scores.append(dice(carried(before, xy[seen, first], xy[seen, second]), after))
    return float(np.mean(scores)) if scores else float("nan")


def carried(mask: np.ndarray, there: np.ndarray, here: np.ndarray) -> np.ndarray:
    """A mask moved by sparse points.

    Displacements are linear between points (Delaunay) and those of the nearest point beyond them.

    Args:
        mask: bool `[H, W]`.
        there: float `[N, 2]`, (x, y) of at least one point in the frame of the mask.
        here: float `[N, 2]`, where they are in the frame the mask is moved to.

    Returns:
        bool `[H, W]`: pixels whose tissue came from inside the mask.
    """
    moved = np.zeros(mask.shape, bool)
    if not mask.any():
        return moved
    pixels = _reachable(mask, float(np.abs(here - there).max()))
    offset = NearestNDInterpolator(here, there - here)(pixels)
    try:
        between = LinearNDInterpolator(here, there - here)(pixels)
        offset = np.where(np.isfinite(between), between, offset)
    except (QhullError, ValueError):
        # fewer than three points, or all on one line: no triangle to be inside of
        pass
    columns, rows = np.rint(pixels + offset).astype(int).T
    height, width = mask.shape
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    x, y = pixels[inside].T
    moved[y, x] = mask[rows[inside], columns[inside]]
    return moved


def _reachable(mask: np.ndarray, reach: float) -> np.ndarray:
    """Pixels int `[P, 2]` (x, y) of the mask's box, widened by the farthest any point moves."""
    margin = int(np.ceil(reach)) + 1
    rows, columns = np.nonzero(mask)
    top, left = max(rows.min() - margin, 0), max(columns.min() - margin, 0)
    y, x = np.mgrid[
        top : min(rows.max() + margin + 1, mask.shape[0]), left : min(columns.max() + margin + 1, mask.shape[1])
    ]
    return np.column_stack([x.ravel(), y.ravel()])
