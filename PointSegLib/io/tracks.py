"""Write point trajectories as a tidy .csv or as .npz, and read the .npz back."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from PointSegLib.atomic import atomic_path
from PointSegLib.clip import CineClip
from PointSegLib.errors import ReadError, WriteError
from PointSegLib.io.archive import read_arrays
from PointSegLib.result import PointTracks

COLUMNS = ("point", "is_prompt", "frame", "time_s", "x_px", "y_px", "x_mm", "y_mm", "visible", "confidence")
ARRAYS = {"xy": np.float32, "visible": bool, "confidence": np.float32, "is_prompt": bool, "queries": np.float32}


def write_tracks(path: str | os.PathLike[str], tracks: PointTracks, clip: CineClip) -> None:
    """Write trajectories, one row per point and frame (.csv) or as arrays (.npz).

    Millimetres are measured from the centre of the top-left pixel (x right, y down); the columns are empty for an
    uncalibrated clip, as `time_s` is when times are unknown. The .npz holds the fields of `PointTracks`, and
    `times_s` and `spacing_mm` (row, column) where they are known.

    Args:
        path: ends in .csv or .npz.
        tracks: N points over the T frames of `clip`.
        clip: the clip the tracks belong to.

    Raises:
        WriteError: when the tracks do not fit the clip, the suffix is another or the file cannot be written;
            nothing is left behind.
    """
    target = Path(path)
    if tracks.xy.ndim != 3 or tracks.xy.shape[1] != len(clip):
        msg = f"{target}: the tracks {list(tracks.xy.shape)} do not fit the clip's {len(clip)} frames."
        raise WriteError(msg)
    suffix = target.suffix.lower()
    if suffix not in (".csv", ".npz"):
        msg = f"{target}: tracks are written as .csv or .npz; choose one of these endings."
        raise WriteError(msg)
    with atomic_path(target) as temporary:
        if suffix == ".csv":
            _write_csv(temporary, tracks, clip)
        else:
            _write_npz(temporary, tracks, clip)


def read_tracks(path: str | os.PathLike[str]) -> PointTracks:
    """Read trajectories from a .npz that `write_tracks` wrote.

    Raises:
        ReadError: when the file is missing, damaged or holds something else.
    """
    stored = read_arrays(path, ARRAYS, "trajectory file of PointSeg")
    arrays = {name: stored[name].astype(kind) for name, kind in ARRAYS.items()}
    count, length = arrays["xy"].shape[:2] if arrays["xy"].ndim == 3 else (-1, -1)
    shapes = {"xy": (count, length, 2), "visible": (count, length), "confidence": (count, length)}
    shapes |= {"is_prompt": (count,), "queries": (count, 3)}
    wrong = [name for name, shape in shapes.items() if arrays[name].shape != shape]
    if wrong:
        msg = f"{path}: the arrays {', '.join(wrong)} do not fit each other; write the tracks again."
        raise ReadError(msg)
    return PointTracks(**arrays)


def _write_csv(path: Path, tracks: PointTracks, clip: CineClip) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(_rows(tracks, clip))


def _rows(tracks: PointTracks, clip: CineClip) -> Iterator[tuple[object, ...]]:
    for point in range(len(tracks)):
        for frame in range(len(clip)):
            x, y = (float(v) for v in tracks.xy[point, frame])
            time = "" if clip.times_s is None else f"{clip.times_s[frame]:.6f}"
            mm = ("", "")
            if clip.spacing_mm:
                mm = (f"{x * clip.spacing_mm[1]:.4f}", f"{y * clip.spacing_mm[0]:.4f}")
            seen, belief = int(tracks.visible[point, frame]), f"{float(tracks.confidence[point, frame]):.4f}"
            yield point, int(tracks.is_prompt[point]), frame, time, f"{x:.3f}", f"{y:.3f}", *mm, seen, belief


def _write_npz(path: Path, tracks: PointTracks, clip: CineClip) -> None:
    arrays: dict[str, Any] = {name: np.asarray(getattr(tracks, name)).astype(kind) for name, kind in ARRAYS.items()}
    known = {"times_s": clip.times_s, "spacing_mm": clip.spacing_mm}
    arrays |= {name: np.asarray(value, np.float64) for name, value in known.items() if value is not None}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)
