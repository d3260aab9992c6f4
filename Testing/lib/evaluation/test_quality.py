"""Claims about quality groups: the paper's two, and all."""

from __future__ import annotations

from PointSegLib.evaluation.quality import by_quality, described


def test_good_and_medium_go_together_and_unknown_counts_in_all_only():
    rows = [{"quality": q, "v": i} for i, q in enumerate(("Good", "medium", "Poor", "", "odd"))] + [{"v": 5}]
    groups = {name: [row["v"] for row in members] for name, members in by_quality(rows).items()}
    assert groups == {"all": [0, 1, 2, 3, 4, 5], "good+medium": [0, 1], "poor": [2]}


def test_a_group_without_rows_is_left_out():
    assert list(by_quality([{"quality": "Good"}])) == ["all", "good+medium"]


def test_rows_take_patient_and_quality_of_their_case():
    about = {"p1_4CH": {"patient": "p1", "quality": "Poor"}}
    rows = described([{"case": "p1_4CH", "dice": 0.5}, {"case": "other", "dice": 0.6}], about)
    assert rows == [
        {"patient": "p1", "quality": "Poor", "case": "p1_4CH", "dice": 0.5},
        {"patient": "other", "quality": "", "case": "other", "dice": 0.6},
    ]
