"""Write label masks as Slicer's .seq.nrrd: one image for each frame, with its time, where the clip lies in space."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np

from PointSegLib.atomic import atomic_path
from PointSegLib.clip import CineClip
from PointSegLib.errors import WriteError
from PointSegLib.io.volumes import UNCALIBRATED, UNCALIBRATED_FIELD

SUFFIX = ".seq.nrrd"
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])


def write_label_sequence(
    path: str | os.PathLike[str], labels: np.ndarray, clip: CineClip, ijk_to_ras: np.ndarray | None = None
) -> None:
    """Write the masks of a clip as a sequence that Slicer loads and plays.

    Args:
        path: ends in .seq.nrrd.
        labels: uint8 `[T, H, W]`.
        clip: the clip the labels belong to; its times become the index, frame numbers where they are unknown.
        ijk_to_ras: float `[4, 4]`, where the pixels of all frames lie, in mm; None puts the first pixel into the
            origin, x to the patient's left and y to the back, as Slicer loads ultrasound.

    Raises:
        WriteError: when the labels do not fit the clip, the suffix is another or the file cannot be written;
            nothing is left behind.
    """
    target, labels = Path(path), np.ascontiguousarray(labels, np.uint8)
    if not target.name.lower().endswith(SUFFIX):
        msg = f"{target}: a sequence of labels is written as {SUFFIX}; choose this ending."
        raise WriteError(msg)
    if labels.shape != clip.frames.shape:
        msg = f"{target}: the labels {list(labels.shape)} do not fit the clip's frames {list(clip.frames.shape)}."
        raise WriteError(msg)
    with atomic_path(target) as temporary, temporary.open("wb") as file:
        file.write(_header(clip, ijk_to_ras).encode())
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed:
            packed.write(labels.data)


def _header(clip: CineClip, ijk_to_ras: np.ndarray | None) -> str:
    row, column = clip.spacing_mm or (1.0, 1.0)
    matrix = np.diag([-column, -row, 1.0, 1.0]) if ijk_to_ras is None else np.asarray(ijk_to_ras, np.float64)
    axes, origin = (_RAS_TO_LPS @ matrix[:3, :3]).T, _RAS_TO_LPS @ matrix[:3, 3]
    name, unit, times = ("frame", "", range(len(clip))) if clip.times_s is None else ("time", "s", clip.times_s)
    width, height = clip.size_wh
    sizes = np.linalg.norm(matrix[:3, :2], axis=0)
    is_known = clip.spacing_mm is not None and np.allclose(sizes, (column, row))
    calibration = " ".join(clip.calibration.split()) or "given"
    lines = [
        "NRRD0004",
        "type: unsigned char",
        "dimension: 4",
        "space: left-posterior-superior",
        f"sizes: {width} {height} 1 {len(clip)}",
        f"space directions: {' '.join(map(_vector, axes))} none",
        "kinds: domain domain domain list",
        f'labels: "" "" "" "{name}"',
        f'units: "" "" "" "{unit}"',
        "encoding: gzip",
        f"space origin: {_vector(origin)}",
        "DataNodeClassName:=vtkMRMLLabelMapVolumeNode",
        "axis 3 index type:=numeric",
        f"axis 3 index values:={' '.join(f'{time:.6g}' for time in times)}",
        f"{UNCALIBRATED_FIELD}:={calibration if is_known else UNCALIBRATED}",
    ]
    return "\n".join(lines) + "\n\n"


def _vector(values: np.ndarray) -> str:
    return f"({','.join(f'{value + 0.0:.17g}' for value in values)})"
