"""Heart beats of a clip: end-diastole and end-systole from the LV area, from R waves, or as the user says.

End-diastole is the R wave where the file carries it, else the frame of the largest cavity; end-systole is the frame of
the smallest (after Lang et al. 2015, doi 10.1016/j.echo.2014.10.003, and Voigt et al. 2015, doi 10.1093/ehjci/jeu184).
The closing of the aortic valve, the better mark of end-systole, is not looked for. The first and the last frame of a
clip are end-diastole only by guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy import signal

from PointSegLib.errors import MeasurementError

# The width of a Gaussian that takes the flicker of masks from the area and leaves a contraction of 200 ms alone.
_SMOOTH_S = 0.025
_SMOOTH_FRAMES = 1.0
# A turn of the area counts as systole from this share of the curve's whole swing on; an atrial kick stays below it.
_TURN_SHARE = 0.3
# Least swing of the smoothed area relative to its median, and in standard deviations of the noise that is left in it:
# pure noise swings by about five over a hundred frames.
_LEAST_SWING, _LEAST_SWING_NOISE = 0.04, 5.0
# An end-diastole this near to the clip's border is a guess; it still ends a whole beat where the cavity has refilled by
# this share of the contraction.
_BORDER_FRAMES, _REFILLED = 2, 0.9
# At an R wave the cavity should have at least this share of its swing.
_LARGE_SHARE = 0.5
_PLAUSIBLE_BPM = (25.0, 250.0)


@dataclass(frozen=True)
class Beat:
    """One beat, in frames of the clip.

    Attributes:
        start: end-diastole before the contraction.
        es: end-systole.
        end: the next end-diastole, or the last frame that belongs to an incomplete beat.
        complete: whether the clip shows the beat from one end-diastole to the next.
        at_border: whether it is complete only if the border of the clip, where the cavity is full again or still, is
            end-diastole: a guess of a few frames.
    """

    start: int
    es: int
    end: int
    complete: bool
    at_border: bool = False


@dataclass(frozen=True)
class Cycle:
    """The beats of a clip.

    Attributes:
        beats: in order of time; neighbours share an end-diastole. Empty when no contraction was found: see `warnings`.
        heart_rate_bpm: beats per minute, mean over the complete beats, or None when it cannot be told.
        warnings: what is missing or only guessed, one sentence each.
        from_r_waves: whether end-diastole is the R wave of the ECG.
    """

    beats: tuple[Beat, ...]
    heart_rate_bpm: float | None
    warnings: tuple[str, ...] = field(default=())
    from_r_waves: bool = False


@dataclass(frozen=True, eq=False)
class _Curve:
    """The smoothed area `[K]` of the K frames that have one, their numbers, and whether it moves beyond its noise."""

    frames: np.ndarray
    area: np.ndarray
    moves: bool

    @property
    def least_fall(self) -> float:
        """The fall of the area that counts as a systole."""
        return _TURN_SHARE * float(np.ptp(self.area))

    @property
    def last(self) -> int:
        return len(self.area) - 1

    def fall(self, start: int, end: int) -> float:
        return float(self.area[start] - self.area[end])


def find_beats(
    lv_area: np.ndarray, times_s: np.ndarray | None = None, r_waves_s: Sequence[float] | np.ndarray | None = None
) -> Cycle:
    """Find the beats of a clip.

    Args:
        lv_area: float `[T]`, area of the LV cavity in any unit; NaN where it is unknown, such frames are passed over.
        times_s: float `[T]`, increasing; None when unknown: there is then no heart rate.
        r_waves_s: times of the R waves on the clock of `times_s`: end-diastole is the frame nearest to each, and
            end-systole that of the smallest area before the next. None takes end-diastole from the area as well.

    Returns:
        The beats; none, with the reason, for one frame, a curve that hardly changes, or no contraction inside the clip.

    Raises:
        MeasurementError: when the arrays do not fit each other, or R waves come without times.
    """
    area, times = _checked(lv_area, times_s)
    warnings: list[str] = []
    curve = _smoothed(area, times, warnings)
    if curve is None:
        return Cycle((), None, tuple(warnings))
    known_ed = _r_indices(r_waves_s, times, curve, warnings)
    spans = _spans_of_area(curve) if known_ed is None else _spans_of_r_waves(curve, known_ed)
    warnings.extend(_contradicted(curve, known_ed or []))
    beats = [_beat(curve, span, frozenset(known_ed or ()), warnings) for span in spans]
    if not beats:
        warnings.append("The clip shows no contraction from end-diastole to end-systole: beats cannot be measured.")
    return _cycle(beats, times, warnings, known_ed is not None)


def beats_from_frames(
    ed_frames: Sequence[int], es_frames: Sequence[int], n_frames: int, times_s: np.ndarray | None = None
) -> Cycle:
    """The beats a user names, instead of those found.

    Args:
        ed_frames: end-diastolic frames; the last may stand without a contraction after it, and then ends the last beat.
        es_frames: end-systolic frames, one after each end-diastole that starts a beat.
        n_frames: frames of the clip.
        times_s: float `[n_frames]`, or None when unknown.

    Returns:
        The beats. The last one is incomplete, and reaches to the end of the clip, when no end-diastole follows it.

    Raises:
        MeasurementError: when a frame does not exist, or the frames do not alternate ED, ES, ED from the first on.
    """
    ed, es = sorted({int(f) for f in ed_frames}), sorted({int(f) for f in es_frames})
    for frame in (*ed, *es):
        if not 0 <= frame < n_frames:
            msg = f"frame {frame} is not in the clip; give frames from 0 to {n_frames - 1}."
            raise MeasurementError(msg)
    order = sorted([(frame, 0) for frame in ed] + [(frame, 1) for frame in es])
    alternate = all(kind == index % 2 for index, (_, kind) in enumerate(order)) and not set(ed) & set(es)
    if not es or not alternate:
        msg = f"end-diastoles {ed} and end-systoles {es} do not alternate; give one ED, one ES, the next ED and so on."
        raise MeasurementError(msg)
    _, times = _checked(np.zeros(n_frames), times_s)
    beats = [
        Beat(start, middle, ed[index + 1] if index + 1 < len(ed) else n_frames - 1, index + 1 < len(ed))
        for index, (start, middle) in enumerate(zip(ed, es, strict=False))
    ]
    return _cycle(beats, times, [])


def _checked(lv_area: np.ndarray, times_s: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    area = np.asarray(lv_area, np.float64)
    if area.ndim != 1 or not len(area):
        msg = f"the LV area must be one number per frame, not an array of shape {list(area.shape)}."
        raise MeasurementError(msg)
    if times_s is None:
        return area, None
    times = np.asarray(times_s, np.float64)
    if times.shape != area.shape or not (np.diff(times) > 0).all():
        msg = f"{times.size} times for {len(area)} frames: give one time per frame, increasing, or None if unknown."
        raise MeasurementError(msg)
    return area, times


def _smoothed(area: np.ndarray, times: np.ndarray | None, warnings: list[str]) -> _Curve | None:
    """The curve of the known frames by Gaussian weights in time; None when they are too few for a beat."""
    known = np.flatnonzero(np.isfinite(area) & (area > 0))
    if len(known) < len(area):
        warnings.append(f"{len(area) - len(known)} of {len(area)} frames have no LV area and were passed over.")
    if len(known) < 2:
        warnings.append(f"{len(known)} frame{'' if len(known) == 1 else 's'} with an LV area show no beat.")
        return None
    at, width = (known.astype(np.float64), _SMOOTH_FRAMES) if times is None else (times[known], _SMOOTH_S)
    weight = np.exp(-0.5 * ((at[:, None] - at) / width) ** 2)
    weight /= weight.sum(1, keepdims=True)
    smooth = weight @ area[known]
    noise = _noise(area[known]) * float(np.linalg.norm(weight, axis=1).max())
    swing, middle = float(np.ptp(smooth)), float(np.median(smooth))
    moves = swing > max(_LEAST_SWING * middle, _LEAST_SWING_NOISE * noise)
    if not moves:
        said = f"The LV area changes by {100 * swing / middle:.1f} %, no more than its noise"
        warnings.append(f"{said}: end-systole cannot be told from it.")
    return _Curve(known, smooth, moves)


def _noise(values: np.ndarray) -> float:
    """Standard deviation of what changes from frame to frame: second differences know no slow course."""
    return float(np.diff(values, 2).std() / np.sqrt(6.0)) if len(values) > 3 else 0.0


def _spans_of_area(curve: _Curve) -> list[tuple[int, int, int]]:
    """(start, es, end) around every significant minimum that a fall leads to; it ends where the next one starts."""
    if not curve.moves:
        return []
    # Frames outside the clip are taken as larger than all in it, so that its first and last frame may be minima.
    outside = 2.0 * curve.area.max()
    padded = np.concatenate([[outside], curve.area, [outside]])
    minima = [int(m) - 1 for m in signal.find_peaks(-padded, prominence=curve.least_fall)[0]]
    peaks = [low + int(curve.area[low : high + 1].argmax()) for low, high in pairwise([0, *minima, curve.last])]
    if curve.fall(peaks[-1], minima[-1]) < curve.least_fall:
        peaks[-1] = curve.last
    spans = zip(peaks, minima, peaks[1:], strict=False)
    return [span for span in spans if curve.fall(span[0], span[1]) >= curve.least_fall]


def _spans_of_r_waves(curve: _Curve, known_ed: list[int]) -> list[tuple[int, int, int]]:
    """(start, es, end) from R wave to R wave, and of the contractions before the first and after the last."""
    inner = [(a, a + 1 + int(curve.area[a + 1 : b].argmin()), b) for a, b in pairwise(known_ed) if b > a + 1]
    if not curve.moves:
        return inner
    first, last = known_ed[0], known_ed[-1]
    es = int(curve.area[: max(first, 1)].argmin())
    before = (int(curve.area[: es + 1].argmax()), es, first)
    after = (last, last + int(curve.area[last:].argmin()), curve.last)
    outer = [span if curve.fall(span[0], span[1]) >= curve.least_fall else None for span in (before, after)]
    return [span for span in (outer[0], *inner, outer[1]) if span is not None]


def _r_indices(
    r_waves_s: Sequence[float] | np.ndarray | None, times: np.ndarray | None, curve: _Curve, warnings: list[str]
) -> list[int] | None:
    """Indices of the curve nearest to the R waves inside the clip; None when there are none."""
    if r_waves_s is None:
        return None
    if times is None:
        msg = "R waves were given for a clip without frame times; give times_s on the same clock, or no R waves."
        raise MeasurementError(msg)
    waves = np.asarray(r_waves_s, np.float64).reshape(-1)
    slack = float(np.diff(times).mean()) / 2.0
    waves = waves[(waves >= times[0] - slack) & (waves <= times[-1] + slack)]
    if not len(waves):
        warnings.append("No R wave lies inside the clip: end-diastole was taken from the LV area.")
        return None
    return sorted({int(np.abs(times[curve.frames] - wave).argmin()) for wave in waves})


def _contradicted(curve: _Curve, known_ed: list[int]) -> Iterator[str]:
    """R waves at which the cavity is not large."""
    middle = float(curve.area.min()) + _LARGE_SHARE * float(np.ptp(curve.area))
    wrong = [int(curve.frames[index]) for index in known_ed if curve.moves and curve.area[index] < middle]
    if wrong:
        named = f"frame{'s' if len(wrong) > 1 else ''} {', '.join(map(str, wrong))}"
        yield f"By the R waves of the file {named} would be end-diastole, but the cavity is small there: look at it."


def _beat(curve: _Curve, span: tuple[int, int, int], known_ed: frozenset[int], warnings: list[str]) -> Beat:
    """The beat of a span; what is doubtful about it is said."""
    start, es, end = span
    guessed = {
        start: start < _BORDER_FRAMES and start not in known_ed,
        end: end > curve.last - _BORDER_FRAMES and end not in known_ed,
    }
    level = _REFILLED * max(curve.fall(start, es), curve.fall(end, es))
    complete = end > es and all(not guess or curve.fall(at, es) >= level for at, guess in guessed.items())
    frames = [int(curve.frames[index]) for index in span]
    for at, frame in zip(span[::2], frames[::2], strict=True):
        if complete and guessed[at]:
            warnings.append(f"Frame {frame} lies at the border of the clip: that it is end-diastole is a guess.")
    return Beat(frames[0], frames[1], frames[2], complete, complete and any(guessed.values()))


def _cycle(beats: list[Beat], times: np.ndarray | None, warnings: list[str], from_r_waves: bool = False) -> Cycle:
    """The beats with their heart rate, or the reason why there is none."""
    whole = [beat for beat in beats if beat.complete]
    for beat in beats:
        if not beat.complete:
            said = "" if beat.es < beat.end else " Its last frame, taken for end-systole, is a guess."
            named = f"The beat of frames {beat.start} to {beat.end} is incomplete: end-diastole is missing at one end"
            warnings.append(f"{named} or both.{said}")
    rate = None
    if times is None:
        warnings.append("The times of the frames are unknown: there is no heart rate.")
    elif not whole:
        warnings.append("No beat is complete: there is no heart rate.")
    else:
        whole = [beat for beat in whole if not beat.at_border] or whole
        rate = 60.0 * len(whole) / sum(float(times[beat.end] - times[beat.start]) for beat in whole)
        if not _PLAUSIBLE_BPM[0] <= rate <= _PLAUSIBLE_BPM[1]:
            warnings.append(f"A heart rate of {rate:.0f} per minute is not plausible: check the times of the frames.")
    return Cycle(tuple(beats), rate, tuple(warnings), from_r_waves)
