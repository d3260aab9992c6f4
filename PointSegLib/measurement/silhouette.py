"""`Silhouette`: what one view of one frame tells of the size of the left ventricle: its area, length and diameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.chamber import trace_chamber
from PointSegLib.measurement.long_axis import LongAxis, long_axis_of
from PointSegLib.measurement.scale import Scale

DISKS = 20


@dataclass(frozen=True, eq=False)
class Silhouette:
    """The LV cavity in one frame of one apical view.

    Attributes:
        area: area of the cavity in the square of `unit`.
        length: of the long axis, in `unit`.
        diameters: float64 `[20]`, widths of the cavity across the long axis at the middle of each of 20 slices of equal
            height, from base to apex, in `unit`.
        unit: "mm" or "px".
        axis: the long axis they belong to.
    """

    area: float
    length: float
    diameters: np.ndarray
    unit: str
    axis: LongAxis


def measure_silhouette(labels: np.ndarray, scale: Scale, axis: LongAxis | None = None) -> Silhouette:
    """Measure the LV cavity in one frame.

    Args:
        labels: uint8 `[H, W]`, CAMUS labels.
        scale: size of a pixel.
        axis: annulus and apex in this frame; None finds them on the mask.

    Returns:
        Its measures, of the largest part of the cavity.

    Raises:
        MeasurementError: when there is no cavity, its base cannot be found, or the given axis has no length.
    """
    cavity = trace_chamber(labels)
    axis = axis or long_axis_of(cavity, scale)
    border = scale.to_units(cavity.border)
    base, apex = scale.to_units(axis.base), scale.to_units(axis.apex)
    shares = (np.arange(DISKS) + 0.5) / DISKS
    return Silhouette(
        area=cavity.pixels * scale.pixel_area,
        length=axis.length(scale),
        diameters=np.abs(np.multiply(*crossings(border, base, apex, shares)).sum(1)),
        unit=scale.unit,
        axis=axis,
    )


def crossings(
    border: np.ndarray, base: np.ndarray, apex: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where a closed line is cut by lines across an axis.

    Args:
        border: float `[K, 2]`, positions of the closed line, in a unit in which lengths may be taken.
        base: `[2]`, start of the axis.
        apex: `[2]`, its end.
        shares: `[n]`, where to cut, as shares of the axis.

    Returns:
        `[n, K]`, for each cut and step of the line the distance of the crossing from the axis, to its left as seen from
        the base negative; and `[n, K]`, +1 or -1 where the step crosses, by its direction, and 0 where it does not.
        The sum of their products is the width of the inside, whatever the shape.

    Raises:
        MeasurementError: when base and apex are the same.
    """
    length = float(np.linalg.norm(apex - base))
    if not length > 0:
        msg = "the long axis has no length: annulus and apex lie at the same place; give others."
        raise MeasurementError(msg)
    along = (apex - base) / length
    moved = border - base
    height, aside = moved @ along, moved @ np.array([-along[1], along[0]])
    next_height, next_aside = np.roll(height, -1), np.roll(aside, -1)
    cut = np.asarray(shares)[:, None] * length
    sign = (height <= cut).astype(int) - (next_height <= cut)
    rise = np.where(next_height == height, 1.0, next_height - height)
    return aside + (cut - height) / rise * (next_aside - aside), sign
