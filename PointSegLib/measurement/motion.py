"""Motion of annulus, points and wall: MAPSE, displacement and velocity, a score for each segment, M-mode."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from scipy import ndimage

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.curves import StrainCurve
from PointSegLib.measurement.cycle import Beat
from PointSegLib.measurement.scale import Scale
from PointSegLib.measurement.slopes import slope
from PointSegLib.measurement.wall_lines import WallLines
from PointSegLib.result import PointTracks

# End-systolic longitudinal strain in percent from which on a segment is called less than normal, akinetic, dyskinetic.
SCORE_LIMITS = (-12.0, -5.0, 3.0)


@dataclass(frozen=True, eq=False)
class AnnularMotion:
    """How far the mitral annulus moves towards the apex in one beat.

    Attributes:
        left: float64 `[K]`, excursion of the annulus on the image's left in each frame of the beat, in `unit`.
        right: float64 `[K]`, likewise on the right.
        mapse_left: the greatest excursion from end-diastole to end-systole, in `unit`; None when it is unknown.
        mapse_right: likewise on the right.
        unit: "mm" or "px".
        warnings: what limits it, one sentence each.
    """

    left: np.ndarray
    right: np.ndarray
    mapse_left: float | None
    mapse_right: float | None
    unit: str
    warnings: tuple[str, ...] = field(default=())


@dataclass(frozen=True, eq=False)
class TrackMotion:
    """Displacement and velocity of tracked points.

    Attributes:
        displacement: float64 `[N, T, 2]` (x right, y down) from the first frame of the beat, in `unit`; NaN where a
            point is not visible, in the frame or at the start.
        velocity: float64 `[N, T, 2]` in `unit` per second, NaN likewise; None when the times are unknown.
        unit: "mm" or "px".
    """

    displacement: np.ndarray
    velocity: np.ndarray | None
    unit: str


class WallMotion(IntEnum):
    """Wall-motion scores (Lang et al. 2015, doi 10.1016/j.echo.2014.10.003)."""

    NORMAL = 1
    HYPOKINETIC = 2
    AKINETIC = 3
    DYSKINETIC = 4


def annular_motion(lines: WallLines, beat: Beat) -> AnnularMotion:
    """Mitral annular plane systolic excursion (MAPSE) on both sides (Hu et al. 2013, doi 10.1093/ehjci/jes240).

    The ends of the endocardium are followed; what counts is their way along the long axis of end-diastole, positive
    towards the apex. As in M-mode the probe is taken to be at rest: its own motion is not taken off.

    Args:
        lines: that follow tracked points.
        beat: excursion is counted from its start, which should be the frame of the lines' geometry.

    Returns:
        The excursions, in millimetres when the clip is calibrated.

    Raises:
        MeasurementError: when the beat does not fit the lines or the wall is unknown at its start.
    """
    if not 0 <= beat.start <= beat.es <= beat.end < len(lines) or not lines.known[beat.start]:
        msg = f"the wall is not known at frame {beat.start}, where the beat to frame {beat.end} starts; choose another."
        raise MeasurementError(msg)
    scale, axis = lines.geometry.scale, lines.geometry.long_axis
    ends = scale.to_units(lines.endo[beat.start : beat.end + 1][:, [0, -1]])
    left, right = ((ends - ends[0]) @ (axis / np.linalg.norm(axis))).T
    systole = slice(0, beat.es - beat.start + 1)
    warnings = () if scale.calibrated else ("The size of a pixel is unknown: MAPSE is in pixels.",)
    return AnnularMotion(
        left, right, float(np.nanmax(left[systole])), float(np.nanmax(right[systole])), scale.unit, warnings
    )


def track_motion(tracks: PointTracks, scale: Scale, start: int = 0, times_s: np.ndarray | None = None) -> TrackMotion:
    """Displacement and velocity of every tracked point.

    Args:
        tracks: of the clip.
        scale: of the clip.
        start: frame from which displacement is counted, as a rule end-diastole.
        times_s: float `[T]`, or None when unknown.

    Returns:
        Both, in units of the scale; velocity is smoothed over 25 ms or over neighbouring frames.

    Raises:
        MeasurementError: when the frame does not exist.
    """
    if not 0 <= start < tracks.xy.shape[1]:
        msg = f"frame {start} is not in the tracks; give one from 0 to {tracks.xy.shape[1] - 1}."
        raise MeasurementError(msg)
    xy = np.where(tracks.visible[..., None], scale.to_units(tracks.xy), np.nan)
    velocity = None
    if times_s is not None and xy.shape[1] > 1:
        velocity = np.where(tracks.visible[..., None], slope(xy.swapaxes(1, 2), times_s).swapaxes(1, 2), np.nan)
    return TrackMotion(xy - xy[:, start, None], velocity, scale.unit)


def suggested_score(curve: StrainCurve) -> WallMotion | None:
    """Suggest a wall-motion score from the longitudinal strain of a segment at end-systole.

    Normal up to -12 %, hypokinetic from there to -5 %, akinetic to +3 %, dyskinetic where it lengthens by more. The
    scores are those of Lang et al. 2015 (doi 10.1016/j.echo.2014.10.003), who give them by eye and know no limits of
    strain: the limits are PointSeg's own. A reader decides; the suggestion only says where to look.

    Args:
        curve: longitudinal strain of one segment.

    Returns:
        The score, or None when end-systole has no measurement.
    """
    strain = curve.end_systolic
    if strain is None:
        return None
    return WallMotion(1 + sum(strain > limit for limit in SCORE_LIMITS))


def m_mode(frames: np.ndarray, line: np.ndarray) -> np.ndarray:
    """The grey levels along a line over time.

    Args:
        frames: `[T, H, W]`.
        line: float `[M, 2]` pixel positions that stay where they are, or `[T, M, 2]` that move with the tissue, for
            example one of `WallLines`.

    Returns:
        float32 `[M, T]`; 0 where the line leaves the image or is unknown (NaN).

    Raises:
        MeasurementError: when the line has another number of frames.
    """
    count = len(frames)
    places = np.broadcast_to(line, (count, *line.shape)) if line.ndim == 2 else line
    if len(places) != count:
        msg = f"the line has {len(places)} frames and the clip {count}; give a line of the same clip."
        raise MeasurementError(msg)
    read = np.zeros((count, places.shape[1]), np.float32)
    for row, frame, xy in zip(read, frames, np.nan_to_num(places, nan=-9.0), strict=True):
        ndimage.map_coordinates(np.asarray(frame, np.float32), xy.T[::-1], output=row, order=1, mode="constant")
    return read.T
