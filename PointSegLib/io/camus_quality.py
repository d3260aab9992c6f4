"""The image quality that CAMUS's experts gave each patient, from whichever file of the download is there."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from PointSegLib.errors import ReadError
from PointSegLib.io.camus_info import read_camus_info

TABLE = "patients_info.csv"


def read_qualities(root: str | os.PathLike[str], patients: list[str], view: str) -> dict[str, str]:
    """Image quality of some patients.

    Args:
        root: the folder that holds the patient folders.
        patients: their names.
        view: "2CH" or "4CH"; the quality is taken from the patient's `Info_<view>.cfg` and, where that is missing, from
            `patients_info.csv` in `root` (columns Patient, ImageQuality), which does not tell views apart.

    Returns:
        Patient -> "Good", "Medium" or "Poor"; empty when neither file says.

    Raises:
        ReadError: when a file that is there cannot be read.
    """
    listed = _listed(Path(root) / TABLE)
    known = {patient: read_camus_info(root, patient, view) for patient in patients}
    return {name: info.quality if info else listed.get(name, "") for name, info in known.items()}


def quality_source(root: str | os.PathLike[str], patients: list[str], view: str) -> str:
    """Say in words where `read_qualities` takes the qualities of these patients from.

    Raises:
        ReadError: when a file that is there cannot be read.
    """
    own = sum(read_camus_info(root, patient, view) is not None for patient in patients)
    listed = len(patients) - own
    parts = [f"Info_{view}.cfg of {own} patients"] if own else []
    if listed and (Path(root) / TABLE).is_file():
        parts.append(f"{TABLE} for {listed} patients: one grade a patient, which may have been given to the other view")
    elif listed:
        parts.append(f"nothing for {listed} patients: no Info_{view}.cfg and no {TABLE}")
    return "; ".join(parts)


def _listed(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return {row["Patient"]: row["ImageQuality"] for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError, csv.Error) as error:
        msg = f"{path} is not a table with the columns Patient and ImageQuality ({error!r}); restore or remove it."
        raise ReadError(msg) from error
