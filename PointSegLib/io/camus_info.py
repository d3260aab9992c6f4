"""What the text files of CAMUS say: `Info_<view>.cfg` of a patient and the official split."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from PointSegLib.errors import ReadError

VIEWS = ("2CH", "4CH")
SUBSETS = ("training", "validation", "testing")

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
    path = Path(root) / patient / f"Info_{checked(view, VIEWS)}.cfg"
    if not path.is_file():
        return None
    pairs = (line.split(":", 1) for line in path.read_text(errors="replace").splitlines() if ":" in line)
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


def checked(value: str, allowed: tuple[str, ...]) -> str:
    """Give back a view or phase that CAMUS has.

    Raises:
        ReadError: for any other.
    """
    if value not in allowed:
        msg = f"CAMUS has no {value!r}; choose one of {', '.join(allowed)}."
        raise ReadError(msg)
    return value


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
