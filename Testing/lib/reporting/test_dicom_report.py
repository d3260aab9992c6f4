"""The structured report says what was measured and is trusted, how, and in which frames of which image."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from lib.io.makers import save, ultrasound
from lib.measurement.beating import CENTRE, beating, hidden, measured
from pydicom.sr._concepts_dict import concepts
from pydicom.uid import generate_uid

from PointSegLib.errors import DependencyError, WriteError
from PointSegLib.io import write_dicom_segmentation
from PointSegLib.io.identity import read_source
from PointSegLib.measurement import beats_from_frames, measure, measure_biplane
from PointSegLib.reporting import dicom_codes, write_dicom_report
from PointSegLib.reporting.dicom_findings import findings_of, findings_together

highdicom = pytest.importorskip("highdicom", reason="DICOM output needs highdicom")
FRAMES = 24
KNOWN = measured(frames=FRAMES)


@pytest.fixture
def source(tmp_path):
    tags = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid(), "PatientID": "heart-7"}
    return read_source(save(ultrasound(beating(FRAMES)[1].frames, **tags), tmp_path / "cine.dcm"))


def numbers(item) -> list:
    """All NUM items below one."""
    own = [item] if item.ValueType == "NUM" else []
    return own + [number for child in item.get("ContentSequence", []) for number in numbers(child)]


def name_of(item) -> str:
    return item.ConceptNameCodeSequence[0].CodeMeaning


def value_of(item) -> tuple[float, str]:
    value = item.MeasuredValueSequence[0]
    return float(value.NumericValue), value.MeasurementUnitsCodeSequence[0].CodeValue


def modifiers(item) -> dict[str, str]:
    return {
        name_of(child): child.ConceptCodeSequence[0].CodeMeaning
        for child in item.get("ContentSequence", [])
        if child.ValueType == "CODE"
    }


def all_codes() -> list[dicom_codes.Code]:
    named = [thing for name, thing in vars(dicom_codes).items() if name.isupper()]
    single = [thing for thing in named if isinstance(thing, tuple)]
    tables = [code for thing in named if isinstance(thing, dict) for code in thing.values()]
    return [code for code in (*single, *tables) if code[1] in ("DCM", "SCT", "LN")]


@pytest.mark.parametrize("code", all_codes(), ids=lambda code: code[0])
def test_every_code_is_the_standards_own(code):
    value, scheme, meaning = code
    known = {entry[0].lower() for names in concepts[scheme].values() for key, entry in names.items() if key == value}
    assert any(meaning.lower() in text for text in known), f"{value} means {known} in {scheme}"


def test_report_says_the_figures_with_method_unit_and_frames(tmp_path, source):
    write_dicom_report(tmp_path / "report.dcm", [KNOWN], [source])
    report = highdicom.sr.srread(tmp_path / "report.dcm")
    best, found = KNOWN.best, numbers(report)
    fractions = [item for item in found if "Ejection Fraction" in name_of(item)]
    assert [value_of(item) for item in fractions] == [
        (pytest.approx(best.cavity.simpson.ef_percent, abs=0.01), "%"),
        (pytest.approx(best.cavity.area_length.ef_percent, abs=0.01), "%"),
    ]
    assert modifiers(fractions[0])["Measurement Method"] == "Method of Disks, Single Plane"
    assert modifiers(fractions[0])["Image View"] == "Apical four chamber"
    image = next(child for child in fractions[0].ContentSequence if child.ValueType == "IMAGE")
    assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert list(image.ReferencedSOPSequence[0].ReferencedFrameNumber) == [best.beat.start + 1, best.beat.es + 1]
    volumes = [value_of(item) for item in found if "Volume" in name_of(item)]
    assert (pytest.approx(best.cavity.simpson.edv_ml, abs=0.01), "mL") in volumes


def test_report_is_preliminary_and_of_the_sources_patient(tmp_path, source):
    write_dicom_report(tmp_path / "report.dcm", [KNOWN], [source])
    report = highdicom.sr.srread(tmp_path / "report.dcm")
    assert isinstance(report, highdicom.sr.ComprehensiveSR)
    assert (report.VerificationFlag, report.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert (report.PatientID, report.StudyInstanceUID) == ("heart-7", source.StudyInstanceUID)
    texts = [item.TextValue for item in report.ContentSequence if item.ValueType == "TEXT"]
    assert any("Not a medical device" in text for text in texts)
    assert set(KNOWN.warnings) <= set(texts)


def test_patients_name_is_never_said_aloud(tmp_path, source, recwarn):
    source.PatientName = "Secret"
    write_dicom_report(tmp_path / "report.dcm", [KNOWN], [source])
    write_dicom_segmentation(tmp_path / "seg.dcm", beating(FRAMES)[0], source)
    assert not [str(warning.message) for warning in recwarn if "Secret" in str(warning.message)]


def test_segments_have_their_site_and_their_uncertainty(tmp_path, source):
    write_dicom_report(tmp_path / "report.dcm", [KNOWN], [source])
    strains = [
        item
        for item in numbers(highdicom.sr.srread(tmp_path / "report.dcm"))
        if name_of(item) == "Longitudinal Lagrangian Strain" and "Finding Site" in modifiers(item)
    ]
    assert [modifiers(item)["Finding Site"] for item in strains] == [
        f"left ventricle {name} segment" for name in KNOWN.best.wall.strain.names
    ]
    assert all(any("uncertainty" in name_of(part) for part in item.ContentSequence) for item in strains)


def test_what_is_not_trusted_is_not_told_unless_insisted_on():
    result, clip = beating(FRAMES)
    poor = hidden(result, result.tracks.xy[:, 0, 0] > CENTRE[0] + 20.0)
    doubted, insisted = measure(poor, clip, "A4C"), measure(poor, clip, "A4C", insist=True)
    untrusted = [verdict.name for verdict in doubted.best.wall.trust if not verdict.trusted]
    assert untrusted
    sites = {finding.site[2] for finding in findings_of(doubted) if finding.site}
    assert not any(name in site for name in untrusted for site in sites)
    told = [finding for finding in findings_of(insisted) if finding.site and untrusted[0] in finding.site[2]]
    assert told
    assert all("Not trusted" in finding.comment for finding in told)


def test_gls_that_the_contours_contradict_is_not_told_unless_insisted_on():
    result, clip = beating(FRAMES)
    still = replace(result, labels=np.repeat(result.labels[1:2], FRAMES, 0))
    beats = beats_from_frames([1, 21], [11], FRAMES)

    def told(insist: bool) -> list[str]:
        found = findings_of(measure(still, clip, "A4C", beats=beats, insist=insist))
        of_strain = (dicom_codes.STRAIN, dicom_codes.ENDOCARDIAL_GLS["A4C"])
        return [finding.comment for finding in found if finding.concept in of_strain and not finding.site]

    assert told(insist=False) == []
    assert len(told(insist=True)) == 2
    assert all("the contours of the masks say" in comment for comment in told(insist=True))


def test_without_calibration_nothing_is_told_in_millimetres():
    units = {finding.unit[0] for finding in findings_of(measured(frames=FRAMES, spacing_mm=None))}
    assert units == {"%", "ms", "{H.B.}/min"}


def test_sides_of_the_annulus_are_told_apart_by_the_view():
    def sites(view: str) -> list[str]:
        found = findings_of(measured(view, frames=FRAMES))
        return [finding.site[2] for finding in found if finding.concept == dicom_codes.EXCURSION]

    assert sites("A4C") == ["Medial Mitral Annulus", "Lateral Mitral Annulus"]
    assert sites("A2C") == ["Mitral Annulus", "Mitral Annulus"]


def test_views_together_refer_to_all_their_images(tmp_path, source):
    other = replace(measured("A2C", frames=FRAMES), source="other.dcm")
    second = read_source(tmp_path / "cine.dcm")
    second.SOPInstanceUID = generate_uid()
    together = measure_biplane(KNOWN, other)
    assert len(findings_together(together)) >= 4
    write_dicom_report(tmp_path / "report.dcm", [KNOWN, other], [source, second], together)
    found = numbers(highdicom.sr.srread(tmp_path / "report.dcm"))
    biplane = [item for item in found if modifiers(item).get("Measurement Method") == "Method of Disks, Biplane"]
    images = [child for child in biplane[0].ContentSequence if child.ValueType == "IMAGE"]
    assert {image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for image in images} == {
        source.SOPInstanceUID,
        second.SOPInstanceUID,
    }


def test_nothing_measured_gives_no_report(tmp_path, source):
    result, clip = beating(FRAMES)
    bare = measure(replace(result, labels=np.zeros_like(result.labels)), clip)
    with pytest.raises(WriteError, match="nothing to report"):
        write_dicom_report(tmp_path / "report.dcm", [bare], [source])
    with pytest.raises(WriteError, match="1 DICOM sources were given for 2"):
        write_dicom_report(tmp_path / "report.dcm", [KNOWN, KNOWN], [source])


def test_without_highdicom_the_remedy_is_told(tmp_path, source, monkeypatch):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(DependencyError, match=r'pip install "pointseg\[dicom\]"'):
        write_dicom_report(tmp_path / "report.dcm", [KNOWN], [source])
