"""How far the measurement of each segment, and of the clip, can be trusted, with the reasons in words.

Tracking is checked segment by segment, as is the practice in strain imaging (Voigt et al. 2015, doi
10.1093/ehjci/jeu184); a segment that is not trusted is left out of GLS unless the user insists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.cycle import Beat
from PointSegLib.measurement.displacement import WallBasis
from PointSegLib.measurement.outline import arc_length
from PointSegLib.measurement.speckle import frame_to_frame_correlation, read_patches
from PointSegLib.measurement.wall_lines import LAYERS, WallLines
from PointSegLib.result import PointTracks

_PATCH_STEP = 4
_DARK_SHARE = 1.0 / 3.0


@dataclass(frozen=True)
class TrustLimits:
    """Where trust ends. The limits are PointSeg's own but for the frame rate.

    Attributes:
        points: fewest tracked points in a segment or close beside it.
        visible: least share of points and frames in which they are visible.
        correlation: least mean correlation of the speckle from frame to frame.
        strain_error: largest standard error of the strain of a segment, in percentage points.
        return_error: largest forward-backward error of the points, in thicknesses of the wall: just above what segments
            of real beats showed (0.20), and far above those of simulated ones (99 % below 0.18). It finds tissue that
            was lost, not tissue whose motion is underestimated both ways.
        beyond_sector: largest share of a segment outside the fan.
        dark: largest share of frames in which a segment lies in shadow.
        frame_rate_hz: fewest frames per second (Mor-Avi et al. 2011, doi 10.1016/j.echo.2011.01.015: 40 to 80).
    """

    points: int = 2
    visible: float = 0.6
    correlation: float = 0.45
    strain_error: float = 6.0
    return_error: float = 0.25
    beyond_sector: float = 0.4
    dark: float = 0.5
    frame_rate_hz: float = 40.0


DEFAULT_LIMITS = TrustLimits()


@dataclass(frozen=True)
class SegmentTrust:
    """What speaks for and against one segment in one beat.

    Attributes:
        name: of the segment.
        points: tracked points in it or close beside it.
        visible: share of points and frames in which they are visible, or None without points.
        confidence: mean confidence of the tracker, or None without points.
        correlation: mean correlation of the speckle around the moving mid-wall line between neighbouring frames.
        strain_error: standard error of its longitudinal strain in percentage points, as far as scatter of points tells.
        return_error: mean forward-backward error of its points in thicknesses of the wall; None where it is not known.
        beyond_sector: share of its lines, over the beat, outside the fan; None where the fan is not known.
        dark: share of frames in which it is less than a third as bright as the wall's segments in the middle.
        reasons: why it is not trusted, one sentence each.
    """

    name: str
    points: int
    visible: float | None
    confidence: float | None
    correlation: float
    strain_error: float
    return_error: float | None
    beyond_sector: float | None
    dark: float
    reasons: tuple[str, ...] = field(default=())

    @property
    def trusted(self) -> bool:
        """Whether it belongs into GLS."""
        return not self.reasons


@dataclass(frozen=True)
class ClipTrust:
    """What the clip allows.

    Attributes:
        frame_rate_hz: mean frames per second, or None when unknown.
        calibration: where the size of a pixel came from, in words; empty when it is unknown.
        doubts: what must be kept in mind, one sentence each.
    """

    frame_rate_hz: float | None
    calibration: str
    doubts: tuple[str, ...] = field(default=())


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a wall was measured from.

    Attributes:
        clip: the movie.
        tracks: the points.
        lines: carried by them.
        inside: bool `[H, W]`, the ultrasound fan (`sector.find_sector`), or None when unknown.
        return_error_px: float `[N]`, how far from its start each point comes to lie when tracked forward and back, NaN
            where that is not known (`wall_points.follow_wall_points`); None when it was not done.
    """

    clip: CineClip
    tracks: PointTracks
    lines: WallLines
    inside: np.ndarray | None = None
    return_error_px: np.ndarray | None = None


def judge_clip(clip: CineClip, limits: TrustLimits = DEFAULT_LIMITS) -> ClipTrust:
    """Say what frame rate and calibration allow; see `ClipTrust`."""
    rate, doubts = clip.frame_rate_hz, []
    if rate is None:
        doubts.append("The frame rate is unknown: peaks between frames may be missed, and there are no strain rates.")
    elif rate < limits.frame_rate_hz:
        doubts.append(
            f"{rate:.0f} frames per second are few: below {limits.frame_rate_hz:.0f}, peak strain may be missed and "
            "strain rates are too low."
        )
    if clip.spacing_mm is None:
        doubts.append("The size of a pixel is unknown: strain assumes square pixels, and there are no lengths in mm.")
    return ClipTrust(rate, clip.calibration, tuple(doubts))


def judge_segments(evidence: Evidence, beat: Beat, limits: TrustLimits = DEFAULT_LIMITS) -> tuple[SegmentTrust, ...]:
    """Judge every segment over one beat.

    Args:
        evidence: clip, tracks and the lines that follow them.
        beat: the frames that count.
        limits: where trust ends.

    Returns:
        One verdict per segment, in the order of the lines.

    Raises:
        MeasurementError: when the lines do not follow tracks, or clip, tracks and lines do not fit each other.
    """
    error = _checked_error(evidence, beat)
    frames, share = slice(beat.start, beat.end + 1), evidence.lines.geometry.share
    points = _points_of_segments(evidence)
    correlation, dark = _picture(evidence, frames)
    beyond, strain_error = _outside(evidence, frames), _strain_error(evidence.lines, error[frames])
    verdicts = []
    for index, segment in enumerate(evidence.lines.geometry.segments):
        own = points[index]
        on_line = (share >= segment.start) & (share <= segment.end)
        trust = SegmentTrust(
            name=segment.name,
            points=int(own.sum()),
            visible=float(evidence.tracks.visible[own, frames].mean()) if own.any() else None,
            confidence=float(evidence.tracks.confidence[own, frames].mean()) if own.any() else None,
            correlation=float(np.nan_to_num(correlation[index])),
            strain_error=float(strain_error[index]),
            return_error=_return_error(evidence, own),
            beyond_sector=None if beyond is None else float(beyond[:, on_line].mean()),
            dark=float(dark[index]),
        )
        verdicts.append(replace(trust, reasons=tuple(_reasons(trust, limits))))
    return tuple(verdicts)


def _checked_error(evidence: Evidence, beat: Beat) -> np.ndarray:
    """The standard error `[T, M]` of the lines, after a look at whether all belongs together."""
    count, lines = len(evidence.clip), evidence.lines
    if lines.error is None:
        msg = "lines read from masks cannot be judged by tracking; give those of follow_wall."
        raise MeasurementError(msg)
    if not len(lines) == evidence.tracks.xy.shape[1] == count or not 0 <= beat.start < beat.end < count:
        msg = (
            f"a clip of {count} frames, tracks of {evidence.tracks.xy.shape[1]}, lines of {len(lines)} and a beat to "
            f"frame {beat.end} do not belong together."
        )
        raise MeasurementError(msg)
    return lines.error


def _points_of_segments(evidence: Evidence) -> np.ndarray:
    """Bool `[S, N]`: which points lie in or close beside each segment."""
    geometry = evidence.lines.geometry
    basis = WallBasis(geometry)
    places = basis.locate(geometry.scale.to_units(evidence.tracks.xy[:, geometry.frame]))
    share = np.clip(places.share, 0.0, 1.0)
    near = basis.usefulness(places) > 0
    return np.stack([near & (share >= segment.start) & (share <= segment.end) for segment in geometry.segments])


def _picture(evidence: Evidence, frames: slice) -> tuple[np.ndarray, np.ndarray]:
    """Mean frame-to-frame correlation of the speckle, and share of dark frames, of each segment: both `[S]`."""
    geometry = evidence.lines.geometry
    side = geometry.scale.to_pixels(np.full(2, _thickness(evidence.lines)))
    line, share = evidence.lines.mid[frames, ::_PATCH_STEP], geometry.share[::_PATCH_STEP]
    patches = read_patches(evidence.clip.frames[frames], line, side)
    alike, grey = frame_to_frame_correlation(patches), patches.mean(-1)
    own = [(share >= segment.start) & (share <= segment.end) for segment in geometry.segments]
    level = np.stack([grey[:, chosen].mean(1) for chosen in own])
    known = np.isfinite(level[0])
    dark = (level < _DARK_SHARE * np.median(level, axis=0))[:, known].mean(1)
    pairs = np.isfinite(alike).all(1)
    return np.stack([alike[pairs][:, chosen].mean() if pairs.any() else 0.0 for chosen in own]), dark


def _thickness(lines: WallLines) -> float:
    """Mean thickness of the wall in its own frame, in units."""
    geometry = lines.geometry
    return float(np.linalg.norm(geometry.scale.to_units(geometry.epi - geometry.endo), axis=1).mean())


def _outside(evidence: Evidence, frames: slice) -> np.ndarray | None:
    """Share `[K, M]` of the three lines that lies outside the fan at each place; frames without lines are left out."""
    if evidence.inside is None:
        return None
    height, width = evidence.inside.shape
    shares = []
    for layer in LAYERS:
        line = evidence.lines.layer(layer)[frames][evidence.lines.known[frames]]
        x, y = np.rint(line).astype(int).transpose(2, 0, 1)
        within = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        shares.append(~(within & evidence.inside[y.clip(0, height - 1), x.clip(0, width - 1)]))
    return np.mean(shares, axis=0)


def _strain_error(lines: WallLines, error: np.ndarray) -> np.ndarray:
    """Standard error `[S]` of the longitudinal strain of each segment, in percentage points, mean over the beat.

    The errors of a segment's ends are taken as independent, and half of their variance as along the wall.
    """
    geometry = lines.geometry
    mean = np.sqrt(np.nanmean(error**2, axis=0))
    length = float(arc_length(geometry.scale.to_units(geometry.mid))[-1])
    start, end = (np.array([getattr(s, side) for s in geometry.segments]) for side in ("start", "end"))
    ends = [np.interp(at, geometry.share, mean) for at in (start, end)]
    return 100.0 * np.hypot(*ends) / np.sqrt(2.0) / ((end - start) * length)


def _return_error(evidence: Evidence, own: np.ndarray) -> float | None:
    if evidence.return_error_px is None:
        return None
    known = evidence.return_error_px[own & np.isfinite(evidence.return_error_px)]
    if not len(known):
        return None
    pixel = np.sqrt(evidence.lines.geometry.scale.pixel_area)
    return float(np.mean(known)) * float(pixel) / _thickness(evidence.lines)


def _reasons(trust: SegmentTrust, limits: TrustLimits) -> Iterator[str]:
    if trust.points < limits.points:
        yield f"Only {trust.points} tracked points lie in it."
    if trust.visible is not None and trust.visible < limits.visible:
        yield f"Its points are visible in {100 * trust.visible:.0f} % of the frames only."
    if trust.correlation < limits.correlation:
        yield f"Its speckle changes from frame to frame (correlation {trust.correlation:.2f})."
    if trust.strain_error > limits.strain_error:
        yield f"Its points disagree: strain is known to {trust.strain_error:.0f} percentage points only."
    if trust.return_error is not None and trust.return_error > limits.return_error:
        yield f"Tracked back, its points miss their start by {100 * trust.return_error:.0f} % of the wall's thickness."
    if trust.beyond_sector is not None and trust.beyond_sector > limits.beyond_sector:
        yield f"{100 * trust.beyond_sector:.0f} % of it lies outside the ultrasound fan."
    if trust.dark > limits.dark:
        yield f"It lies in shadow in {100 * trust.dark:.0f} % of the frames."
