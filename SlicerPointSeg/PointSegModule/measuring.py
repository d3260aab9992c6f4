"""Measures the segmented cine: reads masks, points and beats from the scene, and has the engine do the mathematics."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.result import PointSegResult
from PointSegModule.background_run import onThread
from PointSegModule.beat_marks import BeatMarks
from PointSegModule.engines import Steps
from PointSegModule.open_cine import OpenCine
from PointSegModule.points_input import RESULT_POINTS_REFERENCE, trackSteps
from PointSegModule.scene_input import clipSteps

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
        spacingMm: (row, column) pixel distance to use instead of the image's own.
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
        measurements: a `PointSegLib.measurement.Measurements`; its frames count from the first that was segmented.
        marks: the beats that were measured.
        beats, segments, frames: rows of `PointSegLib.beat_rows` and the like.
        warnings: what limits the measurements, one sentence each.
    """

    opened: OpenCine
    clip: CineClip
    checksum: int
    measurements: Any
    marks: BeatMarks
    beats: Rows
    segments: Rows
    frames: Rows
    warnings: tuple[str, ...]


def measureSteps(opened: OpenCine, settings: MeasureSettings) -> Steps:
    """Measure a cine in short steps, the long one of them on a thread; gives `MeasuredCine`.

    Raises:
        MeasurementError: when the view is not known.
    """
    clip = yield from clipSteps(opened.source, opened.frames, settings.spacingMm, settings.calibration)
    opened.clip = clip  # with the calibration as it is now
    labels = yield from opened.labelSteps()
    tracks = opened.tracks
    if tracks is None:
        points = opened.sequence.GetNodeReference(RESULT_POINTS_REFERENCE)
        tracks = yield from trackSteps(opened.source, points, opened.frames)
    marks = BeatMarks.of(opened.sequence)
    return (yield from onThread(lambda: _measured(opened, clip, PointSegResult(labels, tracks), marks, settings)))


def _measured(
    opened: OpenCine, clip: CineClip, result: PointSegResult, marks: BeatMarks, settings: MeasureSettings
) -> MeasuredCine:
    from PointSegLib import Naming, beat_rows, beats_from_frames, frame_rows, measure, segment_rows

    first, beats = opened.frames.start, None
    if marks.byUser and marks.haveBeat:
        own = [[frame - first for frame in frames] for frames in (marks.ed, marks.es)]
        beats = beats_from_frames(*own, len(clip), clip.times_s)
    done = measure(
        result,
        clip,
        Naming(settings.view, settings.mirrored),
        beats=beats,
        correct_drift=settings.correctDrift,
        insist=settings.insist,
    )
    warnings = done.warnings
    if first and warnings:
        warnings = (*warnings, f"In these sentences frame 0 is frame {first}, the first that was segmented.")
    return MeasuredCine(
        opened=opened,
        clip=clip,
        checksum=checksum(result.labels),
        measurements=done,
        marks=BeatMarks.ofBeats(done.cycle.beats, first, byUser=beats is not None),
        beats=_shifted(beat_rows(done), first),
        segments=_shifted(segment_rows(done), first),
        frames=_shifted(frame_rows(done), first),
        warnings=warnings,
    )


def checksum(labels: np.ndarray) -> int:
    """A number that tells whether masks are still those that were measured."""
    return zlib.crc32(np.ascontiguousarray(labels).data)


def _shifted(rows: list[dict[str, Any]], first: int) -> Rows:
    """The rows with frames of the cine in place of those of its segmented part."""
    return tuple({**row, **{name: row[name] + first for name in _FRAME_COLUMNS if name in row}} for row in rows)
