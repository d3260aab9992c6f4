"""Views of different patients are refused; what files do not say is not held against them."""

from __future__ import annotations

import pytest
from lib.io.makers import fan_frames, ultrasound

from PointSegLib.errors import MeasurementError, ReadError, WriteError
from PointSegLib.io.identity import check_same_patient, image_reference, patient_of, read_source


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


def test_source_of_derived_objects_has_all_they_copy(tmp_path):
    source = read_source(write(tmp_path / "a.dcm", StudyInstanceUID="1.2", SeriesInstanceUID="1.3", PatientID="7"))
    assert (source.PatientID, source.PatientName, source.StudyDate) == ("7", "", "")
    assert "PixelData" not in source
    assert image_reference(source, [0, 1]).ReferencedFrameNumber == [1, 2]


def test_file_that_nothing_can_refer_to_is_refused_with_what_is_missing(tmp_path):
    with pytest.raises(WriteError, match=r"StudyInstanceUID, SeriesInstanceUID missing.*export it again"):
        read_source(write(tmp_path / "a.dcm"))
    movie = tmp_path / "clip.mp4"
    movie.write_bytes(b"no DICOM at all" * 20)
    with pytest.raises(WriteError, match=r"clip\.mp4 is not a DICOM file"):
        read_source(movie)
