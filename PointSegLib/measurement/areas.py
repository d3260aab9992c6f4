"""Area of each structure in every frame, and the frames in which the number is not the whole structure."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.scale import Scale
from PointSegLib.result import LABEL_NAMES

# A mask may stop this short of the edge that cuts the structure, and may touch it with this share of the girth of a
# disk of its area without being cut: the corner of a wall does no harm.
_EDGE_PX = 2
_CUT_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class AreaCurve:
    """Area of one structure over time.

    Attributes:
        label: value of the structure in the label maps.
        area: float64 `[T]`, area in the square of `unit`; 0 in frames without the structure.
        unit: "mm" or "px".
        absent: bool `[T]`, True where no pixel has the label.
        cut: bool `[T]`, True where the structure runs along the edge of image or sector: the true area is larger.
        warnings: the frames concerned, one sentence each.
    """

    label: int
    area: np.ndarray
    unit: str
    absent: np.ndarray
    cut: np.ndarray
    warnings: tuple[str, ...] = field(default=())

    def known(self) -> np.ndarray:
        """The areas `[T]` with NaN in frames without the structure: what `find_beats` takes."""
        return np.where(self.absent, np.nan, self.area)


def measure_areas(labels: np.ndarray, scale: Scale, inside: np.ndarray | None = None) -> dict[int, AreaCurve]:
    """Area curves of LV cavity, myocardium and left atrium, by counting pixels.

    Args:
        labels: uint8 `[T, H, W]`, CAMUS labels.
        scale: size of a pixel.
        inside: bool `[H, W]`, the ultrasound sector; None takes the whole image.

    Returns:
        Label -> its curve.

    Raises:
        MeasurementError: when labels are not `[T, H, W]`, or the sector is not of their size.
    """
    labels = np.asarray(labels)
    if labels.ndim != 3 or not len(labels):
        msg = f"labels must have the shape [T, H, W] with at least one frame, not {list(labels.shape)}."
        raise MeasurementError(msg)
    edge = _edge_line(labels.shape[1:], inside)
    return {value: _curve(labels == value, value, scale, edge) for value in LABEL_NAMES}


def fractional_area_change(ed_area: float, es_area: float) -> float:
    """Fractional area change in percent, 100 (ED - ES) / ED; positive when the cavity empties (Lang et al. 2015).

    Args:
        ed_area: cavity area at end-diastole.
        es_area: cavity area at end-systole, in the same unit.

    Raises:
        MeasurementError: when the end-diastolic area is not positive.
    """
    if not ed_area > 0:
        msg = f"an end-diastolic area of {ed_area} has no fractional change; choose a frame that shows the cavity."
        raise MeasurementError(msg)
    return 100.0 * (ed_area - es_area) / ed_area


def _edge_line(shape_hw: tuple[int, ...], inside: np.ndarray | None) -> np.ndarray:
    """bool `[H, W]`: the line of pixels that runs along the edge of the sector, or of the image, just inside it."""
    seen = np.ones(shape_hw, bool) if inside is None else np.asarray(inside, bool)
    if seen.shape != tuple(shape_hw):
        msg = f"a sector of shape {list(seen.shape)} does not fit labels of {list(shape_hw)}; give the clip's own."
        raise MeasurementError(msg)
    outer = ndimage.binary_erosion(seen, iterations=_EDGE_PX - 1)
    return outer & ~ndimage.binary_erosion(outer)


def _curve(masks: np.ndarray, value: int, scale: Scale, edge: np.ndarray) -> AreaCurve:
    pixels = np.count_nonzero(masks, axis=(1, 2))
    at_edge = np.count_nonzero(masks[:, edge], axis=1)
    absent, cut = pixels == 0, at_edge > _CUT_SHARE * 2.0 * np.sqrt(np.pi * pixels)
    name, said = LABEL_NAMES[value], []
    if absent.any():
        said.append(f"{name}: not found in {_listed(absent)}.")
    if cut.any():
        said.append(f"{name}: cut by the edge of the sector or image in {_listed(cut)}; it is larger than measured.")
    return AreaCurve(value, pixels * scale.pixel_area, scale.unit, absent, cut, tuple(said))


def _listed(frames: np.ndarray) -> str:
    """The True frames in words: all, some, or their numbers."""
    which = np.flatnonzero(frames)
    if len(which) == len(frames):
        return "all frames" if len(frames) > 1 else "the only frame"
    if len(which) > 8:
        return f"{len(which)} of {len(frames)} frames"
    return f"frame{'s' if len(which) > 1 else ''} {', '.join(str(frame) for frame in which)}"
