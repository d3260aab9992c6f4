"""`read_clip` says what is wrong with a file that is missing, empty, strange or a folder."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK

from PointSegLib import read_clip
from PointSegLib.errors import ClipError, ReadError
from Testing.lib.io.makers import fan_frames, save, ultrasound

FRAMES = fan_frames(3)


def write_nrrd(path, array=FRAMES):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array), str(path))
    return path


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ReadError, match=r"nothing\.dcm does not exist"):
        read_clip(tmp_path / "nothing.dcm")


@pytest.mark.parametrize("name", ["a.dcm", "a.nrrd", "a.mp4", "a.nii.gz", "a"])
def test_empty_file_is_named(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(ReadError, match=rf"{name} is empty \(0 bytes\)"):
        read_clip(tmp_path / name)


@pytest.mark.parametrize("name", ["a.dcm", "a.txt", "a.png", "a.mp4", "a.nii", "a.nii.gz", "a.nrrd"])
def test_file_of_nonsense_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"to be or not to be " * 80)
    with pytest.raises(ReadError, match=name):
        read_clip(tmp_path / name)


def test_tiny_image_is_refused(tmp_path):
    with pytest.raises(ClipError, match=r"a\.nrrd: frames of 5 x 5 pixels are too small"):
        read_clip(write_nrrd(tmp_path / "a.nrrd", np.arange(75, dtype=np.uint8).reshape(3, 5, 5)))


def test_large_frames_are_read(tmp_path):
    clip = read_clip(write_nrrd(tmp_path / "a.nrrd", np.tile(FRAMES[:1], (1, 34, 38))[:, :2000, :3000]))
    assert clip.size_wh == (3000, 2000)


def test_path_may_be_text(tmp_path):
    assert len(read_clip(str(write_nrrd(tmp_path / "a.nrrd")))) == 3


def test_region_of_a_file_without_regions_is_refused(tmp_path):
    with pytest.raises(ReadError, match="no ultrasound regions"):
        read_clip(write_nrrd(tmp_path / "a.nrrd"), region=0)
    with pytest.raises(ReadError, match="no ultrasound regions"):
        read_clip(save(ultrasound(FRAMES), tmp_path / "a.dcm"), region=0)


def test_folder_with_one_readable_file_is_that_file(tmp_path):
    save(ultrasound(FRAMES), tmp_path / "IM_1")
    (tmp_path / "notes.txt").write_text("a note")
    assert np.array_equal(read_clip(tmp_path).frames, FRAMES)


def test_folder_with_several_files_lists_them(tmp_path):
    for name in ("a.dcm", "b.dcm"):
        save(ultrasound(FRAMES), tmp_path / name)
    with pytest.raises(ReadError, match=r"2 readable files \(a\.dcm, b\.dcm\); give one file"):
        read_clip(tmp_path)


def test_empty_folder_is_refused(tmp_path):
    with pytest.raises(ReadError, match="no readable file"):
        read_clip(tmp_path)


def test_clip_of_many_frames_needs_memory_for_its_grey_frames_only(tmp_path):
    tracemalloc = pytest.importorskip("tracemalloc")
    grey = fan_frames(400, 100, 100)
    path = save(ultrasound(np.repeat(grey[..., None], 3, -1), photometric="RGB"), tmp_path / "a.dcm")
    tracemalloc.start()
    clip = read_clip(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.array_equal(clip.frames, grey)
    assert peak < 2 * grey.nbytes
