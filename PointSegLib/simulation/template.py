"""`template_scene`: a real heart, known at end-diastole and end-systole, put into motion in between."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from PointSegLib.errors import ClipError
from PointSegLib.result import BACKGROUND, LEFT_ATRIUM, LV_CAVITY, MYOCARDIUM
from PointSegLib.simulation.contours import trace_contours
from PointSegLib.simulation.heart_motion import HeartPair
from PointSegLib.simulation.motion_config import MotionConfig
from PointSegLib.simulation.sampling import chance, uniform
from PointSegLib.simulation.scene import (
    ATRIAL_BLOOD,
    BRIGHT,
    LV_BLOOD,
    OTHER,
    OTHER_BLOOD,
    WALL,
    Scene,
    SectorGeometry,
)
from PointSegLib.simulation.staging import Anatomy, stage

_SIGNAL = 2
_FIT_ROUNDS = 6
_WIDEST, _NARROWEST = math.radians(65), math.radians(20)
_DEFAULT = MotionConfig()


@dataclass(frozen=True, eq=False)
class TemplatePair:
    """The two annotated frames of one heart and view, cut to their fan and resized to a square.

    Attributes:
        ed_image: uint8 `[S, S]`, end-diastole, black outside the fan.
        ed_labels: uint8 `[S, S]`, CAMUS labels of it.
        es_labels: uint8 `[S, S]`, CAMUS labels at end-systole.
        name: for example "patient0007_4CH".
        es_image: uint8 `[S, S]`, the end-systolic frame in the same raster; None where no clip shall show it.
    """

    ed_image: np.ndarray
    ed_labels: np.ndarray
    es_labels: np.ndarray
    name: str
    es_image: np.ndarray | None = None


def template_scene(
    pair: TemplatePair, n_frames: int, generator: torch.Generator, config: MotionConfig = _DEFAULT
) -> Scene:
    """Make a scene of an annotated pair of frames of one heart and view.

    Args:
        pair: the heart.
        n_frames: number of frames T.
        generator: source of the random numbers, on the CPU; the same state gives the same scene.
        config: ranges of the motion.

    Returns:
        The scene; its reference frame is the pair's end-diastolic one.

    Raises:
        ClipError: when the rasters are not squares of one size, a mask has no open LV cavity inside a wall, or the
            image is black.
    """
    rasters = (pair.ed_image, pair.ed_labels, pair.es_labels, pair.es_image)
    shapes = {raster.shape for raster in rasters if raster is not None}
    side = len(pair.ed_image)
    if shapes != {(side, side)}:
        msg = f"{pair.name or 'template'}: image and masks must be squares of one size; they are {sorted(shapes)}."
        raise ClipError(msg)
    try:
        sector = fitted_fan(pair.ed_image)
        contours = HeartPair(trace_contours(pair.ed_labels), trace_contours(pair.es_labels), sector, side)
    except ClipError as error:
        msg = f"{pair.name or 'template'}: {error} Leave this pair out."
        raise ClipError(msg) from error
    range_db = uniform(generator, *config.dynamic_range_db)
    echogenicity = _echogenicity(pair.ed_image, range_db)
    anatomy = Anatomy(
        pair=contours,
        echogenicity=torch.from_numpy(echogenicity),
        tissue=torch.from_numpy(_tissue(echogenicity, pair.ed_labels, sector.mask(side).numpy())),
        labels=torch.from_numpy(pair.ed_labels.copy()),
        spacing_mm=uniform(generator, *config.depth_mm) / side,
        source=pair.name,
        systole=None if pair.es_image is None else torch.from_numpy(_echogenicity(pair.es_image, range_db)),
    )
    own = chance(generator, config.own_motion_probability)
    wanted = uniform(generator, *config.ejection_fraction)
    return stage(anatomy, None if own else wanted, n_frames, generator, config)


def fitted_fan(image: np.ndarray) -> SectorGeometry:
    """Fit the fan of a frame that was cut to its box and made a square.

    The outermost lines are fitted to the outermost signal; that the arc touches the lower border of the box gives the
    squeeze.

    Raises:
        ClipError: when the image is black.
    """
    side = len(image)
    lit = ndimage.binary_opening(image > _SIGNAL, np.ones((3, 3)))
    rows = np.flatnonzero(lit.any(1))
    if len(rows) < side // 4:
        msg = "the frame is black; there is no fan in it."
        raise ClipError(msg)
    left = lit[rows].argmax(1).astype(float)
    right = side - 1 - lit[rows][:, ::-1].argmax(1).astype(float)
    a, b = _edge(rows, left)
    c, d = (-v for v in _edge(rows, -right))
    y = (c - a) / min(b - d, -1e-3)
    apex = (a + b * y, min(y, float(rows[0])))
    depth = side - 0.5 - apex[1]
    angles, squeezes = [], []
    for slope in (b, d):
        # The line leaves the box sideways at depth * cos(angle).
        reach = apex[0] + 0.5 if slope < 0 else side - 0.5 - apex[0]
        angle = math.acos(min(max(reach / (max(abs(slope), 1e-3) * depth), math.cos(_WIDEST)), math.cos(_NARROWEST)))
        angles.append(math.copysign(angle, slope))
        squeezes.append(abs(slope) / math.tan(angle))
    squeeze = sum(squeezes) / 2
    angles = [math.atan(slope / squeeze) for slope in (b, d)]
    return SectorGeometry(apex, (angles[0], angles[1]), (max(float(rows[0]) - apex[1], 1.0), depth), squeeze)


def _edge(rows: np.ndarray, left: np.ndarray) -> tuple[float, float]:
    """(a, b) of the left edge x = a + b y: dark stretches, which lie inside, are dropped round by round."""
    corner = max(int(left.argmin()), 8)
    y, x = rows[:corner].astype(float), left[:corner]
    for _ in range(_FIT_ROUNDS):
        b, a = np.polyfit(y, x, 1)
        keep = x - (a + b * y) < 1.0
        if keep.all() or keep.sum() < 8:
            break
        y, x = y[keep], x[keep]
    return float(a), float(b)


def _echogenicity(image: np.ndarray, dynamic_range_db: float) -> np.ndarray:
    """Amplitude before log compression, its grain smoothed, continued beyond the fan."""
    inside = ndimage.binary_erosion(ndimage.binary_fill_holes(image > _SIGNAL), iterations=2)
    amplitude = 10.0 ** ((image / 255.0 - 1.0) * dynamic_range_db / 20.0)
    weight = inside.astype(np.float32)
    continued = np.full(image.shape, float(amplitude[inside].mean()) if inside.any() else 0.0)
    for sigma in (24.0, 6.0, 0.8):
        share = ndimage.gaussian_filter(weight, sigma, truncate=2.5)
        local = ndimage.gaussian_filter(amplitude * weight, sigma, truncate=2.5) / np.maximum(share, 1e-4)
        trust = np.clip(4.0 * share, 0.0, 1.0)
        continued = trust * local + (1.0 - trust) * continued
    return continued.astype(np.float32)


def _tissue(echogenicity: np.ndarray, labels: np.ndarray, fan: np.ndarray) -> np.ndarray:
    """Tissue classes: those of the mask, and around the left heart dark pools and the brightest structures."""
    tissue = np.full(labels.shape, OTHER, np.uint8)
    level = ndimage.gaussian_filter(np.log(echogenicity + 1e-6), 2.5)
    around = (labels == BACKGROUND) & fan
    if around.any():
        blood = np.median(level[labels == LV_CAVITY])
        tissue[around & (level < blood + 0.15 * (np.median(level[labels == MYOCARDIUM]) - blood))] = OTHER_BLOOD
        tissue[around & (level > np.quantile(level[fan], 0.94))] = BRIGHT
    for label, kind in ((LV_CAVITY, LV_BLOOD), (MYOCARDIUM, WALL), (LEFT_ATRIUM, ATRIAL_BLOOD)):
        tissue[labels == label] = kind
    return tissue
