"""Measures the segmented cine: reads masks, points and beats from the scene, and has the engine do the mathematics."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.errors import PointSegError
from PointSegLib.inference.messages import Track
from PointSegLib.result import PointSegResult, PointTracks, Progress
from PointSegModule.background_run import onAskingThread
from PointSegModule.beat_marks import BeatMarks
from PointSegModule.engines import ProcessingCancelledError, Steps, answered
from PointSegModule.open_cine import OpenCine
from PointSegModule.points_input import RESULT_POINTS_REFERENCE, trackSteps
from PointSegModule.scene_input import clipSteps

Tracker = Callable[[np.ndarray], PointTracks]
Rows = tuple[dict[str, Any], ...]
_FRAME_COLUMNS = ("frame", "ed_frame", "es_frame", "end_frame")


@dataclass(frozen=True)
class MeasureSettings:
    """What a measurement may be told.

    Attributes:
        view: "A4C", "A2C" or "A3C"; None when it is unknown.
        mirrored: whether the display shows left and right exchanged.
        correctDrift: whether strain curves are corrected for what they miss zero by at the end of a beat.
        insist: whether segments that are badly tracked count in GLS.
        spacingMm: (row, column) pixel distance to use; None takes that of the segmentation, else the image's own.
        calibration: where `spacingMm` is from, in words.
    """

    view: str | None = None
    mirrored: bool = False
    correctDrift: bool = True
    insist: bool = False
    spacingMm: tuple[float, float] | None = None
    calibration: str = ""


@dataclass(frozen=True, eq=False)
class MeasuredCine:
    """A cine with what was measured in it. Frames of the rows and marks are those of the cine.

    Attributes:
        opened: the cine.
        clip: its segmented frames.
        checksum: of the masks as they were measured.
        tracks: of the points that were followed with the masks.
        followed: the `PointSegLib.measurement.FollowedWall`, with the points on the wall itself; None where they could
            not be followed.
        measurements: a `PointSegLib.measurement.Measurements`; its frames count from the first that was segmented.
        marks: the beats that were measured.
        beats, segments, frames: rows of `PointSegLib.beat_rows` and the like.
        together: one row of `PointSegLib.biplane_row` where another view was measured before; else none.
        warnings: what limits the measurements, one sentence each.
    """

    opened: OpenCine
    clip: CineClip
    checksum: int
    tracks: PointTracks
    followed: Any
    measurements: Any
    marks: BeatMarks
    beats: Rows
    segments: Rows
    frames: Rows
    together: Rows
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Earlier:
    """What was measured before.

    Attributes:
        same: in the same cine, or None.
        other: the `PointSegLib.measurement.Measurements` of another view of the same heart, to be put together with
            those of this one, or None.
    """

    same: MeasuredCine | None = None
    other: Any = None


@dataclass(frozen=True, eq=False)
class _Source:
    """What is measured, as it was in the scene when the measurement began."""

    opened: OpenCine
    clip: CineClip
    result: PointSegResult
    settings: MeasureSettings
    marks: BeatMarks
    earlier: Earlier


def measureSteps(opened: OpenCine, settings: MeasureSettings, earlier: Earlier, progress: Progress | None) -> Steps:
    """Measure a cine in short steps, the long ones of them on a thread; gives `MeasuredCine`.

    Points on the wall itself are followed by the engine first, unless that was done in an earlier measurement of the
    same masks.

    Raises:
        MeasurementError: when the view is not known.
    """
    known = settings if settings.spacingMm is not None else opened.record
    clip = yield from clipSteps(opened.source, opened.frames, known.spacingMm, known.calibration)
    opened.clip = clip  # with the calibration as it is now
    labels = yield from opened.labelSteps()
    if opened.tracks is None:
        points = opened.sequence.GetNodeReference(RESULT_POINTS_REFERENCE)
        opened.tracks = yield from trackSteps(opened.source, points, opened.frames)
    result, marks = PointSegResult(labels, opened.tracks), BeatMarks.of(opened.sequence)
    source = _Source(opened, clip, result, settings, marks, earlier)

    def follow(rows: np.ndarray) -> Steps:
        yield from opened.openSteps(opened.corrections)
        return (yield from answered(opened.engine, Track(rows, closely=True), progress))

    return (yield from onAskingThread(lambda track: _measured(source, track), follow))


def _measured(source: _Source, track: Tracker) -> MeasuredCine:
    from PointSegLib import Naming, beat_rows, beats_from_frames, frame_rows, measure, segment_rows

    opened, clip, settings, marks = source.opened, source.clip, source.settings, source.marks
    first, beats, naming = opened.frames.start, None, Naming(settings.view, settings.mirrored)
    if marks.byUser and marks.haveBeat:
        own = [[frame - first for frame in frames] for frames in (marks.ed, marks.es)]
        beats = beats_from_frames(*own, len(clip), clip.times_s)
    masks = checksum(source.result.labels)
    followed, doubt = _followed(source, masks, track, beats)
    done = measure(
        source.result if followed is None else followed.result,
        clip,
        naming,
        beats=beats,
        correct_drift=settings.correctDrift,
        insist=settings.insist,
        return_error_px=None if followed is None else followed.return_error_px,
    )
    warnings = (*done.warnings, *doubt)
    together, apart = _together(done, source.earlier.other)
    if first and warnings:
        warnings = (*warnings, f"In these sentences frame 0 is frame {first}, the first that was segmented.")
    return MeasuredCine(
        opened=opened,
        clip=clip,
        checksum=masks,
        tracks=source.result.tracks,
        followed=followed,
        measurements=done,
        marks=BeatMarks.ofBeats(done.cycle.beats, first, byUser=beats is not None),
        beats=_shifted(beat_rows(done), first),
        segments=_shifted(segment_rows(done), first),
        frames=_shifted(frame_rows(done), first),
        together=together,
        warnings=(*warnings, *apart),
    )


def _followed(source: _Source, masks: int, track: Tracker, beats: Any) -> tuple[Any, tuple[str, ...]]:
    """(what `follow_wall_points` gives or gave, or None; why it could not)."""
    from PointSegLib import follow_wall_points

    earlier = source.earlier.same
    isSame = earlier is not None and earlier.checksum == masks and earlier.tracks is source.result.tracks
    if isSame and earlier.followed is not None:
        return earlier.followed, ()
    try:
        return follow_wall_points(source.result, source.clip, track, beats), ()
    except ProcessingCancelledError:
        raise
    except PointSegError as error:
        return None, (f"No points were put on the wall itself, so that strain rests on fewer: {error}",)


def _together(done: Any, other: Any) -> tuple[Rows, tuple[str, ...]]:
    """(the row of both views, or none; what limits it, or why there is none)."""
    from PointSegLib import biplane_row, measure_biplane

    if other is None:
        return (), ()
    # movies of a scene may have one name, which for files would say that they are one
    views = {one.view: replace(one, source="") for one in (done, other)}
    if set(views) != {"A4C", "A2C"}:
        named = " and ".join(one.view or "unknown" for one in (done, other))
        return (), (f"There is no biplane volume: it needs an A4C and an A2C, and the views are {named}.",)
    try:
        both = measure_biplane(views["A4C"], views["A2C"])
    except PointSegError as error:
        return (), (f"There is no biplane volume: {error}",)
    return (biplane_row(both),), both.warnings


def checksum(labels: np.ndarray) -> int:
    """A number that tells whether masks are still those that were measured."""
    return zlib.crc32(np.ascontiguousarray(labels).data)


def _shifted(rows: list[dict[str, Any]], first: int) -> Rows:
    """The rows with frames of the cine in place of those of its segmented part."""
    return tuple({**row, **{name: row[name] + first for name in _FRAME_COLUMNS if name in row}} for row in rows)
