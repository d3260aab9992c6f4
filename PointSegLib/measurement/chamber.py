"""`Chamber`: the LV cavity or the atrium of one frame as a closed line, with what lies beyond each of its steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.outline import main_parts, trace_outline
from PointSegLib.result import BACKGROUND, LABEL_NAMES, LV_CAVITY

_SMALLEST_PX = 60


@dataclass(frozen=True, eq=False)
class Chamber:
    """The largest part of one structure in one frame.

    Attributes:
        pixels: how many it has.
        border: float64 `[K, 2]`, its outer border clockwise on the screen, pixel positions (x, y): the middles of the
            steps between its pixels and their neighbours, which follow a slanted border without stairs.
        beyond: uint8 `[K]`, label of the pixel on the other side of each step; background outside the image.
    """

    pixels: int
    border: np.ndarray
    beyond: np.ndarray


def trace_chamber(labels: np.ndarray, value: int = LV_CAVITY) -> Chamber:
    """Find the border of one structure.

    Args:
        labels: uint8 `[H, W]`, CAMUS labels of one frame.
        value: label of the structure.

    Returns:
        Its largest part.

    Raises:
        MeasurementError: when labels are not `[H, W]`, or have next to nothing of the structure.
    """
    labels = np.asarray(labels)
    if labels.ndim != 2:
        msg = f"labels of one frame must have the shape [H, W], not {list(labels.shape)}."
        raise MeasurementError(msg)
    mask = labels == value
    found = int(np.count_nonzero(mask))
    if found < _SMALLEST_PX:
        msg = f"{found} pixels of {LABEL_NAMES[value]} are too few to measure it; choose a frame that shows it."
        raise MeasurementError(msg)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    corner = np.array([columns[0], rows[0]])
    part = main_parts(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    outline = trace_outline(part)
    x, y = (outline.outside + corner).T
    height, width = labels.shape
    in_image = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    beyond = np.where(in_image, labels[y.clip(0, height - 1), x.clip(0, width - 1)], BACKGROUND)
    middles = (outline.corners + np.roll(outline.corners, -1, 0)) / 2.0
    return Chamber(int(np.count_nonzero(part)), middles + corner, beyond)
