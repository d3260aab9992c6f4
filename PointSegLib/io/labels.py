"""Write label masks as .nrrd or NIfTI with the clip's pixel size and frame interval in the header."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import SimpleITK

from PointSegLib.atomic import atomic_path
from PointSegLib.clip import CineClip
from PointSegLib.errors import WriteError
from PointSegLib.io.volumes import UNCALIBRATED, UNCALIBRATED_FIELD
from PointSegLib.result import LABEL_NAMES

SUFFIXES = (".nrrd", ".nii.gz", ".nii", ".mha")
UNIFORM_TO = 0.01


def write_labels(path: str | os.PathLike[str], labels: np.ndarray, clip: CineClip) -> None:
    """Write the masks of a clip as one image of T x H x W.

    The header's spacing is (column, row) in mm and, on the third axis, the seconds between frames where they are
    uniform (1 otherwise). An uncalibrated clip gets spacing 1 and, in .nrrd and .mha, the field
    `calibration: none (pixels)`.

    Args:
        path: ends in .nrrd, .nii.gz, .nii or .mha.
        labels: uint8 `[T, H, W]` (or `[H, W]` for one frame).
        clip: the clip the labels belong to.

    Raises:
        WriteError: when the labels do not fit the clip, the suffix is another or the file cannot be written;
            nothing is left behind.
    """
    target = Path(path)
    if not target.name.lower().endswith(SUFFIXES):
        msg = f"{target}: labels are written as {', '.join(SUFFIXES)}; choose one of these endings."
        raise WriteError(msg)
    image = _as_image(np.asarray(labels), clip, target)
    with atomic_path(target) as temporary:
        try:
            SimpleITK.WriteImage(image, str(temporary), useCompression=True)
        except RuntimeError as error:
            msg = f"{target} cannot be written ({str(error).splitlines()[-1].strip()}); is the disk full?"
            raise WriteError(msg) from error


def _as_image(labels: np.ndarray, clip: CineClip, target: Path) -> SimpleITK.Image:
    stack = labels[None] if labels.ndim == 2 else labels
    if stack.shape != clip.frames.shape:
        msg = f"{target}: the labels {list(labels.shape)} do not fit the clip's frames {list(clip.frames.shape)}."
        raise WriteError(msg)
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(stack, np.uint8))
    step = _frame_interval(clip.times_s)
    row, column = clip.spacing_mm or (1.0, 1.0)
    image.SetSpacing((column, row, step or 1.0))
    image.SetMetaData(UNCALIBRATED_FIELD, (clip.calibration or "given") if clip.spacing_mm else UNCALIBRATED)
    image.SetMetaData("third axis", "time in seconds" if step else "frame number")
    image.SetMetaData("labels", ", ".join(f"{value} {name}" for value, name in LABEL_NAMES.items()))
    return image


def _frame_interval(times: np.ndarray | None) -> float | None:
    if times is None or len(times) < 2:
        return None
    steps = np.diff(times)
    mean = float(steps.mean())
    return mean if np.abs(steps - mean).max() <= UNIFORM_TO * mean else None
