"""What is written reads back the same, appears whole or not at all, and never invents millimetres."""

from __future__ import annotations

import csv
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK

from PointSegLib.atomic import atomic_path
from PointSegLib.clip import CineClip
from PointSegLib.errors import DependencyError, ReadError, WriteError
from PointSegLib.io import (
    overlay,
    read_clip,
    read_tracks,
    tracks,
    write_label_sequence,
    write_labels,
    write_overlay,
    write_tracks,
)
from PointSegLib.result import MYOCARDIUM, PointSegResult, PointTracks
from Testing.lib.io.makers import fan_frames

FRAMES = fan_frames(4)
CLIP = CineClip(FRAMES, spacing_mm=(0.4, 0.2), times_s=np.arange(4) * 0.05, calibration="test")
LABELS = np.zeros(FRAMES.shape, np.uint8)
LABELS[:, 20:40, 30:50] = MYOCARDIUM
LABELS[:, 26:34, 36:44] = 1
LABELS[:, 40:50, 36:44] = 3


def some_tracks(count: int = 3, length: int = 4) -> PointTracks:
    rng = np.random.default_rng(0)
    xy = rng.uniform(20, 40, (count, length, 2)).astype(np.float32)
    queries = np.concatenate([np.zeros((count, 1)), xy[:, 0]], 1).astype(np.float32)
    confidence = rng.random((count, length)).astype(np.float32)
    return PointTracks(xy, confidence > 0.3, confidence, np.arange(count) < 1, queries)


RESULT = PointSegResult(LABELS, some_tracks())


@pytest.mark.parametrize("suffix", ["nrrd", "nii.gz", "nii", "mha"])
def test_labels_read_back_with_pixel_size_and_frame_interval(tmp_path, suffix):
    path = tmp_path / f"labels.{suffix}"
    write_labels(path, LABELS, CLIP)
    image = SimpleITK.ReadImage(str(path))
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), LABELS)
    assert image.GetSpacing() == pytest.approx((0.2, 0.4, 0.05))


def test_a_sequence_of_labels_reads_back_frame_by_frame(tmp_path):
    path = tmp_path / "labels.seq.nrrd"
    write_label_sequence(path, LABELS, CLIP, np.diag([-0.2, -0.4, 1.0, 1.0]))
    image = SimpleITK.ReadImage(str(path))
    assert np.array_equal(np.moveaxis(SimpleITK.GetArrayFromImage(image)[0], -1, 0), LABELS)
    assert image.GetSpacing() == pytest.approx((0.2, 0.4, 1.0))
    assert b"axis 3 index values:=0 0.05 0.1 0.15\n" in path.read_bytes()


@pytest.mark.parametrize(("name", "labels"), [("a.nrrd", LABELS), ("a.seq.nrrd", LABELS[:2])])
def test_a_sequence_of_labels_that_does_not_fit_is_refused(tmp_path, name, labels):
    with pytest.raises(WriteError, match=r"do not fit|choose this ending"):
        write_label_sequence(tmp_path / name, labels, CLIP)
    assert not list(tmp_path.iterdir())


def test_uncalibrated_labels_say_so(tmp_path):
    write_labels(tmp_path / "a.nrrd", LABELS, CineClip(FRAMES))
    image = SimpleITK.ReadImage(str(tmp_path / "a.nrrd"))
    assert image.GetSpacing() == (1, 1, 1)
    assert image.GetMetaData("calibration") == "none (pixels)"
    assert b"calibration:=none (pixels)" in (tmp_path / "a.nrrd").read_bytes()
    assert read_clip(tmp_path / "a.nrrd").spacing_mm is None


def test_uneven_times_are_not_squeezed_into_one_interval(tmp_path):
    write_labels(tmp_path / "a.nrrd", LABELS, replace(CLIP, times_s=np.array([0, 0.1, 0.15, 0.4])))
    image = SimpleITK.ReadImage(str(tmp_path / "a.nrrd"))
    assert image.GetSpacing()[2] == 1
    assert image.GetMetaData("third axis") == "frame number"


def test_labels_of_another_size_are_refused(tmp_path):
    with pytest.raises(WriteError, match=r"a\.nrrd: the labels \[3, 60, 80\] do not fit"):
        write_labels(tmp_path / "a.nrrd", LABELS[:3], CLIP)
    assert list(tmp_path.iterdir()) == []


def test_csv_is_tidy_and_in_both_units(tmp_path):
    write_tracks(tmp_path / "a.csv", RESULT.tracks, CLIP)
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == tracks.COLUMNS
    assert len(rows) == 12
    row, xy = rows[6], RESULT.tracks.xy[1, 2]
    assert (row["point"], row["is_prompt"], row["frame"]) == ("1", "0", "2")
    assert float(row["time_s"]) == pytest.approx(0.1)
    assert (float(row["x_px"]), float(row["y_px"])) == pytest.approx(tuple(xy), abs=1e-3)
    assert float(row["x_mm"]) == pytest.approx(xy[0] * 0.2, abs=1e-3)
    assert float(row["y_mm"]) == pytest.approx(xy[1] * 0.4, abs=1e-3)
    assert row["visible"] == str(int(RESULT.tracks.visible[1, 2]))


def test_csv_of_an_uncalibrated_clip_leaves_millimetres_and_times_empty(tmp_path):
    write_tracks(tmp_path / "a.csv", RESULT.tracks, CineClip(FRAMES))
    with (tmp_path / "a.csv").open(newline="") as file:
        assert {(r["x_mm"], r["y_mm"], r["time_s"]) for r in csv.DictReader(file)} == {("", "", "")}


def test_npz_gives_the_same_tracks_back(tmp_path):
    write_tracks(tmp_path / "a.npz", RESULT.tracks, CLIP)
    back = read_tracks(tmp_path / "a.npz")
    for name in ("xy", "visible", "confidence", "is_prompt", "queries"):
        expected = getattr(RESULT.tracks, name)
        assert np.array_equal(getattr(back, name), expected)
        assert getattr(back, name).dtype == expected.dtype
    with np.load(tmp_path / "a.npz") as stored:
        assert stored["spacing_mm"].tolist() == [0.4, 0.2]
        assert np.array_equal(stored["times_s"], CLIP.times_s)


def test_no_points_write_and_read(tmp_path):
    empty = PointTracks(
        np.zeros((0, 4, 2), np.float32), np.zeros((0, 4), bool), np.zeros((0, 4), np.float32), np.zeros(0, bool),
        np.zeros((0, 3), np.float32),
    )  # fmt: skip
    write_tracks(tmp_path / "a.npz", empty, CLIP)
    write_tracks(tmp_path / "a.csv", empty, CLIP)
    write_overlay(tmp_path / "a.png", CLIP, PointSegResult(LABELS, empty))
    assert len(read_tracks(tmp_path / "a.npz")) == 0


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_other_files_are_no_tracks(tmp_path, content):
    path = tmp_path / "a.npz"
    if content is None:
        np.savez(path, xy=np.zeros((2, 4, 2)))
    else:
        path.write_bytes(content)
    with pytest.raises(ReadError, match=r"a\.npz is no trajectory file"):
        read_tracks(path)


def test_pickled_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", xy=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ReadError, match=r"a\.npz"):
        read_tracks(tmp_path / "a.npz")


def test_arrays_that_do_not_fit_are_refused(tmp_path):
    write_tracks(tmp_path / "a.npz", RESULT.tracks, CLIP)
    with np.load(tmp_path / "a.npz") as stored:
        arrays = dict(stored)
    np.savez(tmp_path / "a.npz", **{**arrays, "visible": arrays["visible"][:, :2]})
    with pytest.raises(ReadError, match="visible do not fit"):
        read_tracks(tmp_path / "a.npz")


def test_png_shows_each_structure_in_its_colour_at_its_place(tmp_path):
    still = PointSegResult(LABELS, replace_xy(some_tracks(), 5.0))
    write_overlay(tmp_path / "a.png", CineClip(np.full_like(FRAMES, 60)), still, 1)
    picture = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "a.png"))).astype(int)
    scale = picture.shape[1] / 80
    for label, (x, y) in {MYOCARDIUM: (33, 23), 1: (40, 30), 3: (40, 45)}.items():
        seen = picture[int((y + 0.5) * scale), int((x + 0.5) * scale)]
        strongest = int(np.argmax(overlay.COLOURS[label]))
        assert seen.argmax() == strongest, f"label {label} is shown as {seen}"
        assert seen.max() > 60
    assert np.ptp(picture[int(5 * scale), int(70 * scale)]) == 0


def test_prompt_point_is_drawn_at_its_position():
    result = PointSegResult(LABELS, replace_xy(some_tracks(), 10.0))
    picture = overlay.draw_frame(CineClip(np.zeros_like(FRAMES)), result, 0).astype(int)
    scale = picture.shape[1] / 80
    yellow = (picture[..., 0] > 200) & (picture[..., 1] > 150) & (picture[..., 2] < 90)
    y, x = (float(v.mean()) for v in np.nonzero(yellow))
    assert (x + 0.5) / scale - 0.5 == pytest.approx(10, abs=0.2)
    assert (y + 0.5) / scale - 0.5 == pytest.approx(10, abs=0.2)


def replace_xy(points: PointTracks, value: float) -> PointTracks:
    xy = np.full_like(points.xy, value)
    queries = np.concatenate([np.zeros((len(xy), 1)), xy[:, 0]], 1).astype(np.float32)
    return replace(points, xy=xy, queries=queries, visible=np.ones_like(points.visible))


def test_non_square_pixels_are_drawn_square():
    width, height = overlay.display_size(CLIP)
    assert width / height == pytest.approx(80 * 0.2 / (60 * 0.4), rel=0.01)


def test_large_frames_are_drawn_no_larger_than_the_screen():
    assert max(overlay.display_size(CineClip(np.zeros((1, 2000, 3000), np.uint8)))) == overlay.LONG_SIDE


def test_movie_holds_every_frame_at_the_clips_rate(tmp_path):
    pytest.importorskip("av", reason='PyAV is not installed: pip install "pointseg[video]"')
    write_overlay(tmp_path / "a.mp4", CLIP, RESULT)
    movie = read_clip(tmp_path / "a.mp4")
    assert len(movie) == 4
    assert movie.frame_rate_hz == pytest.approx(20, rel=0.01)
    assert movie.size_wh == overlay.display_size(CLIP)
    write_overlay(tmp_path / "b.mp4", replace(CLIP, times_s=None), RESULT)
    assert read_clip(tmp_path / "b.mp4").frame_rate_hz == pytest.approx(25, rel=0.01)


def test_movie_without_pyav_tells_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(DependencyError, match=r"pip install \"pointseg\[video\]\""):
        write_overlay(tmp_path / "a.mp4", CLIP, RESULT)
    assert list(tmp_path.iterdir()) == []


def test_frame_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(WriteError, match="frame 4 does not exist; the clip has frames 0 to 3"):
        write_overlay(tmp_path / "a.png", CLIP, RESULT, 4)


def write_everything(folder):
    yield lambda: write_labels(folder / "a.nrrd", LABELS, CLIP)
    yield lambda: write_labels(folder / "a.nii.gz", LABELS, CLIP)
    yield lambda: write_tracks(folder / "a.csv", RESULT.tracks, CLIP)
    yield lambda: write_tracks(folder / "a.npz", RESULT.tracks, CLIP)
    yield lambda: write_overlay(folder / "a.png", CLIP, RESULT)


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(WriteError, match=r"a\.txt: labels are written as"):
        write_labels(tmp_path / "a.txt", LABELS, CLIP)
    with pytest.raises(WriteError, match=r"a\.txt: tracks are written as"):
        write_tracks(tmp_path / "a.txt", RESULT.tracks, CLIP)
    with pytest.raises(WriteError, match=r"a\.txt: overlays are written as"):
        write_overlay(tmp_path / "a.txt", CLIP, RESULT)


@pytest.mark.parametrize("writer", range(5))
def test_missing_folder_is_named(tmp_path, writer):
    with pytest.raises(WriteError, match=r"the folder .*nowhere does not exist; create it first"):
        list(write_everything(tmp_path / "nowhere"))[writer]()


@pytest.mark.parametrize("writer", range(5))
def test_file_in_place_of_the_folder_is_named(tmp_path, writer):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="cannot be written"):
        list(write_everything(tmp_path / "file"))[writer]()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root and Windows may write to read-only folders")
@pytest.mark.parametrize("writer", range(5))
def test_read_only_folder_is_named(tmp_path, writer):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(WriteError, match="cannot be written"):
            list(write_everything(tmp_path))[writer]()
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("writer", range(5))
def test_writing_leaves_only_the_file_itself(tmp_path, writer):
    list(write_everything(tmp_path))[writer]()
    assert [p.name.split(".")[0] for p in tmp_path.iterdir()] == ["a"]


def test_full_disk_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tracks, "_rows", full)
    with pytest.raises(WriteError, match=r"a\.csv cannot be written \(No space left on device\)"):
        write_tracks(path, RESULT.tracks, CLIP)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_movie_interrupted_half_way_leaves_nothing(tmp_path, monkeypatch):
    pytest.importorskip("av", reason='PyAV is not installed: pip install "pointseg[video]"')
    draw = overlay.draw_frame

    def interrupted(clip, result, frame):
        if frame == 2:
            raise KeyboardInterrupt
        return draw(clip, result, frame)

    monkeypatch.setattr(overlay, "draw_frame", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_overlay(tmp_path / "a.mp4", CLIP, RESULT)
    assert list(tmp_path.iterdir()) == []


def test_atomic_path_keeps_the_suffixes_and_removes_on_any_exception(tmp_path):
    class StrangeError(Exception):
        pass

    def fail():
        with atomic_path(tmp_path / "a.nii.gz") as temporary:
            assert temporary.name.endswith(".nii.gz")
            assert temporary.parent == tmp_path
            temporary.write_text("half")
            raise StrangeError

    with pytest.raises(StrangeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_folder_in_place_of_the_file_is_refused(tmp_path):
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(WriteError, match="is a folder"):
        write_tracks(tmp_path / "a.csv", RESULT.tracks, CLIP)
