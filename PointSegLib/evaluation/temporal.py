"""How steady tracks and masks are from frame to frame.

The attribute curves and their thresholds follow Painchaud et al., "Echocardiography segmentation with enforced temporal
consistency" (IEEE TMI 2022): a frame is in error where a normalised attribute leaves the mean of its two neighbours by
more than a threshold.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import ndimage

from PointSegLib.errors import ClipError
from PointSegLib.evaluation.masks import Spacing, dice, surface_distance
from PointSegLib.result import BACKGROUND, LEFT_ATRIUM, LV_CAVITY, MYOCARDIUM

CURVE_LIMITS = {
    "lv_area": 0.2,
    "myo_area": 0.4,
    "epi_center_x": 0.3,
    "epi_center_y": 0.2,
    "lv_length": 0.25,
    "lv_base_width": 0.45,
}
SURFACE_LIMITS_MM = {"myo_hausdorff_mm": 7.0, "epi_hausdorff_mm": 7.5}


def jitter(xy: np.ndarray, visible: np.ndarray | None = None) -> float:
    """Mean length of the second difference |x(t-1) - 2 x(t) + x(t+1)| of trajectories, in their own unit.

    Args:
        xy: float `[N, T, 2]`.
        visible: bool `[N, T]`; only triples of frames that all see the point count. None counts all.

    Returns:
        0 for uniform motion; NaN when no triple counts.
    """
    second = np.linalg.norm(np.diff(np.asarray(xy, np.float64), n=2, axis=1), axis=-1)
    if visible is not None:
        seen = np.asarray(visible, bool)
        second = second[seen[:, :-2] & seen[:, 1:-1] & seen[:, 2:]]
    return float(second.mean()) if second.size else float("nan")


def frame_to_frame_dice(labels: np.ndarray, value: int) -> float:
    """Mean Dice of one structure between neighbouring frames of uint8 `[T, H, W]`; NaN when it never appears."""
    scores = [dice(first == value, second == value) for first, second in pairwise(labels)]
    scores = [score for score in scores if not np.isnan(score)]
    return float(np.mean(scores)) if scores else float("nan")


def attribute_curves(labels: np.ndarray, spacing: Spacing = (1.0, 1.0)) -> dict[str, np.ndarray]:
    """Six attributes of the left ventricle over time.

    Args:
        labels: uint8 `[T, H, W]`, CAMUS labels.
        spacing: (row, column) pixel size; areas and lengths are in its unit.

    Returns:
        Name -> float `[T]`; NaN in frames where the structure is missing.

    Raises:
        ClipError: when labels are not `[T, H, W]`.
    """
    labels = np.asarray(labels)
    if labels.ndim != 3:
        msg = f"labels must have the shape [T, H, W], not {list(labels.shape)}."
        raise ClipError(msg)
    rows = [_attributes(frame, spacing) for frame in labels]
    return {name: np.array([row[index] for row in rows]) for index, name in enumerate(CURVE_LIMITS)}


def inconsistency(curve: np.ndarray) -> np.ndarray:
    """How far each value of a curve `[T]` is from the mean of its neighbours, on the curve's own scale.

    The scale maps 0.99 min..1.01 max to 0..1. Ends are 0; a frame with a missing neighbour is NaN.
    """
    curve = np.asarray(curve, np.float64)
    error = np.zeros(len(curve))
    known = curve[np.isfinite(curve)]
    if len(curve) < 3 or not len(known):
        return error
    low, high = 0.99 * known.min(), 1.01 * known.max()
    scaled = (curve - low) / (high - low) if high > low else np.zeros(len(curve))
    error[1:-1] = scaled[1:-1] - (scaled[:-2] + scaled[2:]) / 2.0
    return error


def temporal_row(labels: np.ndarray, spacing_mm: Spacing | None = None) -> dict[str, float]:
    """All steadiness figures of the masks of one clip.

    Args:
        labels: uint8 `[T, H, W]`, CAMUS labels.
        spacing_mm: (row, column) pixel size, or None: the surface test, which has limits in mm, is then left out.

    Returns:
        `myo_frame_dice`, `lv_frame_dice`; per attribute the mean |e_t| under `<name>_error`; `error_frames`, the share
        of inner frames in which any attribute or surface breaks its limit (a missing structure breaks it); and
        `consistent`, 1 when none does. The last two are NaN for clips under three frames.
    """
    labels = np.asarray(labels)
    row = {
        "lv_frame_dice": frame_to_frame_dice(labels, LV_CAVITY),
        "myo_frame_dice": frame_to_frame_dice(labels, MYOCARDIUM),
    }
    wrong = np.zeros(len(labels), bool)
    for name, curve in attribute_curves(labels, spacing_mm or (1.0, 1.0)).items():
        error = np.abs(inconsistency(curve))
        row[f"{name}_error"] = float(np.nanmean(error[1:-1])) if np.isfinite(error[1:-1]).any() else float("nan")
        wrong |= ~np.isfinite(curve) | ~(error <= CURVE_LIMITS[name])
    if spacing_mm is not None:
        for name, distance in _surface_steps(labels, spacing_mm).items():
            row[name] = float(np.nanmean(distance)) if np.isfinite(distance).any() else float("nan")
            wrong |= distance > SURFACE_LIMITS_MM[name]
    inner = wrong[1:-1]
    row["error_frames"] = float(inner.mean()) if inner.size else float("nan")
    row["consistent"] = float(not inner.any()) if inner.size else float("nan")
    return row


def _surface_steps(labels: np.ndarray, spacing_mm: Spacing) -> dict[str, np.ndarray]:
    """Mean Hausdorff distance of each inner frame to its two neighbours; ends are NaN."""
    steps = {}
    structures = {"myo_hausdorff_mm": labels == MYOCARDIUM, "epi_hausdorff_mm": _epicardium(labels)}
    for name, masks in structures.items():
        between = [surface_distance(a, b, spacing_mm).hausdorff for a, b in pairwise(masks)]
        distance = np.full(len(labels), np.nan)
        if len(labels) > 2:
            distance[1:-1] = (np.array(between[:-1]) + np.array(between[1:])) / 2.0
        steps[name] = distance
    return steps


def _epicardium(labels: np.ndarray) -> np.ndarray:
    return (labels == LV_CAVITY) | (labels == MYOCARDIUM)


def _attributes(frame: np.ndarray, spacing: Spacing) -> tuple[float, ...]:
    """The values of one frame in the order of `CURVE_LIMITS`."""
    pixel = spacing[0] * spacing[1]
    cavity, wall, whole = frame == LV_CAVITY, frame == MYOCARDIUM, _epicardium(frame)
    nothing = float("nan")
    centre_y, centre_x = np.argwhere(whole).mean(0) * spacing if whole.any() else (nothing, nothing)
    length, width = _length_and_base(frame, cavity, spacing) if cavity.any() else (nothing, nothing)
    areas = [float(mask.sum()) * pixel if mask.any() else nothing for mask in (cavity, wall)]
    return areas[0], areas[1], float(centre_x), float(centre_y), length, width


def _length_and_base(frame: np.ndarray, cavity: np.ndarray, spacing: Spacing) -> tuple[float, float]:
    """Cavity length from the middle of the mitral plane to the farthest point, and width of that plane.

    The plane is where the cavity touches the atrium; without an atrium, where it touches the background.
    """
    for neighbour in (LEFT_ATRIUM, BACKGROUND):
        touching = cavity & ndimage.binary_dilation(frame == neighbour)
        if touching.sum() >= 2:
            break
    else:
        return float("nan"), float("nan")
    plane = np.argwhere(touching) * spacing
    middle = plane.mean(0)
    _, _, directions = np.linalg.svd(plane - middle, full_matrices=False)
    along = (plane - middle) @ directions[0]
    points = np.argwhere(cavity) * spacing
    return float(np.linalg.norm(points - middle, axis=1).max()), float(np.ptp(along))
