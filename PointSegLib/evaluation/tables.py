"""The paper's Tables 1, 3 and 4 as Markdown: the published figures, then ours, each with its data and its n.

The two blocks of a table stand apart because they were measured on different patients; p values compare rows of one
block only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from PointSegLib.errors import PointSegError
from PointSegLib.evaluation.cells import Cell, PaperTable, TableRow
from PointSegLib.evaluation.published import TABLES
from PointSegLib.evaluation.quality import GOOD_MEDIUM, POOR, by_quality
from PointSegLib.evaluation.summary import Row, defined

WALL = "Myocardium"
CAUTION = "Published and own figures come from different data and protocols: compare rows within one block only."


def paper_table(number: int, ours: Sequence[TableRow]) -> str:
    """One of the paper's tables with our rows under the published ones.

    Args:
        number: 1 (quality groups), 3 (ablation) or 4 (tracking).
        ours: our rows, made by `quality_row`, `ablation_row` or `tracking_row`.

    Returns:
        Markdown, ending in a line break.

    Raises:
        PointSegError: when there is no such table, or a row has another number of cells or marks than it.
    """
    if number not in TABLES:
        msg = f"there is no table {number} here; choose one of {', '.join(map(str, TABLES))}."
        raise PointSegError(msg)
    table = TABLES[number]
    heading = ("Method", *table.marks, *table.columns, "Data")
    lines = [f"## Table {number}: {table.title}", "", CAUTION, "", _line(heading), _line(["---"] * len(heading))]
    for block, rows in ((f"**Published** (Point-Seg, Table {number})", table.rows), ("**Measured here**", ours)):
        lines.append(_line([block, *[""] * (len(heading) - 1)]))
        lines.extend(_line(_fields(table, row)) for row in rows)
    return "\n".join(lines) + "\n"


def quality_row(method: str, data: str, rows: Sequence[Row], prompt: str = "✗") -> TableRow:
    """A row of Table 1 from the rows of `evaluate_segmentation` with `patient` and `quality` columns.

    Dice is in percent, HD95 is the pooled one in mm (medpy's, which the paper's lineage uses); mean and SD are over
    frames, as the paper's most likely are.
    """
    walls = [row for row in rows if row["structure"] == WALL]
    groups = by_quality(walls)
    cells = [cell for name in (GOOD_MEDIUM, POOR) for cell in _wall_cells(groups.get(name, []), digits=1)]
    return TableRow(method, data, tuple(cells), (prompt,))


def ablation_row(
    method: str, data: str, rows: Sequence[Row], marks: tuple[bool, bool, bool, bool, bool], p: str = "-"
) -> TableRow:
    """A row of Table 3: which of points, point-to-patch CA, MLP, point SA and point TSA the model has, and p in words.

    `rows` are as for `quality_row`; all qualities count, as in the paper.
    """
    walls = [row for row in rows if row["structure"] == WALL]
    return TableRow(method, data, (*_wall_cells(walls, digits=2), p), tuple("✓" if mark else "✗" for mark in marks))


def tracking_row(method: str, trained_on: str, data: str, rows: Sequence[Row]) -> TableRow:
    """A row of Table 4 from the rows of `evaluate_tracking` of one method; means over clips, as TAP-Vid takes them."""
    metrics = ("average_jaccard", "position_accuracy", "occlusion_accuracy")
    return TableRow(method, data, tuple(make_cell(rows, metric, digits=3) for metric in metrics), (trained_on,))


def make_cell(rows: Sequence[Row], metric: str, digits: int, scale: float = 1.0) -> Cell:
    """Mean, SD and n of one column; NaN and None are not counted.

    Args:
        rows: rows with a column `patient` (then n names frames and patients), or of one clip each.
        metric: the column.
        digits: after the point.
        scale: the column is multiplied by it; 100 turns a share into a percentage.
    """
    found = [row for row in rows if defined(row.get(metric))]
    values = np.array([float(row[metric]) * scale for row in found])
    patients = {row["patient"] for row in found if "patient" in row and "frame" in row}
    n = f"{len(values)} frames of {len(patients)} patients" if patients else f"{len(values)} clips"
    mean = float(values.mean()) if len(values) else float("nan")
    return Cell(mean, float(values.std(ddof=1)) if len(values) > 1 else None, n, digits)


def _wall_cells(rows: Sequence[Row], digits: int) -> tuple[Cell, Cell]:
    return make_cell(rows, "dice", digits, 100.0), make_cell(rows, "hd95_pooled_mm", digits)


def _fields(table: PaperTable, row: TableRow) -> list[str]:
    marks = row.marks or ("",) * len(table.marks)
    if len(marks) != len(table.marks) or len(row.cells) != len(table.columns):
        has = f"{len(row.cells)} cells and {len(row.marks)} marks"
        needs = f"{len(table.columns)} and {len(table.marks)}"
        msg = f"the row {row.method!r} has {has}; table {table.number} needs {needs}."
        raise PointSegError(msg)
    return [row.method, *marks, *map(str, row.cells), row.data]


def _line(fields: Sequence[str]) -> str:
    return f"| {' | '.join(fields)} |"
