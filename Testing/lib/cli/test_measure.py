"""`pointseg measure`: what it writes and says, and what it refuses; the network is replaced by known masks."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
import SimpleITK
from lib.io.makers import fan_frames, save, ultrasound
from lib.measurement.beating import EF, GLS, beating, followed
from pydicom.uid import generate_uid

import PointSegLib
from PointSegLib.cli import main

FRAMES = 24


class KnownHeart:
    """Stands in for the network: knows where the beating cup is."""

    @classmethod
    def from_pretrained(cls, checkpoint=None, device="auto"):
        return cls()

    def open(self, clip):
        return self

    def segment(self, progress=None):
        return beating(FRAMES)[0]

    def track(self, points, *, closely=False):
        return followed(points, FRAMES)


@pytest.fixture(autouse=True)
def predictor(monkeypatch):
    monkeypatch.setattr(PointSegLib, "PointSegPredictor", KnownHeart, raising=False)


def write_clip(path: Path) -> Path:
    image = SimpleITK.GetImageFromArray(beating(FRAMES)[1].frames)
    SimpleITK.WriteImage(image, str(path))
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_tables_are_written_and_the_figures_said(tmp_path, capsys):
    clip = write_clip(tmp_path / "echo.nrrd")
    assert main(["measure", str(clip), "--view", "A4C", "-o", str(tmp_path / "out")]) == 0
    tables = {"echo_segments.csv", "echo_beats.csv", "echo_curves.csv", "echo_measurements.json"}
    assert names(tmp_path / "out") == tables
    told = capsys.readouterr()
    ejection, strain = re.search(r"EF (\d+) % .*GLS (-[\d.]+) %", told.out).groups()
    assert int(ejection) == pytest.approx(EF, abs=2)
    assert float(strain) == pytest.approx(GLS, abs=0.5)
    assert "warning" in told.err
    with (tmp_path / "out/echo_segments.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert min(int(row["points"]) for row in rows) > 8, "no points were put on the wall"
    assert max(float(row["forward_backward_error_wall_thicknesses"]) for row in rows) < 0.01


def test_report_and_biplane(tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="the report needs matplotlib")
    clips = [write_clip(tmp_path / name) for name in ("echo.nrrd", "other.nrrd")]
    command = ["measure", str(clips[0]), "--a2c", str(clips[1]), "--report", "-o", str(tmp_path / "out")]
    assert main(command) == 0
    assert "echo_report.html" in names(tmp_path / "out")
    content = json.loads((tmp_path / "out/echo_measurements.json").read_text(encoding="utf-8"))
    assert [view["view"] for view in content["views"]] == ["A4C", "A2C"]
    assert "together:" in capsys.readouterr().out


def test_beats_may_be_named(tmp_path):
    clip = write_clip(tmp_path / "echo.nrrd")
    command = ["measure", str(clip), "--ed", "2", "20", "--es", "10", "--keep-drift", "-o", str(tmp_path / "out")]
    assert main(command) == 0
    content = json.loads((tmp_path / "out/echo_measurements.json").read_text(encoding="utf-8"))
    assert [beat["ed_frame"] for beat in content["views"][0]["beats"]] == [2]
    assert not any(segment["drift_corrected"] for segment in content["views"][0]["segments"])


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        (["a.nrrd", "b.nrrd", "--a2c", "c.nrrd"], "run pointseg measure for each"),
        (["a.nrrd", "--a3c", "c.nrrd"], "--view A3C"),
        (["a.nrrd", "--a2c", "c.nrrd", "--view", "A2C"], "leave --view out"),
        (["a.nrrd", "--ed", "1"], "give both"),
    ],
)
def test_options_that_contradict_each_other_are_refused(tmp_path, capsys, options, remedy):
    assert main(["measure", *options, "-o", str(tmp_path / "out")]) == 2
    assert remedy in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_views_of_two_patients_are_refused_before_the_network_runs(tmp_path, capsys):
    for name in ("a", "b"):
        ultrasound(fan_frames(2), PatientID=name).save_as(tmp_path / f"{name}.dcm")
    command = ["measure", str(tmp_path / "a.dcm"), "--a2c", str(tmp_path / "b.dcm"), "-o", str(tmp_path / "out")]
    assert main(command) == 2
    assert "different patients" in capsys.readouterr().err


def write_dicom(path: Path, **tags) -> Path:
    frames = beating(FRAMES)[1].frames
    identity = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid(), "PatientID": "heart-7"}
    save(ultrasound(frames, FrameTime="25", PixelSpacing=["1", "1"], **{**identity, **tags}), path)
    return path


def test_dicom_report_and_segmentation_are_written_beside_the_tables(tmp_path):
    pytest.importorskip("highdicom", reason="DICOM output needs highdicom")
    clips = [write_dicom(tmp_path / name) for name in ("echo.dcm", "other.dcm")]
    assert main(["measure", str(clips[0]), "--view", "A4C", "--dicom", "-o", str(tmp_path / "one")]) == 0
    assert {"echo_report.dcm", "echo_segmentation.dcm"} <= names(tmp_path / "one")
    command = ["measure", str(clips[0]), "--a2c", str(clips[1]), "--dicom", "-o", str(tmp_path / "two")]
    assert main(command) == 0
    assert {"echo_report.dcm", "echo_A4C_segmentation.dcm", "echo_A2C_segmentation.dcm"} <= names(tmp_path / "two")


def test_dicom_output_of_a_clip_without_identity_is_refused_before_the_network_runs(tmp_path, capsys):
    pytest.importorskip("highdicom", reason="DICOM output needs highdicom")
    movie, loose = write_clip(tmp_path / "echo.nrrd"), write_dicom(tmp_path / "loose.dcm", StudyInstanceUID=None)
    for clip, said in ((movie, "not a DICOM file"), (loose, "StudyInstanceUID missing")):
        assert main(["measure", str(clip), "--dicom", "-o", str(tmp_path / "out")]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
