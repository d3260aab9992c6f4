"""Claims about the optical flow peers: a rigid shift is recovered below a pixel, both ways in time."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy import ndimage

from PointSegLib.clip import CineClip
from PointSegLib.errors import DependencyError
from PointSegLib.peers import flow

FRAMES, SIDE = 7, 96
SHIFT = np.array([0.7, -0.4])
PEERS = [flow.lucas_kanade, flow.dis_flow]


@pytest.fixture
def moving() -> CineClip:
    """Speckle-like texture, shifted by `SHIFT` pixels a frame through its Fourier transform, which is exact."""
    texture = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(SIDE, SIDE)), 2.0, mode="wrap")
    spectrum = np.fft.fft2(texture)
    frames = [np.fft.ifft2(ndimage.fourier_shift(spectrum, SHIFT[::-1] * t)).real for t in range(FRAMES)]
    return CineClip(np.stack([np.clip(128 + 300 * frame, 0, 255) for frame in frames]).astype(np.uint8))


# OpenCV's inverse search overestimates small shifts by several per cent
@pytest.mark.parametrize(("track", "within_px"), [(flow.lucas_kanade, 0.1), (flow.dis_flow, 0.4)])
def test_a_shift_is_recovered_forwards_and_backwards(moving, track, within_px):
    pytest.importorskip("cv2")
    queries = np.array([[0, 40.3, 50.6], [3, 45.0, 45.0], [FRAMES - 1, 52.5, 40.25]])
    tracks = track(moving, queries)
    steps = np.arange(FRAMES)[None, :, None] - queries[:, :1, None]
    np.testing.assert_allclose(tracks.xy, queries[:, None, 1:] + SHIFT * steps, atol=within_px)
    assert tracks.visible.all()
    assert tracks.queries.tolist() == queries.astype(np.float32).tolist()


@pytest.mark.parametrize("track", PEERS)
def test_points_stay_where_they_were_given_in_their_query_frame(moving, track):
    pytest.importorskip("cv2")
    tracks = track(moving, np.array([[2, 30.1, 60.9]]))
    assert tracks.xy[0, 2].tolist() == np.array([30.1, 60.9], np.float32).tolist()


@pytest.mark.parametrize("track", PEERS)
def test_a_point_carried_out_of_the_image_is_hidden_and_still_a_number(track):
    pytest.importorskip("cv2")
    texture = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(SIDE, 200)), 2.0) * 300 + 128
    frames = np.stack([texture[:, 20 + 2 * t : 20 + 2 * t + SIDE] for t in range(FRAMES)])
    tracks = track(CineClip(np.clip(frames, 0, 255).astype(np.uint8)), np.array([[0, 3.0, 48.0]]))
    assert np.isfinite(tracks.xy).all()
    assert tracks.visible[0, 0]
    assert not tracks.visible[0, -1]


@pytest.mark.parametrize("track", PEERS)
@pytest.mark.parametrize("nothing", [np.zeros((0, 3)), []])
def test_no_points_give_no_tracks(moving, track, nothing):
    pytest.importorskip("cv2")
    tracks = track(moving, nothing)
    assert (tracks.xy.shape, tracks.visible.shape, len(tracks)) == ((0, FRAMES, 2), (0, FRAMES), 0)


def test_tissue_that_is_gone_in_the_next_frame_is_not_seen_by_lucas_kanade(moving):
    pytest.importorskip("cv2")
    other = np.random.default_rng(5).integers(0, 255, (SIDE, SIDE), dtype=np.uint8)
    frames = np.concatenate([moving.frames[:2], other[None]])
    tracks = flow.lucas_kanade(CineClip(frames), np.array([[0, x, 48.0] for x in range(20, 80, 10)]))
    assert tracks.visible[:, 1].all()
    assert tracks.visible[:, 2].mean() < 0.7


@pytest.mark.parametrize("track", PEERS)
def test_without_opencv_the_extra_is_named(moving, track, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(DependencyError, match=r"pointseg\[peers\]"):
        track(moving, np.zeros((0, 3)))


def test_flow_is_read_between_pixels_and_held_beyond_the_border():
    rows, columns = np.mgrid[:4, :5].astype(np.float32)
    field = np.stack([columns, 10 * rows], axis=-1)
    read = flow._bilinear(field, np.array([[1.25, 2.5], [-3.0, 0.0], [9.0, 9.0], [4.0, 3.0]]))
    np.testing.assert_allclose(read, [[1.25, 25.0], [0.0, 0.0], [4.0, 30.0], [4.0, 30.0]])
