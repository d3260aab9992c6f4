"""Views of different patients are refused; what files do not say is not held against them."""

from __future__ import annotations

import pytest
from lib.io.makers import fan_frames, ultrasound

from PointSegLib.errors import MeasurementError, ReadError
from PointSegLib.io.identity import check_same_patient, patient_of


def write(path, **tags):
    ultrasound(fan_frames(2), **tags).save_as(path)
    return path


def test_views_of_one_patient_pass(tmp_path):
    files = [write(tmp_path / f"{i}.dcm", PatientID="7", PatientName="A^B") for i in range(2)]
    check_same_patient(files)


def test_views_of_two_patients_are_refused_without_naming_them(tmp_path):
    files = [write(tmp_path / f"{i}.dcm", PatientID=f"secret{i}") for i in range(2)]
    with pytest.raises(MeasurementError, match="PatientID differs") as caught:
        check_same_patient(files)
    assert "secret" not in str(caught.value)


def test_file_that_does_not_say_its_patient_passes(tmp_path):
    image = tmp_path / "clip.mp4"
    image.write_bytes(b"no DICOM at all" * 20)
    assert patient_of(image) is None
    check_same_patient([write(tmp_path / "a.dcm", PatientID="7"), write(tmp_path / "b.dcm"), image])


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ReadError, match=r"absent\.dcm"):
        patient_of(tmp_path / "absent.dcm")
