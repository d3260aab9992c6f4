"""EchoNet-Dynamic reads with its figures and traced cavities; what is damaged is listed at once."""

from __future__ import annotations

import numpy as np
import pytest

from PointSegLib.errors import ReadError
from PointSegLib.io import EchoNet, Problem
from Testing.lib.io.makers import fan_frames, write_avi

pytest.importorskip("av", reason='PyAV is not installed: pip install "pointseg[video]"')

FRAMES = fan_frames(6, 112, 112)
HEADS = ("FileName,EF,ESV,EDV,FrameHeight,FrameWidth,FPS,NumberOfFrames,Split", "FileName,X1,Y1,X2,Y2,Frame")


def film_row(name, split="TRAIN", ef="55.5", fps="50"):
    return f"{name},{ef},40.0,90.0,112,112,{fps},6,{split}"


def chord_rows(name, frame, half_width, top=20, bottom=80):
    """A long axis and 21 disk chords of a rectangular cavity, half pixels off the grid."""
    rows = [f"{name}.avi,{56.0},{top - 0.5},{56.0},{bottom + 0.5},{frame}"]
    for y in np.linspace(top - 0.5, bottom + 0.5, 21):
        rows.append(f"{name}.avi,{55.5 - half_width},{y},{55.5 + half_width},{y},{frame}")
    return rows


def write_tables(root, films, chords):
    (root / "FileList.csv").write_text("\n".join([HEADS[0], *films]) + "\n")
    (root / "VolumeTracings.csv").write_text("\n".join([HEADS[1], *chords]) + "\n")


@pytest.fixture
def dataset(tmp_path):
    films = [film_row("0XA"), film_row("0XB", "VAL"), film_row("0XC", "TEST")]
    write_tables(tmp_path, films, chord_rows("0XA", 4, 10) + chord_rows("0XA", 1, 20) + chord_rows("0XB", 2, 15))
    for name in ("0XA", "0XB", "0XC"):
        write_avi(tmp_path / "Videos" / f"{name}.avi", FRAMES)
    return tmp_path


def test_movies_are_listed_by_split(dataset):
    echonet = EchoNet(dataset)
    assert echonet.names() == ["0XA", "0XB", "0XC"]
    assert [echonet.names(split) for split in ("TRAIN", "VAL", "TEST")] == [["0XA"], ["0XB"], ["0XC"]]
    with pytest.raises(ReadError, match="choose one of TRAIN, VAL, TEST"):
        echonet.names("train")


def test_a_movie_has_its_figures_times_and_no_spacing(dataset):
    case = EchoNet(dataset).read("0XA")
    assert np.array_equal(case.clip.frames, FRAMES)
    assert (case.ef_percent, case.esv_ml, case.edv_ml, case.split) == (55.5, 40, 90, "TRAIN")
    assert np.allclose(case.clip.times_s, np.arange(6) / 50)
    assert case.clip.spacing_mm is None


def test_the_cavity_fills_the_traced_outline_without_the_long_axis(dataset):
    case = EchoNet(dataset).read("0XA")
    expected = np.zeros((112, 112), np.uint8)
    expected[20:81, 36:76] = 1
    assert np.array_equal(case.labels[1], expected)
    assert case.labels[1].dtype == np.uint8


def test_the_larger_cavity_is_end_diastole(dataset):
    case = EchoNet(dataset).read("0XA")
    assert sorted(case.labels) == [1, 4]
    assert (case.ed, case.es) == (1, 4)


def test_a_movie_without_tracing_still_has_its_figures(dataset):
    case = EchoNet(dataset).read("0XC")
    assert (case.labels, case.ed, case.es) == ({}, None, None)
    assert case.ef_percent == 55.5


def test_all_damage_is_listed_at_once_or_skipped(dataset):
    films = [film_row("0XA"), film_row("0XB", ef="x"), film_row("0XC"), film_row("0XD"), film_row("0XE", fps="0")]
    write_tables(dataset, films, chord_rows("0XC", 2, 15)[:2])
    with pytest.raises(ReadError, match="3 cases are damaged") as caught:
        EchoNet(dataset).names()
    assert all(f"{name}: " in str(caught.value) for name in ("0XB", "0XC", "0XE"))
    problems: list[Problem] = []
    assert EchoNet(dataset).names(problems=problems) == ["0XA"]
    said = {problem.case: problem for problem in problems}
    assert "'x' as EF" in said["0XB"].message
    assert "has 2 rows" in said["0XC"].message
    assert said["0XD"].absent
    assert "0XD.avi is not there" in said["0XD"].message
    assert "0 frames per second" in said["0XE"].message


def test_a_tracing_beyond_the_movie_and_a_damaged_movie_are_refused_by_name(dataset):
    write_tables(dataset, [film_row("0XA"), film_row("0XB")], chord_rows("0XA", 6, 10))
    with pytest.raises(ReadError, match="traces frame 6 of 0XA, which has 6 frames"):
        EchoNet(dataset).read("0XA")
    (dataset / "Videos" / "0XB.avi").write_bytes(b"RIFF no movie")
    with pytest.raises(ReadError, match=r"0XB\.avi"):
        EchoNet(dataset).read("0XB")


def test_missing_tables_and_columns_are_named(tmp_path):
    with pytest.raises(ReadError, match=r"FileList\.csv does not exist"):
        EchoNet(tmp_path)
    (tmp_path / "FileList.csv").write_text("FileName,EF\n")
    with pytest.raises(ReadError, match="lacks the columns Split"):
        EchoNet(tmp_path)
