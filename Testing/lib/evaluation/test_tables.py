"""Claims about the paper's tables: the published figures are the paper's, and no cell stands without data and n."""

from __future__ import annotations

import pytest
from shared_data import shared_data

from PointSegLib.errors import PointSegError
from PointSegLib.evaluation.cells import Cell
from PointSegLib.evaluation.published import TABLES
from PointSegLib.evaluation.tables import ablation_row, paper_table, quality_row, tracking_row

HERE = "CAMUS validation, A4C ED and ES at native size"


def _frames() -> list[dict]:
    head = {"patient": "p1", "frame": 0, "structure": "Myocardium", "hd95_pooled_mm": 4.0}
    return [
        {**head, "dice": 0.9, "quality": "Good"},
        {**head, "dice": 0.8, "quality": "Medium", "patient": "p2"},
        {**head, "dice": 0.7, "quality": "Poor", "patient": "p3"},
        {**head, "dice": 0.1, "quality": "Poor", "structure": "LV cavity"},
    ]


def _line(table: str, method: str) -> list[str]:
    (line,) = [line for line in table.splitlines() if line.startswith(f"| {method} |")]
    return [field.strip() for field in line.strip("|").split("|")]


def test_our_row_of_table_1_counts_frames_and_patients_of_each_quality():
    fields = _line(paper_table(1, [quality_row("small", HERE, _frames())]), "small")
    assert fields[1:] == [
        "✗",
        "85.0 (7.1) [2 frames of 2 patients]",
        "4.0 (0.0) [2 frames of 2 patients]",
        "70.0 [1 frames of 1 patients]",
        "4.0 [1 frames of 1 patients]",
        HERE,
    ]


def test_every_published_figure_names_its_n_and_its_data():
    for table in TABLES.values():
        for row in table.rows:
            assert row.data
            assert all(cell.n for cell in row.cells if isinstance(cell, Cell))
            assert len(row.cells) == len(table.columns)


@pytest.mark.parametrize("number", [1, 3, 4])
def test_published_figures_stand_above_ours_with_a_caution(number: int):
    rows = {
        1: quality_row("ours", HERE, _frames()),
        3: ablation_row("ours", HERE, _frames(), (True, True, True, True, False), "0.01"),
        4: tracking_row("ours", "own simulator", "own clips", [{"average_jaccard": 0.9, "position_accuracy": 0.95}]),
    }
    text = paper_table(number, [rows[number]])
    assert text.index("**Published**") < text.index("**Measured here**") < text.index("| ours |")
    assert "different data and protocols" in text
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


def test_what_was_not_measured_is_a_dash_with_n_zero():
    fields = _line(paper_table(4, [tracking_row("ours", "-", "clips", [])]), "ours")
    assert fields[2:5] == ["- [0 clips]"] * 3


def test_a_row_of_another_shape_is_refused():
    with pytest.raises(PointSegError, match="table 4 needs 3 and 1"):
        paper_table(4, [quality_row("ours", HERE, _frames())])
    with pytest.raises(PointSegError, match="no table 2"):
        paper_table(2, [])


def test_published_figures_are_those_of_the_paper():
    lines = shared_data("..", "paper", "point_seg.txt").read_text(encoding="utf-8").splitlines()
    for table in TABLES.values():
        start = next(index for index, line in enumerate(lines) if line.startswith(f"Table {table.number} "))
        text = "\n".join(lines[start : start + 20]).replace("<u>", "").replace("</u>", "")
        for row in table.rows:
            printed = [_as_printed(cell, table.number) for cell in row.cells if isinstance(cell, Cell)]
            assert "\t".join(printed) in text, (table.number, row.method)


def _as_printed(cell: Cell, number: int) -> str:
    return f"{cell.mean}({cell.sd})" if number == 1 else f"{cell.mean:.{2 if number == 3 else 3}f}"
