"""The files of the commands: points in, names and folders of results out."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PointSegLib.errors import PointError, WriteError

if TYPE_CHECKING:
    import numpy as np

DOUBLE_SUFFIXES = (".nii.gz", ".seq.nrrd")


HEADER = ["frame", "x", "y"]


def read_points(path: Path) -> tuple[np.ndarray, list[str | None]]:
    """Read query points from a CSV file, with or without a header line that begins with `frame,x,y`.

    Returns:
        float64 `[M, 3]`, rows (frame, x, y) in pixels, and the hint in the fourth column of each, None where it is
        empty or there is none.

    Raises:
        PointError: when the file cannot be read, is empty, or a line (which is named) is no point.
    """
    import numpy as np

    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [(number, row) for number, row in enumerate(csv.reader(file), start=1) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"{path} cannot be read as a table of points ({error}); give a CSV file with rows frame,x,y."
        raise PointError(msg) from error
    if lines and [cell.strip().lower() for cell in lines[0][1]] in (HEADER, [*HEADER, "hint"]):
        lines = lines[1:]
    if not lines:
        msg = f"{path} holds no points; give rows frame,x,y in pixels, the first frame being 0."
        raise PointError(msg)
    points = np.array([_point(path, number, row) for number, row in lines])
    return points, [row[3].strip().lower() or None if len(row) > 3 else None for _, row in lines]


def _point(path: Path, number: int, row: list[str]) -> tuple[float, float, float]:
    try:
        frame, x, y = (float(cell) for cell in (row if len(row) < 4 else row[:3]))
    except ValueError as error:
        msg = f"{path}, line {number}: {','.join(row)!r} is no point; give three numbers frame,x,y."
        raise PointError(msg) from error
    if len(row) > 4:
        msg = f"{path}, line {number}: {','.join(row)!r} has {len(row)} columns; give frame,x,y and at most a hint."
        raise PointError(msg)
    return frame, x, y


def output_stems(clips: Sequence[Path], out: Path, base: Path | None = None) -> list[Path]:
    """Where the results of each clip go, as a path that `_labels.nrrd` and the like are added to.

    Args:
        clips: the input files.
        out: the folder of results.
        base: the folder under which `clips` lie; their subfolders are then kept in `out`.

    Returns:
        `out/[subfolder/]name` per clip; clips that would share a name keep their suffix in it.

    Raises:
        WriteError: when two clips would still write the same files.
    """
    folders = [out if base is None else out / clip.parent.relative_to(base) for clip in clips]
    short = [folder / _without_suffix(clip.name) for folder, clip in zip(folders, clips, strict=True)]
    uses = Counter(short)
    stems = [s if uses[s] == 1 else f / clip.name for s, f, clip in zip(short, folders, clips, strict=True)]
    for stem, count in Counter(stems).items():
        if count > 1:
            msg = f"{count} of the given clips are named {stem.name} and would write the same files; run them apart."
            raise WriteError(msg)
    return stems


def _without_suffix(name: str) -> str:
    for suffix in DOUBLE_SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return Path(name).stem


def make_folder(folder: Path) -> None:
    """Make a folder and its parents.

    Raises:
        WriteError: when that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"the folder {folder} cannot be made ({error.strerror}); give another one with --out."
        raise WriteError(msg) from error


def one_line(message: object) -> str:
    """A message without line breaks."""
    return " ".join(str(message).split())
