"""The tables a run leaves beside its weights: CSV always, TensorBoard where it is installed."""

from __future__ import annotations

import csv
import importlib.util
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from PointSegLib.atomic import atomic_path
from PointSegLib.errors import WriteError

Row = dict[str, float]


class Table:
    """One CSV file with a `step` column that grows by rows, and by columns when a new figure turns up."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._columns: list[str] = []

    def add(self, row: Row) -> None:
        """Append a row, whole or not at all.

        Raises:
            WriteError: when there is no room.
        """
        new = [name for name in row if name not in self._columns]
        if new or not self.path.is_file():
            self._rewrite(self.rows(), [*self._columns, *new])
        text = io.StringIO()
        csv.DictWriter(text, self._columns).writerow(row)
        try:
            self._append(text.getvalue().encode())
        except OSError as error:
            msg = f"{self.path} cannot take another row ({error.strerror}); make room on the disk."
            raise WriteError(msg) from error

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

    def _append(self, line: bytes) -> None:
        with self.path.open("ab", buffering=0) as file:
            end = file.tell()
            try:
                while line:
                    line = line[file.write(line) :]
            except OSError:
                file.truncate(end)  # a full disk takes the first part of a line, to which the next row would be joined
                raise

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
            WriteError: when there is no room. TensorBoard's log, whose writer does not recover, then ends here.
        """
        self.tables[name].add(row)

        def write(board: Any) -> None:
            for figure, value in row.items():
                board.add_scalar(f"{name}/{figure}", value, row["step"])

        self._to_board(write)

    def close(self) -> None:
        """Write what TensorBoard still holds back.

        Raises:
            WriteError: when there is no room.
        """
        self._to_board(lambda board: board.close())

    def _to_board(self, write: Callable[[Any], None]) -> None:
        if self._board is None:
            return
        try:
            write(self._board)
        except OSError as error:
            self._board = None
            msg = f"TensorBoard's log ends here ({error}); the CSV files go on once there is room."
            raise WriteError(msg) from error


def mean_row(rows: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each figure over the rows that have it."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: torch.stack([row[name] for row in rows if name in row]).float().mean() for name in names}


def _tensorboard(folder: Path, step: int) -> Any:
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=step)
