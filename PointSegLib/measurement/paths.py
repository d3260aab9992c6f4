"""What can be told of points that were followed one by one: displacement, speed, and the strain of a line of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.scale import Scale
from PointSegLib.measurement.slopes import slope
from PointSegLib.result import PointTracks

PathQuantity = Literal["displacement", "speed", "strain"]


@dataclass(frozen=True, eq=False)
class PathValues:
    """One quantity of every point in every frame.

    Attributes:
        values: float64 `[N, T]`; NaN where a point is not visible.
        unit: for example "mm", "px/s" or "%".
    """

    values: np.ndarray
    unit: str


def path_values(
    tracks: PointTracks, scale: Scale, quantity: PathQuantity, times_s: np.ndarray | None = None
) -> PathValues:
    """A quantity of tracked points along their paths.

    Args:
        tracks: of any points; for strain, neighbours along one line that was put down in one frame.
        scale: of the clip.
        quantity: "displacement", the distance from where a point was put; "speed", smoothed as in `track_motion`;
            "strain", Lagrangian: the change in length of the pieces of line that meet in a point, in percent of their
            length where the line was put, negative for shortening.
        times_s: float `[T]`, or None when unknown: speed is then given per frame.

    Returns:
        The values; lengths are in millimetres when the clip is calibrated.

    Raises:
        MeasurementError: for another quantity, or strain of points that are no line.
    """
    if quantity not in get_args(PathQuantity):
        msg = f"{quantity!r} is no quantity of a path; choose one of {', '.join(get_args(PathQuantity))}."
        raise MeasurementError(msg)
    xy = np.where(tracks.visible[..., None], scale.to_units(tracks.xy), np.nan)
    if quantity == "displacement":
        away = xy - scale.to_units(tracks.queries[:, None, 1:])
        return PathValues(np.linalg.norm(away, axis=-1), scale.unit)
    if quantity == "speed":
        return _speed(xy, scale, times_s)
    return PathValues(_strain(xy, tracks.queries, scale), "%")


def _speed(xy: np.ndarray, scale: Scale, times_s: np.ndarray | None) -> PathValues:
    unit = f"{scale.unit}/frame" if times_s is None else f"{scale.unit}/s"
    if xy.shape[1] < 2:
        return PathValues(np.full(xy.shape[:2], np.nan), unit)
    # per frame, a second is one frame long: the slope is then taken over neighbouring frames
    velocity = slope(xy.swapaxes(1, 2), np.arange(xy.shape[1]) if times_s is None else times_s).swapaxes(1, 2)
    return PathValues(np.where(np.isfinite(xy).all(-1), np.linalg.norm(velocity, axis=-1), np.nan), unit)


def _strain(xy: np.ndarray, queries: np.ndarray, scale: Scale) -> np.ndarray:
    if len(queries) < 2 or len(np.unique(queries[:, 0])) > 1:
        msg = f"strain needs a line: two or more points of one frame, not {len(queries)} of several; track a curve."
        raise MeasurementError(msg)
    at_rest = np.linalg.norm(np.diff(scale.to_units(queries[:, 1:]), axis=0), axis=-1)
    if not at_rest.all():
        msg = f"points {int(np.argmin(at_rest)) + 1} and the next of the line are one; remove one of them."
        raise MeasurementError(msg)
    length = np.linalg.norm(np.diff(xy, axis=0), axis=-1)
    # a piece with a hidden end is unknown; its other end has the strain of its other piece, if that is known
    known = np.isfinite(length)
    both = np.pad(np.where(known, length, 0.0), ((1, 1), (0, 0)))
    rest = np.pad(np.where(known, at_rest[:, None], 0.0), ((1, 1), (0, 0)))
    now, then = both[:-1] + both[1:], rest[:-1] + rest[1:]
    seen = np.isfinite(xy).all(-1) & (then > 0)
    return np.where(seen, 100.0 * (now / np.where(then > 0, then, 1.0) - 1.0), np.nan)
