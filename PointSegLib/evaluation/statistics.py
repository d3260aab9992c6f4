"""Is one method better than another on the same patients? Paired tests, their correction, and the size of the gain.

Frames of one patient are not independent, so each patient counts once, with the mean over its rows. The t-test asks
about the mean of the differences, Wilcoxon's signed-rank test about their place without assuming a normal shape; the
bootstrap interval says how large the difference is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from PointSegLib.evaluation.summary import RESAMPLES, Row, defined

_NOTHING = float("nan")


@dataclass(frozen=True)
class PairedComparison:
    """Method a against method b on the cases both were scored on.

    Attributes:
        metric: the column compared.
        n: cases that have a value in both.
        unpaired: cases left out because only one of the two has a value.
        mean_a: mean over the n cases.
        mean_b: mean over the n cases.
        difference: mean of a - b.
        low: lower end of the 95 % bootstrap percentile interval of `difference`, cases drawn with replacement.
        high: its upper end.
        t_p: two-sided p of the paired t-test.
        wilcoxon_p: two-sided p of Wilcoxon's signed-rank test, zero differences dropped.

    With n = 0 all numbers are NaN; with n = 1 interval and p are. Differences that are all zero give p = 1.
    """

    metric: str
    n: int
    unpaired: int
    mean_a: float
    mean_b: float
    difference: float
    low: float
    high: float
    t_p: float
    wilcoxon_p: float

    def as_row(self) -> dict[str, Any]:
        """The comparison by name, for a table."""
        return asdict(self)


def compare_paired(
    rows_a: Sequence[Row], rows_b: Sequence[Row], metric: str, case: str = "patient", seed: int = 0
) -> PairedComparison:
    """Compare one column of two methods, case by case.

    Args:
        rows_a: rows of the first method; NaN and None count as undefined.
        rows_b: rows of the second method.
        metric: column of numbers to compare.
        case: column that names the independent unit; its rows are averaged first.
        seed: of the bootstrap; the same rows and seed give the same interval.

    Raises:
        KeyError: when a row lacks the column `case`.
    """
    means_a, means_b = (case_means(rows, metric, case) for rows in (rows_a, rows_b))
    shared = [name for name in means_a if name in means_b]
    a, b = (np.array([means[name] for name in shared]) for means in (means_a, means_b))
    gain = a - b
    low, high = _interval(gain, seed)
    t_p, wilcoxon_p = _p_values(gain)
    return PairedComparison(
        metric=metric,
        n=len(shared),
        unpaired=len(means_a.keys() ^ means_b.keys()),
        mean_a=_mean(a),
        mean_b=_mean(b),
        difference=_mean(gain),
        low=low,
        high=high,
        t_p=t_p,
        wilcoxon_p=wilcoxon_p,
    )


def compare_with_baselines(
    ours: Sequence[Row], baselines: Mapping[str, Sequence[Row]], metric: str, case: str = "patient", seed: int = 0
) -> list[dict[str, Any]]:
    """Compare one method with each of several, correcting for their number after Holm.

    Returns:
        One row per baseline: `baseline`, the fields of `PairedComparison` (a is ours), `t_p_holm` and
        `wilcoxon_p_holm`.
    """
    found = {name: compare_paired(ours, rows, metric, case, seed) for name, rows in baselines.items()}
    t_p = holm([one.t_p for one in found.values()])
    wilcoxon_p = holm([one.wilcoxon_p for one in found.values()])
    return [
        {"baseline": name, **one.as_row(), "t_p_holm": t, "wilcoxon_p_holm": w}
        for (name, one), t, w in zip(found.items(), t_p, wilcoxon_p, strict=True)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (Scand. J. Statist. 1979), which holds the family-wise error rate.

    Args:
        p_values: one per hypothesis; NaN marks a test that could not be made and does not count.

    Returns:
        Adjusted p values in the same order, at most 1.
    """
    adjusted = [_NOTHING] * len(p_values)
    order = sorted((index for index, p in enumerate(p_values) if not math.isnan(p)), key=lambda i: p_values[i])
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def case_means(rows: Sequence[Row], metric: str, case: str) -> dict[Any, float]:
    """Mean of one column over the rows of each case; cases without a defined value are left out."""
    values: dict[Any, list[float]] = {}
    for row in rows:
        if defined(row.get(metric)):
            values.setdefault(row[case], []).append(float(row[metric]))
    return {name: float(np.mean(found)) for name, found in values.items()}


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else _NOTHING


def _interval(gain: np.ndarray, seed: int) -> tuple[float, float]:
    if len(gain) < 2:
        return _NOTHING, _NOTHING
    drawn = np.random.default_rng(seed).integers(0, len(gain), (RESAMPLES, len(gain)))
    low, high = np.percentile(gain[drawn].mean(1), [2.5, 97.5])
    return float(low), float(high)


def _p_values(gain: np.ndarray) -> tuple[float, float]:
    """(t-test, Wilcoxon), two-sided; scipy's own t-test warns of differences that are almost the same."""
    if len(gain) < 2:
        return _NOTHING, _NOTHING
    if not gain.any():
        return 1.0, 1.0
    error = float(gain.std(ddof=1)) / math.sqrt(len(gain))
    t = abs(float(gain.mean())) / error if error else math.inf
    return float(2.0 * stats.t.sf(t, len(gain) - 1)), float(stats.wilcoxon(gain).pvalue)
