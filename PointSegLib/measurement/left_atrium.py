"""Size of the left atrium: area, length and volume by the area-length method.

Definitions: Lang et al. 2015 (doi 10.1016/j.echo.2014.10.003). The atrium is measured where it is largest, at the end
of the ventricle's systole. An atrium that the sector cuts, as `areas` tells, is larger than measured.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import pi

import numpy as np

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.chamber import trace_chamber
from PointSegLib.measurement.long_axis import LongAxis
from PointSegLib.measurement.scale import Scale
from PointSegLib.measurement.silhouette import crossings
from PointSegLib.result import LEFT_ATRIUM

_LARGEST_LENGTH_DIFFERENCE_MM = 5.0
_MM3_PER_ML = 1000.0


@dataclass(frozen=True)
class Atrium:
    """The left atrium in one frame of one apical view.

    Attributes:
        area: in the square of `unit`.
        length: from the middle of the mitral plane, perpendicular to it, to the roof, in `unit`.
        unit: "mm" or "px".
    """

    area: float
    length: float
    unit: str


@dataclass(frozen=True)
class AtrialVolume:
    """Volume of the left atrium.

    Attributes:
        method: how it was computed, in words.
        volume_ml: or None without calibration.
        warnings: what is doubtful or could not be computed, one sentence each.
    """

    method: str
    volume_ml: float | None
    warnings: tuple[str, ...] = field(default=())


def measure_atrium(labels: np.ndarray, scale: Scale, axis: LongAxis) -> Atrium:
    """Measure the left atrium in one frame.

    Args:
        labels: uint8 `[H, W]`, CAMUS labels.
        scale: size of a pixel.
        axis: long axis of the ventricle in this frame, which holds the mitral plane.

    Raises:
        MeasurementError: when there is no atrium, or none behind the middle of the mitral plane.
    """
    chamber = trace_chamber(labels, LEFT_ATRIUM)
    middle, end, apex = (scale.to_units(at) for at in (axis.base, axis.annulus[1], axis.apex))
    across, sign = crossings(scale.to_units(chamber.border), middle, end, np.zeros(1))
    plane = end - middle
    ahead = plane[0] * (apex - middle)[1] - plane[1] * (apex - middle)[0]
    behind = -np.sign(ahead) * across[sign != 0]
    if not (behind > 0).any():
        msg = "the left atrium does not lie behind the mitral plane; check the mask, or give another axis."
        raise MeasurementError(msg)
    return Atrium(chamber.pixels * scale.pixel_area, float(behind.max()), scale.unit)


def atrial_volume(a4c: Atrium, a2c: Atrium | None = None) -> AtrialVolume:
    """Volume by the area-length method: 8 A1 A2 / (3 pi L), with the shorter length of the two views.

    Args:
        a4c: the atrium in the apical four-chamber view, or in the only view there is.
        a2c: in the apical two-chamber view; None takes the atrium as round.

    Raises:
        MeasurementError: when there are two views and one is not calibrated.
    """
    if a2c is None:
        volume = 8.0 * a4c.area**2 / (3.0 * pi * a4c.length)
        if a4c.unit == "mm":
            return AtrialVolume("area-length, one view", volume / _MM3_PER_ML)
        return AtrialVolume("area-length, one view", None, ("The pixel size is unknown: there is no atrial volume.",))
    if "px" in (a4c.unit, a2c.unit):
        msg = "two views without millimetres cannot be put together; give the spacing of both, or use one view alone."
        raise MeasurementError(msg)
    warnings = []
    if abs(a4c.length - a2c.length) > _LARGEST_LENGTH_DIFFERENCE_MM:
        said = f"The atrium is {a4c.length:.0f} mm long in A4C and {a2c.length:.0f} mm in A2C"
        warnings.append(f"{said}: more than 5 mm apart, one view is foreshortened.")
    volume = 8.0 * a4c.area * a2c.area / (3.0 * pi * min(a4c.length, a2c.length))
    return AtrialVolume("area-length, two views", volume / _MM3_PER_ML, tuple(warnings))
