"""Whose heart a DICOM file shows, and which image it is: to refuse views of different patients, and to refer to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from PointSegLib.errors import MeasurementError, ReadError, WriteError

_FIELDS = ("PatientID", "PatientName", "PatientBirthDate")
# Without these nothing can belong to the study or refer to the image; those after may be empty in any file.
_NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
_MAY_BE_EMPTY = (
    *_FIELDS,
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)


def patient_of(path: Path) -> tuple[str, ...] | None:
    """Identifier, name and birth date of the patient as the file says them; None for a file that is not DICOM.

    Raises:
        ReadError: when the file cannot be opened.
    """
    dataset = _header(path, list(_FIELDS))
    return None if dataset is None else tuple(str(dataset.get(field) or "").strip() for field in _FIELDS)


def read_source(path: Path) -> Dataset:
    """The header of a DICOM clip, complete enough for objects that are derived from it.

    What a file may leave out of patient and study is there and empty.

    Raises:
        WriteError: when the file is not DICOM, or does not say which image of which study it is.
        ReadError: when the file cannot be opened.
    """
    dataset = _header(path)
    if dataset is None:
        msg = (
            f"{path} is not a DICOM file: it names no patient, study or image that a DICOM object could belong to. "
            "Measure the DICOM file it was made from, or do without DICOM output."
        )
        raise WriteError(msg)
    missing = [name for name in _NEEDED if not dataset.get(name)]
    if missing:
        msg = (
            f"{path} does not say which image of which study it is ({', '.join(missing)} missing), so that no DICOM "
            "object can refer to it; export it again from the archive, or do without DICOM output."
        )
        raise WriteError(msg)
    for name in _MAY_BE_EMPTY:
        if name not in dataset:
            setattr(dataset, name, "")
    return dataset


def frames_of(source: Dataset) -> int:
    """How many frames an image has by its header."""
    return int(source.get("NumberOfFrames") or 1)


def image_reference(source: Dataset, frames: Sequence[int] = ()) -> Dataset:
    """An item that refers to an image, or to frames of it, counted from 0 as in a clip."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    if frames and frames_of(source) > 1:
        item.ReferencedFrameNumber = [frame + 1 for frame in frames]
    return item


def _header(path: Path, only: list[str] | None = None) -> Dataset | None:
    try:
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=only)
    except InvalidDicomError:
        return None
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror or error}); check the name."
        raise ReadError(msg) from error


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
