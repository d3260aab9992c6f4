"""Clips with motion truth survive the disk in the layout of processed SynUS, and damage is told of whole."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from PointSegLib.errors import ReadError, WriteError
from PointSegLib.io import Problem, TrackedClip, list_synus, read_synus_case, write_synus_case, write_synus_info
from Testing.lib.io.makers import fan_frames

T, N, H, W = 6, 7, 60, 80


def tracked(name="case1", **changes):
    rng = np.random.default_rng(0)
    clip = TrackedClip(
        name=name,
        frames=fan_frames(T),
        points=rng.uniform(0, 60, (N, T, 2)).astype(np.float32),
        visible=rng.random((N, T)) < 0.8,
        labels=rng.integers(0, 4, (T, H, W), np.uint8),
        mask=np.eye(H, W, dtype=np.uint8),
        split="train",
        meta={"spacing_mm": [0.3, 0.2], "frame_time_s": 0.02, "ed": 0, "es": 3, "seed": 5},
    )
    return dataclasses.replace(clip, **changes)


def write_dataset(folder, *clips):
    for clip in clips:
        write_synus_case(folder, clip)
    write_synus_info(folder, [(clip.name, clip.split) for clip in clips])


def test_a_case_comes_back_as_it_was_written(tmp_path):
    clip = tracked()
    write_dataset(tmp_path, clip)
    read = read_synus_case(tmp_path, "case1")
    for name in ("frames", "points", "visible", "labels", "mask"):
        there, here = getattr(read, name), getattr(clip, name)
        assert there.dtype == here.dtype
        assert np.array_equal(there, here)
    assert (read.name, read.split, read.meta) == (clip.name, clip.split, clip.meta)
    assert isinstance(read.frames, np.memmap)
    assert isinstance(read.labels, np.memmap)


def test_files_have_the_names_and_axes_of_processed_synus(tmp_path):
    clip = tracked()
    write_dataset(tmp_path, clip)
    assert (tmp_path / "info.csv").read_text().split() == ["file,split", "case1,train"]
    stored = {path.stem: np.load(path) for path in (tmp_path / "case1").glob("*.npy")}
    assert {name: array.shape for name, array in stored.items()} == {
        "video": (T, H, W),
        "points": (T, N, 2),
        "visibility": (T, N),
        "mask": (H, W),
        "labels": (T, H, W),
    }
    assert np.array_equal(stored["points"][2, 3], clip.points[3, 2])


def test_data_as_the_authors_have_it_read(tmp_path):
    folder = tmp_path / "patient0001"
    folder.mkdir()
    (tmp_path / "info.csv").write_text(",file,split\n0,patient0001,valid\n")
    np.save(folder / "video.npy", fan_frames(T).astype(np.float64))
    np.save(folder / "points.npy", np.full((T, N, 2), 4.5))
    np.save(folder / "visibility.npy", np.ones((T, N), np.uint8))
    np.save(folder / "mask.npy", np.ones((H, W)))
    clip = read_synus_case(tmp_path, "patient0001")
    assert (clip.frames.dtype, clip.points.dtype, clip.visible.dtype) == (np.uint8, np.float32, bool)
    assert clip.points.shape == (N, T, 2)
    assert (clip.labels, clip.meta, clip.split) == (None, {}, "valid")
    assert clip.cine.spacing_mm is None
    assert clip.cine.times_s is None


def test_cine_has_spacing_and_times_and_shares_the_pixels(tmp_path):
    write_dataset(tmp_path, tracked())
    clip = read_synus_case(tmp_path, "case1")
    assert clip.cine.spacing_mm == (0.3, 0.2)
    assert np.allclose(clip.cine.times_s, 0.02 * np.arange(T))
    assert np.shares_memory(clip.cine.frames, clip.frames)


def test_splits_are_listed_apart_in_the_order_of_the_table(tmp_path):
    write_dataset(tmp_path, tracked("b"), tracked("a", split="valid"), tracked("c"))
    assert list_synus(tmp_path) == ["b", "a", "c"]
    assert list_synus(tmp_path, "train") == ["b", "c"]
    assert list_synus(tmp_path, "valid") == ["a"]
    with pytest.raises(ReadError, match="choose one of train, valid"):
        list_synus(tmp_path, "test")


def test_writing_again_replaces_the_case_whole(tmp_path):
    write_dataset(tmp_path, tracked())
    write_dataset(tmp_path, tracked(labels=None, meta={}))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["case1", "info.csv"]
    assert read_synus_case(tmp_path, "case1").labels is None


def test_a_failed_write_keeps_the_older_case_and_leaves_nothing_behind(tmp_path, monkeypatch):
    write_dataset(tmp_path, tracked())

    def disk_full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", disk_full)
    with pytest.raises(WriteError, match="No space left"):
        write_synus_case(tmp_path, tracked(labels=None))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["case1", "info.csv"]
    assert read_synus_case(tmp_path, "case1").labels is not None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"points": np.zeros((N, T - 1, 2), np.float32)}, r"points\.npy has \[7, 5, 2\]"),
        ({"visible": np.ones((N - 1, T), bool)}, r"visibility\.npy has \[6, 6\]"),
        ({"labels": np.zeros((T, H, W - 1), np.uint8)}, r"labels\.npy has \[6, 60, 79\]"),
        ({"mask": np.zeros((H - 1, W), np.uint8)}, r"mask\.npy has \[59, 80\]"),
        ({"frames": np.zeros((T, H, W))}, r"video\.npy is float64"),
        ({"split": "test"}, "the split is 'test'"),
        ({"name": "../case1"}, "no plain folder name"),
        ({"meta": {"seed": np.int64(3)}}, "not plain JSON"),
        ({"points": np.full((N, T, 2), np.nan, np.float32)}, "NaN or infinite values at visible points"),
    ],
)
def test_what_does_not_fit_is_not_written(tmp_path, changes, said):
    with pytest.raises(WriteError, match=said):
        write_synus_case(tmp_path, tracked(**changes))
    assert not list(tmp_path.iterdir())


def test_all_damaged_cases_are_listed_at_once_or_skipped(tmp_path):
    write_dataset(tmp_path, *(tracked(f"case{n}") for n in range(1, 7)))
    (tmp_path / "case1" / "points.npy").unlink()
    video = tmp_path / "case2" / "video.npy"
    video.write_bytes(video.read_bytes()[:-100])
    np.save(tmp_path / "case3" / "visibility.npy", np.ones((T, N + 1), bool))
    np.save(tmp_path / "case3" / "mask.npy", np.ones((H, W + 1), bool))
    (tmp_path / "case4" / "meta.json").write_text(json.dumps([1]))
    with (tmp_path / "info.csv").open("a") as file:
        file.write("case7,train\r\n")
    with pytest.raises(ReadError, match="4 cases are damaged") as caught:
        list_synus(tmp_path)
    assert all(f"case{n}: " in str(caught.value) for n in range(1, 5))
    problems: list[Problem] = []
    assert list_synus(tmp_path, problems=problems) == ["case5", "case6"]
    said = {problem.case: problem.message for problem in problems}
    assert "points.npy is missing" in said["case1"]
    assert "video.npy is damaged or cut off" in said["case2"]
    assert "visibility.npy has" in said["case3"]
    assert "mask.npy has" in said["case3"]
    assert "meta.json holds a list" in said["case4"]
    assert [problem.case for problem in problems if problem.absent] == ["case7"]


@pytest.mark.parametrize("text", ["", "name,split\na,train\n", "file,split\nonly\n"])
def test_another_table_is_refused_by_name(tmp_path, text):
    (tmp_path / "info.csv").write_text(text)
    with pytest.raises(ReadError, match=r"info\.csv is not a table|has no readable case"):
        list_synus(tmp_path)


def test_a_folder_without_a_table_and_an_unlisted_case_are_refused(tmp_path):
    with pytest.raises(ReadError, match=r"info\.csv does not exist"):
        list_synus(tmp_path)
    write_dataset(tmp_path, tracked())
    with pytest.raises(ReadError, match="does not list case2"):
        read_synus_case(tmp_path, "case2")
