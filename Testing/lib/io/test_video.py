"""Movies read in grey with their own timestamps, and say what to install when PyAV is missing."""

from __future__ import annotations

import sys
from fractions import Fraction

import numpy as np
import pytest

from PointSegLib.errors import DependencyError, ReadError
from PointSegLib.io import read_clip
from Testing.lib.io.makers import fan_frames

av = pytest.importorskip("av", reason='PyAV is not installed: pip install "pointseg[video]"')

FRAMES = fan_frames(6)


def write_movie(path, codec="mpeg4", pixels="yuv420p", stamps=None):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=20)
        stream.width, stream.height, stream.pix_fmt = 80, 60, pixels
        if codec == "mpeg4":
            stream.bit_rate = 4_000_000
        for index, frame in enumerate(FRAMES):
            picture = av.VideoFrame.from_ndarray(np.repeat(frame[..., None], 3, -1), format="rgb24")
            if stamps is not None:
                picture.pts, picture.time_base = stamps[index], Fraction(1, 20)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", ["mp4", "avi", "mkv", "mov"])
def test_movie_keeps_frames_and_rate(tmp_path, suffix):
    clip = read_clip(write_movie(tmp_path / f"a.{suffix}"))
    assert clip.frames.shape == FRAMES.shape
    assert np.abs(clip.frames.astype(int) - FRAMES).mean() < 12
    assert clip.frame_rate_hz == pytest.approx(20, rel=0.01)
    assert clip.times_s[0] == 0
    assert clip.spacing_mm is None


def test_gif_is_a_movie(tmp_path):
    clip = read_clip(write_movie(tmp_path / "a.gif", "gif", "gray"))
    assert clip.frames.shape == FRAMES.shape
    assert np.abs(clip.frames.astype(int) - FRAMES).mean() < 2
    assert clip.frame_rate_hz == pytest.approx(20, rel=0.01)


def test_uneven_timestamps_are_kept(tmp_path):
    clip = read_clip(write_movie(tmp_path / "a.mp4", stamps=[0, 1, 2, 5, 6, 9]))
    assert np.allclose(clip.times_s, np.array([0, 1, 2, 5, 6, 9]) / 20, atol=1e-3)


def test_suffix_does_not_matter(tmp_path):
    path = write_movie(tmp_path / "a.mp4").rename(tmp_path / "movie")
    assert len(read_clip(path)) == 6


def test_cut_off_movie_is_refused_by_name(tmp_path):
    path = write_movie(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ReadError, match=r"a\.mp4"):
        read_clip(path)


def test_movie_without_pictures_is_refused(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    with pytest.raises(ReadError, match="no video stream"):
        read_clip(path)


def test_missing_pyav_tells_what_to_install(tmp_path, monkeypatch):
    path = write_movie(tmp_path / "a.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(DependencyError, match=r"pip install \"pointseg\[video\]\""):
        read_clip(path)
