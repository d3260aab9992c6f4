"""Write labels as a DICOM Segmentation object that refers to the frames of the DICOM clip they were drawn on.

Ultrasound cines have no frame of reference: frames are found by the number of the source frame each one names (DICOM
PS3.3 A.51, Segmentation IOD; the Derivation Image functional group). highdicom's own class takes such sources with one
frame only, so that the object is put together here, of highdicom's parts.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pack_bits
from pydicom.uid import ExplicitVRLittleEndian, SegmentationStorage, generate_uid

from PointSegLib import __version__
from PointSegLib.atomic import atomic_path
from PointSegLib.errors import WriteError, optional_package
from PointSegLib.io.identity import frames_of, image_reference
from PointSegLib.result import LABEL_NAMES, LEFT_ATRIUM, LV_CAVITY, MYOCARDIUM, PointSegResult

MAKER = "PointSeg"
# The codes of DICOM's context groups 7150 (categories), 12305 (sites) and 7162 (algorithm families).
_ANATOMY = ("91723000", "SCT", "Anatomical Structure")
_TISSUE = ("85756007", "SCT", "Tissue")
SITES = {
    LV_CAVITY: (_ANATOMY, ("87878005", "SCT", "Left ventricle")),
    MYOCARDIUM: (_TISSUE, ("49848007", "SCT", "Left Ventricle Myocardium")),
    LEFT_ATRIUM: (_ANATOMY, ("82471001", "SCT", "Left atrium")),
}
_ARTIFICIAL_INTELLIGENCE = ("123110", "DCM", "Artificial Intelligence")
_SEGMENTATION = ("113076", "DCM", "Segmentation")
_SOURCE = ("121322", "DCM", "Source image for image processing operation")
_DIMENSIONS = (
    ("ReferencedSegmentNumber", "SegmentIdentificationSequence"),
    ("TemporalPositionIndex", "FrameContentSequence"),
)
# Beyond the series a scanner numbers.
_SERIES_NUMBER = 9001


def import_highdicom(purpose: str) -> Any:
    """Import highdicom.

    Raises:
        DependencyError: when it is not installed; the message names `purpose` and the remedy.
    """
    with optional_package(purpose, "highdicom", "dicom"):
        import highdicom
    return highdicom


@contextmanager
def discreet() -> Iterator[None]:
    """Keep highdicom from quoting the patient's name, which it does where it doubts its form."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The string .* is unlikely to represent the intended person name")
        yield


def write_dicom_segmentation(path: str | os.PathLike[str], result: PointSegResult, source: Dataset) -> None:
    """Write the labels of a clip as a binary Segmentation with one frame per structure and frame that shows it.

    Patient and study are those of the source. Segments are numbered from 1 in the order of `result.class_labels`.

    Args:
        path: the file.
        result: labels at the clip's own size.
        source: header of the clip, from `identity.read_source`.

    Raises:
        DependencyError: without highdicom.
        WriteError: when the labels do not fit the source or show nothing, or the file cannot be written.
    """
    highdicom = import_highdicom(f"Writing the DICOM Segmentation {os.fspath(path)}")
    count, rows, columns = result.labels.shape
    if (count, rows, columns) != (frames_of(source), source.Rows, source.Columns):
        msg = (
            f"{path}: labels of {count} frames of {columns} x {rows} pixels are not of the source, which has "
            f"{frames_of(source)} of {source.Columns} x {source.Rows}; give the DICOM clip that was segmented."
        )
        raise WriteError(msg)
    shown = [
        (number, frame)
        for number, label in enumerate(result.class_labels, start=1)
        for frame in np.flatnonzero((result.labels == label).any((1, 2))).tolist()
    ]
    if not shown:
        msg = f"{path}: the labels show no structure in any frame, and a Segmentation without frames is not allowed."
        raise WriteError(msg)
    with discreet():
        made = _header(highdicom, source, "SEG", SegmentationStorage, "PointSeg segmentation")
    _describe_image(made, source)
    made.SegmentSequence = [
        _segment(highdicom, number, label) for number, label in enumerate(result.class_labels, start=1)
    ]
    _add_dimensions(made)
    made.PerFrameFunctionalGroupsSequence = [_frame_groups(highdicom, source, *which) for which in shown]
    made.NumberOfFrames = len(shown)
    masks = [result.labels[frame] == result.class_labels[number - 1] for number, frame in shown]
    made.PixelData = pack_bits(np.stack(masks).astype(np.uint8).ravel())
    with atomic_path(path) as temporary:
        made.save_as(temporary, enforce_file_format=True)


def _identity(source: Dataset) -> dict[str, Any]:
    """Patient and study of a source as highdicom's constructors want them."""
    return {
        "study_instance_uid": source.StudyInstanceUID,
        "patient_id": source.PatientID,
        "patient_name": source.PatientName,
        "patient_birth_date": source.PatientBirthDate,
        "patient_sex": source.PatientSex,
        "accession_number": source.AccessionNumber,
        "study_id": source.StudyID,
        "study_date": source.StudyDate,
        "study_time": source.StudyTime,
        "referring_physician_name": source.ReferringPhysicianName,
        "specific_character_set": source.get("SpecificCharacterSet"),
    }


def _header(highdicom: Any, source: Dataset, modality: str, sop_class: str, description: str) -> Any:
    made = highdicom.SOPClass(
        **_identity(source),
        series_instance_uid=generate_uid(),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=generate_uid(),
        sop_class_uid=sop_class,
        instance_number=1,
        modality=modality,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description=description,
        manufacturer=MAKER,
        manufacturer_model_name=MAKER,
        software_versions=__version__,
        device_serial_number="none",
    )
    made.copy_patient_and_study_information(source)
    return made


def _describe_image(made: Any, source: Dataset) -> None:
    """What the frames are; their size in millimetres is that of the source, whose own calibration stands."""
    made.ImageType = ["DERIVED", "PRIMARY"]
    made.Rows, made.Columns, made.SamplesPerPixel = source.Rows, source.Columns, 1
    made.PhotometricInterpretation, made.PixelRepresentation = "MONOCHROME2", 0
    made.BitsAllocated = made.BitsStored = 1
    made.HighBit = 0
    made.LossyImageCompression = "00"
    for name in ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        if source.get(name):
            setattr(made, name, source.get(name))
    made.SegmentationType, made.SegmentsOverlap = "BINARY", "NO"
    made.ContentLabel, made.ContentCreatorName = "POINTSEG", MAKER
    made.ContentDescription = "Left heart in an apical view"
    made.SharedFunctionalGroupsSequence = [Dataset()]
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedInstanceSequence = source.SeriesInstanceUID, [image_reference(source)]
    made.ReferencedSeriesSequence = [series]


def _segment(highdicom: Any, number: int, label: int) -> Any:
    category, kind = SITES[label]
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name=MAKER, family=highdicom.sr.CodedConcept(*_ARTIFICIAL_INTELLIGENCE), version=__version__
    )
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=LABEL_NAMES[label],
        segmented_property_category=highdicom.sr.CodedConcept(*category),
        segmented_property_type=highdicom.sr.CodedConcept(*kind),
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm,
    )


def _add_dimensions(made: Any) -> None:
    """Frames are ordered by segment and by time."""
    organization, indices = generate_uid(), []
    for pointer, group in _DIMENSIONS:
        index = Dataset()
        index.DimensionOrganizationUID = organization
        index.DimensionIndexPointer, index.FunctionalGroupPointer = tag_for_keyword(pointer), tag_for_keyword(group)
        index.DimensionDescriptionLabel = pointer
        indices.append(index)
    owner = Dataset()
    owner.DimensionOrganizationUID = organization
    made.DimensionOrganizationSequence, made.DimensionIndexSequence = [owner], indices


def _frame_groups(highdicom: Any, source: Dataset, number: int, frame: int) -> Dataset:
    content, segment, derivation, groups = (Dataset() for _ in range(4))
    content.TemporalPositionIndex = frame + 1
    content.DimensionIndexValues = [number, frame + 1]
    segment.ReferencedSegmentNumber = number
    image = image_reference(source, [frame])
    image.SpatialLocationsPreserved = "YES"
    image.PurposeOfReferenceCodeSequence = [highdicom.sr.CodedConcept(*_SOURCE)]
    derivation.SourceImageSequence = [image]
    derivation.DerivationCodeSequence = [highdicom.sr.CodedConcept(*_SEGMENTATION)]
    groups.FrameContentSequence = [content]
    groups.SegmentIdentificationSequence = [segment]
    groups.DerivationImageSequence = [derivation]
    return groups
