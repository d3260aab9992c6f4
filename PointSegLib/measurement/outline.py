"""The outline of a mask as one ordered line between its pixels and their neighbours, and what is done with lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

# Clockwise on the screen: along the top of a pixel, down its right side, back along its bottom, up its left side.
_STEPS = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
_CORNERS = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
_NEIGHBOURS = np.array([[0, -1], [1, 0], [0, 1], [-1, 0]])
_RIGHT, _STRAIGHT, _LEFT = 1, 0, 3


@dataclass(frozen=True, eq=False)
class Outline:
    """The outer border of a mask, clockwise on the screen.

    Attributes:
        corners: float64 `[K, 2]`, pixel positions (x, y) where its unit steps start; the last leads to the first.
        outside: int64 `[K, 2]`, the pixel (x, y) just outside each step; it may lie outside the image.
    """

    corners: np.ndarray
    outside: np.ndarray


def trace_outline(mask: np.ndarray) -> Outline:
    """Walk once around the part of a mask that holds its topmost pixel; holes are not visited.

    Args:
        mask: bool `[H, W]` with at least one True. Pixels that touch at a corner only are taken as apart.

    Returns:
        The outline.
    """
    padded = np.pad(mask, 1)
    rows, columns = np.nonzero(mask)
    pixels = np.stack([columns, rows], 1)
    open_sides = [~padded[rows + 1 + dy, columns + 1 + dx] for dx, dy in _NEIGHBOURS]
    side = np.repeat(np.arange(4), [int(is_open.sum()) for is_open in open_sides])
    inside = np.concatenate([pixels[is_open] for is_open in open_sides])
    start = inside + _CORNERS[side]
    order = _walk(_successors(start, start + _STEPS[side], side, mask.shape[1] + 1))
    return Outline(start[order] - 0.5, (inside + _NEIGHBOURS[side])[order])


def _successors(start: np.ndarray, end: np.ndarray, side: np.ndarray, width: int) -> np.ndarray:
    """Index of the step after each step; where two leave a corner, the one that stays with the same pixel."""
    key = (start[:, 1] * width + start[:, 0]) * 4 + side
    order = key.argsort()
    known = key[order]
    corner = (end[:, 1] * width + end[:, 0]) * 4
    following = np.zeros(len(start), np.int64)
    for turn in (_LEFT, _STRAIGHT, _RIGHT):
        wanted = corner + (side + turn) % 4
        place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        following = np.where(known[place] == wanted, order[place], following)
    return following


def _walk(following: np.ndarray) -> np.ndarray:
    """Steps in order from step 0, the top of the topmost pixel, until it comes round again."""
    after = following.tolist()
    order, at = [0], after[0]
    while at:
        order.append(at)
        at = after[at]
    return np.array(order)


def main_parts(mask: np.ndarray, least: float = 1.0) -> np.ndarray:
    """The 4-connected parts of bool `[H, W]` that have at least the share `least` of the pixels of the largest one."""
    parts, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return (sizes >= least * sizes.max())[parts]


def arc_length(line: np.ndarray) -> np.ndarray:
    """Length from the start to each point of lines float `[..., M, 2]`: float `[..., M]`, in their unit."""
    steps = np.diff(line, axis=-2)
    length = np.hypot(steps[..., 0], steps[..., 1]).cumsum(-1)
    return np.concatenate([np.zeros((*length.shape[:-1], 1)), length], -1)


def at_share(columns: np.ndarray, length: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Values `[len(share), C]` of `columns` `[M, C]` at shares 0..1 of an arc length `[M]`."""
    return np.stack([np.interp(share * length[-1], length, column) for column in columns.T], 1)


def smoothed(line: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian average of an open line `[M, 2]` over `sigma` samples; its ends stay where they are."""
    pad = min(int(4 * sigma) + 1, len(line) - 1)
    before = 2 * line[0] - line[pad:0:-1]
    after = 2 * line[-1] - line[-2 : -pad - 2 : -1]
    return ndimage.gaussian_filter1d(np.concatenate([before, line, after]), sigma, axis=0)[pad:-pad]
