"""Find the ultrasound fan in a clip, so that text, ECG and colour bars outside it never reach the network.

The fan is the largest coherent area that is lit and, in a cine, changes from frame to frame: burnt-in text,
tick marks and bars stand still or are thin. Its outline is taken as convex, which keeps black cavities inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from PointSegLib.clip import CineClip
from PointSegLib.errors import ClipError

MAX_FRAMES = 64
WORK_SIDE = 384
MIN_FRAMES_FOR_MOTION = 4
SMALLEST_FAN = 0.08
LIT_ABOVE_BLACK = 0.03
MOVING_STD = 2.0
DENSITY_WINDOW = 0.03
NECK_RADIUS = 0.012
MERGE_GAP = 0.08
SMALLEST_PART = 0.03


@dataclass(frozen=True, eq=False)
class Sector:
    """Where the tissue image lies in a frame.

    Attributes:
        mask: bool `[H, W]`, True inside the ultrasound fan; filled and convex.
        box: (x0, y0, x1, y1), inclusive pixel box of `mask`.
    """

    mask: np.ndarray
    box: tuple[int, int, int, int]


def find_sector(clip: CineClip) -> Sector:
    """Find the ultrasound fan of a clip; where nothing stands out, the whole region (or frame) is taken.

    Args:
        clip: one frame or a cine; `clip.region` restricts the search.

    Returns:
        The fan's mask at the clip's own size and its box.

    Raises:
        ClipError: when all pixels of all frames have the same value.
    """
    _refuse_constant(clip)
    x0, y0, x1, y1 = _search_box(clip)
    frames = clip.frames[_frame_sample(len(clip)), y0 : y1 + 1, x0 : x1 + 1]
    step = max(1, -(-max(frames.shape[1:]) // WORK_SIDE))
    inside = _fan(_block_mean(frames, step))
    mask = np.zeros(clip.frames.shape[1:], bool)
    mask[y0 : y1 + 1, x0 : x1 + 1] = _enlarged(inside, step, frames.shape[1:])
    return Sector(mask=mask, box=_box(mask))


def _refuse_constant(clip: CineClip) -> None:
    first = clip.frames[0, 0, 0]
    if any((frame != first).any() for frame in clip.frames):
        return
    msg = (
        f"{clip.source or 'the clip'}: all pixels have the same value: nothing to segment. "
        "Check that the right file was read and that its pixels were decoded."
    )
    raise ClipError(msg)


def _search_box(clip: CineClip) -> tuple[int, int, int, int]:
    width, height = clip.size_wh
    if clip.region is None:
        return 0, 0, width - 1, height - 1
    x0, y0, x1, y1 = (int(v) for v in clip.region)
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width - 1), min(y1, height - 1)
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else (0, 0, width - 1, height - 1)


def _frame_sample(count: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, MAX_FRAMES)).round().astype(int))


def _block_mean(frames: np.ndarray, step: int) -> np.ndarray:
    """Shrink `[T, H, W]` by averaging blocks of `step` x `step`; float32, the last block may be repeated pixels."""
    if step == 1:
        return frames.astype(np.float32)
    height, width = frames.shape[1:]
    pad = ((0, -height % step), (0, -width % step))
    shape = (-(-height // step), step, -(-width // step), step)
    return np.stack([np.pad(f, pad, mode="edge").reshape(shape).mean((1, 3), dtype=np.float32) for f in frames])


def _fan(frames: np.ndarray) -> np.ndarray:
    lit = _lit(frames.mean(0))
    if len(frames) >= MIN_FRAMES_FOR_MOTION:
        moving = _body(frames.std(0) > MOVING_STD)
        if moving.mean() >= SMALLEST_FAN:
            near = ndimage.binary_dilation(moving, _disk(round(MERGE_GAP * min(lit.shape))))
            return _convex(_body(moving | (lit & near)))
    still = _body(lit)
    return _convex(still) if still.mean() >= SMALLEST_FAN else np.ones(lit.shape, bool)


def _lit(image: np.ndarray) -> np.ndarray:
    black, white = np.percentile(image, (1, 99.5))
    return image > black + max(MOVING_STD, LIT_ABOVE_BLACK * (white - black))


def _body(evidence: np.ndarray) -> np.ndarray:
    """Keep the evidence that belongs to the largest dense area; thin strokes and bridges to them are dropped."""
    side = min(evidence.shape)
    window = max(3, round(DENSITY_WINDOW * side))
    radius = max(1, round(NECK_RADIUS * side))
    dense = ndimage.uniform_filter(evidence.astype(np.float32), window) > 0.5
    dense = ndimage.binary_fill_holes(dense)
    core = _largest_with_neighbours(ndimage.binary_erosion(dense, _disk(radius)), MERGE_GAP * side + 2 * radius)
    return dense & ndimage.binary_dilation(core, _disk(radius))


def _largest_with_neighbours(mask: np.ndarray, gap: float) -> np.ndarray:
    """Keep the largest part and the big ones within `gap` pixels of it: a dark band may cut a fan in two."""
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest = labels == sizes.argmax()
    near = np.unique(labels[ndimage.distance_transform_edt(~largest) <= gap])
    return np.isin(labels, near[sizes[near] >= SMALLEST_PART * sizes.max()])


def _disk(radius: int) -> np.ndarray:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return x * x + y * y <= radius * radius


def _convex(mask: np.ndarray) -> np.ndarray:
    """Fill the convex hull of a mask row by row between the envelopes of its left and right edges."""
    rows = np.flatnonzero(mask.any(1))
    left = mask[rows].argmax(1)
    right = mask.shape[1] - 1 - mask[rows][:, ::-1].argmax(1)
    every = np.arange(rows[0], rows[-1] + 1)
    low = -_upper_envelope(rows, -left, every)
    high = _upper_envelope(rows, right, every)
    x = np.arange(mask.shape[1])
    hull = np.zeros(mask.shape, bool)
    hull[every] = (x >= np.floor(low)[:, None]) & (x <= np.ceil(high)[:, None])
    return hull


def _upper_envelope(at: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Evaluate the smallest concave function above the points (at, values) at the positions `wanted`."""
    kept: list[tuple[float, float]] = []
    for u, v in zip(at.astype(float), values.astype(float), strict=True):
        while len(kept) > 1 and not _turns_down(kept[-2], kept[-1], (u, v)):
            kept.pop()
        kept.append((u, v))
    knots, heights = np.array(kept).T
    return np.interp(wanted, knots, heights)


def _turns_down(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) < (c[0] - a[0]) * (b[1] - a[1])


def _enlarged(mask: np.ndarray, step: int, shape: tuple[int, ...]) -> np.ndarray:
    if step == 1:
        return mask
    return mask.repeat(step, 0).repeat(step, 1)[: shape[0], : shape[1]]


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])
