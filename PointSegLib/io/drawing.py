"""Anti-aliased drawing of masks, outlines, points and trails on one frame; NumPy only.

Canvases are float32 `[H, W, 3]` in 0..255, positions are pixel positions of the canvas.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

Colour = tuple[float, float, float]


def resize(image: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Resize `[H, W]` bilinearly to (width, height); float32, pixel centres as in `coordinates.resize_xy`."""
    rows, row_weight = _samples(image.shape[0], size_wh[1])
    columns, column_weight = _samples(image.shape[1], size_wh[0])
    image = image.astype(np.float32)
    tall = image[rows[0]] * (1 - row_weight)[:, None] + image[rows[1]] * row_weight[:, None]
    return tall[:, columns[0]] * (1 - column_weight) + tall[:, columns[1]] * column_weight


def blend(canvas: np.ndarray, colour: Colour, alpha: np.ndarray) -> None:
    """Lay a colour over the canvas in place, `alpha` `[H, W]` in 0..1."""
    canvas += alpha[..., None] * (np.array(colour, np.float32) - canvas)


def soft_mask(mask: np.ndarray, size_wh: tuple[int, int], blur: float) -> np.ndarray:
    """Enlarge a bool mask `[H, W]` without its staircase; float32 in 0..1, the boundary lies at 0.5."""
    return ndimage.gaussian_filter(resize(mask, size_wh), blur, mode="nearest")


def outline(soft: np.ndarray, width: float) -> np.ndarray:
    """Coverage in 0..1 of a line of `width` pixels along the 0.5 level of a soft mask."""
    gradient = np.hypot(*np.gradient(soft))
    distance = np.abs(soft - 0.5) / np.maximum(gradient, 1e-6)
    return np.where(gradient > 1e-3, np.clip((width + 1) / 2 - distance, 0, 1), 0)


def discs(shape: tuple[int, int], xy: np.ndarray, radius: float, strength: np.ndarray) -> np.ndarray:
    """Coverage `[H, W]` in 0..1 of discs at `xy` `[N, 2]`, each as opaque as `strength` `[N]` says."""
    cover = np.zeros(shape, np.float32)
    reach = int(np.ceil(radius + 1))
    dy, dx = (g.ravel() for g in np.mgrid[-reach : reach + 1, -reach : reach + 1])
    good = np.isfinite(xy).all(1)
    xy, strength = xy[good], strength[good]
    if len(xy) == 0:
        return cover
    base = np.rint(xy).astype(int)
    x, y = base[:, :1] + dx, base[:, 1:] + dy
    distance = np.hypot(x - xy[:, :1], y - xy[:, 1:])
    alpha = np.clip(radius + 0.5 - distance, 0, 1) * strength[:, None]
    inside = (x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0]) & (alpha > 0)
    np.maximum.at(cover, (y[inside], x[inside]), alpha[inside].astype(np.float32))
    return cover


def trails(shape: tuple[int, int], xy: np.ndarray, width: float) -> np.ndarray:
    """Coverage of the paths `xy` `[N, L, 2]`, oldest position first, fading towards it."""
    if xy.shape[1] < 2 or len(xy) == 0:
        return np.zeros(shape, np.float32)
    longest = np.nanmax(np.linalg.norm(np.diff(xy, axis=1), axis=-1), initial=1.0)
    pieces = int(np.clip(np.ceil(longest), 2, 24))
    at = np.linspace(0, xy.shape[1] - 1, (xy.shape[1] - 1) * pieces + 1)
    low = np.minimum(at.astype(int), xy.shape[1] - 2)
    share = (at - low)[None, :, None]
    dense = xy[:, low] * (1 - share) + xy[:, low + 1] * share
    fade = np.broadcast_to((0.1 + 0.9 * at / at[-1]) ** 1.5, dense.shape[:2])
    return discs(shape, dense.reshape(-1, 2), width / 2, fade.reshape(-1))


def _samples(old: int, new: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    at = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    low = np.minimum(at.astype(int), max(old - 2, 0))
    return (low, np.minimum(low + 1, old - 1)), (at - low).astype(np.float32)
