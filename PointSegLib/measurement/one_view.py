"""`measure`: from the segmentation and the tracks of one clip to everything that can be measured in it."""

from __future__ import annotations

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.areas import AreaCurve, measure_areas
from PointSegLib.measurement.cavity import measure_cavity, silhouette_of
from PointSegLib.measurement.cycle import Beat, Cycle, find_beats
from PointSegLib.measurement.fan import find_fan
from PointSegLib.measurement.measurements import BeatMeasurements, Measurements, WallMeasurements
from PointSegLib.measurement.scale import Scale
from PointSegLib.measurement.segments import Naming
from PointSegLib.measurement.silhouette import Silhouette
from PointSegLib.measurement.trust import judge_clip
from PointSegLib.measurement.wall_function import WallSource, measure_wall
from PointSegLib.measurement.wall_lines import WallLines, contour_lines
from PointSegLib.result import LV_CAVITY, PointSegResult


def measure(
    result: PointSegResult,
    clip: CineClip,
    view: Naming | str | None = None,
    *,
    beats: Cycle | None = None,
    correct_drift: bool = True,
    insist: bool = False,
    return_error_px: np.ndarray | None = None,
) -> Measurements:
    """Measure the left heart in one apical clip.

    Definitions and signs are those of the functions that do the work, after Voigt et al. 2015 (doi
    10.1093/ehjci/jeu184) and Lang et al. 2015 (doi 10.1016/j.echo.2014.10.003). Whatever cannot be measured is None
    and named in the warnings; nothing is guessed in its place.

    Args:
        result: labels and tracks of the clip, at its own size.
        clip: the movie.
        view: "A4C", "A2C" or "A3C", or a `Naming` where the display is mirrored; None when unknown: the walls are then
            called left and right as they lie in the image.
        beats: from `find_beats` or `beats_from_frames`; None finds them by the clip's R waves where it has them, and by
            the area of the LV cavity.
        correct_drift: take the drift at the end of complete beats off the strain curves, in proportion to time.
        insist: let segments count in GLS whose tracking is not to be trusted.
        return_error_px: float `[N]` from `follow_wall_points`, what trust in the tracking rests on besides; None when
            nothing was followed back.

    Returns:
        The measurements.

    Raises:
        MeasurementError: when result and clip do not belong together, the view is not known, or beats lie outside.
    """
    naming = view if isinstance(view, Naming) else Naming(view)
    _check(result, clip, beats, return_error_px)
    scale, said = Scale.of(clip), [*clip.warnings, *result.warnings]
    inside, lost = find_fan(clip)
    if inside is None:
        said.append(f"The ultrasound fan was not found: {lost}")
    areas = measure_areas(result.labels, scale, inside)
    cycle = beats or find_beats(areas[LV_CAVITY].known(), clip.times_s, clip.r_wave_times_s)
    found = [silhouette_of(mask, scale) for mask in result.labels]
    trust = judge_clip(clip)
    said += [*trust.doubts, *(text for curve in areas.values() for text in curve.warnings), *cycle.warnings]
    if naming.view is None:
        said.append(
            "The view is unknown: segments are called by their side in the image and have no place in the heart."
        )
    contours = _contours(result.labels, scale, cycle, naming) if cycle.beats else None
    source = WallSource(clip, result, naming, inside, contours, correct_drift, insist, return_error_px)
    measured = tuple(_measure_beat(source, beat, found, areas) for beat in cycle.beats)
    said += [text for beat in measured for text in _of_beat(beat, several=len(measured) > 1)]
    return Measurements(
        source=clip.source,
        view=naming.view,
        scale=scale,
        times_s=clip.times_s,
        areas=areas,
        cycle=cycle,
        silhouettes=tuple(one if isinstance(one, Silhouette) else None for one in found),
        beats=measured,
        trust=trust,
        insisted=insist,
        warnings=tuple(dict.fromkeys(said)),
    )


def _check(result: PointSegResult, clip: CineClip, beats: Cycle | None, return_error_px: np.ndarray | None) -> None:
    where = clip.source or "the clip"
    if result.labels.shape != clip.frames.shape or result.tracks.xy.shape[1] != len(clip):
        msg = (
            f"{where}: labels {list(result.labels.shape)} and tracks {list(result.tracks.xy.shape)} do not fit the "
            f"frames {list(clip.frames.shape)}; give the result of this clip."
        )
        raise MeasurementError(msg)
    if return_error_px is not None and len(return_error_px) != len(result.tracks):
        msg = (
            f"{where}: {len(return_error_px)} forward-backward errors do not fit {len(result.tracks)} tracks; give "
            "those of follow_wall_points with its result."
        )
        raise MeasurementError(msg)
    for beat in beats.beats if beats else ():
        if not 0 <= beat.start <= beat.es <= beat.end < len(clip):
            msg = f"{where}: a beat of frames {beat.start} to {beat.end} does not lie in its {len(clip)} frames."
            raise MeasurementError(msg)


def _contours(labels: np.ndarray, scale: Scale, cycle: Cycle, naming: Naming) -> WallLines | None:
    """The wall's lines in the masks of all frames, named by the first end-diastole that shows a wall."""
    for beat in cycle.beats:
        try:
            return contour_lines(labels, scale, beat.start, naming)
        except MeasurementError:
            continue
    return None


def _of_beat(measured: BeatMeasurements, several: bool) -> tuple[str, ...]:
    """The warnings of a beat, which name it where there are others."""
    frames = f"Frames {measured.beat.start} to {measured.beat.end}: " if several else ""
    return tuple(frames + text for text in measured.warnings)


def _measure_beat(
    source: WallSource, beat: Beat, found: list[Silhouette | str], areas: dict[int, AreaCurve]
) -> BeatMeasurements:
    cavity = measure_cavity(source.result.labels, Scale.of(source.clip), beat, found, areas)
    wall: WallMeasurements | None = None
    try:
        wall = measure_wall(source, beat)
        said = wall.warnings
    except MeasurementError as error:
        said = (f"Strain was not measured in the beat from frame {beat.start}: {error}",)
    return BeatMeasurements(beat, cavity, wall, (*cavity.warnings, *said))
