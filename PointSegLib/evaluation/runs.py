"""Run a predictor or tracker over cases and score each: rows for `summary`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.errors import ClipError, PointError, PointSegError
from PointSegLib.evaluation.masks import score_labels
from PointSegLib.evaluation.temporal import frame_to_frame_dice, jitter, temporal_row
from PointSegLib.evaluation.tracking import TrackSet, first_queries, score_tracks, strided_queries
from PointSegLib.evaluation.warping import track_warped_dice
from PointSegLib.result import LABEL_NAMES, LV_CAVITY, MYOCARDIUM, PointSegResult, PointTracks

Predict = Callable[[CineClip], PointSegResult]
Track = Callable[[CineClip, np.ndarray], PointTracks]
SegmentationCase = tuple[str, CineClip, Mapping[int, np.ndarray]]
MODEL, STANDING_STILL = "model", "standing still"


@dataclass(frozen=True, eq=False)
class TrackingCase:
    """A clip with known trajectories.

    Attributes:
        name: of the case.
        clip: the frames.
        truth: what is so, N points over the frames of the clip.
        query_frame: int `[N]`, the frame in which each point is given to the tracker.
    """

    name: str
    clip: CineClip
    truth: TrackSet
    query_frame: np.ndarray

    @classmethod
    def queried(cls, name: str, clip: CineClip, truth: TrackSet, query_mode: str = "first") -> TrackingCase:
        """The case with TAP-Vid's queries: each point where first visible, or every 5 frames where visible."""
        rows = first_queries(truth) if query_mode == "first" else strided_queries(truth)
        points = rows[:, 0].astype(np.int64)
        return cls(name, clip, TrackSet(truth.xy[points], truth.visible[points]), rows[:, 1].astype(np.int64))

    @property
    def queries(self) -> np.ndarray:
        """float32 `[N, 3]`, rows (frame, x, y)."""
        frames = np.asarray(self.query_frame).astype(np.int64)
        return np.column_stack([frames, self.truth.xy[np.arange(len(frames)), frames]]).astype(np.float32)


@dataclass(frozen=True)
class SegmentationScores:
    """Rows of a segmentation run: `frames` has one per case, frame and structure, `clips` one per case."""

    frames: list[dict[str, Any]] = field(default_factory=list)
    clips: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def excused(name: str, failed: dict[str, str] | None) -> Iterator[None]:
    """Note why a case could not be scored, so that the others still are.

    Args:
        name: of the case.
        failed: takes the reason under that name; None lets the error out.
    """
    try:
        yield
    except PointSegError as error:
        if failed is None:
            raise
        failed[name] = str(error)


def evaluate_segmentation(
    predict: Predict, cases: Iterable[SegmentationCase], failed: dict[str, str] | None = None
) -> SegmentationScores:
    """Segment every clip and score the frames that have a truth.

    Args:
        predict: gives the result of a clip.
        cases: (name, clip, {frame: uint8 `[H, W]` labels}), at the clip's own size.
        failed: takes the reason of each case that cannot be scored, by its name; None lets the error out.

    Returns:
        Rows with Dice and HD95 (see `masks`) per frame, and per clip the mean Dice and the steadiness of all its
        predicted frames (see `temporal`). Only structures the model knows are scored.

    Raises:
        ClipError: when a truth does not fit its clip or the result does not; case and frame are named.
    """
    scores = SegmentationScores()
    for name, clip, truths in cases:
        with excused(name, failed):
            result = predict(clip)
            check_fit(name, clip, result, truths)
            rows = [row for frame in sorted(truths) for row in _frame_rows(name, clip, result, frame, truths[frame])]
            clip_row = _clip_row(name, clip, result, rows)
            scores.frames.extend(rows)
            scores.clips.append(clip_row)
    return scores


def check_fit(name: str, clip: CineClip, result: PointSegResult, truths: Mapping[int, np.ndarray]) -> None:
    """Refuse a result or a truth of another size than the clip.

    Raises:
        ClipError: the case, and the frame of the truth, are named.
    """
    if result.labels.shape != clip.frames.shape:
        msg = f"{name}: labels of shape {list(result.labels.shape)} for frames {list(clip.frames.shape)}."
        raise ClipError(msg)
    for frame, truth in truths.items():
        if not 0 <= frame < len(clip) or truth.shape != clip.frames.shape[1:]:
            has = f"{len(clip)} frames of {list(clip.frames.shape[1:])}"
            msg = f"{name}: the truth of frame {frame}, shape {list(truth.shape)}, does not fit a clip of {has}."
            raise ClipError(msg)


def _frame_rows(
    name: str, clip: CineClip, result: PointSegResult, frame: int, truth: np.ndarray
) -> list[dict[str, Any]]:
    found = score_labels(result.labels[frame], truth, tuple(result.class_labels), clip.spacing_mm)
    return [{"case": name, "frame": frame, "structure": LABEL_NAMES[v], **row} for v, row in found.items()]


def _clip_row(name: str, clip: CineClip, result: PointSegResult, rows: list[dict[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {"case": name, "frames": len(clip), "scored_frames": len({r["frame"] for r in rows})}
    for value in result.class_labels:
        dices = [r["dice"] for r in rows if r["structure"] == LABEL_NAMES[value] and not np.isnan(r["dice"])]
        key = LABEL_NAMES[value].lower().replace(" ", "_")
        row[f"{key}_dice"] = float(np.mean(dices)) if dices else float("nan")
    row["empty_masks"] = sum(r["empty"] in ("prediction", "truth") for r in rows)
    if len(clip) > 1:
        row["myo_frame_dice"] = frame_to_frame_dice(result.labels, MYOCARDIUM)
        # The ventricle's attributes need its cavity; a model of the wall alone has none to be judged by.
        if LV_CAVITY in result.class_labels:
            row |= temporal_row(result.labels, clip.spacing_mm)
        row |= _track_figures(clip, result)
    return row


def _track_figures(clip: CineClip, result: PointSegResult) -> dict[str, float]:
    xy, visible = result.tracks.xy, result.tracks.visible
    figures = {"myo_track_warped_dice": track_warped_dice(result.labels, MYOCARDIUM, xy, visible)}
    figures["track_jitter_px"] = jitter(xy, visible)
    if clip.spacing_mm is not None:
        figures["track_jitter_mm"] = jitter(xy * np.asarray(clip.spacing_mm[::-1]), visible)
    return figures


def evaluate_tracking(
    track: Track,
    cases: Iterable[TrackingCase],
    query_mode: str = "first",
    failed: dict[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Track the points of every clip, and leave them where they were given for comparison.

    Args:
        track: gives the trajectories of (clip, queries `[N, 3]`), in the order of the queries.
        cases: clips with known trajectories.
        query_mode: `first` or `strided`, see `tracking`.
        failed: takes the reason of each case that cannot be scored, by its name; None lets the error out.

    Returns:
        Two rows per case, `method` "model" and "standing still", with the scores of `tracking` and the jitter in
        pixels beside that of the truth.

    Raises:
        PointError: when the tracker answers for another number of points or frames; the case is named.
    """
    rows = []
    for case in cases:
        with excused(case.name, failed):
            methods: dict[str, Track] = {MODEL: track, STANDING_STILL: standing_still}
            rows.extend([_track_row(method, run, case, query_mode) for method, run in methods.items()])
    return rows


def _track_row(method: str, track: Track, case: TrackingCase, query_mode: str) -> dict[str, Any]:
    tracks = track(case.clip, case.queries)
    if tracks.xy.shape != case.truth.xy.shape:
        shapes = f"{list(tracks.xy.shape)} for queries that need {list(case.truth.xy.shape)}"
        msg = f"{case.name}: the tracker returned tracks of shape {shapes}."
        raise PointError(msg)
    answer = TrackSet(tracks.xy, tracks.visible)
    scores = score_tracks(answer, case.truth, case.query_frame, case.clip.size_wh, query_mode, case.clip.spacing_mm)
    row: dict[str, Any] = {"case": case.name, "method": method, "points": len(tracks), **scores.as_row()}
    row["jitter_px"] = jitter(answer.xy, answer.visible)
    row["true_jitter_px"] = jitter(case.truth.xy, case.truth.visible)
    return row


def standing_still(clip: CineClip, points: np.ndarray) -> PointTracks:
    """The baseline every tracker must beat: each point stays where it was given, always visible."""
    queries = np.asarray(points, np.float32)
    shape = (len(queries), len(clip))
    return PointTracks(
        xy=np.repeat(queries[:, None, 1:], len(clip), axis=1),
        visible=np.ones(shape, bool),
        confidence=np.ones(shape, np.float32),
        is_prompt=np.ones(len(queries), bool),
        queries=queries,
    )
