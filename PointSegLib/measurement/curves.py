"""`StrainCurve`: strain over one beat with its peaks, its rate and its drift.

Names follow Voigt et al. 2015 (doi 10.1093/ehjci/jeu184). The peak of a curve is its most negative value where the wall
is expected to shorten and its most positive one where it is expected to thicken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from PointSegLib.measurement.cycle import Beat
from PointSegLib.measurement.slopes import slope

# Strain below this, in percent, has no peak to speak of: its time and index would be those of noise.
LEAST_PEAK = 1.0


@dataclass(frozen=True, eq=False)
class StrainCurve:
    """Lagrangian strain over the frames of one beat.

    Attributes:
        values: float64 `[K]` percent, 0 at the first frame; NaN in frames without a measurement.
        beat: frames of the clip; value k belongs to frame `beat.start + k`.
        times_s: float64 `[K]` seconds, or None when unknown.
        shortens: True where the peak is negative (longitudinal strain), False where it is positive (transmural strain).
        drift: percent that the curve missed zero by at the end of a complete beat, before correction; None when the
            beat is incomplete or its last frame has no measurement.
        corrected: whether the drift was taken off `values`.
    """

    values: np.ndarray
    beat: Beat
    times_s: np.ndarray | None
    shortens: bool
    drift: float | None
    corrected: bool

    @classmethod
    def of(
        cls, values: np.ndarray, beat: Beat, times_s: np.ndarray | None, shortens: bool, correct_drift: bool
    ) -> StrainCurve:
        """A curve with its drift taken off in proportion to time, if it is known and `correct_drift` asks for it."""
        drift = float(values[-1]) if beat.complete and np.isfinite(values[-1]) else None
        if drift is None or not correct_drift:
            return cls(values, beat, times_s, shortens, drift, corrected=False)
        clock = np.arange(len(values), dtype=np.float64) if times_s is None else times_s
        share = (clock - clock[0]) / (clock[-1] - clock[0])
        return cls(values - drift * share, beat, times_s, shortens, drift, corrected=True)

    @property
    def end_systolic(self) -> float | None:
        """Strain at end-systole in percent, or None when that frame has no measurement."""
        value = float(self.values[self._es])
        return value if np.isfinite(value) else None

    @property
    def peak_systolic(self) -> float | None:
        """Peak from end-diastole to end-systole in percent."""
        index = self._peak_index(0, self._es)
        return None if index is None else float(self.values[index])

    @property
    def peak(self) -> float | None:
        """Peak of the whole beat in percent."""
        index = self._peak_index(0, len(self.values) - 1)
        return None if index is None else float(self.values[index])

    @property
    def time_to_peak_s(self) -> float | None:
        """Seconds from end-diastole to the peak of the beat; None without times, or when nothing deforms."""
        index = self._peak_index(0, len(self.values) - 1)
        if index is None or self.times_s is None or not self._deforms(float(self.values[index])):
            return None
        return float(self.times_s[index] - self.times_s[0])

    @property
    def post_systolic_index(self) -> float | None:
        """100 (peak - end-systolic) / peak: the share of the deformation that comes after end-systole, in percent.

        0 when the peak is not later than end-systole; None when nothing deforms or end-systole has no measurement.
        """
        peak, index = self.peak, self._peak_index(0, len(self.values) - 1)
        if peak is None or index is None or self.end_systolic is None or not self._deforms(peak):
            return None
        return 100.0 * (peak - self.end_systolic) / peak if index > self._es else 0.0

    @property
    def rate(self) -> np.ndarray | None:
        """Strain rate float64 `[K]` in 1/s, negative while the length falls; None without times.

        The slope of Lagrangian strain, smoothed over 25 ms, or over neighbouring frames where they are farther apart.
        """
        if self.times_s is None or np.isfinite(self.values).sum() < 2:
            return None
        return slope(self.values / 100.0, self.times_s)

    @property
    def peak_systolic_rate(self) -> float | None:
        """Strain rate of the fastest deformation before end-systole, in 1/s; None without times."""
        rate = self.rate
        return None if rate is None else float(np.nanmax(rate[: self._es + 1] * self._sign) * self._sign)

    @property
    def peak_diastolic_rate(self) -> float | None:
        """Strain rate of the fastest return after end-systole, in 1/s; None without times or frames after it."""
        rate = self.rate
        if rate is None or self._es + 1 >= len(rate):
            return None
        return float(np.nanmin(rate[self._es + 1 :] * self._sign) * self._sign)

    @property
    def _es(self) -> int:
        return self.beat.es - self.beat.start

    @property
    def _sign(self) -> float:
        return -1.0 if self.shortens else 1.0

    def _deforms(self, peak: float) -> bool:
        return peak * self._sign >= LEAST_PEAK

    def _peak_index(self, first: int, last: int) -> int | None:
        within = self.values[first : last + 1] * self._sign
        return None if np.isnan(within).all() else first + int(np.nanargmax(within))
