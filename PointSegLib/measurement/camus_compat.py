"""The ejection fraction as the CAMUS dataset computes it, for comparison with its `EF` and with papers that use it.

It departs from the guideline in one thing that matters: all disks of both views and both phases have the height of the
longest of the four axes, so that the ventricle does not shorten. End-systolic volumes come out larger and the ejection
fraction about eight points lower than by `volumes.biplane_simpson`. The disks are measured at their basal edges, the
base is told by the cavity's shape, and no diameter is under 4.9 mm. Written anew after the steps of the dataset's own
script (Leclerc et al. 2019, doi 10.1109/TMI.2019.2900516), which counts whole pixels where this does not. On the expert
masks of 399 patients the result is 0.8 points from the dataset's `EF` in the mean of absolute differences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.chamber import trace_chamber
from PointSegLib.measurement.long_axis import straight_stretch
from PointSegLib.measurement.scale import Scale
from PointSegLib.measurement.silhouette import DISKS, crossings
from PointSegLib.measurement.volumes import Ejection, disks, ejection

# Eight pixels of 0.308 mm: how far the mitral plane may leave its chord, and the least half of a diameter.
_EIGHT_PIXELS_MM = 8 * 0.308


@dataclass(frozen=True, eq=False)
class ViewMasks:
    """One apical view of the heart for the computation of CAMUS.

    Attributes:
        ed: uint8 `[H, W]`, CAMUS labels at end-diastole.
        es: uint8 `[H, W]`, CAMUS labels at end-systole.
        scale: size of a pixel.
    """

    ed: np.ndarray
    es: np.ndarray
    scale: Scale


def camus_biplane(a4c: ViewMasks, a2c: ViewMasks) -> Ejection:
    """Ejection by the biplane method of disks in the variant of the CAMUS dataset; upright images, apex up.

    Args:
        a4c: the apical four-chamber view.
        a2c: the apical two-chamber view.

    Raises:
        MeasurementError: when a view is not calibrated, or has no cavity or no level base.
    """
    if not (a4c.scale.calibrated and a2c.scale.calibrated):
        msg = "the ejection fraction of CAMUS needs millimetres: give the spacing of both views."
        raise MeasurementError(msg)
    (ed4, length_ed4), (es4, length_es4) = (_diameters(mask, a4c.scale) for mask in (a4c.ed, a4c.es))
    (ed2, length_ed2), (es2, length_es2) = (_diameters(mask, a2c.scale) for mask in (a2c.ed, a2c.es))
    longest = max(length_ed4, length_es4, length_ed2, length_es2)
    return ejection("biplane Simpson, CAMUS variant", disks(ed4, ed2, longest), disks(es4, es2, longest), "mm")


def _diameters(labels: np.ndarray, scale: Scale) -> tuple[np.ndarray, float]:
    """Diameters `[20]` from base to apex and the length of the axis, in mm."""
    border = scale.to_units(trace_chamber(labels).border)
    base_line = straight_stretch(border, _EIGHT_PIXELS_MM)
    if len(base_line) < 3:
        msg = "the cavity has no level base below it: turn the image so that the apex is up."
        raise MeasurementError(msg)
    base = base_line[len(base_line) // 2]
    distance = np.linalg.norm(border - base, axis=1)
    aside, sign = crossings(border, base, border[distance.argmax()], np.arange(DISKS) / DISKS)
    halves = [_first_exit(np.where(sign != 0, way * aside, -np.inf)) for way in (1.0, -1.0)]
    return halves[0] + halves[1], float(distance.max())


def _first_exit(aside: np.ndarray) -> np.ndarray:
    """Distance `[n]` at which each line leaves the cavity on one side, looked for from the least half on."""
    beyond = np.where(aside > _EIGHT_PIXELS_MM, aside, np.inf)
    inside = np.isfinite(beyond).sum(1) % 2 == 1
    return np.where(inside, beyond.min(1), _EIGHT_PIXELS_MM)
