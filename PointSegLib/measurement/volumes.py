"""Volumes of the left ventricle and its ejection fraction from one or two apical views.

Definitions: Lang et al. 2015 (ASE/EACVI chamber quantification, doi 10.1016/j.echo.2014.10.003). A volume is in
millilitres only when the view is calibrated; the ejection fraction of one view needs no calibration but square pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import pi

import numpy as np

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.silhouette import Silhouette

_MM3_PER_ML = 1000.0
_LARGEST_LENGTH_DIFFERENCE = 0.10


@dataclass(frozen=True, eq=False)
class Phases:
    """One view at both ends of a contraction.

    Attributes:
        ed: at end-diastole.
        es: at end-systole.

    Raises:
        MeasurementError: when the two are not in the same unit.
    """

    ed: Silhouette
    es: Silhouette

    def __post_init__(self) -> None:
        if self.ed.unit != self.es.unit:
            msg = (
                f"end-diastole is measured in {self.ed.unit} and end-systole in {self.es.unit}; use one scale for both."
            )
            raise MeasurementError(msg)


@dataclass(frozen=True)
class Ejection:
    """What the left ventricle ejects.

    Attributes:
        method: how the volumes were computed, in words.
        edv_ml: end-diastolic volume, or None without calibration.
        esv_ml: end-systolic volume, or None without calibration.
        stroke_volume_ml: their difference, positive when the cavity empties, or None without calibration.
        ef_percent: ejection fraction 100 (EDV - ESV) / EDV, positive when the cavity empties.
        warnings: what is doubtful or could not be computed, one sentence each.
    """

    method: str
    edv_ml: float | None
    esv_ml: float | None
    stroke_volume_ml: float | None
    ef_percent: float
    warnings: tuple[str, ...] = field(default=())


def disks(first: np.ndarray, second: np.ndarray, length: float) -> float:
    """Volume of a stack of elliptic disks of equal height: pi/4 times the sum of a b, times L over their number.

    Args:
        first: float `[n]`, one diameter of each disk.
        second: float `[n]`, the diameter across it, in the same unit; the same array takes the disks as round.
        length: height of the stack in that unit.
    """
    return pi / 4.0 * float((first * second).sum()) * length / len(first)


def disk_volume(view: Silhouette) -> float:
    """Method of disks in one view: pi/4 times the sum of d^2 times L/20, in the cube of the view's unit."""
    return disks(view.diameters, view.diameters, view.length)


def area_length_volume(view: Silhouette) -> float:
    """Area-length method in one view: 8 A^2 / (3 pi L), in the cube of the view's unit."""
    return _by_area_and_length(view.area, view.length)


def monoplane_simpson(view: Phases) -> Ejection:
    """Ejection by the method of disks in one apical view, which takes the cavity as round across its axis."""
    doubts = _doubts(view)
    return ejection("monoplane Simpson", disk_volume(view.ed), disk_volume(view.es), view.ed.unit, doubts)


def area_length(view: Phases) -> Ejection:
    """Ejection by the area-length method in one apical view."""
    doubts = _doubts(view)
    return ejection("area-length", area_length_volume(view.ed), area_length_volume(view.es), view.ed.unit, doubts)


def ejection_of_line(ed: np.ndarray, es: np.ndarray, unit: str) -> Ejection:
    """Ejection by the area-length method of what the endocardium encloses, closed across the mitral annulus.

    With a line that follows the tissue it rests on the borders of end-diastole and on motion alone, so that it stands
    beside the volumes of masks as strain stands beside that of contours.

    Args:
        ed: float `[M, 2]`, the line from annulus to annulus at end-diastole, in `unit`.
        es: float `[M, 2]`, the same at end-systole.
        unit: "mm" or "px".

    Raises:
        MeasurementError: when the line encloses nothing at end-diastole.
    """
    return ejection("area-length of the followed endocardium", _volume_within(ed), _volume_within(es), unit)


def _volume_within(line: np.ndarray) -> float:
    x, y = (line - line.mean(0)).T
    area = abs(float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum())) / 2.0
    length = float(np.linalg.norm(line - (line[0] + line[-1]) / 2.0, axis=1).max())
    return _by_area_and_length(area, length) if length > 0 else 0.0


def _by_area_and_length(area: float, length: float) -> float:
    return 8.0 * area**2 / (3.0 * pi * length)


def biplane_simpson(a4c: Phases, a2c: Phases) -> Ejection:
    """Ejection by the biplane method of disks: pi/4 times the sum of a b times L/20.

    L is the longer of the two views' axes at the same phase, as the guideline is commonly read; where they differ by
    more than 10 % of the longer one, a view is foreshortened and the result says so.

    Args:
        a4c: the apical four-chamber view.
        a2c: the apical two-chamber view of the same heart at the same rate.

    Raises:
        MeasurementError: when a view is not calibrated: lengths of two clips compare in millimetres only.
    """
    if a4c.ed.unit != "mm" or a2c.ed.unit != "mm":
        msg = "two views without millimetres cannot be put together; give the spacing of both, or use one view alone."
        raise MeasurementError(msg)
    volumes, warnings = [], [*_doubts(a4c), *_doubts(a2c)]
    for phase, first, second in (("end-diastole", a4c.ed, a2c.ed), ("end-systole", a4c.es, a2c.es)):
        longer, shorter = max(first.length, second.length), min(first.length, second.length)
        volumes.append(disks(first.diameters, second.diameters, longer))
        if longer - shorter > _LARGEST_LENGTH_DIFFERENCE * longer:
            said = f"The long axes of A4C ({first.length:.0f} mm) and A2C ({second.length:.0f} mm) at {phase} differ"
            warnings.append(f"{said} by more than 10 %: one view is foreshortened or shows another heart.")
    return ejection("biplane Simpson", volumes[0], volumes[1], "mm", tuple(warnings))


def ejection(method: str, edv: float, esv: float, unit: str, warnings: tuple[str, ...] = ()) -> Ejection:
    """Put two volumes together.

    Args:
        method: how they were computed.
        edv: end-diastolic volume in the cube of `unit`.
        esv: end-systolic volume in the cube of `unit`.
        unit: "mm" or "px"; there are no millilitres from pixels.
        warnings: what is known to be doubtful.

    Raises:
        MeasurementError: when the end-diastolic volume is not positive.
    """
    if not edv > 0:
        msg = f"an end-diastolic volume of {edv:.3g} {unit}³ ejects nothing; check the mask of the end-diastolic frame."
        raise MeasurementError(msg)
    said = list(warnings)
    if esv >= edv:
        said.append("The volume at end-systole is not below that at end-diastole: check the frames.")
    fraction = 100.0 * (edv - esv) / edv
    if unit != "mm":
        said.append(
            "The pixel size is unknown: there are no volumes, and the ejection fraction supposes square pixels."
        )
        return Ejection(method, None, None, None, fraction, tuple(said))
    edv_ml, esv_ml = edv / _MM3_PER_ML, esv / _MM3_PER_ML
    return Ejection(method, edv_ml, esv_ml, edv_ml - esv_ml, fraction, tuple(said))


def _doubts(view: Phases) -> tuple[str, ...]:
    if not (view.ed.axis.from_shape or view.es.axis.from_shape):
        return ()
    return ("The mask shows neither wall nor atrium at the base: the mitral plane was told from the cavity's shape.",)
