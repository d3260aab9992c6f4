"""The size of a pixel: of the image, or by a ruler of known length that the user has drawn over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from slicer.i18n import tr as _

from PointSegLib.errors import PointSegError
from PointSegModule.geometry import CineGeometry
from PointSegModule.scene_input import CineSource


@dataclass(frozen=True)
class Calibration:
    """Pixel size and where it is from.

    Attributes:
        spacingMm: (row, column) distance of pixels, or None when it is not known.
        source: in words; empty when it is not known.
    """

    spacingMm: tuple[float, float] | None
    source: str

    def describe(self) -> str:
        """One line for the panel."""
        if self.spacingMm is None:
            return _("Unknown: draw a ruler over a known length, or results are in pixels.")
        row, column = self.spacingMm
        return _("{row:.3g} x {column:.3g} mm per pixel, {source}").format(row=row, column=column, source=self.source)


def calibrationOf(source: CineSource, ruler: Any = None, lengthMm: float = 0.0) -> Calibration:
    """The ruler's calibration when there is a whole one, else the image's own.

    Args:
        source: the cine.
        ruler: a vtkMRMLMarkupsLineNode in the image, or None.
        lengthMm: its true length; 0 when it is not known.

    Raises:
        PointSegError: when the ruler's ends are not two different points of the image.
    """
    if ruler is None or lengthMm <= 0 or ruler.GetNumberOfDefinedControlPoints() < 2:
        return Calibration(source.spacingMm, _("from the image") if source.spacingMm is not None else "")
    ends = CineGeometry(source).queriesFromMarkups(ruler)[:2, 1:]
    lengthPx = float(np.linalg.norm(ends[1] - ends[0]))
    if lengthPx < 1:
        msg = _("The ends of the ruler '{name}' lie on one pixel; draw it over a longer distance.")
        raise PointSegError(msg.format(name=ruler.GetName()))
    spacing = lengthMm / lengthPx
    return Calibration((spacing, spacing), _("from the ruler '{name}'").format(name=ruler.GetName()))
