"""Whose heart a DICOM file shows: enough to refuse views of different patients, no more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pydicom
from pydicom.errors import InvalidDicomError

from PointSegLib.errors import MeasurementError, ReadError

_FIELDS = ("PatientID", "PatientName", "PatientBirthDate")


def patient_of(path: Path) -> tuple[str, ...] | None:
    """Identifier, name and birth date of the patient as the file says them; None for a file that is not DICOM.

    Raises:
        ReadError: when the file cannot be opened.
    """
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_FIELDS))
    except InvalidDicomError:
        return None
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror or error}); check the name."
        raise ReadError(msg) from error
    return tuple(str(dataset.get(field) or "").strip() for field in _FIELDS)


def check_same_patient(paths: Sequence[Path]) -> None:
    """Refuse files that say they are of different patients. Files that say nothing pass.

    Raises:
        MeasurementError: when two files differ in a field that both fill; the message names the files and the field,
            not what it holds.
        ReadError: when one cannot be opened.
    """
    first, known = paths[0], patient_of(paths[0])
    for path in paths[1:]:
        other = patient_of(path)
        for name, one, two in zip(_FIELDS, known or (), other or (), strict=False):
            if one and two and one != two:
                msg = f"{first} and {path} are of different patients ({name} differs); give views of one heart."
                raise MeasurementError(msg)
