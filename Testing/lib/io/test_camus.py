"""Both CAMUS layouts read alike; half sequences run from ED to ES."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from PointSegLib.errors import ReadError
from PointSegLib.io import list_patients, read_camus_frame, read_camus_info, read_camus_sequence, read_clip
from Testing.lib.io.makers import fan_frames, write_image

PATIENT = "patient0007"
DATA = Path(os.environ.get("POINTSEG_SHARED_DATA", Path(__file__).resolve().parents[3] / ".." / "shared" / "data"))
NEW, OLD = DATA / "camus", DATA / "camus_original_layout"
needs_new = pytest.mark.skipif(not NEW.is_dir(), reason="the CAMUS data are not here (set POINTSEG_SHARED_DATA)")
needs_old = pytest.mark.skipif(not OLD.is_dir(), reason="the CAMUS data are not here (set POINTSEG_SHARED_DATA)")

FRAMES = fan_frames(5)
LABELS = np.stack([np.full((60, 80), value % 4, np.uint8) for value in range(5)])


def write_info(root, ed, es, view="4CH", rate="FrameRate: 50.0\n"):
    text = f"ED: {ed}\nES: {es}\nNbFrame: 5\nSex: F\nAge: 56\nImageQuality: Good\nEF: 54\n{rate}"
    (root / PATIENT / f"Info_{view}.cfg").write_text(text)


def write_sequence(root, layout, view="4CH"):
    name, suffix = ("half_sequence", ".nii.gz") if layout == "new" else ("sequence", ".mhd")
    stem = root / PATIENT / f"{PATIENT}_{view}_{name}"
    write_image(Path(f"{stem}{suffix}"), FRAMES)
    write_image(Path(f"{stem}_gt{suffix}"), LABELS)


@pytest.mark.parametrize("layout", ["new", "old"])
def test_sequence_keeps_frames_labels_spacing_and_rate(tmp_path, layout):
    write_sequence(tmp_path, layout)
    write_info(tmp_path, 1, 5)
    clip, labels = read_camus_sequence(tmp_path, PATIENT, "4CH")
    assert np.array_equal(clip.frames, FRAMES)
    assert np.array_equal(labels, LABELS)
    assert clip.spacing_mm == pytest.approx((0.15, 0.3))
    assert np.allclose(clip.times_s, np.arange(5) / 50)


@pytest.mark.parametrize("view", ["2CH", "4CH"])
@pytest.mark.parametrize("layout", ["new", "old"])
def test_sequence_from_es_to_ed_is_turned_round_and_says_so(tmp_path, layout, view):
    write_sequence(tmp_path, layout, view)
    write_info(tmp_path, 5, 1, view)
    clip, labels = read_camus_sequence(tmp_path, PATIENT, view)
    assert np.array_equal(clip.frames, FRAMES[::-1])
    assert np.array_equal(labels, LABELS[::-1])
    assert any("turned round" in w for w in clip.warnings)


def test_sequence_of_another_length_than_its_info_is_doubted(tmp_path):
    write_sequence(tmp_path, "new")
    write_info(tmp_path, 1, 5)
    info = tmp_path / PATIENT / "Info_4CH.cfg"
    info.write_text(info.read_text().replace("NbFrame: 5", "NbFrame: 9"))
    assert any("speaks of 9 frames" in w for w in read_camus_sequence(tmp_path, PATIENT, "4CH")[0].warnings)


def test_unknown_label_values_are_refused(tmp_path):
    write_image(tmp_path / PATIENT / f"{PATIENT}_2CH_ES.nii.gz", FRAMES[0])
    write_image(tmp_path / PATIENT / f"{PATIENT}_2CH_ES_gt.nii.gz", LABELS[2] + 5)
    with pytest.raises(ReadError, match=r"_gt\.nii\.gz holds the values 7; CAMUS labels are 0 to 3"):
        read_camus_frame(tmp_path, PATIENT, "2CH", "ES")


def test_without_frame_rate_times_are_unknown(tmp_path):
    write_sequence(tmp_path, "old")
    write_info(tmp_path, 1, 5, rate="")
    assert read_camus_sequence(tmp_path, PATIENT, "4CH")[0].times_s is None


def test_without_info_the_direction_is_doubted(tmp_path):
    write_sequence(tmp_path, "new")
    clip, _ = read_camus_sequence(tmp_path, PATIENT, "4CH")
    assert read_camus_info(tmp_path, PATIENT, "4CH") is None
    assert any("direction of time" in w for w in clip.warnings)


def test_info_is_parsed_whole(tmp_path):
    (tmp_path / PATIENT).mkdir()
    write_info(tmp_path, 2, 5)
    info = read_camus_info(tmp_path, PATIENT, "4CH")
    assert (info.ed, info.es, info.frames, info.sex, info.age) == (2, 5, 5, "F", 56)
    assert (info.quality, info.ef_percent, info.frame_rate_hz) == ("Good", 54, 50)


def test_broken_info_is_refused_by_name(tmp_path):
    (tmp_path / PATIENT).mkdir()
    (tmp_path / PATIENT / "Info_4CH.cfg").write_bytes(b"ED: \xff\xfe\n")
    with pytest.raises(ReadError, match=r"Info_4CH\.cfg does not give ED"):
        read_camus_info(tmp_path, PATIENT, "4CH")


def test_frame_without_labels_has_none(tmp_path):
    write_image(tmp_path / PATIENT / f"{PATIENT}_2CH_ES.nii.gz", FRAMES[0])
    clip, labels = read_camus_frame(tmp_path, PATIENT, "2CH", "ES")
    assert np.array_equal(clip.frames, FRAMES[:1])
    assert labels is None


def test_labels_of_another_size_are_refused(tmp_path):
    write_image(tmp_path / PATIENT / f"{PATIENT}_2CH_ES.nii.gz", FRAMES[0])
    write_image(tmp_path / PATIENT / f"{PATIENT}_2CH_ES_gt.nii.gz", LABELS[0, :50])
    with pytest.raises(ReadError, match=r"_gt\.nii\.gz has the shape \[1, 50, 80\]"):
        read_camus_frame(tmp_path, PATIENT, "2CH", "ES")


@pytest.mark.parametrize("suffix", ["nii.gz", "nii", "mhd"])
def test_labels_that_are_cut_off_are_refused_rather_than_filled_with_background(tmp_path, suffix):
    write_image(tmp_path / PATIENT / f"{PATIENT}_2CH_ES.{suffix}", FRAMES[0])
    path = write_image(tmp_path / PATIENT / f"{PATIENT}_2CH_ES_gt.{suffix}", LABELS[0])
    cut = path.with_suffix(".raw") if suffix == "mhd" else path
    cut.write_bytes(cut.read_bytes()[:-100])
    with pytest.raises(ReadError, match=rf"_gt\.{suffix} .*cut off"):
        read_camus_frame(tmp_path, PATIENT, "2CH", "ES")


def test_missing_view_lists_what_is_there(tmp_path):
    write_image(tmp_path / PATIENT / f"{PATIENT}_2CH_ES.nii.gz", FRAMES[0])
    with pytest.raises(ReadError, match=r"has no patient0007_4CH_ES .* it has: patient0007_2CH_ES\.nii\.gz"):
        read_camus_frame(tmp_path, PATIENT, "4CH", "ES")


@pytest.mark.parametrize(("view", "phase"), [("3CH", "ED"), ("4CH", "mid")])
def test_unknown_view_or_phase_is_refused(tmp_path, view, phase):
    with pytest.raises(ReadError, match="choose one of"):
        read_camus_frame(tmp_path, PATIENT, view, phase)


def test_patient_folder_reads_its_four_chamber_sequence(tmp_path):
    write_sequence(tmp_path, "new", "2CH")
    write_sequence(tmp_path, "new", "4CH")
    write_info(tmp_path, 5, 1, "4CH")
    assert np.array_equal(read_clip(tmp_path / PATIENT).frames, FRAMES[::-1])


def test_patient_folder_with_stills_reads_one_and_says_which(tmp_path):
    write_image(tmp_path / PATIENT / f"{PATIENT}_2CH_ED.nii.gz", FRAMES[0])
    clip = read_clip(tmp_path / PATIENT)
    assert len(clip) == 1
    assert any("2CH ED still" in w for w in clip.warnings)


@pytest.mark.parametrize("place", [".", "database_split", "..", "../database_split"])
def test_official_split_is_found_around_the_patients(tmp_path, place):
    root = tmp_path / "patients"
    root.mkdir()
    (root / place).mkdir(exist_ok=True)
    (root / place / "subgroup_validation.txt").write_text("patient0001\npatient0009\n\n")
    assert list_patients(root, "validation") == ["patient0001", "patient0009"]


def test_missing_split_is_refused(tmp_path):
    with pytest.raises(ReadError, match=r"subgroup_testing\.txt"):
        list_patients(tmp_path, "testing")
    with pytest.raises(ReadError, match="choose one of training"):
        list_patients(tmp_path, "test")


@needs_new
def test_real_patient_of_the_present_layout():
    clip, labels = read_camus_frame(NEW, "patient0001", "4CH", "ED")
    assert clip.frames.shape == (1, 195, 275)
    assert clip.spacing_mm == pytest.approx((0.616, 0.616))
    assert set(np.unique(labels)) == {0, 1, 2, 3}
    assert clip.warnings == ()
    assert len(list_patients(NEW, "training")) == 350
    assert len(list_patients(NEW, "validation")) == 50


@needs_old
def test_real_patient_of_the_first_layout_shows_the_same_heart():
    clip, labels = read_camus_frame(OLD, "patient0001", "4CH", "ED")
    assert clip.frames.shape == (1, 778, 549)
    assert clip.spacing_mm == pytest.approx((0.154, 0.308))
    assert read_camus_info(OLD, "patient0001", "4CH").es == 20
    _, resampled = read_camus_frame(NEW, "patient0001", "4CH", "ED")
    area_mm2 = (labels == 1).sum() * 0.154 * 0.308
    assert area_mm2 == pytest.approx((resampled == 1).sum() * 0.616**2, rel=0.03)
