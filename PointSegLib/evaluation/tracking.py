"""Point tracking scores as TAP-Vid defines them (Doersch et al. 2022), and the same in mm beside them.

Positions are scaled so that the image spans 256 x 256 before thresholds of 1, 2, 4, 8 and 16 apply, with a strict <.
That raster squeezes the two axes differently and hides how large the heart is; so, where the pixel size is known, the
same scores are given with thresholds of 0.5, 1, 2, 4 and 8 mm.
In mode `first` only frames after the query frame count; in mode `strided` all but the query frame do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from PointSegLib.errors import PointError

RASTER = 256.0
THRESHOLDS = (1.0, 2.0, 4.0, 8.0, 16.0)
THRESHOLDS_MM = (0.5, 1.0, 2.0, 4.0, 8.0)
QUERY_MODES = ("first", "strided")
# mean displacement on the raster below which a gain would be noise
LEAST_MOTION = 1.0
_NOTHING = float("nan")


@dataclass(frozen=True)
class TrackingScores:
    """Scores of the tracks of one clip; NaN where nothing could be evaluated.

    Attributes:
        average_jaccard: AJ, 0..1, mean over the thresholds of TP / (visible in truth + FP).
        position_accuracy: <delta_avg, 0..1, mean over the thresholds of the share of truly visible points within.
        occlusion_accuracy: OA, 0..1, share of points whose visibility is told rightly.
        average_jaccard_mm: AJ with the thresholds in mm; NaN without a pixel size.
        position_accuracy_mm: <delta_avg with the thresholds in mm; NaN without a pixel size.
        within_mm: share of truly visible points within each threshold in mm; NaN without a pixel size.
        median_error_raster: mean over points of the median-over-time error, on the 256 x 256 raster.
        median_error_px: the same in pixels of the clip.
        median_error_mm: the same in mm; NaN without a pixel size.
        mean_error_px: mean error of truly visible points in pixels of the clip.
        mean_error_mm: the same in mm; NaN without a pixel size.
        motion_gain: slope of the tracked displacement from the query on the true one: 1 for a tracker without bias,
            less for one that plays safe, whose strain is as much too small; NaN where next to nothing moves.
        evaluated: number of (point, frame) pairs that were truly visible and counted.
    """

    average_jaccard: float
    position_accuracy: float
    occlusion_accuracy: float
    average_jaccard_mm: float
    position_accuracy_mm: float
    within_mm: tuple[float, ...]
    median_error_raster: float
    median_error_px: float
    median_error_mm: float
    mean_error_px: float
    mean_error_mm: float
    motion_gain: float
    evaluated: int

    def as_row(self) -> dict[str, float]:
        """The scores by name, for a table; `within_mm` becomes a column `within_0.5_mm` and so on."""
        row = asdict(self)
        shares = row.pop("within_mm")
        return row | {f"within_{limit:g}_mm": share for limit, share in zip(THRESHOLDS_MM, shares, strict=True)}


@dataclass(frozen=True, eq=False)
class TrackSet:
    """Trajectories of N points over T frames: `xy` float `[N, T, 2]` in pixels and `visible` bool `[N, T]`."""

    xy: np.ndarray
    visible: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "xy", np.asarray(self.xy, np.float64))
        object.__setattr__(self, "visible", np.asarray(self.visible, bool))
        if self.xy.ndim != 3 or self.xy.shape[-1] != 2 or self.visible.shape != self.xy.shape[:2]:
            shapes = f"{list(self.xy.shape)} and {list(self.visible.shape)}"
            msg = f"tracks and visibility have the shapes {shapes}; they must be [N, T, 2] and [N, T]."
            raise PointError(msg)


def score_tracks(
    prediction: TrackSet,
    truth: TrackSet,
    query_frame: np.ndarray,
    size_wh: tuple[int, int],
    query_mode: str = "first",
    spacing_mm: tuple[float, float] | None = None,
) -> TrackingScores:
    """Score tracks against the truth.

    Args:
        prediction: what the tracker says.
        truth: what is so.
        query_frame: int `[N]`, frame in which each point was given.
        size_wh: (W, H) of the frames in pixels.
        query_mode: `first` or `strided`, see the module.
        spacing_mm: (row, column) pixel size or None.

    Returns:
        The scores.

    Raises:
        PointError: when shapes differ, the mode is unknown, a predicted position of a truly visible point is NaN, or
            a query frame does not exist.
    """
    query_frame = np.asarray(query_frame).astype(np.int64)
    _check(prediction, truth, query_frame, query_mode)
    counted = _counted(query_frame, truth.xy.shape[1], query_mode)
    seen = truth.visible & counted
    offset = prediction.xy - truth.xy
    if not np.isfinite(offset[seen]).all():
        point, frame = np.argwhere(seen & ~np.isfinite(offset).all(-1))[0]
        msg = f"the position of point {point} in frame {frame} is not a number; a tracker must always answer."
        raise PointError(msg)
    raster = np.linalg.norm(offset * (RASTER / np.asarray(size_wh, np.float64)), axis=-1)
    pixels = np.linalg.norm(offset, axis=-1)
    metric = np.full_like(pixels, np.nan)
    if spacing_mm is not None:
        metric = np.linalg.norm(offset * np.asarray(spacing_mm[::-1], np.float64), axis=-1)
    shares, jaccards = _threshold_scores(raster, THRESHOLDS, prediction.visible, truth.visible, counted)
    shares_mm, jaccards_mm = _threshold_scores(metric, THRESHOLDS_MM, prediction.visible, truth.visible, counted)
    told_rightly = (prediction.visible == truth.visible)[counted]
    return TrackingScores(
        average_jaccard=float(np.mean(jaccards)),
        position_accuracy=float(np.mean(shares)),
        occlusion_accuracy=float(told_rightly.mean()) if told_rightly.size else _NOTHING,
        average_jaccard_mm=float(np.mean(jaccards_mm)),
        position_accuracy_mm=float(np.mean(shares_mm)),
        within_mm=tuple(shares_mm),
        median_error_raster=_median_trajectory_error(raster, seen),
        median_error_px=_median_trajectory_error(pixels, seen),
        median_error_mm=_median_trajectory_error(metric, seen),
        mean_error_px=float(pixels[seen].mean()) if seen.any() else _NOTHING,
        mean_error_mm=float(metric[seen].mean()) if seen.any() else _NOTHING,
        motion_gain=_motion_gain(prediction, truth, query_frame, size_wh, seen),
        evaluated=int(seen.sum()),
    )


def first_queries(truth: TrackSet) -> np.ndarray:
    """TAP-Vid's `first` queries: float32 `[M, 4]`, rows (point, frame, x, y), each point where it is first visible.

    Points that are never visible have no row.
    """
    points = np.flatnonzero(truth.visible.any(axis=1))
    return _query_rows(truth, points, truth.visible[points].argmax(axis=1))


def strided_queries(truth: TrackSet, stride: int = 5) -> np.ndarray:
    """TAP-Vid's `strided` queries: float32 `[M, 4]`, rows (point, frame, x, y), every `stride` frames where visible."""
    frames, points = np.nonzero(truth.visible.T[::stride])
    return _query_rows(truth, points, frames * stride)


def _query_rows(truth: TrackSet, points: np.ndarray, frames: np.ndarray) -> np.ndarray:
    return np.column_stack([points, frames, truth.xy[points, frames]]).astype(np.float32)


def _check(prediction: TrackSet, truth: TrackSet, query_frame: np.ndarray, query_mode: str) -> None:
    if prediction.xy.shape != truth.xy.shape or query_frame.shape != truth.xy.shape[:1]:
        shapes = f"{list(prediction.xy.shape)}, {list(truth.xy.shape)} and {list(query_frame.shape)}"
        msg = f"predicted tracks, true tracks and query frames do not fit together: {shapes}."
        raise PointError(msg)
    if query_mode not in QUERY_MODES:
        msg = f"query mode {query_mode!r} is unknown; use one of {', '.join(QUERY_MODES)}."
        raise PointError(msg)
    frames = truth.xy.shape[1]
    wrong = np.flatnonzero((query_frame < 0) | (query_frame >= frames))
    if len(wrong):
        msg = f"point {wrong[0]} is queried in frame {query_frame[wrong[0]]} of a clip of {frames}; count from 0."
        raise PointError(msg)


def _counted(query_frame: np.ndarray, frames: int, query_mode: str) -> np.ndarray:
    time = np.arange(frames)[None]
    return time > query_frame[:, None] if query_mode == "first" else time != query_frame[:, None]


def _threshold_scores(
    error: np.ndarray, thresholds: Sequence[float], told_visible: np.ndarray, visible: np.ndarray, counted: np.ndarray
) -> tuple[list[float], list[float]]:
    """Share within and Jaccard at each threshold, pooled over the points of the clip as TAP-Vid does.

    Errors that are all NaN (no pixel size) leave nothing to score.
    """
    if np.isnan(error).all():
        return [_NOTHING] * len(thresholds), [_NOTHING] * len(thresholds)
    positives = int((visible & counted).sum())
    shares, jaccards = [], []
    for threshold in thresholds:
        within = error < threshold
        correct = within & visible & counted
        false = told_visible & ~(within & visible) & counted
        union = positives + int(false.sum())
        shares.append(int(correct.sum()) / positives if positives else _NOTHING)
        jaccards.append(int((correct & told_visible).sum()) / union if union else _NOTHING)
    return shares, jaccards


def _median_trajectory_error(error: np.ndarray, seen: np.ndarray) -> float:
    medians = [np.median(row[keep]) for row, keep in zip(error, seen, strict=True) if keep.any()]
    return float(np.mean(medians)) if medians else _NOTHING


def _motion_gain(
    prediction: TrackSet, truth: TrackSet, query_frame: np.ndarray, size_wh: tuple[int, int], seen: np.ndarray
) -> float:
    start = truth.xy[np.arange(len(query_frame)), query_frame][:, None]
    to_raster = RASTER / np.asarray(size_wh, np.float64)
    went, told = ((tracks.xy - start)[seen] * to_raster for tracks in (truth, prediction))
    if not len(went) or np.linalg.norm(went, axis=-1).mean() < LEAST_MOTION:
        return _NOTHING
    return float((went * told).sum() / np.square(went).sum())
