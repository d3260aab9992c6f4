"""The size of a pixel: of the image, by a ruler of known length over it, or by the depth of its sector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from slicer.i18n import tr as _

from PointSegLib.errors import PointSegError
from PointSegModule.geometry import CineGeometry
from PointSegModule.scene_input import CineSource

SECTOR_HEIGHT_ATTRIBUTE = "PointSeg.sectorHeight"  # of an image: lines from the top to the bottom of its sector
MM_PER_CM = 10.0


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
            return _("Unknown: draw a ruler over a known length or enter the depth; else results are in pixels.")
        row, column = self.spacingMm
        return _("{row:.3g} x {column:.3g} mm per pixel, {source}").format(row=row, column=column, source=self.source)


@dataclass(frozen=True)
class KnownLength:
    """What the user knows of an image without calibration; the ruler goes before the depth.

    Attributes:
        ruler: a vtkMRMLMarkupsLineNode in the image, or None; `rulerMm`: its true length, 0 when it is not known.
        depthCm: of the detected sector from its top to its bottom; 0 when it is not known.
    """

    ruler: Any = None
    rulerMm: float = 0.0
    depthCm: float = 0.0

    @property
    def hasRuler(self) -> bool:
        """Whether both ends and the length of a ruler are known."""
        return self.ruler is not None and self.rulerMm > 0 and self.ruler.GetNumberOfDefinedControlPoints() > 1


def calibrationOf(source: CineSource, known: KnownLength = KnownLength()) -> Calibration:
    """The user's calibration where there is one, else the image's own.

    Args:
        source: the cine.
        known: what the user knows.

    Raises:
        PointSegError: when what the user knows does not give a size.
    """
    given = givenCalibration(source, known)
    return given or Calibration(source.spacingMm, _("from the image") if source.spacingMm is not None else "")


def givenCalibration(source: CineSource, known: KnownLength) -> Calibration | None:
    """The user's calibration, with square pixels; None where nothing is known.

    Raises:
        PointSegError: when the ruler's ends are not two different points of the image, or a depth is known but not
            the height of the sector.
    """
    if known.hasRuler:
        ends = CineGeometry(source).queriesFromMarkups(known.ruler)[:2, 1:]
        lengthPx = float(np.linalg.norm(ends[1] - ends[0]))
        if lengthPx < 1:
            msg = _("The ends of the ruler '{name}' lie on one pixel; draw it over a longer distance.")
            raise PointSegError(msg.format(name=known.ruler.GetName()))
        return _square(known.rulerMm / lengthPx, _("from the ruler '{name}'").format(name=known.ruler.GetName()))
    if known.depthCm <= 0:
        return None
    height = sectorHeightOf(source)
    if height is None:
        raise PointSegError(_("The height of the sector is not known yet: it is looked for, to go with its depth."))
    where = _("from {depth:g} cm over the {height} lines of the sector").format(depth=known.depthCm, height=height)
    return _square(MM_PER_CM * known.depthCm / height, where)


def sectorHeightOf(source: CineSource) -> int | None:
    """Lines of the image from the top to the bottom of its sector, once it was looked for; else None."""
    stored = source.imageNode.GetAttribute(SECTOR_HEIGHT_ATTRIBUTE) if source.imageNode is not None else None
    return int(stored) if stored else None


def noteSector(source: CineSource, mask: np.ndarray) -> None:
    """Remember, with the image, the height of its sector, a mask `[H, W]`."""
    lines = np.flatnonzero(mask.any(axis=1))
    source.imageNode.SetAttribute(SECTOR_HEIGHT_ATTRIBUTE, str(lines[-1] - lines[0] + 1))


def _square(spacing: float, source: str) -> Calibration:
    return Calibration((spacing, spacing), source)
