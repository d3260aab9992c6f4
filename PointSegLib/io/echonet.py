"""Read EchoNet-Dynamic (Ouyang et al., Nature 580, 2020): apical four-chamber movies, EF, and two traced LV frames.

The layout was taken from published loaders, the dataset's authors' first of all: `FileList.csv` (FileName without
suffix, EF, ESV, EDV, FPS, Split TRAIN, VAL or TEST), `VolumeTracings.csv` (FileName with .avi, X1, Y1, X2, Y2, Frame
counted from 0; the first row of a frame is the long axis, the others are disk chords from one end to the other) and
`Videos/<FileName>.avi`. A few movies have no tracing. Unknown: the pixel size; the frames were squeezed to 112 x 112.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.errors import AbsentError, ReadError
from PointSegLib.io.polygon import fill_polygon
from PointSegLib.io.problems import Problem, inspect_cases, settle
from PointSegLib.io.video import read_video
from PointSegLib.result import LV_CAVITY

SPLITS = ("TRAIN", "VAL", "TEST")
FILES, TRACINGS = "FileList.csv", "VolumeTracings.csv"
LEAST_ROWS = 3

Folder = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class EchoNetCase:
    """One movie with what is known of it.

    Attributes:
        name: as in `FileList.csv`, without .avi.
        clip: uncalibrated; times from FPS.
        ef_percent: ejection fraction.
        esv_ml: end-systolic volume.
        edv_ml: end-diastolic volume.
        split: "TRAIN", "VAL" or "TEST".
        labels: uint8 `[H, W]` of each traced frame by its number (1 LV cavity; nothing else was traced, so 0 says
            nothing of the myocardium); empty when the movie has no tracing.
    """

    name: str
    clip: CineClip
    ef_percent: float
    esv_ml: float
    edv_ml: float
    split: str
    labels: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def ed(self) -> int | None:
        """The traced frame with the larger cavity, or None without tracing."""
        return max(self.labels, key=self._area, default=None)

    @property
    def es(self) -> int | None:
        """The traced frame with the smaller cavity, or None with fewer than two traced frames."""
        return min(self.labels, key=self._area) if len(self.labels) > 1 else None

    def _area(self, frame: int) -> int:
        return int(self.labels[frame].sum())


class EchoNet:
    """The dataset in a folder; its two tables are read once.

    Args:
        root: the folder that holds `FileList.csv`.

    Raises:
        ReadError: when a table is missing or lacks a column.
    """

    def __init__(self, root: Folder) -> None:
        self.root = Path(root)
        self._rows = {_stem(row["FileName"]): row for row in _table(self.root / FILES, ("FileName", "Split"))}
        self._tracings: dict[str, list[dict[str, str]]] = {}
        for row in _table(self.root / TRACINGS, ("FileName", "X1", "Y1", "X2", "Y2", "Frame")):
            self._tracings.setdefault(_stem(row["FileName"]), []).append(row)

    def names(self, split: str | None = None, problems: list[Problem] | None = None) -> list[str]:
        """List the movies of a split; that each is there and its rows are sound is checked, its pixels are not.

        Args:
            split: "TRAIN", "VAL" or "TEST"; all when None.
            problems: takes the cases that cannot be used, which are left out; without it damaged cases raise.

        Raises:
            ReadError: for another split; when cases are damaged and `problems` is None: all of them are listed;
                when none is left.
        """
        if split not in (None, *SPLITS):
            msg = f"EchoNet-Dynamic has no split {split!r}; choose one of {', '.join(SPLITS)}."
            raise ReadError(msg)
        rows = [name for name, row in self._rows.items() if split in (None, row["Split"].strip().upper())]
        checks: list[tuple[str, Callable[[], object]]] = [(name, partial(self._check, name)) for name in rows]
        good, found = inspect_cases(checks)
        settle(self.root, found, problems)
        if not good:
            msg = f"{self.root} has no usable movie{f' of the split {split}' if split else ''}; is it complete?"
            raise ReadError(msg)
        return good

    def read(self, name: str) -> EchoNetCase:
        """Read one movie.

        Args:
            name: as `names` gives it.

        Raises:
            DependencyError: when PyAV is not installed.
            ReadError: when the movie is not listed, not there or damaged, or a tracing does not fit it.
        """
        path, rate = self._check(name)
        clip = read_video(path)
        clip = replace(clip, times_s=np.arange(len(clip)) / rate)
        row, labels = self._rows[name], {}
        for frame, chords in self._chords(name).items():
            if frame >= len(clip):
                msg = f"{self.root / TRACINGS} traces frame {frame} of {name}, which has {len(clip)} frames."
                raise ReadError(msg)
            inside = fill_polygon(_outline(chords), clip.frames.shape[1:])
            labels[frame] = inside.astype(np.uint8) * LV_CAVITY
        ef, esv, edv = (float(row[key]) for key in ("EF", "ESV", "EDV"))
        return EchoNetCase(name, clip, ef, esv, edv, row["Split"].strip().upper(), labels)

    def _check(self, name: str) -> tuple[Path, float]:
        """The movie's path and frames per second, once its rows were found sound."""
        if name not in self._rows:
            msg = f"{self.root / FILES} does not list {name}; give a name without .avi."
            raise ReadError(msg)
        row = self._rows[name]
        said = _numbers(row, ("EF", "ESV", "EDV", "FPS"), self.root / FILES, name)
        if not said[3] > 0:
            msg = f"{self.root / FILES}: {name} has {said[3]:g} frames per second; restore the file."
            raise ReadError(msg)
        self._chords(name)
        path = self.root / "Videos" / f"{name}.avi"
        if not path.is_file():
            msg = f"{path} is not there although {FILES} lists it; copy it from the download."
            raise AbsentError(msg)
        if path.stat().st_size == 0:
            msg = f"{path} is empty; copy it from the download again."
            raise ReadError(msg)
        return path, said[3]

    def _chords(self, name: str) -> dict[int, np.ndarray]:
        """float64 `[rows, 4]` (x1, y1, x2, y2) of each traced frame."""
        chords: dict[int, list[list[float]]] = {}
        for row in self._tracings.get(name, ()):
            *ends, frame = _numbers(row, ("X1", "Y1", "X2", "Y2", "Frame"), self.root / TRACINGS, name)
            chords.setdefault(int(frame), []).append(ends)
        for frame, rows in chords.items():
            if len(rows) < LEAST_ROWS or frame < 0:
                msg = (
                    f"{self.root / TRACINGS}: frame {frame} of {name} has {len(rows)} rows, a long axis and two chords "
                    "are the least; restore the file."
                )
                raise ReadError(msg)
        return {frame: np.array(rows) for frame, rows in chords.items()}


def _outline(chords: np.ndarray) -> np.ndarray:
    """Polygon `[n, 2]` (x, y): down one side of the disks, up the other; the long axis is no part of it."""
    disks = chords[1:]
    return np.concatenate([disks[:, :2], disks[::-1, 2:]])


def _stem(name: str) -> str:
    return name.strip().removesuffix(".avi")


def _table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            # A line cut short has None in its last columns.
            rows = [{key: value or "" for key, value in row.items() if key} for row in reader]
    except FileNotFoundError as error:
        msg = f"{path} does not exist; give the folder that holds {FILES}, {TRACINGS} and Videos."
        raise AbsentError(msg) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"{path} cannot be read ({error}); copy it from the download again."
        raise ReadError(msg) from error
    if missing:
        msg = f"{path} lacks the columns {', '.join(missing)}; copy it from the download again."
        raise ReadError(msg)
    return rows


def _numbers(row: dict[str, str], keys: tuple[str, ...], path: Path, name: str) -> list[float]:
    values = []
    for key in keys:
        try:
            values.append(float(row[key]))
        except (KeyError, ValueError) as error:
            msg = f"{path}: {name} has {row.get(key, 'nothing')!r} as {key}, no number; restore the file."
            raise ReadError(msg) from error
        if not np.isfinite(values[-1]):
            msg = f"{path}: {name} has {row[key]!r} as {key}; restore the file."
            raise ReadError(msg)
    return values
