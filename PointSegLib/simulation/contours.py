"""Material coordinates on a mask of the left ventricle: endocardium, epicardium and atrium as matched curves.

The wall is crossed by rays: across the long axis along the body, fanning out from a focus around the apex, turning
towards the annulus at the base. The curves are then counted by arc length, annulus to apex to annulus, so that equal
indices of two masks of one heart name the same material.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from PointSegLib.errors import ClipError
from PointSegLib.result import LEFT_ATRIUM, LV_CAVITY, MYOCARDIUM

WALL_POINTS = 65
ATRIUM_POINTS = 25
_SIDE_RAYS, _CAP_RAYS = 30, 41
_STEP_PX = 0.5
_SMALLEST_CAVITY, _SMALLEST_BASE, _SMALLEST_ATRIUM = 150, 6, 150


@dataclass(frozen=True, eq=False)
class Contours:
    """The left heart in one frame; positions in pixels (x, y).

    Attributes:
        endo: float64 `[WALL_POINTS, 2]`, endocardium from one end of the annulus over the apex to the other.
        epi: float64 `[WALL_POINTS, 2]`, the epicardial places across the wall from `endo`.
        atrium: float64 `[ATRIUM_POINTS, 2]`, outline of the atrium from annulus to annulus, or `[0, 2]` without one.
    """

    endo: np.ndarray
    epi: np.ndarray
    atrium: np.ndarray


@dataclass(frozen=True, eq=False)
class _Axes:
    """Landmarks `[2]` of a mask: the ends of the annulus, their middle, the apex, and the focus of the apical cap."""

    start: np.ndarray
    end: np.ndarray
    middle: np.ndarray
    apex: np.ndarray

    @property
    def focus(self) -> np.ndarray:
        return self.apex + 0.3 * (self.middle - self.apex)


def trace_contours(labels: np.ndarray) -> Contours:
    """Read the curves from a mask.

    Args:
        labels: uint8 `[H, W]`, CAMUS labels.

    Returns:
        The curves, from the annulus on the left of someone who looks from the apex to the base's right.

    Raises:
        ClipError: when there is no cavity with an open base inside a wall.
    """
    cavity = _largest(labels == LV_CAVITY)
    if cavity.sum() < _SMALLEST_CAVITY or (labels == MYOCARDIUM).sum() < _SMALLEST_CAVITY:
        msg = f"the mask has {int(cavity.sum())} pixels of LV cavity; a cavity inside a wall is needed to move it."
        raise ClipError(msg)
    ventricle = cavity | (labels == MYOCARDIUM)
    axes = _landmarks(cavity, ventricle)
    endo, epi = _resampled(*_wall_along_rays(cavity, ventricle, axes), axes)
    return Contours(endo, epi, _atrium(_largest(labels == LEFT_ATRIUM), axes))


def _largest(mask: np.ndarray) -> np.ndarray:
    parts, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return parts == sizes.argmax()


def _positions(mask: np.ndarray) -> np.ndarray:
    return np.argwhere(mask)[:, ::-1].astype(np.float64)


def _landmarks(cavity: np.ndarray, ventricle: np.ndarray) -> _Axes:
    base = _largest(ndimage.binary_dilation(cavity, iterations=2) & ~ventricle)
    points = _positions(base)
    if len(points) < _SMALLEST_BASE:
        msg = "the LV cavity is closed all round by wall; a base open to the atrium is needed to move it."
        raise ClipError(msg)
    centred = points - points.mean(0)
    along = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    order = along.argsort()
    ends = points[order[:3]].mean(0), points[order[-3:]].mean(0)
    inside = _positions(cavity)
    middle = (ends[0] + ends[1]) / 2
    inward = inside.mean(0) - middle
    outward = ends[0] - middle
    clockwise = outward[0] * inward[1] - outward[1] * inward[0] > 0
    start, end = ends if clockwise else ends[::-1]
    distance = np.linalg.norm(inside - middle, axis=1)
    weight = np.exp((distance - distance.max()) / (0.03 * distance.max()))
    return _Axes(start, end, middle, (weight[:, None] * inside).sum(0) / weight.sum())


def _rays(axes: _Axes) -> tuple[np.ndarray, np.ndarray]:
    """Origins and unit directions `[R, 2]`, from the start of the annulus over the apex to its end."""
    upward = axes.apex - axes.middle
    apical = np.arctan2(upward[1], upward[0])
    origins, angles = [], []
    share = np.linspace(0.0, 1.0, _SIDE_RAYS, endpoint=False)
    # The last ray stays a little above the annulus: exactly at the corner there is no wall to cross.
    base = axes.middle + 0.05 * (axes.focus - axes.middle)
    turns = []
    for corner in (axes.start, axes.end):
        outward = corner - axes.middle
        turn = np.arctan2(outward[1], outward[0]) - apical
        turns.append((turn + np.pi) % (2 * np.pi) - np.pi)
    for turn, shares in ((turns[0], share), (turns[1], share[::-1])):
        origins.append(base + shares[:, None] * (axes.focus - base))
        angles.append(apical + turn + shares * (np.sign(turn) * np.pi / 2 - turn))
    cap = np.linspace(np.sign(turns[0]) * np.pi / 2, np.sign(turns[1]) * np.pi / 2, _CAP_RAYS)
    origins.insert(1, np.repeat(axes.focus[None], _CAP_RAYS, 0))
    angles.insert(1, apical + cap)
    angle = np.concatenate(angles)
    return np.concatenate(origins), np.stack([np.cos(angle), np.sin(angle)], 1)


def _wall_along_rays(cavity: np.ndarray, ventricle: np.ndarray, axes: _Axes) -> tuple[np.ndarray, np.ndarray]:
    origins, directions = _rays(axes)
    outer = _reach(ventricle, origins, directions)
    inner = np.minimum(_reach(cavity, origins, directions), outer - 2 * _STEP_PX)
    inner, outer = (ndimage.gaussian_filter1d(r, 1.5, mode="nearest")[:, None] for r in (inner, outer))
    return origins + inner * directions, origins + outer * directions


def _reach(mask: np.ndarray, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """How far `[R]` each ray runs inside the mask before it first leaves it, in pixels."""
    radii = np.arange(0.0, float(np.hypot(*mask.shape)) / 2, _STEP_PX)
    where = origins[:, None] + radii[:, None] * directions[:, None]
    soft = ndimage.gaussian_filter(mask.astype(np.float32), 0.8, mode="constant")
    value = ndimage.map_coordinates(soft, where[..., ::-1].transpose(2, 0, 1), order=1, mode="constant")
    rows = np.arange(len(origins))
    last = np.maximum((value < 0.5).argmax(1), 1)
    before, after = value[rows, last - 1], value[rows, last]
    step = np.clip((before - 0.5) / np.maximum(before - after, 1e-3), 0.0, 1.0)
    return radii[last - 1] + step * _STEP_PX


def _resampled(endo: np.ndarray, epi: np.ndarray, axes: _Axes) -> tuple[np.ndarray, np.ndarray]:
    distance = np.linalg.norm(endo - axes.middle, axis=1)
    weight = np.exp((distance - distance.max()) / (0.03 * distance.max()))
    apex = float((weight * np.arange(len(endo))).sum() / weight.sum())
    both = by_arc_length(endo, np.concatenate([endo, epi], 1), apex)
    return both[:, :2], both[:, 2:]


def by_arc_length(endo: np.ndarray, columns: np.ndarray, apex: float) -> np.ndarray:
    """Resample what is known along an endocardium at equal steps of its arc length, each half by itself.

    Args:
        endo: float `[R, 2]`, endocardium from annulus to annulus.
        columns: float `[R, C]`, values at its points.
        apex: index of the apex, which may lie between points.

    Returns:
        The values at `WALL_POINTS` places, the apex in the middle: float `[WALL_POINTS, C]`.
    """
    length = np.concatenate([[0.0], np.linalg.norm(np.diff(endo, axis=0), axis=1).cumsum()])
    turn = float(np.interp(apex, np.arange(len(endo)), length))
    half = np.linspace(0.0, 1.0, WALL_POINTS // 2 + 1)
    wanted = np.concatenate([half * turn, turn + half[1:] * (length[-1] - turn)])
    return np.stack([np.interp(wanted, length, column) for column in columns.T], 1)


def _atrium(mask: np.ndarray, axes: _Axes) -> np.ndarray:
    if mask.sum() < _SMALLEST_ATRIUM:
        return np.empty((0, 2))
    centre = _positions(mask).mean(0)
    first, last = (np.arctan2(*(corner - centre)[::-1]) for corner in (axes.start, axes.end))
    # The long way round, over the roof.
    towards_annulus = np.arctan2(*(axes.middle - centre)[::-1])
    sweep = (last - first) % (2 * np.pi)
    if (towards_annulus - first) % (2 * np.pi) < sweep:
        sweep -= 2 * np.pi
    angle = first + sweep * np.linspace(0.0, 1.0, ATRIUM_POINTS)
    directions = np.stack([np.cos(angle), np.sin(angle)], 1)
    origins = np.repeat(centre[None], ATRIUM_POINTS, 0)
    radius = ndimage.gaussian_filter1d(_reach(mask, origins, directions), 1.0, mode="nearest")
    return origins + radius[:, None] * directions
