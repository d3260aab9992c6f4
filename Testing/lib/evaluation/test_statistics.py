"""Claims about paired comparisons: scipy's p values on patient means, Holm by hand, and what degenerate data gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from PointSegLib.evaluation.statistics import compare_paired, compare_with_baselines, holm


def _rows(values: list[float], names: list[str] | None = None) -> list[dict]:
    names = names or [f"p{index}" for index in range(len(values))]
    return [{"patient": name, "dice": value} for name, value in zip(names, values, strict=True)]


def _noisy(seed: int, gain: float = 0.0) -> list[float]:
    return list(np.random.default_rng(seed).normal(0.85 + gain, 0.05, 20))


def test_p_values_are_scipys_paired_tests():
    a, b = _noisy(0, 0.02), _noisy(1)
    found = compare_paired(_rows(a), _rows(b), "dice")
    assert found.t_p == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert found.wilcoxon_p == pytest.approx(stats.wilcoxon(a, b).pvalue)
    assert found.difference == pytest.approx(np.mean(a) - np.mean(b))
    assert found.low < found.difference < found.high
    assert (found.n, found.unpaired) == (20, 0)


def test_frames_of_a_patient_count_once():
    ours = _rows([0.8, 0.9, 0.7], ["p1", "p1", "p2"])
    found = compare_paired(ours, _rows([0.8, 0.6], ["p1", "p2"]), "dice")
    assert found.n == 2
    assert found.mean_a == pytest.approx((0.85 + 0.7) / 2)
    assert found.difference == pytest.approx((0.05 + 0.1) / 2)


def test_patients_are_paired_by_name_not_by_order():
    found = compare_paired(_rows([0.8, 0.6], ["p1", "p2"]), _rows([0.6, 0.8], ["p2", "p1"]), "dice")
    assert (found.difference, found.t_p, found.wilcoxon_p) == (0.0, 1.0, 1.0)
    assert (found.low, found.high) == (0.0, 0.0)


def test_a_patient_scored_by_one_method_only_is_counted_and_left_out():
    found = compare_paired(_rows([0.8, 0.6, 0.5]), _rows([0.7, 0.5, math.nan]), "dice")
    assert (found.n, found.unpaired) == (2, 1)


def test_one_patient_has_a_difference_but_no_test():
    found = compare_paired(_rows([0.8]), _rows([0.7]), "dice")
    assert found.difference == pytest.approx(0.1)
    assert all(math.isnan(value) for value in (found.low, found.high, found.t_p, found.wilcoxon_p))


def test_no_patient_in_common_leaves_nothing_but_the_count():
    found = compare_paired(_rows([0.8], ["p1"]), _rows([0.7], ["p2"]), "dice")
    assert (found.n, found.unpaired) == (0, 2)
    assert math.isnan(found.difference)


def test_the_same_gain_in_every_patient_is_certain_to_the_t_test():
    found = compare_paired(_rows([1.5, 1.25, 1.0]), _rows([1.0, 0.75, 0.5]), "dice")
    assert (found.difference, found.low, found.high, found.t_p) == (0.5, 0.5, 0.5, 0.0)


def test_the_interval_covers_the_true_gain_about_as_often_as_it_says():
    covered = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        found = compare_paired(_rows(list(rng.normal(1.0, 1.0, 40))), _rows([0.0] * 40), "dice", seed=seed)
        covered += found.low <= 1.0 <= found.high
    assert 51 <= covered <= 60


def test_swapping_the_methods_turns_the_sign_only():
    there = compare_paired(_rows(_noisy(0)), _rows(_noisy(1)), "dice")
    back = compare_paired(_rows(_noisy(1)), _rows(_noisy(0)), "dice")
    assert back.difference == pytest.approx(-there.difference)
    assert (back.t_p, back.wilcoxon_p) == pytest.approx((there.t_p, there.wilcoxon_p))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_stays_at_most_one_and_passes_over_missing_tests():
    adjusted = holm([0.6, math.nan, 0.5])
    assert adjusted[0] == adjusted[2] == 1.0
    assert math.isnan(adjusted[1])
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


def test_every_baseline_gets_a_row_with_its_n_and_corrected_p():
    ours = _rows(_noisy(0, 0.03))
    rows = compare_with_baselines(ours, {"u-net": _rows(_noisy(1)), "smoothed": _rows(_noisy(2))}, "dice")
    assert [row["baseline"] for row in rows] == ["u-net", "smoothed"]
    assert all(row["n"] == 20 for row in rows)
    assert [row["t_p_holm"] for row in rows] == pytest.approx(holm([row["t_p"] for row in rows]))
