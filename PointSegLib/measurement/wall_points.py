"""Points put on the wall itself and followed forth and back, so that strain rests on tissue where it is read.

The automatic grid is laid over the whole fan and leaves some segments with a handful of points. These lie in the wall
at end-diastole, in rows along it. Followed from the end of the beat back to its start, they tell how far tracking can
be trusted there: tissue that was followed both ways comes back to where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.areas import measure_areas
from PointSegLib.measurement.cycle import Beat, Cycle, find_beats
from PointSegLib.measurement.fan import find_fan
from PointSegLib.measurement.geometry import WallGeometry, find_wall
from PointSegLib.measurement.scale import Scale
from PointSegLib.result import LV_CAVITY, PointSegResult, PointTracks

# Given rows (frame, x, y) in pixels `[M, 3]`, follows these points through the whole clip.
Tracker = Callable[[np.ndarray], PointTracks]

# Rows along the wall at these depths, 0 on the endocardium and 1 on the epicardium: within it, since the borders of a
# mask are not exact, and four points in each row of each of six segments.
DEPTHS, PER_ROW = (0.2, 0.5, 0.8), 24


@dataclass(frozen=True, eq=False)
class FollowedWall:
    """A result whose tracks hold points on the wall.

    Attributes:
        result: as it was, with N tracks: those it had, then those of the wall, which are no prompts.
        return_error_px: float64 `[N]`, how far from its start each point comes to lie when it is followed to the end
            of the beat and back; NaN for points that were not followed back or are not seen there.
    """

    result: PointSegResult
    return_error_px: np.ndarray


def follow_wall_points(
    result: PointSegResult, clip: CineClip, track: Tracker, beats: Cycle | None = None
) -> FollowedWall:
    """Put points on the wall at end-diastole and follow them, to the end of the beat and back.

    Args:
        result: labels and tracks of the clip.
        clip: the movie.
        track: follows points; called twice, each time with points of one frame (`ClipSession.track`, closely).
        beats: as for `measure`; the points start with the first of its whole beats. None finds them.

    Returns:
        The result with more tracks; unchanged where there is no beat, or no wall at its start.
    """
    scale = Scale.of(clip)
    areas = measure_areas(result.labels, scale)
    cycle = beats or find_beats(areas[LV_CAVITY].known(), clip.times_s, clip.r_wave_times_s)
    unknown = np.full(len(result.tracks), np.nan)
    if not cycle.beats:
        return FollowedWall(result, unknown)
    beat = max(cycle.beats, key=lambda beat: (beat.complete and not beat.at_border, beat.complete))
    try:
        wall = find_wall(result.labels[beat.start], scale, beat.start)
    except MeasurementError:
        return FollowedWall(result, unknown)
    starts = _starts(wall, clip)
    if not len(starts):
        return FollowedWall(result, unknown)
    forth = track(starts)
    forth = replace(forth, is_prompt=np.zeros(len(forth), bool))
    error = np.concatenate([unknown, _return_error(forth, track, beat, clip)])
    return FollowedWall(replace(result, tracks=result.tracks.joined(forth)), error)


def _starts(wall: WallGeometry, clip: CineClip) -> np.ndarray:
    """Rows (frame, x, y) `[M, 3]` in the wall, those outside the fan left out."""
    at = ((np.arange(PER_ROW) + 0.5) / PER_ROW * (len(wall.mid) - 1)).round().astype(int)
    xy = np.concatenate([wall.endo[at] + depth * (wall.epi[at] - wall.endo[at]) for depth in DEPTHS])
    fan, _ = find_fan(clip)
    width, height = clip.size_wh
    x, y = np.rint(xy).astype(int).T
    seen = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    if fan is not None:
        seen &= fan[y.clip(0, height - 1), x.clip(0, width - 1)]
    return np.concatenate([np.full((int(seen.sum()), 1), float(wall.frame)), xy[seen]], 1)


def _return_error(forth: PointTracks, track: Tracker, beat: Beat, clip: CineClip) -> np.ndarray:
    """How far from its start each point comes to lie, float64 `[M]`; NaN where it is not seen at the end."""
    error = np.full(len(forth), np.nan)
    width, height = clip.size_wh
    ends = forth.xy[:, beat.end].astype(np.float64)
    seen = forth.visible[:, beat.end] & ((ends >= 0) & (ends <= (width - 1, height - 1))).all(1)
    if seen.any():
        back = track(np.concatenate([np.full((int(seen.sum()), 1), float(beat.end)), ends[seen]], 1))
        error[seen] = np.linalg.norm(back.xy[:, beat.start] - forth.xy[seen, beat.start], axis=1)
    return error
