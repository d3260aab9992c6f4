"""How well two masks agree: Dice, and the 95th percentile of the surface distance in both definitions in use.

A surface is the set of mask pixels with a 4-neighbour outside the mask (or outside the image). Directed distances run
from each surface pixel of one mask to the nearest of the other. `pooled` is the 95th percentile of both directed sets
together (as medpy computes it, and the tables of MemSAM and probably Point-Seg); `max` is the larger of the two
directed 95th percentiles (as MONAI and surface-distance compute it). They differ: always say which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from PointSegLib.errors import ClipError

Spacing = tuple[float, float]


@dataclass(frozen=True)
class SurfaceDistance:
    """Surface distances of a pair of masks, in the unit of the spacing.

    Attributes:
        hd95_pooled: 95th percentile of both directed distance sets together.
        hd95_max: larger of the two directed 95th percentiles.
        hausdorff: largest distance of all.
    """

    hd95_pooled: float
    hd95_max: float
    hausdorff: float


def dice(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Dice coefficient 2 |A and B| / (|A| + |B|).

    Args:
        prediction: bool `[H, W]`.
        truth: bool `[H, W]`.

    Returns:
        0..1; 0 when one mask is empty, NaN when both are: there is nothing to score.

    Raises:
        ClipError: when the shapes differ.
    """
    first, second = _pair(prediction, truth)
    total = int(first.sum()) + int(second.sum())
    return 2.0 * int((first & second).sum()) / total if total else float("nan")


def surface_distance(prediction: np.ndarray, truth: np.ndarray, spacing: Spacing = (1.0, 1.0)) -> SurfaceDistance:
    """Surface distances of two masks.

    Args:
        prediction: bool `[H, W]`.
        truth: bool `[H, W]`.
        spacing: (row, column) pixel size; (1, 1) gives pixels.

    Returns:
        The distances. When one mask is empty all are the diagonal of the image, the worst an image allows; when both
        are, NaN.

    Raises:
        ClipError: when the shapes differ.
    """
    first, second = _pair(prediction, truth)
    if not first.any() and not second.any():
        return SurfaceDistance(float("nan"), float("nan"), float("nan"))
    if not first.any() or not second.any():
        diagonal = float(np.hypot(first.shape[0] * spacing[0], first.shape[1] * spacing[1]))
        return SurfaceDistance(diagonal, diagonal, diagonal)
    there, back = directed_distances(first, second, spacing)
    return SurfaceDistance(
        hd95_pooled=float(np.percentile(np.concatenate([there, back]), 95)),
        hd95_max=float(max(np.percentile(there, 95), np.percentile(back, 95))),
        hausdorff=float(max(there.max(), back.max())),
    )


def directed_distances(first: np.ndarray, second: np.ndarray, spacing: Spacing) -> tuple[np.ndarray, np.ndarray]:
    """Distances from each surface pixel of one mask to the other surface, both ways; neither mask may be empty."""
    rows, columns = np.nonzero(first | second)
    box = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    surfaces = [_surface(mask[box]) for mask in (first, second)]
    to_first, to_second = (ndimage.distance_transform_edt(~surface, sampling=spacing) for surface in surfaces)
    return to_second[surfaces[0]], to_first[surfaces[1]]


def score_labels(
    prediction: np.ndarray, truth: np.ndarray, classes: tuple[int, ...], spacing_mm: Spacing | None
) -> dict[int, dict[str, float | str]]:
    """Score every structure of one frame.

    Args:
        prediction: uint8 `[H, W]` labels.
        truth: uint8 `[H, W]` labels.
        classes: label values to score.
        spacing_mm: (row, column) pixel size, or None when unknown: distances in mm are then NaN.

    Returns:
        Label value -> `dice`, `hd95_pooled_mm`, `hd95_max_mm`, `hd95_pooled_px`, `hd95_max_px`, and `empty`, which
        names the empty mask: "", "prediction", "truth" or "both". With an empty mask distances are the image diagonal.

    Raises:
        ClipError: when the shapes differ.
    """
    scores = {}
    for value in classes:
        first, second = prediction == value, truth == value
        pixels = surface_distance(first, second)
        row: dict[str, float | str] = {"dice": dice(first, second)}
        if spacing_mm is None:
            row |= {"hd95_pooled_mm": float("nan"), "hd95_max_mm": float("nan")}
        else:
            metric = surface_distance(first, second, spacing_mm)
            row |= {"hd95_pooled_mm": metric.hd95_pooled, "hd95_max_mm": metric.hd95_max}
        row |= {"hd95_pooled_px": pixels.hd95_pooled, "hd95_max_px": pixels.hd95_max}
        row["empty"] = _empty(bool(first.any()), bool(second.any()))
        scores[value] = row
    return scores


def _empty(predicted: bool, true: bool) -> str:
    if predicted:
        return "" if true else "truth"
    return "prediction" if true else "both"


def _pair(prediction: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.asarray(prediction, bool), np.asarray(truth, bool)
    if first.shape != second.shape or first.ndim != 2:
        msg = f"masks of shapes {list(first.shape)} and {list(second.shape)} cannot be compared; give two [H, W] alike."
        raise ClipError(msg)
    return first, second


def _surface(mask: np.ndarray) -> np.ndarray:
    return mask & ~ndimage.binary_erosion(mask)
