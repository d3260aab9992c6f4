"""SequenceOfUltrasoundRegions (DICOM PS3.3 C.8.5.5): which region holds the tissue image and how large its pixels are.

A region that does not fit the pixels is corrected where one scale factor explains it, refused otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from PointSegLib.errors import ReadError

SPATIAL_2D = 1
TISSUE, COLOUR_FLOW = 1, 2
CENTIMETRES = 3
MM_PER_CM = 10.0
INTEGER_FACTORS = (2, 3, 4)
SCREENS = ((640, 480), (800, 600), (1024, 768), (1280, 720), (1280, 960), (1280, 1024), (1600, 1200), (1920, 1080))
FRAMES_FOR_MOTION = 4
MOTION_SAMPLE = 32
INSIDE_OF_CINE, INSIDE_OF_STILL = 0.8, 0.5


@dataclass(frozen=True)
class Region:
    """One 2-D region of an ultrasound screen.

    Attributes:
        box: (x0, y0, x1, y1), inclusive, in pixels.
        spacing_mm: (row, column), or None when the region is not calibrated in centimetres.
        index: place in the sequence.
    """

    box: tuple[int, int, int, int]
    spacing_mm: tuple[float, float] | None
    index: int

    @property
    def area(self) -> int:
        """Area of the box in pixels."""
        return max(0, self.box[2] - self.box[0] + 1) * max(0, self.box[3] - self.box[1] + 1)


def choose_region(dataset: Any, wanted: int | None, source: str) -> tuple[Region | None, list[str]]:
    """Pick the tissue region of a data set.

    Args:
        dataset: a pydicom data set.
        wanted: index in SequenceOfUltrasoundRegions, or None for the largest 2-D tissue or colour flow region.
        source: the file, for messages.

    Returns:
        The region, or None where there is none, and what was doubtful.

    Raises:
        ReadError: when `wanted` is not a region of this file.
    """
    items = list(dataset.get("SequenceOfUltrasoundRegions") or [])
    if wanted is not None:
        return _wanted_region(items, wanted, source)
    candidates = [(i, item) for i, item in enumerate(items) if _is_tissue(item)]
    regions = [r for i, item in candidates if (r := _region(item, i)) is not None and r.area > 0]
    if not regions:
        return None, []
    best = max(regions, key=lambda r: r.area)
    twins = [r.index for r in regions if r is not best and r.area >= 0.9 * best.area]
    if not twins:
        return best, []
    msg = (
        f"Regions {[best.index, *twins]} are about equally large; region {best.index} was taken (choose with region=)."
    )
    return best, [msg]


def fit_region(region: Region, frames: np.ndarray) -> tuple[Region | None, list[str]]:
    """Check a region against the pixels; correct it by one scale factor or refuse it.

    A box that exceeds the image means that the pixels were shrunk and the tag was not. The factor is the smallest
    of 2, 3, 4 whose shrunk box holds the picture (what moves in a cine, what is lit in a still), else the one
    factor that leads from the image's size to a common screen size and does the same.

    Args:
        region: as the file has it.
        frames: `[T, H, W]`, grey.

    Returns:
        The usable region, or None when it was refused, and warnings.
    """
    picture, needed = _picture(frames)
    height, width = picture.shape
    if _fits(region.box, width, height):
        inside = _share_inside(region.box, picture)
        if inside >= INSIDE_OF_STILL or needed == INSIDE_OF_STILL:
            return region, []
        msg = f"The ultrasound region {region.box} holds only {inside:.0%} of what moves in the clip; check the scale."
        return region, [msg]
    factor = _explaining_factor(region.box, picture, needed)
    text = f"The ultrasound region {region.box} does not fit the image of {width} x {height} pixels"
    if factor is None:
        return None, [f"{text} and no scale factor explains it; its calibration was refused: lengths are in pixels."]
    spacing = region.spacing_mm and (region.spacing_mm[0] * factor, region.spacing_mm[1] * factor)
    fixed = replace(region, box=_shrunk(region.box, factor), spacing_mm=spacing)
    told = f"; the pixels were shrunk {factor:g} times after the scan, so box and pixel size were corrected to "
    size = f", {spacing[0]:.3f} x {spacing[1]:.3f} mm" if spacing else ""
    return fixed, [f"{text}{told}{fixed.box}{size}. Check a known depth before trusting millimetres."]


def _wanted_region(items: list[Any], wanted: int, source: str) -> tuple[Region, list[str]]:
    if not 0 <= wanted < len(items):
        have = f"regions 0 to {len(items) - 1}" if items else "no ultrasound regions"
        msg = f"{source}: region {wanted} does not exist; the file has {have}."
        raise ReadError(msg)
    region = _region(items[wanted], wanted)
    if region is None or region.area == 0:
        msg = f"{source}: region {wanted} has no usable box; choose another region or none."
        raise ReadError(msg)
    if not _is_tissue(items[wanted]):
        return region, [f"Region {wanted}, chosen by hand, is not marked as a 2-D tissue or colour flow image."]
    return region, []


def _is_tissue(item: Any) -> bool:
    return item.get("RegionSpatialFormat") == SPATIAL_2D and item.get("RegionDataType") in (TISSUE, COLOUR_FLOW)


def _region(item: Any, index: int) -> Region | None:
    names = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
    corners = [item.get(name) for name in names]
    if any(c is None for c in corners):
        return None
    x0, y0, x1, y1 = (int(c) for c in corners)
    return Region((x0, y0, x1, y1), _spacing(item), index)


def _spacing(item: Any) -> tuple[float, float] | None:
    if item.get("PhysicalUnitsXDirection") != CENTIMETRES or item.get("PhysicalUnitsYDirection") != CENTIMETRES:
        return None
    values = [abs(float(item.get(name) or 0)) * MM_PER_CM for name in ("PhysicalDeltaY", "PhysicalDeltaX")]
    return (values[0], values[1]) if all(math.isfinite(v) and v > 0 for v in values) else None


def _fits(box: tuple[int, int, int, int], width: int, height: int) -> bool:
    # Some scanners write the exclusive end: one pixel over is not a rescaling.
    return box[2] <= width and box[3] <= height


def _shrunk(box: tuple[int, int, int, int], factor: float) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = box
    return (
        math.floor(x0 / factor),
        math.floor(y0 / factor),
        math.ceil((x1 + 1) / factor) - 1,
        math.ceil((y1 + 1) / factor) - 1,
    )


def _picture(frames: np.ndarray) -> tuple[np.ndarray, float]:
    """What tells tissue from screen furniture, `[H, W]`, and the share of it that the right box must hold."""
    sample = frames[:: max(1, -(-len(frames) // MOTION_SAMPLE))].astype(np.float32)
    if len(frames) >= FRAMES_FOR_MOTION:
        motion = sample.std(0)
        if motion.max() > 1:
            return motion, INSIDE_OF_CINE
    mean = sample.mean(0)
    return (mean - np.percentile(mean, 1)).clip(min=0), INSIDE_OF_STILL


def _share_inside(box: tuple[int, int, int, int], picture: np.ndarray) -> float:
    total = picture.sum(dtype=np.float64)
    x0, y0, x1, y1 = box
    return float(picture[y0 : y1 + 1, x0 : x1 + 1].sum(dtype=np.float64) / total) if total > 0 else 0.0


def _explaining_factor(box: tuple[int, int, int, int], picture: np.ndarray, needed: float) -> float | None:
    height, width = picture.shape

    def explains(factor: float) -> bool:
        small = _shrunk(box, factor)
        return _fits(small, width, height) and _share_inside(small, picture) >= needed

    whole = [f for f in INTEGER_FACTORS if explains(f)]
    if whole:
        return float(whole[0])
    screens = {w / width for w, h in SCREENS if w > width and abs(w / width - h / height) < 0.01}
    fitting = sorted(f for f in screens if explains(f))
    return fitting[0] if len(fitting) == 1 else None
