"""HMC-QU reads in both of its downloads, with the wall of one cycle at the movie's size."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.io import savemat

from PointSegLib.errors import DependencyError, ReadError
from PointSegLib.io import HmcQu, Problem
from Testing.lib.io.makers import fan_frames, write_avi

REMEDY = 'pip install "pointseg[video,datasets]"'
pytest.importorskip("av", reason=f"PyAV is not installed: {REMEDY}")
openpyxl = pytest.importorskip("openpyxl", reason=f"openpyxl is not installed: {REMEDY}")

FRAMES = fan_frames(8, 112, 168)
LAYOUTS = {"HMC_QU.xlsx": "HMC-QU Echos/HMC-QU Echos", "A4C.xlsx": "HMC-QU/A4C"}
SEGMENTS = ["MI", "non-MI", "non-MI", "MI", "non-MI", "non-MI"]


def wall(count=4):
    """uint8 `[n, 224, 224]`: a block that moves to the right, 10 pixels a frame."""
    masks = np.zeros((count, 224, 224), np.uint8)
    for index, mask in enumerate(masks):
        mask[56:112, 40 + 10 * index : 80 + 10 * index] = 1
    return masks


def row(name, start=3, end=6, mark="ü"):
    return [name, *SEGMENTS, start, end, mark]


def write_dataset(root, rows, sheet="HMC_QU.xlsx"):
    book = openpyxl.Workbook()
    titles = ["ECHO", *["Segments"] * 6, "One cardiac-cycle frames", None, "LV Wall Ground-truth Segmentation Masks"]
    under = [None, "SEG1", "SEG2", "SEG3", "SEG5", "SEG6", "SEG7", "Reference Frame", "End of Cycle", None]
    for cells in (titles, under, *rows):
        book.active.append(cells)
    book.save(root / sheet)
    (root / "LV Ground-truth Segmentation Masks").mkdir(exist_ok=True)
    for name, *_ in rows:
        write_avi(root / LAYOUTS[sheet] / f"{name}.avi", FRAMES)
        savemat(mask_file(root, name), {"predicted": wall()})


def mask_file(root, name):
    return root / "LV Ground-truth Segmentation Masks" / f"Mask_{name}.mat"


@pytest.mark.parametrize("sheet", LAYOUTS)
def test_both_downloads_read_alike(tmp_path, sheet):
    without_masks = [row("ES0002_4CH_1", mark=None), row("ES0003_4CH_1", mark="û")]  # nothing, and a cross
    write_dataset(tmp_path, [row("ES0001 _4CH_1"), *without_masks], sheet)
    dataset = HmcQu(tmp_path)
    assert dataset.names() == ["ES0001 _4CH_1"]
    case = dataset.read("ES0001 _4CH_1")
    assert np.array_equal(case.clip.frames, FRAMES)
    assert case.clip.spacing_mm is None
    assert case.clip.frame_rate_hz == pytest.approx(25)
    assert case.segments == dict(zip(["SEG1", "SEG2", "SEG3", "SEG5", "SEG6", "SEG7"], SEGMENTS, strict=True))


def test_the_cycle_counts_from_zero_and_the_wall_has_the_size_of_the_movie(tmp_path):
    write_dataset(tmp_path, [row("ES0001")])
    case = HmcQu(tmp_path).read("ES0001")
    assert case.start == 2
    assert case.labels.shape == (4, 112, 168)
    assert set(np.unique(case.labels)) == {0, 2}
    rows, columns = np.nonzero(case.labels[0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (28, 55, 30, 59)


def test_all_damage_is_listed_at_once_or_skipped(tmp_path):
    names = [f"ES000{n}" for n in range(1, 8)]
    rows = [row(name) for name in names]
    rows[1][7] = "three"
    rows[2][7:9] = [6, 3]
    write_dataset(tmp_path, rows)
    savemat(mask_file(tmp_path, names[3]), {"predicted": wall(3)})
    mask_file(tmp_path, names[4]).write_bytes(mask_file(tmp_path, names[4]).read_bytes()[:300])
    savemat(mask_file(tmp_path, names[5]), {"predicted": wall() * 7})
    (tmp_path / LAYOUTS["HMC_QU.xlsx"] / f"{names[6]}.avi").unlink()
    with pytest.raises(ReadError, match="5 cases are damaged") as caught:
        HmcQu(tmp_path).names()
    assert all(f"{name}: " in str(caught.value) for name in names[1:6])
    problems: list[Problem] = []
    assert HmcQu(tmp_path).names(problems) == [names[0]]
    said = {problem.case: problem.message for problem in problems}
    assert "'three'" in said[names[1]]
    assert "from frame 6 to 3" in said[names[2]]
    assert "has 3 masks" in said[names[3]]
    assert "cannot be read" in said[names[4]]
    assert "of 0 and 1" in said[names[5]]
    assert [problem.case for problem in problems if problem.absent] == [names[6]]


def test_a_cycle_beyond_the_movie_is_refused(tmp_path):
    write_dataset(tmp_path, [row("ES0001", 6, 9)])
    with pytest.raises(ReadError, match="ends in frame 9, the movie has 8"):
        HmcQu(tmp_path).read("ES0001")


def test_a_missing_or_damaged_sheet_is_named(tmp_path):
    with pytest.raises(ReadError, match=r"no HMC_QU\.xlsx or A4C\.xlsx"):
        HmcQu(tmp_path)
    (tmp_path / "A4C.xlsx").write_bytes(b"no sheet")
    with pytest.raises(ReadError, match=r"A4C\.xlsx is no readable sheet"):
        HmcQu(tmp_path)


def test_without_openpyxl_the_remedy_is_named(tmp_path, monkeypatch):
    write_dataset(tmp_path, [row("ES0001")])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DependencyError, match=r"pointseg\[datasets\]"):
        HmcQu(tmp_path)
