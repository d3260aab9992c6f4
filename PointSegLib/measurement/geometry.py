"""`WallGeometry`: the lines, the annulus, the apex and the segments of the left ventricle in one frame's mask."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
from scipy import ndimage

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.outline import arc_length, at_share, main_parts, smoothed, trace_outline
from PointSegLib.measurement.scale import Scale
from PointSegLib.measurement.segments import UNKNOWN_VIEW, Naming, Segment, divided
from PointSegLib.result import LEFT_ATRIUM, LV_CAVITY, MYOCARDIUM

LINE_POINTS = 97
_SMALLEST_PX = 60
_SMALLEST_PART = 0.04
_FINE = 129
# Smoothing of the endocardium, and of the directions across it, in shares of its length.
_SMOOTH_SHARE, _NORMAL_SHARE = 0.012, 0.04
# Shares of the cavity's outline: shorter gaps in the wall are bridged in silence, and longer ones not at all.
_SPECK, _LONGEST_GAP = 0.02, 0.10
_SMALLEST_BASE = 0.03
# How far the base may bow, in lengths of it; where a wall is missing beside it, it turns a corner.
_LARGEST_BOW = 0.35
# Straight across the wall's ends a ray leaves through its cut, not through the epicardium.
_END_SHARE = 0.05
# Rays across the wall: how far they reach, in lengths of the long axis, and how many places on them are read.
_FARTHEST, _RADII = 0.35, 72


@dataclass(frozen=True, eq=False)
class WallGeometry:
    """The wall of the left ventricle in one frame. Positions are pixels (x, y) of the clip.

    The three lines run from the annulus on the image's left over the apex to the annulus on its right; equal indices
    lie across the wall from each other, at equal steps of the mid-wall line's length.

    Attributes:
        frame: the frame it was found in, as a rule end-diastole.
        endo: float64 `[M, 2]`, the endocardium: the border of wall and cavity.
        mid: float64 `[M, 2]`, halfway through the wall.
        epi: float64 `[M, 2]`, the epicardium.
        annulus: float64 `[2, 2]`, the ends of the endocardium at the mitral valve, left and right in the image.
        apex: float64 `[2]`, the point of the endocardium farthest from the middle of the annulus.
        apex_share: share 0..1 of the mid-wall line at which the apex lies.
        segments: six, in the order of the lines.
        view: "A4C", "A2C", "A3C" or None when unknown.
        scale: pixels to millimetres, or to pixels.
        warnings: what limits it, one sentence each.
    """

    frame: int
    endo: np.ndarray
    mid: np.ndarray
    epi: np.ndarray
    annulus: np.ndarray
    apex: np.ndarray
    apex_share: float
    segments: tuple[Segment, ...]
    view: str | None
    scale: Scale
    warnings: tuple[str, ...] = field(default=())

    @property
    def share(self) -> np.ndarray:
        """float64 `[M]`, 0..1: the share of the mid-wall line at each point of the lines."""
        return np.linspace(0.0, 1.0, len(self.mid))

    @property
    def long_axis(self) -> np.ndarray:
        """float64 `[2]`, from the middle of the annulus to the apex in units of the scale."""
        return self.scale.to_units(self.apex) - self.scale.to_units(self.annulus).mean(0)


def find_wall(labels: np.ndarray, scale: Scale, frame: int = 0, naming: Naming = UNKNOWN_VIEW) -> WallGeometry:
    """Find the wall's lines in the mask of one frame.

    The endocardium is where the wall meets the cavity; the wall ends where that border meets the atrium or the
    background (the mitral annulus). The epicardium is sought straight across the wall. The lines are those of Voigt et
    al. 2015 (doi 10.1093/ehjci/jeu184), the segments those of `segments.divided`.

    Args:
        labels: uint8 `[H, W]`, CAMUS labels of the frame.
        scale: of the clip.
        frame: number of the frame, for the result and for messages.
        naming: view and mirroring, which name the segments.

    Returns:
        The geometry.

    Raises:
        MeasurementError: when there is no wall or cavity, when the wall is broken, cut off or closed at the base.
    """
    labels, offset = _cropped(np.asarray(labels), frame)
    cavity, wall = main_parts(labels == LV_CAVITY), main_parts(labels == MYOCARDIUM, _SMALLEST_PART)
    _require_pixels(cavity, wall, frame)
    raw, gap = _endocardium(labels, cavity, wall, frame)
    fine = scale.to_units(raw)
    fine = smoothed(at_share(fine, arc_length(fine), np.linspace(0.0, 1.0, _FINE)), _SMOOTH_SHARE * _FINE)
    outward = _normals(smoothed(fine, _FINE * _NORMAL_SHARE))
    reach = _thickness(cavity | wall, fine, outward, scale)
    lines = np.concatenate([fine, fine + 0.5 * reach[:, None] * outward, fine + reach[:, None] * outward], 1)
    apex = _apex(fine)
    along = arc_length(lines[:, 2:4])
    share = float(np.interp(apex, np.arange(_FINE), along) / along[-1])
    resampled = at_share(lines, along, np.linspace(0.0, 1.0, LINE_POINTS))
    apex_at = fine[round(apex)]
    endo, mid, epi = (scale.to_pixels(resampled[:, i : i + 2]) + offset for i in (0, 2, 4))
    return WallGeometry(
        frame=frame,
        endo=endo,
        mid=mid,
        epi=epi,
        annulus=scale.to_pixels(fine[[0, -1]]) + offset,
        apex=scale.to_pixels(apex_at) + offset,
        apex_share=share,
        segments=divided(resampled[:, 2:4], apex_at - fine[[0, -1]].mean(0), share, naming.walls),
        view=naming.view,
        scale=scale,
        warnings=_doubts(gap, frame),
    )


def _cropped(labels: np.ndarray, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """The part of the mask that holds the ventricle with a rim of background, and the (x, y) where it starts."""
    ventricle = (labels == LV_CAVITY) | (labels == MYOCARDIUM)
    rows, columns = np.flatnonzero(ventricle.any(1)), np.flatnonzero(ventricle.any(0))
    if not len(rows):
        msg = f"frame {frame}: the mask shows neither wall nor cavity of the left ventricle; choose another frame."
        raise MeasurementError(msg)
    # with a rim, so that the atrium below the annulus can be told from background
    top, left = max(rows[0] - 1, 0), max(columns[0] - 1, 0)
    return labels[top : rows[-1] + 2, left : columns[-1] + 2], np.array([left, top], np.float64)


def _require_pixels(cavity: np.ndarray, wall: np.ndarray, frame: int) -> None:
    for name, mask in (("LV cavity", cavity), ("myocardium", wall)):
        count = int(mask.sum())
        if count < _SMALLEST_PX:
            msg = f"frame {frame}: {count} pixels of {name} are too few to measure; choose a frame that shows it."
            raise MeasurementError(msg)


def _endocardium(labels: np.ndarray, cavity: np.ndarray, wall: np.ndarray, frame: int) -> tuple[np.ndarray, float]:
    """The cavity's border with the wall from the image's left to its right, and the longest gap that was bridged."""
    outline = trace_outline(cavity)
    x, y = outline.outside.T
    inside = (x >= 0) & (y >= 0) & (x < labels.shape[1]) & (y < labels.shape[0])
    x, y = x.clip(0, labels.shape[1] - 1), y.clip(0, labels.shape[0] - 1)
    is_wall = wall[y, x] & inside
    runs = _open_runs(is_wall)
    count = len(is_wall)
    if not runs or max(length for _, length in runs) < _SMALLEST_BASE * count:
        msg = f"frame {frame}: the wall closes the cavity all round; a base open to the atrium is needed to measure it."
        raise MeasurementError(msg)
    meets_atrium = (labels[y, x] == LEFT_ATRIUM) & inside
    base = max(runs, key=lambda run: (_within(meets_atrium, run), run[1]))
    gap = max((length for start, length in runs if start != base[0]), default=0) / count
    if gap > _LONGEST_GAP:
        _refuse_broken(f"{100 * gap:.0f} % of the cavity's border have no wall beside them", frame)
    if _bow(outline.corners[(base[0] + np.arange(base[1] + 1)) % count]) > _LARGEST_BOW:
        _refuse_broken("one side of the cavity has no wall at its base", frame)
    walk = (base[0] + base[1] + np.arange(count - base[1] + 1)) % count
    line = outline.corners[walk]
    return (line if line[0, 0] <= line[-1, 0] else line[::-1]), gap


def _refuse_broken(why: str, frame: int) -> NoReturn:
    msg = f"frame {frame}: the wall is broken or cut off: {why}. Mend the mask or choose another frame."
    raise MeasurementError(msg)


def _bow(line: np.ndarray) -> float:
    """How far a line `[M, 2]` strays from the straight way between its ends, in lengths of that way."""
    chord = line[-1] - line[0]
    away = line - line[0]
    return float(np.abs(away[:, 0] * chord[1] - away[:, 1] * chord[0]).max() / max(float(chord @ chord), 1e-9))


def _open_runs(is_wall: np.ndarray) -> list[tuple[int, int]]:
    """(start, length) of the runs of False on a ring."""
    changed = np.flatnonzero(is_wall != np.roll(is_wall, 1))
    if not len(changed):
        return [] if is_wall[0] else [(0, len(is_wall))]
    length = (np.roll(changed, -1) - changed) % len(is_wall)
    return [(int(s), int(n)) for s, n in zip(changed, length, strict=True) if not is_wall[s]]


def _within(flags: np.ndarray, run: tuple[int, int]) -> int:
    return int(flags[(run[0] + np.arange(run[1])) % len(flags)].sum())


def _normals(line: np.ndarray) -> np.ndarray:
    """Unit normals `[M, 2]` that point away from the cavity, which a line from left over the apex has on its right."""
    tangent = np.gradient(line, axis=0)
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], 1)
    chord, bulge = line[-1] - line[0], line[len(line) // 2] - (line[0] + line[-1]) / 2
    towards_apex = chord[1] * bulge[0] - chord[0] * bulge[1]
    return np.sign(towards_apex) * normal / np.linalg.norm(normal, axis=1, keepdims=True)


def _thickness(ventricle: np.ndarray, endo: np.ndarray, outward: np.ndarray, scale: Scale) -> np.ndarray:
    """Distance `[M]` from the endocardium straight out of the ventricle, in units."""
    long_axis = float(np.linalg.norm(endo - endo[[0, -1]].mean(0), axis=1).max())
    radii = np.linspace(0.0, _FARTHEST * long_axis, _RADII)
    where = scale.to_pixels(endo[:, None] + radii[:, None] * outward[:, None])
    value = ndimage.map_coordinates(ventricle.astype(np.float32), where[..., ::-1].T, order=1, mode="constant").T
    value[:, :2] = 1.0
    leaves = value < 0.5
    last = np.where(leaves.any(1), leaves.argmax(1), _RADII - 1)
    rows = np.arange(len(endo))
    before, after = value[rows, last - 1], value[rows, last]
    part = np.clip((before - 0.5) / np.maximum(before - after, 1e-3), 0.0, 1.0)
    reach = radii[last - 1] + part * radii[1]
    ends = round(_END_SHARE * len(reach))
    reach[:ends], reach[-ends:] = np.median(reach[ends : 2 * ends]), np.median(reach[-2 * ends : -ends])
    reach = ndimage.median_filter(reach, 2 * ends + 1, mode="nearest")
    return ndimage.gaussian_filter1d(reach, ends / 2, mode="nearest")


def _apex(endo: np.ndarray) -> float:
    """Index, between points, of the place farthest from the middle of the annulus; near ties share it."""
    distance = np.linalg.norm(endo - endo[[0, -1]].mean(0), axis=1)
    weight = np.exp((distance - distance.max()) / (0.02 * distance.max()))
    return float((weight * np.arange(len(endo))).sum() / weight.sum())


def _doubts(gap: float, frame: int) -> tuple[str, ...]:
    if gap <= _SPECK:
        return ()
    return (f"Frame {frame}: {100 * gap:.0f} % of the cavity's border had no wall beside it and was bridged.",)
