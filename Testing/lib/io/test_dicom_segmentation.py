"""The Segmentation object holds the labels bit for bit, under their source's patient, beside the frames they are of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from lib.io.makers import fan_frames, save, ultrasound
from pydicom.uid import generate_uid

from PointSegLib.errors import WriteError
from PointSegLib.io import write_dicom_segmentation
from PointSegLib.io.identity import read_source
from PointSegLib.result import LEFT_ATRIUM, LV_CAVITY, MYOCARDIUM, PointSegResult

highdicom = pytest.importorskip("highdicom", reason="DICOM output needs highdicom")
FRAMES = fan_frames(5)
LABELS = np.zeros(FRAMES.shape, np.uint8)
LABELS[1:, 20:30, 31:40] = LV_CAVITY
LABELS[:, 30:35, 30:40] = MYOCARDIUM
LABELS[3:, 40:50, 30:41] = LEFT_ATRIUM
RESULT = PointSegResult(LABELS, tracks=None)


def identified(frames: np.ndarray = FRAMES, **tags):
    return ultrasound(frames, StudyInstanceUID=generate_uid(), SeriesInstanceUID=generate_uid(), **tags)


@pytest.fixture
def source(tmp_path):
    known = {"PatientID": "heart-7", "PatientName": "Nobody^At All", "StudyDate": "20200229", "StudyDescription": "TTE"}
    return read_source(save(identified(**known), tmp_path / "cine.dcm"))


def test_labels_come_back_frame_by_frame(tmp_path, source):
    write_dicom_segmentation(tmp_path / "seg.dcm", RESULT, source)
    seen = highdicom.seg.segread(tmp_path / "seg.dcm")
    labels = seen.get_pixels_by_source_frame(
        source.SOPInstanceUID, range(1, 6), combine_segments=True, assert_missing_frames_are_empty=True
    )
    assert np.array_equal(labels, LABELS)
    assert seen.NumberOfFrames == 4 + 5 + 2, "frames without a structure are not written"


def test_patient_study_and_image_are_those_of_the_source(tmp_path, source):
    write_dicom_segmentation(tmp_path / "seg.dcm", RESULT, source)
    seen = pydicom.dcmread(tmp_path / "seg.dcm")
    for name in ("PatientID", "PatientName", "StudyInstanceUID", "StudyDate", "StudyDescription"):
        assert seen[name].value == source[name].value
    assert seen.SeriesInstanceUID != source.SeriesInstanceUID
    (series,) = seen.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == source.SeriesInstanceUID
    assert series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert "PixelMeasuresSequence" not in seen.SharedFunctionalGroupsSequence[0]


def test_segments_bear_their_codes_and_say_that_a_machine_drew_them(tmp_path, source):
    write_dicom_segmentation(tmp_path / "seg.dcm", RESULT, source)
    segments = pydicom.dcmread(tmp_path / "seg.dcm").SegmentSequence
    kinds = [segment.SegmentedPropertyTypeCodeSequence[0] for segment in segments]
    assert [(kind.CodeValue, kind.CodingSchemeDesignator) for kind in kinds] == [
        ("87878005", "SCT"),
        ("49848007", "SCT"),
        ("82471001", "SCT"),
    ]
    assert {segment.SegmentAlgorithmType for segment in segments} == {"AUTOMATIC"}


def test_model_of_the_wall_alone_writes_one_segment(tmp_path, source):
    wall = np.where(LABELS == MYOCARDIUM, LABELS, 0)
    write_dicom_segmentation(tmp_path / "seg.dcm", replace(RESULT, labels=wall, class_labels=(MYOCARDIUM,)), source)
    seen = highdicom.seg.segread(tmp_path / "seg.dcm")
    assert seen.number_of_segments == 1
    assert seen.get_segment_description(1).segment_label == "Myocardium"


def test_a_still_is_referred_to_as_a_whole(tmp_path):
    still = read_source(save(identified(FRAMES[:1], NumberOfFrames=None), tmp_path / "still.dcm"))
    write_dicom_segmentation(tmp_path / "seg.dcm", replace(RESULT, labels=LABELS[:1]), still)
    groups = pydicom.dcmread(tmp_path / "seg.dcm").PerFrameFunctionalGroupsSequence
    image = groups[0].DerivationImageSequence[0].SourceImageSequence[0]
    assert image.ReferencedSOPInstanceUID == still.SOPInstanceUID
    assert "ReferencedFrameNumber" not in image


@pytest.mark.parametrize(
    ("labels", "said"), [(LABELS[:4], "not of the source, which has 5"), (0 * LABELS, "show no structure")]
)
def test_labels_that_cannot_be_written_leave_nothing_behind(tmp_path, source, labels, said):
    with pytest.raises(WriteError, match=said):
        write_dicom_segmentation(tmp_path / "seg.dcm", replace(RESULT, labels=labels), source)
    assert not (tmp_path / "seg.dcm").exists()
