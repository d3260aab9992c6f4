"""Strain of the left ventricle's wall over one beat.

All strain is Lagrangian, (L - L0) / L0 with L0 at the end-diastole that starts the beat, in percent: longitudinal
strain is negative where the wall shortens, transmural (radial) strain positive where it thickens. Definitions follow
Voigt et al. 2015 (doi 10.1093/ehjci/jeu184).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.curves import StrainCurve
from PointSegLib.measurement.cycle import Beat
from PointSegLib.measurement.outline import arc_length
from PointSegLib.measurement.wall_lines import LAYERS, WallLines


@dataclass(frozen=True, eq=False)
class WallStrain:
    """Strain of one beat; curves run over its frames, the first to the last.

    Attributes:
        beat: the frames.
        gls: layer -> longitudinal strain of the whole line, or of its trusted segments only: see `left_out`. Its
            end-systolic value at mid-wall is the GLS.
        longitudinal: longitudinal strain at mid-wall, one curve per segment.
        transmural: transmural strain, one curve per segment.
        names: of the segments.
        left_out: names of the segments that are not in `gls`.
        warnings: what limits it, one sentence each.
    """

    beat: Beat
    gls: dict[str, StrainCurve]
    longitudinal: tuple[StrainCurve, ...]
    transmural: tuple[StrainCurve, ...]
    names: tuple[str, ...]
    left_out: tuple[str, ...]
    warnings: tuple[str, ...] = field(default=())


def measure_strain(
    lines: WallLines,
    beat: Beat,
    times_s: np.ndarray | None = None,
    trusted: Sequence[bool] | None = None,
    correct_drift: bool = True,
) -> WallStrain:
    """All strain curves of one beat.

    Args:
        lines: of the clip.
        beat: to be measured.
        times_s: float `[T]`, seconds of the frames of the clip, or None when unknown.
        trusted: per segment whether it belongs into GLS; None takes all.
        correct_drift: take the drift that is left at the end of a complete beat off each curve, in proportion to time.

    Returns:
        The curves.

    Raises:
        MeasurementError: when the beat or the times do not fit the lines, the lines are unknown at the start of the
            beat, or no segment is trusted.
    """
    _check(lines, beat)
    names = tuple(segment.name for segment in lines.geometry.segments)
    used = np.ones(len(names), bool) if trusted is None else np.asarray(trusted, bool)
    if used.shape != (len(names),) or not used.any():
        msg = f"GLS needs at least one trusted segment of {len(names)}; measure all of them with trusted=None."
        raise MeasurementError(msg)
    if times_s is not None and len(times_s) != len(lines):
        msg = f"{len(times_s)} times were given for {len(lines)} frames; give one each, or None if they are unknown."
        raise MeasurementError(msg)
    times = None if times_s is None else np.asarray(times_s, np.float64)[beat.start : beat.end + 1]

    def curve(values: np.ndarray, shortens: bool) -> StrainCurve:
        return StrainCurve.of(values, beat, times, shortens, correct_drift)

    return WallStrain(
        beat=beat,
        gls={layer: curve(longitudinal_strain(lines, beat, layer, used), True) for layer in LAYERS},
        longitudinal=tuple(curve(values, True) for values in segmental_strain(lines, beat)),
        transmural=tuple(curve(values, False) for values in transmural_strain(lines, beat)),
        names=names,
        left_out=tuple(name for name, is_used in zip(names, used, strict=True) if not is_used),
        warnings=_doubts(lines, beat, times_s, correct_drift),
    )


def longitudinal_strain(lines: WallLines, beat: Beat, layer: str = "mid", used: np.ndarray | None = None) -> np.ndarray:
    """Global longitudinal strain: the change in length of a whole line, annulus to annulus (Voigt et al. 2015).

    Args:
        lines: of the clip.
        beat: its start is the reference.
        layer: "endo", "mid" or "epi".
        used: bool per segment: the lengths of these are summed; None takes the whole line.

    Returns:
        float64 `[K]` percent over the frames of the beat, negative for shortening; NaN in frames without lines.

    Raises:
        MeasurementError: when the beat does not fit the lines, or they are unknown at its start.
    """
    _check(lines, beat)
    lengths = _segment_lengths(lines, layer)
    total = lengths.sum(0) if used is None else lengths[np.asarray(used, bool)].sum(0)
    return _lagrangian(total, beat)


def segmental_strain(lines: WallLines, beat: Beat, layer: str = "mid") -> np.ndarray:
    """Longitudinal strain of each segment, float64 `[S, K]` percent; see `longitudinal_strain`."""
    _check(lines, beat)
    return _lagrangian(_segment_lengths(lines, layer), beat)


def transmural_strain(lines: WallLines, beat: Beat) -> np.ndarray:
    """Transmural (radial) strain of each segment: the change of the distance from endocardium to epicardium.

    The distance is that of the material that lay across the wall at end-diastole, averaged over the segment. In apical
    views the wall is thin beside the distance of tracked points: expect it to be much less exact than strain along it.

    Args:
        lines: of the clip.
        beat: its start is the reference.

    Returns:
        float64 `[S, K]` percent over the frames of the beat, positive for thickening.

    Raises:
        MeasurementError: when the beat does not fit the lines, or they are unknown at its start.
    """
    _check(lines, beat)
    scale, share = lines.geometry.scale, lines.geometry.share
    thickness = np.linalg.norm(scale.to_units(lines.epi - lines.endo), axis=-1)
    inside = [(share >= segment.start) & (share <= segment.end) for segment in lines.geometry.segments]
    return _lagrangian(np.stack([thickness[:, chosen].mean(1) for chosen in inside]), beat)


def dyssynchrony(curves: Sequence[StrainCurve]) -> float | None:
    """Mechanical dispersion: standard deviation of the segments' time to peak strain, in milliseconds.

    Peaks after end-systole count (Haugaa et al. 2010, doi 10.1016/j.jcmg.2009.11.012).

    Args:
        curves: of the segments of one or more views of one heart rate.

    Returns:
        The sample standard deviation, or None when fewer than two segments have a time to peak.
    """
    times = [curve.time_to_peak_s for curve in curves]
    known = [time for time in times if time is not None]
    return float(1000.0 * np.std(known, ddof=1)) if len(known) > 1 else None


def _check(lines: WallLines, beat: Beat) -> None:
    if not 0 <= beat.start < beat.end < len(lines) or not beat.start <= beat.es <= beat.end:
        msg = (
            f"a beat from frame {beat.start} over {beat.es} to {beat.end} cannot be measured in {len(lines)} frames; "
            "at least end-diastole and one later frame are needed."
        )
        raise MeasurementError(msg)
    if not lines.known[beat.start]:
        msg = f"the wall is unknown in frame {beat.start}, the end-diastole of the beat; choose another beat or frame."
        raise MeasurementError(msg)


def _segment_lengths(lines: WallLines, layer: str) -> np.ndarray:
    """Length float64 `[S, T]` of each segment along a layer, in units."""
    along = arc_length(lines.geometry.scale.to_units(lines.layer(layer)))
    segments = lines.geometry.segments
    last = along.shape[1] - 1
    place = np.array([segment.start for segment in segments] + [segments[-1].end]) * last
    before = np.minimum(place.astype(int), last - 1)
    part = place - before
    return np.diff(along[:, before] * (1.0 - part) + along[:, before + 1] * part, axis=1).T


def _lagrangian(length: np.ndarray, beat: Beat) -> np.ndarray:
    within = length[..., beat.start : beat.end + 1]
    return 100.0 * (within / within[..., :1] - 1.0)


def _doubts(lines: WallLines, beat: Beat, times_s: np.ndarray | None, correct_drift: bool) -> tuple[str, ...]:
    doubts = list(lines.warnings)
    if not beat.complete:
        left = " and could not be corrected" if correct_drift else ""
        doubts.append(f"The beat from frame {beat.start} to {beat.end} is not complete: drift is unknown{left}.")
    if times_s is None:
        doubts.append("The times of the frames are unknown: there are no strain rates and no times to peak.")
    return tuple(doubts)
