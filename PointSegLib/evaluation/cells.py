"""What the paper's tables are made of: `Cell`, `TableRow` and `PaperTable`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """One figure of a table; it never stands without what it was measured on.

    Attributes:
        mean: of the figure; NaN prints as "-".
        sd: its standard deviation, or None when not known.
        n: what was counted, in words, such as "100 frames of 50 patients".
        digits: after the point; None prints the number as it is.
    """

    mean: float
    sd: float | None
    n: str
    digits: int | None = None

    def __str__(self) -> str:
        if self.mean != self.mean:
            return f"- [{self.n}]"
        spread = "" if self.sd is None else f" ({self._number(self.sd)})"
        return f"{self._number(self.mean)}{spread} [{self.n}]"

    def _number(self, value: float) -> str:
        return str(value) if self.digits is None else f"{value:.{self.digits}f}"


@dataclass(frozen=True)
class TableRow:
    """One method in a table.

    Attributes:
        method: its name.
        data: what it was scored on, in words.
        cells: a `Cell`, or words such as "< 0.05", per column of the table.
        marks: the columns before them (prompt, training data, ablated parts); empty leaves them blank.
    """

    method: str
    data: str
    cells: tuple[Cell | str, ...]
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class PaperTable:
    """One table as published.

    Attributes:
        number: in the paper.
        title: what it shows.
        marks: headings of the columns that describe a method.
        columns: headings of the columns of figures.
        rows: the published figures.
    """

    number: int
    title: str
    marks: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
