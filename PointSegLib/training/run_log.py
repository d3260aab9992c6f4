"""The tables a run leaves beside its weights: CSV always, TensorBoard where it is installed."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from PointSegLib.atomic import atomic_path

Row = dict[str, float]


class Table:
    """One CSV file with a `step` column that grows by rows, and by columns when a new figure turns up."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._columns: list[str] = []

    def add(self, row: Row) -> None:
        """Append a row.

        Raises:
            OSError: when there is no room.
        """
        new = [name for name in row if name not in self._columns]
        if new or not self.path.is_file():
            self._rewrite(self.rows(), [*self._columns, *new])
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._columns).writerow(row)

    def rows(self) -> list[dict[str, str]]:
        """All rows so far, as text; a figure a row lacks is an empty string."""
        if not self.path.is_file():
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file, restval=""))

    def cut_after(self, step: int) -> None:
        """Drop the rows of later steps, which a killed run takes again, and rows that were cut off by the kill."""
        rows = self.rows()
        columns = [name for name in rows[0] if name] if rows else []
        self._rewrite([row for row in rows if row["step"].isdecimal() and int(row["step"]) <= step], columns)

    def _rewrite(self, rows: list[dict[str, str]], columns: list[str]) -> None:
        with atomic_path(self.path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        self._columns = columns


class RunLog:
    """The training and the validation table of one stage.

    Args:
        folder: of the run.
        stage: its name, with which the files' names begin.
        step: rows of later steps, left by a run that was killed, are dropped.
    """

    def __init__(self, folder: Path, stage: str, step: int) -> None:
        self.tables = {name: Table(folder / f"{stage}_{name}.csv") for name in ("log", "validation")}
        for table in self.tables.values():
            if table.path.is_file():
                table.cut_after(step)
        self._board = _tensorboard(folder / f"{stage}_tensorboard", step)

    def add(self, name: str, row: Row) -> None:
        """Append a row to the table "log" or "validation".

        Raises:
            OSError: when there is no room.
        """
        self.tables[name].add(row)
        if self._board is not None:
            for figure, value in row.items():
                self._board.add_scalar(f"{name}/{figure}", value, row["step"])

    def close(self) -> None:
        """Write what TensorBoard still holds back."""
        if self._board is not None:
            self._board.close()


def mean_row(rows: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each figure over the rows that have it."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: torch.stack([row[name] for row in rows if name in row]).float().mean() for name in names}


def _tensorboard(folder: Path, step: int) -> Any:
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=step)
