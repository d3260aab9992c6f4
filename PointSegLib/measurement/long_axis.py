"""`LongAxis`: from the middle of the mitral annulus to the apex, found on the mask of one frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.chamber import Chamber, trace_chamber
from PointSegLib.measurement.outline import arc_length, at_share
from PointSegLib.measurement.scale import Scale
from PointSegLib.result import LEFT_ATRIUM, MYOCARDIUM

# Shares of the cavity's girth: a spur of wall that does not divide the mitral plane, the least plane, and how far the
# outline may leave a straight mitral plane that has to be found by its shape.
_SPUR, _SMALLEST_BASE, _STRAIGHT = 0.02, 0.06, 0.005
# How much wider than the atrium the mitral plane may be on each side: beyond, it is a wall cut off by the sector.
_WIDER = 0.1
# Border positions this share of the axis nearer than the farthest have 1/e of its say in where the apex is.
_TIE = 0.01
_STEEPEST_BASE = np.radians(45.0)
_SHAPE_POINTS = 160


@dataclass(frozen=True, eq=False)
class LongAxis:
    """The long axis of the left ventricle in one frame; positions in pixels (x, y) of the clip.

    Attributes:
        annulus: float64 `[2, 2]`, the ends of the mitral plane, left and right in the image.
        apex: float64 `[2]`.
        from_shape: True when the mitral plane was told from the cavity's shape alone, without wall or atrium.
    """

    annulus: np.ndarray
    apex: np.ndarray
    from_shape: bool = False

    @property
    def base(self) -> np.ndarray:
        """float64 `[2]`, the middle of the mitral plane."""
        return np.asarray(self.annulus, np.float64).mean(0)

    def length(self, scale: Scale) -> float:
        """Distance from the middle of the mitral plane to the apex, in units of the scale (Lang et al. 2015)."""
        return float(np.linalg.norm(scale.to_units(self.apex) - scale.to_units(self.base)))


def find_long_axis(labels: np.ndarray, scale: Scale) -> LongAxis:
    """Find the long axis on a mask.

    The mitral plane is the stretch of the cavity's outline that has no wall beside it, at the atrium where there is
    one. Without a wall it is where cavity and atrium touch; without both it is the longest nearly straight and nearly
    level stretch at the lower side of the cavity, which supposes the apex to be up. The apex is the point of the
    outline farthest from the middle of the mitral plane.

    Args:
        labels: uint8 `[H, W]`, CAMUS labels of one frame.
        scale: size of a pixel.

    Returns:
        The axis.

    Raises:
        MeasurementError: when there is no cavity, or nothing tells its base.
    """
    return long_axis_of(trace_chamber(labels), scale)


def long_axis_of(cavity: Chamber, scale: Scale) -> LongAxis:
    """As `find_long_axis`, of an LV cavity already traced."""
    base = _base_stretch(cavity.beyond)
    annulus = _base_by_shape(cavity.border, scale) if base is None else cavity.border[base[[0, -1]]]
    annulus = annulus[annulus[:, 0].argsort()]
    middle = scale.to_units(annulus.mean(0))
    apex = middle + _towards_apex(scale.to_units(cavity.border) - middle)
    return LongAxis(annulus, scale.to_pixels(apex), base is None)


def _towards_apex(away: np.ndarray) -> np.ndarray:
    """From the base to the apex `[2]`: as long as the farthest of `away` `[K, 2]`, towards all that are nearly as far.

    A round apex has many farthest points; which of them is the farthest changes from frame to frame.
    """
    distance = np.linalg.norm(away, axis=1)
    weight = np.exp((distance / distance.max() - 1.0) / _TIE)
    aim = weight @ away
    return aim * distance.max() / np.linalg.norm(aim)


def straight_stretch(border: np.ndarray, tolerance: float) -> np.ndarray:
    """The longest nearly straight stretch of the lower side of a closed line, at most 45 degrees from level.

    Args:
        border: float `[K, 2]`, positions (x right, y down) clockwise on the screen.
        tolerance: how far the stretch may leave its chord, in the unit of `border`.

    Returns:
        float64 `[n, 2]`, its positions from right to left; fewer than three when there is none.
    """
    closed = np.concatenate([border, border[:1]])
    points = at_share(closed, arc_length(closed), np.arange(_SHAPE_POINTS) / _SHAPE_POINTS)
    half = _SHAPE_POINTS // 2
    longest, found = 0.0, points[:0]
    for _ in range(_SHAPE_POINTS):
        chord = points[1 : half + 1] - points[0]
        length = np.hypot(chord[:, 0], chord[:, 1])
        level = np.abs(np.arctan2(chord[:, 1], -chord[:, 0])) <= _STEEPEST_BASE
        for end in np.flatnonzero(level & (length > longest)):
            between = chord[:end] @ np.array([chord[end, 1], -chord[end, 0]])
            if (np.abs(between) <= tolerance * length[end]).all():
                longest, found = float(length[end]), points[: end + 2]
        points = np.roll(points, -1, 0)
    return found


def _base_by_shape(border: np.ndarray, scale: Scale) -> np.ndarray:
    line = scale.to_units(border)
    girth = float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
    stretch = straight_stretch(line, _STRAIGHT * girth)
    if len(stretch) < 3:
        msg = (
            "the mask has no wall and no atrium, and its cavity has no level base: draw one of them, or give the axis."
        )
        raise MeasurementError(msg)
    return scale.to_pixels(stretch[[0, -1]])


def _base_stretch(beyond: np.ndarray) -> np.ndarray | None:
    """Indices, in order, of the outline's steps at the mitral plane; None when neither wall nor atrium tells it."""
    has_wall = bool((beyond == MYOCARDIUM).any())
    is_open = beyond != MYOCARDIUM if has_wall else beyond == LEFT_ATRIUM
    if not is_open.any() or is_open.all():
        return None
    runs = _runs(is_open, round(_SPUR * len(beyond)))
    best = max(runs, key=lambda run: (int((beyond[run] == LEFT_ATRIUM).sum()), len(run)))
    touching = np.flatnonzero(beyond[best] == LEFT_ATRIUM)
    if len(touching):
        spare = round(_WIDER * (touching[-1] - touching[0]))
        best = best[max(touching[0] - spare, 0) : touching[-1] + spare + 1]
    return best if len(best) >= _SMALLEST_BASE * len(beyond) else None


def _runs(flags: np.ndarray, bridge: int) -> list[np.ndarray]:
    """Indices of each run of True on a ring; runs that at most `bridge` False steps part are one."""
    starts = np.flatnonzero(~flags & np.roll(flags, 1))
    turn = max(starts.tolist(), key=lambda start: int(np.roll(flags, -start).argmax()))
    rolled = np.roll(flags, -turn)
    gaps, count = ndimage.label(~rolled)
    sizes = np.bincount(gaps, minlength=count + 1)
    kept = rolled | ((sizes[gaps] <= bridge) & (gaps > 1))
    parts, count = ndimage.label(kept)
    return [(np.flatnonzero(parts == part) + turn) % len(flags) for part in range(1, count + 1)]
