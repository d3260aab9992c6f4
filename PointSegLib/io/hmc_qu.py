"""Read HMC-QU (Kiranyaz, Degerli et al., IEEE Access 8, 2020): apical movies with LV wall masks of one cycle.

Taken from published loaders: the sheet is `HMC_QU.xlsx` with the movies in `HMC-QU Echos/HMC-QU Echos`, or, in the
later download, `A4C.xlsx` with the movies in `HMC-QU/A4C`. Its columns from "ECHO" on are the movie's name, six
segments (1, 2, 3, 5, 6, 7), the first and the last frame of the annotated cycle, counted from 1, and "ü", a tick in the
font Wingdings, where masks exist (109 four-chamber movies). `LV Ground-truth Segmentation Masks/Mask_<name>.mat` holds
`predicted`: frames x 224 x 224, 1 on the wall, of frames squeezed to 224 x 224; loaders use them upright as they are.
Unknown: the pixel size, and the exact words of the segment labels, which are handed on as they stand.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from PointSegLib.clip import CineClip
from PointSegLib.errors import AbsentError, ReadError, optional_package
from PointSegLib.io.problems import Problem, inspect_cases, settle
from PointSegLib.io.video import read_video
from PointSegLib.result import MYOCARDIUM

LAYOUTS = {"HMC_QU.xlsx": "HMC-QU Echos/HMC-QU Echos", "A4C.xlsx": "HMC-QU/A4C"}
MASKS, MASK_NAME = "LV Ground-truth Segmentation Masks", "predicted"
FIRST_COLUMN, TICK = "ECHO", "ü"
SEGMENTS = ("SEG1", "SEG2", "SEG3", "SEG5", "SEG6", "SEG7")
N_COLUMNS = 1 + len(SEGMENTS) + 3

Folder = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class HmcQuCase:
    """One movie with the wall of one cycle.

    Attributes:
        name: as in the sheet, without .avi.
        clip: the whole movie, uncalibrated, with its own timestamps.
        start: first annotated frame, counted from 0.
        labels: uint8 `[n, H, W]` of the frames from `start` on, at the movie's size: 2 on the LV wall, else 0. The
            cavity was not annotated, so 0 says nothing of it.
        segments: what the sheet says of each segment, "SEG1" to "SEG7" without "SEG4".
    """

    name: str
    clip: CineClip
    start: int
    labels: np.ndarray
    segments: dict[str, str]


@dataclass(frozen=True)
class _Row:
    start: int
    end: int
    segments: dict[str, str]


class HmcQu:
    """The dataset in a folder; its sheet is read once.

    Args:
        root: the folder that holds `HMC_QU.xlsx` or `A4C.xlsx`.

    Raises:
        DependencyError: when openpyxl is not installed.
        ReadError: when there is no sheet, or it is damaged or another one.
    """

    def __init__(self, root: Folder) -> None:
        self.root = Path(root)
        sheets = [name for name in LAYOUTS if (self.root / name).is_file()]
        if not sheets:
            msg = f"{self.root} has no {' or '.join(LAYOUTS)}; give the folder of the unpacked download."
            raise ReadError(msg)
        self.sheet = self.root / sheets[0]
        self._movies = self.root / LAYOUTS[sheets[0]]
        self._rows = _annotated_rows(self.sheet)

    def names(self, problems: list[Problem] | None = None) -> list[str]:
        """List the movies with masks; sheet and masks of each are checked, the movie only for being there.

        Args:
            problems: takes the cases that cannot be used, which are left out; without it damaged cases raise.

        Raises:
            ReadError: when cases are damaged and `problems` is None: all of them are listed; when none is left.
        """
        good, found = inspect_cases((name, partial(self._check, name)) for name in self._rows)
        settle(self.root, found, problems)
        if not good:
            msg = f"{self.root} has no usable movie with masks; is the download complete?"
            raise ReadError(msg)
        return good

    def read(self, name: str) -> HmcQuCase:
        """Read one movie with its masks.

        Args:
            name: as `names` gives it.

        Raises:
            DependencyError: when PyAV is not installed.
            ReadError: when it is not listed, not there or damaged, or masks and movie do not fit.
        """
        row, path, masks = self._check(name)
        clip = read_video(path)
        if row.end > len(clip):
            msg = f"{self.sheet}: the cycle of {name} ends in frame {row.end}, the movie has {len(clip)}."
            raise ReadError(msg)
        labels = _resized(masks, clip.frames.shape[1:]).astype(np.uint8) * MYOCARDIUM
        return HmcQuCase(name, clip, row.start - 1, labels, row.segments)

    def _check(self, name: str) -> tuple[_Row, Path, np.ndarray]:
        """The sheet's row, the movie's path and bool masks `[n, h, w]`, once they were found sound."""
        if name not in self._rows:
            msg = f"{self.sheet} marks no masks for {name}; give a name without .avi."
            raise ReadError(msg)
        row = _parsed(self._rows[name], self.sheet, name)
        path = self._movies / f"{name}.avi"
        if not path.is_file():
            msg = f"{path} is not there although {self.sheet.name} lists it; copy it from the download."
            raise AbsentError(msg)
        mask_path = self.root / MASKS / f"Mask_{name}.mat"
        masks = _masks(mask_path)
        count = row.end - row.start + 1
        if len(masks) != count:
            msg = f"{mask_path} has {len(masks)} masks, the cycle in {self.sheet.name} has {count} frames; restore it."
            raise ReadError(msg)
        return row, path, masks


def _annotated_rows(sheet: Path) -> dict[str, list[Any]]:
    """The cells from the movie's name on, of each movie that the sheet marks as having masks."""
    with optional_package(f"Reading the sheet {sheet}", "openpyxl", "datasets"):
        import openpyxl
    try:
        table = [list(row) for row in openpyxl.load_workbook(sheet, data_only=True).worksheets[0].values]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, IndexError) as error:
        msg = f"{sheet} is no readable sheet ({error}); copy it from the download again."
        raise ReadError(msg) from error
    heads = [(r, c) for r, row in enumerate(table) for c, cell in enumerate(row) if _text(cell) == FIRST_COLUMN]
    if not heads:
        msg = f"{sheet} has no column {FIRST_COLUMN}; copy it from the download again."
        raise ReadError(msg)
    top, left = heads[0]
    rows = (row[left : left + N_COLUMNS] for row in table[top + 1 :])
    return {_text(row[0]): row for row in rows if len(row) == N_COLUMNS and _text(row[-1]) == TICK}


def _parsed(cells: list[Any], sheet: Path, name: str) -> _Row:
    first, last = cells[-3:-1]
    try:
        start, end = int(first), int(last)
    except (TypeError, ValueError) as error:
        msg = f"{sheet}: {name} has {first!r} and {last!r} as first and last frame, no numbers; restore the sheet."
        raise ReadError(msg) from error
    if not 1 <= start <= end:
        msg = f"{sheet}: {name} has a cycle from frame {start} to {end}; restore the sheet."
        raise ReadError(msg)
    said = (_text(cell) for cell in cells[1 : 1 + len(SEGMENTS)])
    return _Row(start, end, dict(zip(SEGMENTS, said, strict=True)))


def _masks(path: Path) -> np.ndarray:
    """bool `[n, h, w]` of one .mat file."""
    if not path.is_file():
        msg = f"{path} is not there although the sheet marks it; copy it from the download."
        raise AbsentError(msg)
    try:
        stored = loadmat(path)[MASK_NAME]
    except (OSError, ValueError, TypeError, KeyError, NotImplementedError, MatReadError, zlib.error) as error:
        msg = f"{path} cannot be read, or holds no {MASK_NAME} ({error}); copy it from the download again."
        raise ReadError(msg) from error
    if stored.ndim != 3 or not np.isin(stored, (0, 1)).all():
        msg = f"{path} holds {stored.dtype} {list(stored.shape)}, not frames x height x width of 0 and 1; restore it."
        raise ReadError(msg)
    return stored.astype(bool)


def _resized(masks: np.ndarray, size_hw: tuple[int, ...]) -> np.ndarray:
    """Masks `[n, h, w]` at another size: each pixel takes the mask at its own place, nearest."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(int) for new, old in zip(size_hw, masks.shape[1:], strict=True)
    )
    return masks[:, rows[:, None], columns]


def _text(cell: object) -> str:
    return "" if cell is None else str(cell).strip()
