"""Read and write clips with dense motion truth in the layout of processed SynUS, our interchange format.

A folder holds `info.csv` (columns file, split) and a folder per clip with `video.npy` (T, H, W grey), `points.npy`
(T, N, 2 pixel x, y), `visibility.npy` (T, N) and `mask.npy` (H, W), as the authors' processed data have it. Ours may
add `labels.npy` (T, H, W CAMUS labels) and `meta.json`.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from PointSegLib.atomic import atomic_folder, atomic_path
from PointSegLib.clip import CineClip
from PointSegLib.errors import AbsentError, ClipError, ReadError, WriteError
from PointSegLib.io.problems import Problem, inspect_cases, settle

SPLITS = ("train", "valid")
INFO = "info.csv"
COLUMNS = ("file", "split")

Folder = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class TrackedClip:
    """One clip with the true place of N tissue points in each of its T frames.

    Attributes:
        name: the case's folder name.
        frames: uint8 `[T, H, W]`; memory-mapped when read.
        points: float32 `[N, T, 2]`, pixel (x, y).
        visible: bool `[N, T]`.
        labels: uint8 `[T, H, W]`, CAMUS labels, or None (the authors' data have none); memory-mapped when read.
        mask: `[H, W]`, nonzero on the myocardium of frame 0.
        split: "train" or "valid".
        meta: plain JSON values, {} when absent. `spacing_mm` (row, column) and `frame_time_s` (seconds between
            frames) reach `cine`; ours may also say ed, es, seed, source, quality and licence.
    """

    name: str
    frames: np.ndarray
    points: np.ndarray
    visible: np.ndarray
    labels: np.ndarray | None
    mask: np.ndarray
    split: str
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def cine(self) -> CineClip:
        """The frames with their spacing and times, where `meta` gives them; pixels are not copied.

        Raises:
            ClipError: when the frames, the spacing or the time between frames cannot be used.
        """
        spacing, step = self.meta.get("spacing_mm"), self.meta.get("frame_time_s")
        return CineClip(
            self.frames,
            spacing_mm=None if spacing is None else tuple(spacing),
            times_s=None if step is None else np.arange(len(self.frames)) * float(step),
            source=self.name,
            calibration="meta.json of the case" if spacing is not None else "",
        )


def write_synus_case(folder: Folder, clip: TrackedClip) -> None:
    """Write one case as `<folder>/<name>/`, whole or not at all; an older case of that name is replaced.

    The case is found by readers once `write_synus_info` lists it.

    Args:
        folder: the dataset, made when it is not there.
        clip: what to write.

    Raises:
        WriteError: when the arrays do not fit each other, the name is no folder name, `meta` is not plain JSON, or
            the disk refuses.
    """
    faults = _faults(clip)
    if clip.name in ("", ".", "..") or Path(clip.name).name != clip.name:
        faults.append(f"the name {clip.name!r} is no plain folder name")
    if faults:
        msg = f"{folder}: the case {clip.name} cannot be written: {'; '.join(faults)}."
        raise WriteError(msg)
    try:
        meta = json.dumps(clip.meta, indent=1, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        msg = f"{folder}: the meta of {clip.name} is not plain JSON ({error}); give numbers, text, lists and None."
        raise WriteError(msg) from error
    with atomic_folder(Path(folder) / clip.name) as temporary:
        np.save(temporary / "video.npy", clip.frames)
        np.save(temporary / "points.npy", np.ascontiguousarray(clip.points.transpose(1, 0, 2), np.float32))
        np.save(temporary / "visibility.npy", np.ascontiguousarray(clip.visible.T, bool))
        np.save(temporary / "mask.npy", np.asarray(clip.mask, np.uint8))
        if clip.labels is not None:
            np.save(temporary / "labels.npy", np.asarray(clip.labels, np.uint8))
        if clip.meta:
            (temporary / "meta.json").write_text(meta, encoding="utf-8")


def write_synus_info(folder: Folder, rows: Iterable[tuple[str, str]]) -> None:
    """Write `info.csv`, whole or not at all; an older list is replaced.

    Args:
        folder: the dataset.
        rows: (name of the case, its split) of every case.

    Raises:
        WriteError: for another split than "train" and "valid", or when the file cannot be written.
    """
    known = list(rows)
    for name, split in known:
        if split not in SPLITS:
            msg = f"{Path(folder) / INFO}: {name} has the split {split!r}; choose one of {', '.join(SPLITS)}."
            raise WriteError(msg)
    with (
        atomic_path(Path(folder) / INFO) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(known)


def list_synus(folder: Folder, split: str | None = None, problems: list[Problem] | None = None) -> list[str]:
    """List the cases of a dataset in the order of `info.csv`, after opening each.

    Args:
        folder: the dataset.
        split: "train" or "valid"; all when None.
        problems: takes the cases that cannot be read, which are left out; without it damaged cases raise.

    Returns:
        Names of readable cases.

    Raises:
        ReadError: when `info.csv` is missing or damaged; when cases are damaged and `problems` is None: all of them
            are listed; when no readable case remains.
    """
    if split is not None and split not in SPLITS:
        msg = f"SynUS has no split {split!r}; choose one of {', '.join(SPLITS)}."
        raise ReadError(msg)
    rows = {name: own for name, own in read_synus_info(folder).items() if split in (None, own)}
    good, found = inspect_cases((name, partial(_read_case, Path(folder) / name, own)) for name, own in rows.items())
    settle(folder, found, problems)
    if not good:
        msg = f"{folder} has no readable case{f' of the split {split}' if split else ''}; is this the right folder?"
        raise ReadError(msg)
    return good


def read_synus_case(folder: Folder, name: str, info: Mapping[str, str] | None = None) -> TrackedClip:
    """Read one case that `info.csv` lists.

    Args:
        folder: the dataset.
        name: of the case.
        info: what `read_synus_info` gave, by a caller who reads many cases; None reads the table for this one.

    Returns:
        The clip; frames and labels stay on disk until they are used. Frames of another type than uint8 are read
        and mapped to 0..255 as `CineClip` does.

    Raises:
        ReadError: when `info.csv` does not list the case, a file is missing or damaged, or shapes do not fit.
    """
    info = read_synus_info(folder) if info is None else info
    if name not in info:
        msg = f"{Path(folder) / INFO} does not list {name}; add a row with its split."
        raise ReadError(msg)
    return _read_case(Path(folder) / name, info[name])


def read_synus_info(folder: Folder) -> dict[str, str]:
    """Read `info.csv`: the split of every case by its name, in the order of the table.

    Raises:
        ReadError: when the table is missing or damaged.
    """
    path = Path(folder) / INFO
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        return {row["file"].strip(): row["split"].strip().lower() for row in rows}
    except FileNotFoundError as error:
        msg = f"{path} does not exist; give the folder that holds info.csv and a folder per clip."
        raise ReadError(msg) from error
    except (OSError, KeyError, AttributeError, ValueError, csv.Error) as error:
        msg = f"{path} is not a table with the columns {', '.join(COLUMNS)} ({error!r}); restore it."
        raise ReadError(msg) from error


def count_synus_frames(folder: Folder, name: str) -> int:
    """Count the frames of a case by the head of its `video.npy`.

    Raises:
        ReadError: when the file is missing or damaged.
    """
    return len(_array(Path(folder) / name / "video.npy"))


def read_synus_meta(folder: Folder, name: str) -> dict[str, Any]:
    """Read what a case says of itself, see `TrackedClip.meta`; {} when it says nothing.

    Raises:
        ReadError: when `meta.json` is damaged.
    """
    return _meta(Path(folder) / name / "meta.json")


def source_patient(meta: Mapping[str, Any]) -> str:
    """The patient whose frames a clip was made of, such as "patient0001"; "" where `meta` names none."""
    source = str(meta.get("source") or "").split("_")[0]
    return source if source.startswith("patient") else ""


def _read_case(folder: Path, split: str) -> TrackedClip:
    if not folder.is_dir():
        msg = f"{folder} does not exist although {INFO} lists it; write or download the case again."
        raise AbsentError(msg)
    video, labels = _array(folder / "video.npy"), folder / "labels.npy"
    try:
        frames = video if video.dtype == np.uint8 else CineClip(video).frames
    except ClipError as error:
        msg = f"{folder / 'video.npy'}: {error}"
        raise ReadError(msg) from error
    points, visible = _array(folder / "points.npy"), _array(folder / "visibility.npy")
    clip = TrackedClip(
        name=folder.name,
        frames=frames,
        points=np.ascontiguousarray(np.moveaxis(points, 0, 1) if points.ndim == 3 else points, np.float32),
        visible=np.ascontiguousarray(visible.T, bool),
        labels=_array(labels) if labels.is_file() else None,
        mask=np.array(_array(folder / "mask.npy")),
        split=split,
        meta=_meta(folder / "meta.json"),
    )
    faults = _faults(clip)
    if faults:
        msg = f"{folder} cannot be used: {'; '.join(faults)}; write or download the case again."
        raise ReadError(msg)
    return clip


def _array(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        msg = f"{path} is missing; write or download the case again."
        raise ReadError(msg) from error
    except (OSError, ValueError, EOFError) as error:
        msg = f"{path} is damaged or cut off ({error}); write or download the case again."
        raise ReadError(msg) from error


def _meta(path: Path) -> dict[str, Any]:
    try:
        meta = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        msg = f"{path} is not JSON ({error}); restore or delete it."
        raise ReadError(msg) from error
    if not isinstance(meta, dict):
        msg = f"{path} holds a {type(meta).__name__}, not an object with names; restore or delete it."
        raise ReadError(msg)
    return meta


def _faults(clip: TrackedClip) -> list[str]:
    """What does not fit in a clip, naming the file and its stored shape; empty when all fits."""
    if clip.frames.ndim != 3 or clip.frames.dtype != np.uint8:
        return [f"video.npy is {clip.frames.dtype} {list(clip.frames.shape)}, not uint8 [T, H, W]"]
    count, *size = clip.frames.shape
    faults = []
    if clip.points.ndim != 3 or clip.points.shape[1:] != (count, 2):
        faults.append(f"points.npy has {list(clip.points.shape)} as [N, T, 2], video.npy {count} frames")
    elif clip.visible.shape != clip.points.shape[:2]:
        faults.append(f"visibility.npy has {list(clip.visible.shape)} as [N, T], points.npy {list(clip.points.shape)}")
    elif not np.isfinite(clip.points[np.asarray(clip.visible, bool)]).all():
        faults.append("points.npy holds NaN or infinite values at visible points")
    if list(clip.mask.shape) != size:
        faults.append(f"mask.npy has {list(clip.mask.shape)}, the frames {size}")
    if clip.labels is not None and clip.labels.shape != clip.frames.shape:
        faults.append(f"labels.npy has {list(clip.labels.shape)}, video.npy {list(clip.frames.shape)}")
    if clip.split not in SPLITS:
        faults.append(f"the split is {clip.split!r}, not one of {', '.join(SPLITS)}")
    return faults
