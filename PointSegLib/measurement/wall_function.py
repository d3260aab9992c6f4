"""Strain, motion and trust of the wall over one beat, from the lines that follow the tracked points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.curves import StrainCurve
from PointSegLib.measurement.cycle import Beat
from PointSegLib.measurement.geometry import WallGeometry, find_wall
from PointSegLib.measurement.measurements import WallMeasurements
from PointSegLib.measurement.motion import annular_motion, suggested_score
from PointSegLib.measurement.scale import Scale
from PointSegLib.measurement.segments import Naming
from PointSegLib.measurement.strain import WallStrain, dyssynchrony, measure_strain, segmental_strain
from PointSegLib.measurement.trust import Evidence, SegmentTrust, judge_segments
from PointSegLib.measurement.volumes import Ejection, ejection_of_line
from PointSegLib.measurement.wall_lines import LAYERS, WallLines, follow_wall
from PointSegLib.result import PointSegResult

# With more badly tracked segments in a view GLS is not calculated, a rule that is commonly cited from Lang et al. 2015
# (doi 10.1016/j.echo.2014.10.003).
MOST_LEFT_OUT = 2
# So many percentage points from its own peak, GLS was read at the wrong frame; PointSeg's own limit.
_PEAK_APART = 3.0
# The wall's shape hardly changes this many frames from end-diastole.
_NEIGHBOURS = (1, -1, 2, -2)


@dataclass(frozen=True, eq=False)
class WallSource:
    """What the wall of a clip is measured from, the same for all its beats.

    Attributes:
        clip: the movie.
        result: its masks and tracks.
        naming: view and mirroring.
        inside: bool `[H, W]`, the ultrasound fan, or None when unknown.
        contours: lines read from the masks of all frames, or None where no wall could be found.
        correct_drift: see `measure_strain`.
        insist: take segments into GLS that are not trusted.
        return_error_px: float `[N]`, the points' forward-backward errors, or None; see `follow_wall_points`.
    """

    clip: CineClip
    result: PointSegResult
    naming: Naming
    inside: np.ndarray | None
    contours: WallLines | None
    correct_drift: bool
    insist: bool
    return_error_px: np.ndarray | None = None


def measure_wall(source: WallSource, beat: Beat) -> WallMeasurements:
    """Measure the wall over one beat.

    Raises:
        MeasurementError: when neither end-diastole nor the frames next to it show a whole wall, too few points were
            tracked in it, or the beat is too short.
    """
    clip = source.clip
    said: list[str] = []
    geometry = _wall_near(source.result.labels, Scale.of(clip), beat.start, source.naming, said)
    lines = follow_wall(geometry, source.result.tracks)
    evidence = Evidence(clip, source.result.tracks, lines, source.inside, source.return_error_px)
    trust = judge_segments(evidence, beat)
    strain = _strain(source, lines, beat, trust, said)
    contours = None
    if source.contours is not None and source.contours.known[beat.start]:
        contours = measure_strain(source.contours, beat, clip.times_s, correct_drift=source.correct_drift)
    if contours is None:
        said.append(f"The mask of frame {beat.start} shows no whole wall: there is no strain of contours to compare.")
    annulus = annular_motion(lines, beat)
    wall = WallMeasurements(
        lines=lines,
        strain=strain,
        layers={
            layer: _curves(segmental_strain(lines, beat, layer), clip, beat, source.correct_drift) for layer in LAYERS
        },
        contours=contours,
        annulus=annulus,
        ejection=_ejection(lines, beat),
        trust=trust,
        scores=tuple(
            suggested_score(curve) if verdict.trusted or source.insist else None
            for curve, verdict in zip(strain.longitudinal, trust, strict=True)
        ),
        dispersion_ms=dyssynchrony(
            [c for c, name in zip(strain.longitudinal, strain.names, strict=True) if name not in strain.left_out]
        ),
    )
    said = [*geometry.warnings, *said, *_contradictions(wall), *strain.warnings, *annulus.warnings]
    return replace(wall, warnings=tuple(dict.fromkeys(said)))


def _ejection(lines: WallLines, beat: Beat) -> Ejection | None:
    scale = lines.geometry.scale
    if not (lines.known[beat.start] and lines.known[beat.es]):
        return None
    return ejection_of_line(scale.to_units(lines.endo[beat.start]), scale.to_units(lines.endo[beat.es]), scale.unit)


def _wall_near(labels: np.ndarray, scale: Scale, ed: int, naming: Naming, said: list[str]) -> WallGeometry:
    """The wall at end-diastole, or where that is refused in the nearest frame that shows one."""
    try:
        return find_wall(labels[ed], scale, ed, naming)
    except MeasurementError as error:
        for frame in (ed + step for step in _NEIGHBOURS if 0 <= ed + step < len(labels)):
            try:
                geometry = find_wall(labels[frame], scale, frame, naming)
            except MeasurementError:
                continue
            said.append(f"The wall was taken from frame {frame} instead of end-diastole: {error}")
            return geometry
        raise


def _strain(
    source: WallSource, lines: WallLines, beat: Beat, trust: tuple[SegmentTrust, ...], said: list[str]
) -> WallStrain:
    """Strain with GLS over the segments that may count; with no GLS when they are too few."""
    doubted = [verdict for verdict in trust if not verdict.trusted]
    said.extend(f"{_upper(verdict.name)} is not trusted: {' '.join(verdict.reasons)}" for verdict in doubted)
    times, drift = source.clip.times_s, source.correct_drift
    if source.insist or not doubted:
        if doubted:
            said.append(f"GLS includes {_counted(len(doubted))} not trusted, as was insisted on.")
        return measure_strain(lines, beat, times, correct_drift=drift)
    if len(doubted) <= MOST_LEFT_OUT:
        said.append(f"GLS leaves out {_counted(len(doubted))} not trusted.")
        return measure_strain(lines, beat, times, [verdict.trusted for verdict in trust], drift)
    said.append(
        f"There is no GLS: {len(doubted)} of {len(trust)} segments are not trusted, and no more than {MOST_LEFT_OUT} "
        "of a view may be left out. Insist to have it all the same."
    )
    whole = measure_strain(lines, beat, times, correct_drift=drift)
    return replace(whole, gls={}, left_out=tuple(verdict.name for verdict in doubted))


def _contradictions(wall: WallMeasurements) -> Iterator[str]:
    """What GLS does not agree with: its own peak, or the contours of the masks."""
    if wall.gls is None:
        return
    peak = wall.strain.gls["mid"].peak
    if peak is not None and abs(peak - wall.gls) > _PEAK_APART:
        yield (
            f"GLS is {wall.gls:.1f} % at end-systole, frame {wall.strain.beat.es}, but {peak:.1f} % at its peak: check "
            "the frame of end-systole."
        )
    if wall.contradicted:
        yield (
            f"GLS is not to be trusted: it is {wall.gls:.1f} % by the tracked points but {wall.contour_gls:.1f} % by "
            "the contours of the masks. Points or masks are wrong; look at the movie."
        )


def _curves(values: np.ndarray, clip: CineClip, beat: Beat, correct_drift: bool) -> tuple[StrainCurve, ...]:
    times = None if clip.times_s is None else clip.times_s[beat.start : beat.end + 1]
    return tuple(StrainCurve.of(row, beat, times, True, correct_drift) for row in values)


def _counted(count: int) -> str:
    return "one segment that is" if count == 1 else f"{count} segments that are"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
