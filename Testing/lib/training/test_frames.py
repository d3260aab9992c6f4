"""Claims about annotated frames: packed sets come back, and what is damaged or does not fit is named."""

from __future__ import annotations

import numpy as np
import pytest
from lib.hearts import heart_frames

from PointSegLib.errors import ReadError
from PointSegLib.training.frames import read_camus_set, read_packed, write_packed


def test_packed_frames_come_back_and_are_resized(tmp_path):
    write_packed(tmp_path / "set.npz", heart_frames(1))
    same = read_packed(tmp_path / "set.npz", 64)
    np.testing.assert_array_equal(same.images, heart_frames(1).images)
    assert same.names == ["patient0000_4CH_ED", "patient0000_4CH_ES"]
    other = read_packed(tmp_path / "set.npz", 32)
    assert other.images.shape == other.labels.shape == (2, 32, 32)
    assert set(np.unique(other.labels)) <= {0, 1, 2, 3}


def test_a_frame_that_two_sets_share_counts_once():
    one, other = heart_frames(2), heart_frames(3)
    other.images[:] = 0
    both = one.joined(other)
    assert both.names == [*one.names, *other.names[4:]]
    assert len(both) == len(both.labels) == 6
    np.testing.assert_array_equal(both.images[:4], one.images)


DAMAGE = {
    "empty": lambda whole: b"",
    "cut off": lambda whole: whole[:-200],
    "rotten": lambda whole: whole[:400] + bytes(100) + whole[500:],
    "something else": lambda whole: b"no archive",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused_by_name(tmp_path, damage):
    path = tmp_path / "set.npz"
    write_packed(path, heart_frames(1))
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(ReadError, match=r"set\.npz is no packed frame set, or a damaged one"):
        read_packed(path, 64)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"images": np.zeros((4, 64, 64))}, r"images are float64 \[4, 64, 64\], not uint8"),
        ({"labels": np.zeros((3, 64, 64), np.uint8)}, r"images \[4, 64, 64\], labels \[3, 64, 64\] and 4 names"),
        ({"names": ["one"]}, "and 1 names"),
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(tmp_path, change, fault):
    whole = vars(heart_frames(2))
    np.savez(tmp_path / "odd.npz", **{**whole, **change})
    with pytest.raises(ReadError, match=rf"odd\.npz: .*{fault}"):
        read_packed(tmp_path / "odd.npz", 64)


def test_all_frames_with_labels_that_camus_has_not_are_named(tmp_path):
    frames = heart_frames(2)
    frames.labels[1, 0, 0], frames.labels[2, 5, 5] = 7, 255
    write_packed(tmp_path / "set.npz", frames)
    with pytest.raises(ReadError, match="patient0000_4CH_ES has the label 7; patient0001_4CH_ED has the label 255;"):
        read_packed(tmp_path / "set.npz", 64)


def test_a_file_without_the_arrays_is_refused(tmp_path):
    np.savez(tmp_path / "odd.npz", images=np.zeros(3))
    with pytest.raises(ReadError, match=r"odd\.npz"):
        read_packed(tmp_path / "odd.npz", 64)


def test_folder_without_annotated_frames_is_named(tmp_path):
    with pytest.raises(ReadError, match="no annotated CAMUS frame"):
        read_camus_set(tmp_path, ["patient0001"], 64)


def test_real_frames_keep_their_anatomy_when_packed(camus_folder):
    frames = read_camus_set(camus_folder, ["patient0001", "patient0003"], 256)
    assert len(frames) >= 4
    for labels in frames.labels:
        assert all((labels == value).sum() > 200 for value in (1, 2, 3))
