"""Read the CAMUS dataset (Leclerc et al., IEEE TMI 2019) in its first layout (.mhd) and its present one (.nii.gz).

Views are "2CH" and "4CH", phases "ED" and "ES"; half sequences run from ED to ES.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import SimpleITK

from PointSegLib.clip import CineClip
from PointSegLib.errors import ReadError
from PointSegLib.io.volumes import read_volume

VIEWS = ("2CH", "4CH")
PHASES = ("ED", "ES")
SUBSETS = ("training", "validation", "testing")
SUFFIXES = {".nii.gz": "NiftiImageIO", ".nii": "NiftiImageIO", ".mhd": "MetaImageIO"}
SEQUENCES = ("half_sequence", "sequence")

Folder = str | os.PathLike[str]


@dataclass(frozen=True)
class CamusInfo:
    """What `Info_<view>.cfg` says of one view.

    Attributes:
        ed: number of the end-diastolic frame, counted from 1.
        es: number of the end-systolic frame, counted from 1.
        frames: number of frames of the half sequence.
        sex: "F" or "M", empty when absent.
        age: years, or None.
        quality: "Good", "Medium" or "Poor", empty when absent.
        ef_percent: ejection fraction, or None.
        frame_rate_hz: frames per second, or None (the first layout does not say).
    """

    ed: int
    es: int
    frames: int
    sex: str = ""
    age: float | None = None
    quality: str = ""
    ef_percent: float | None = None
    frame_rate_hz: float | None = None


def list_patients(root: Folder, subset: str) -> list[str]:
    """List the patients of the official split, from `subgroup_<subset>.txt` in, beside or above `root`.

    Args:
        root: the folder that holds the patient folders.
        subset: "training", "validation" or "testing".

    Raises:
        ReadError: for another subset, or when the list is not found.
    """
    if subset not in SUBSETS:
        msg = f"CAMUS has no subset {subset!r}; choose one of {', '.join(SUBSETS)}."
        raise ReadError(msg)
    base, name = Path(root), f"subgroup_{subset}.txt"
    for folder in (base, base / "database_split", base.parent, base.parent / "database_split"):
        if (folder / name).is_file():
            return [line.strip() for line in (folder / name).read_text().splitlines() if line.strip()]
    msg = f"{base} has no {name}, nor has a folder database_split beside it; copy it there from the CAMUS download."
    raise ReadError(msg)


def read_camus_info(root: Folder, patient: str, view: str) -> CamusInfo | None:
    """Read `Info_<view>.cfg` of a patient; None when the file is not there.

    Raises:
        ReadError: when the file does not name ED, ES and NbFrame as numbers.
    """
    path = Path(root) / patient / f"Info_{_checked(view, VIEWS)}.cfg"
    if not path.is_file():
        return None
    pairs = (line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
    said = {key.strip().lower(): value.strip() for key, value in pairs}
    try:
        return CamusInfo(
            ed=int(said["ed"]),
            es=int(said["es"]),
            frames=int(said["nbframe"]),
            sex=said.get("sex", ""),
            age=_number(said.get("age")),
            quality=said.get("imagequality", ""),
            ef_percent=_number(said.get("ef") or said.get("lvef")),
            frame_rate_hz=_number(said.get("framerate")),
        )
    except (KeyError, ValueError) as error:
        msg = f"{path} does not give ED, ES and NbFrame as numbers ({error}); restore it from the CAMUS download."
        raise ReadError(msg) from error


def read_camus_frame(root: Folder, patient: str, view: str, phase: str) -> tuple[CineClip, np.ndarray | None]:
    """Read one expert-annotated frame.

    Args:
        root: the folder that holds the patient folders.
        patient: such as "patient0001".
        view: "2CH" or "4CH".
        phase: "ED" or "ES".

    Returns:
        The clip of one frame, and its labels uint8 `[H, W]` (0 background, 1 LV cavity, 2 myocardium, 3 left
        atrium) or None when there is no `_gt` file.

    Raises:
        ReadError: when the image is not there, or the labels do not fit it.
    """
    stem = f"{patient}_{_checked(view, VIEWS)}_{_checked(phase, PHASES)}"
    path = _find(Path(root) / patient, [stem])
    clip = replace(_clip(path), times_s=None)
    labels = _labels(path, clip)
    return clip, None if labels is None else labels[0]


def annotated_frames(
    root: Folder, patients: Iterable[str], views: Sequence[str] = VIEWS
) -> Iterator[tuple[str, CineClip, np.ndarray]]:
    """Read the annotated ED and ES frames of some patients, one by one; what is not there is left out.

    Args:
        root: the folder that holds the patient folders.
        patients: their names.
        views: "2CH", "4CH" or both.

    Yields:
        `patient_view_phase`, the clip of one frame, and its labels uint8 `[H, W]`.

    Raises:
        ReadError: when none is found, or a frame that is there is damaged.
    """
    found = False
    for patient, view, phase in product(patients, views, PHASES):
        stem = f"{patient}_{view}_{phase}"
        if not any(path.name.startswith(f"{stem}.") for path in _images(Path(root) / patient)):
            continue
        clip, labels = read_camus_frame(root, patient, view, phase)
        if labels is not None:
            found = True
            yield stem, clip, labels
    if not found:
        msg = (
            f"{root}: no annotated CAMUS frame of these patients in {' or '.join(views)} was found; "
            "give the folder that holds patient0001 and so on."
        )
        raise ReadError(msg)


def read_camus_sequence(root: Folder, patient: str, view: str) -> tuple[CineClip, np.ndarray | None]:
    """Read a half sequence, turned round where needed so that it runs from ED to ES.

    Args:
        root: the folder that holds the patient folders.
        patient: such as "patient0001".
        view: "2CH" or "4CH".

    Returns:
        The clip (times from the frame rate of `Info_<view>.cfg`, else None) and labels uint8 `[T, H, W]` or None.

    Raises:
        ReadError: when there is no sequence, or the labels do not fit it.
    """
    path = _find(Path(root) / patient, [f"{patient}_{_checked(view, VIEWS)}_{kind}" for kind in SEQUENCES])
    clip, info = _clip(path), read_camus_info(root, patient, view)
    labels = _labels(path, clip)
    warnings = []
    frames = clip.frames
    if info is None:
        warnings.append(f"Info_{view}.cfg is missing: the direction of time and the frame rate are unknown.")
    elif info.ed > info.es:
        frames = frames[::-1]
        labels = None if labels is None else np.ascontiguousarray(labels[::-1])
    rate = info.frame_rate_hz if info else None
    times = np.arange(len(frames)) / rate if rate else None
    return replace(clip, frames=frames, times_s=times, warnings=tuple(warnings)), labels


def is_patient_folder(folder: Path) -> bool:
    """Whether a folder holds files named after it as CAMUS names them."""
    return any(True for _ in _images(folder))


def read_patient_folder(folder: Path) -> CineClip:
    """Read what a CAMUS patient folder shows best: the 4CH sequence, else the 2CH one, else a still with a warning.

    Raises:
        ReadError: when the folder holds none of these.
    """
    names = {p.name for p in _images(folder)}
    for view in reversed(VIEWS):
        if any(name.startswith(f"{folder.name}_{view}_{kind}.") for name in names for kind in SEQUENCES):
            return read_camus_sequence(folder.parent, folder.name, view)[0]
    for view in reversed(VIEWS):
        for phase in PHASES:
            if any(name.startswith(f"{folder.name}_{view}_{phase}.") for name in names):
                clip, _ = read_camus_frame(folder.parent, folder.name, view, phase)
                said = f"{folder} holds no sequence; the {view} {phase} still was read. Give a file to choose another."
                return replace(clip, warnings=(*clip.warnings, said))
    msg = f"{folder} holds no CAMUS sequence or still; it holds: {', '.join(sorted(names)) or 'nothing'}."
    raise ReadError(msg)


def _images(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob(f"{folder.name}_*CH_*")):
        if path.name.endswith(tuple(SUFFIXES)) and "_gt." not in path.name:
            yield path


def _checked(value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        msg = f"CAMUS has no {value!r}; choose one of {', '.join(allowed)}."
        raise ReadError(msg)
    return value


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _find(folder: Path, stems: list[str]) -> Path:
    for stem in stems:
        for suffix in SUFFIXES:
            if (folder / f"{stem}{suffix}").is_file():
                return folder / f"{stem}{suffix}"
    there = ", ".join(p.name for p in sorted(folder.iterdir())) if folder.is_dir() else "no such folder"
    msg = f"{folder} has no {' or '.join(stems)} (.nii.gz, .nii or .mhd); it has: {there or 'nothing'}."
    raise ReadError(msg)


def _suffix(path: Path) -> str:
    return next(s for s in SUFFIXES if path.name.endswith(s))


def _clip(path: Path) -> CineClip:
    """The clip without the reader's doubts about time: CAMUS writes meaningless time spacings by design."""
    clip = read_volume(path, SUFFIXES[_suffix(path)])
    return replace(clip, times_s=None, warnings=())


def _labels(path: Path, clip: CineClip) -> np.ndarray | None:
    suffix = _suffix(path)
    gt = path.with_name(path.name.removesuffix(suffix) + "_gt" + suffix)
    if not gt.is_file():
        return None
    try:
        labels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(gt)))
    except RuntimeError as error:
        msg = f"{gt} cannot be read; restore it from the CAMUS download."
        raise ReadError(msg) from error
    labels = labels.reshape(-1, *labels.shape[-2:])
    if labels.shape != clip.frames.shape:
        msg = f"{gt} has the shape {list(labels.shape)} but {path.name} has {list(clip.frames.shape)}; restore both."
        raise ReadError(msg)
    return np.rint(labels).astype(np.uint8)
