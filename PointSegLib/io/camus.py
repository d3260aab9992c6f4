"""Read the CAMUS dataset (Leclerc et al., IEEE TMI 2019) in its first layout (.mhd) and its present one (.nii.gz).

Views are "2CH" and "4CH", phases "ED" and "ES"; half sequences run from ED to ES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import SimpleITK

from PointSegLib.clip import CineClip
from PointSegLib.errors import AbsentError, ReadError
from PointSegLib.io.camus_info import VIEWS, Folder, checked, read_camus_info
from PointSegLib.io.problems import Problem, walk_cases
from PointSegLib.io.volumes import load_image, read_volume
from PointSegLib.result import LABEL_NAMES

PHASES = ("ED", "ES")
SUFFIXES = {".nii.gz": "NiftiImageIO", ".nii": "NiftiImageIO", ".mhd": "MetaImageIO"}
BACKGROUND = 0
SEQUENCES = ("half_sequence", "sequence")


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
    stem = f"{patient}_{checked(view, VIEWS)}_{checked(phase, PHASES)}"
    path = _find(Path(root) / patient, [stem])
    clip = replace(_clip(path), times_s=None)
    labels = _labels(path, clip)
    return clip, None if labels is None else labels[0]


def annotated_frames(
    root: Folder, patients: Iterable[str], views: Sequence[str] = VIEWS, problems: list[Problem] | None = None
) -> Iterator[tuple[str, CineClip, np.ndarray]]:
    """Read the annotated ED and ES frames of some patients, one by one.

    A view that none of the patients has is taken as not downloaded and left out without a word.

    Args:
        root: the folder that holds the patient folders.
        patients: their names.
        views: "2CH", "4CH" or both.
        problems: takes the frames that are damaged or not there, which are left out. Without it, damaged frames
            raise before the first is given, and what is not there is listed in one warning.

    Yields:
        `patient_view_phase`, the clip of one frame, and its labels uint8 `[H, W]`.

    Raises:
        ReadError: when none can be used, or, without `problems`, when some are damaged: all of them are listed.
    """
    cases = [
        (f"{patient}_{view}_{phase}", partial(_annotated, read_camus_frame, root, patient, view, phase))
        for patient, view in _patients_with_views(root, patients, views, PHASES)
        for phase in PHASES
    ]
    yield from _walk(root, cases, f"annotated CAMUS frame of these patients in {' or '.join(views)}", problems)


def annotated_sequences(
    root: Folder, patients: Iterable[str], views: Sequence[str] = VIEWS, problems: list[Problem] | None = None
) -> Iterator[tuple[str, CineClip, np.ndarray]]:
    """Read the half sequences, from ED to ES, whose every frame has labels; otherwise as `annotated_frames`.

    A sequence without `Info_<view>.cfg` cannot be used here, as its direction of time is unknown.

    Yields:
        `patient_view`, the clip, and its labels uint8 `[T, H, W]`.

    Raises:
        ReadError: as `annotated_frames` does.
    """
    cases = [
        (f"{patient}_{view}", partial(_annotated, _directed_sequence, root, patient, view))
        for patient, view in _patients_with_views(root, patients, views, SEQUENCES)
    ]
    yield from _walk(root, cases, f"annotated CAMUS sequence of these patients in {' or '.join(views)}", problems)


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
    path = _find(Path(root) / patient, [f"{patient}_{checked(view, VIEWS)}_{kind}" for kind in SEQUENCES])
    clip, info = _clip(path), read_camus_info(root, patient, view)
    labels = _labels(path, clip)
    warnings = []
    frames = clip.frames
    if info is None:
        warnings.append(f"Info_{view}.cfg is missing: the direction of time and the frame rate are unknown.")
    else:
        if info.frames != len(frames):
            warnings.append(f"Info_{view}.cfg speaks of {info.frames} frames, {path.name} has {len(frames)}.")
        if info.ed > info.es:
            frames = frames[::-1]
            labels = None if labels is None else np.ascontiguousarray(labels[::-1])
            warnings.append(f"{path.name} runs from ES to ED and was turned round.")
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


def _patients_with_views(
    root: Folder, patients: Iterable[str], views: Sequence[str], kinds: Sequence[str]
) -> list[tuple[str, str]]:
    """Patients with each view that any of them has as one of `kinds`."""
    known = list(patients)
    names = [path.name for patient in known for path in _images(Path(root) / patient)]
    there = [view for view in views if any(f"_{view}_{kind}." in name for name in names for kind in kinds)]
    return list(product(known, there))


def _annotated(
    read: Callable[..., tuple[CineClip, np.ndarray | None]], root: Folder, patient: str, *which: str
) -> tuple[CineClip, np.ndarray]:
    clip, labels = read(root, patient, *which)
    if labels is None:
        msg = f"{clip.source} has no masks: its file with _gt is missing; copy it from the CAMUS download."
        raise AbsentError(msg)
    return clip, labels


def _directed_sequence(root: Folder, patient: str, view: str) -> tuple[CineClip, np.ndarray | None]:
    sequence = read_camus_sequence(root, patient, view)
    if read_camus_info(root, patient, view) is None:
        msg = f"{Path(root) / patient} has no Info_{view}.cfg, which tells the direction of time; copy it there."
        raise AbsentError(msg)
    return sequence


def _walk(
    root: Folder,
    cases: Iterable[tuple[str, Callable[[], tuple[CineClip, np.ndarray]]]],
    wanted: str,
    problems: list[Problem] | None,
) -> Iterator[tuple[str, CineClip, np.ndarray]]:
    found = False
    for name, (clip, labels) in walk_cases(root, cases, problems):
        found = True
        yield name, clip, labels
    if not found:
        msg = f"{root}: no {wanted} was found; give the folder that holds patient0001 and so on."
        raise ReadError(msg)


def _images(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob(f"{folder.name}_*CH_*")):
        if path.name.endswith(tuple(SUFFIXES)) and "_gt." not in path.name:
            yield path


def _find(folder: Path, stems: list[str]) -> Path:
    for stem in stems:
        for suffix in SUFFIXES:
            if (folder / f"{stem}{suffix}").is_file():
                return folder / f"{stem}{suffix}"
    there = ", ".join(p.name for p in sorted(folder.iterdir())) if folder.is_dir() else "no such folder"
    msg = f"{folder} has no {' or '.join(stems)} (.nii.gz, .nii or .mhd); it has: {there or 'nothing'}."
    raise AbsentError(msg)


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
    labels = SimpleITK.GetArrayFromImage(load_image(gt, SUFFIXES[suffix]))
    labels = labels.reshape(-1, *labels.shape[-2:])
    if labels.shape != clip.frames.shape:
        msg = f"{gt} has the shape {list(labels.shape)} but {path.name} has {list(clip.frames.shape)}; restore both."
        raise ReadError(msg)
    unknown = np.setdiff1d(labels, [BACKGROUND, *LABEL_NAMES])
    if len(unknown):
        said = ", ".join(f"{value:g}" for value in unknown[:5])
        msg = f"{gt} holds the values {said}; CAMUS labels are 0 to {max(LABEL_NAMES)}: restore it."
        raise ReadError(msg)
    return labels.astype(np.uint8)
