"""A clip holds usable frames, true times and positive spacing, or says which frame is wrong."""

from __future__ import annotations

import numpy as np
import pytest

import PointSegLib
from PointSegLib.clip import MIN_SIDE, CineClip
from PointSegLib.coordinates import pixel_to_unit, resize_xy, unit_to_pixel
from PointSegLib.errors import ClipError, PointSegError

FRAMES = np.random.default_rng(0).integers(0, 256, (4, 40, 50)).astype(np.uint8)


def test_uint8_frames_are_kept_without_a_copy():
    assert np.shares_memory(CineClip(FRAMES).frames, FRAMES)


def test_one_image_is_a_clip_of_one_frame():
    clip = CineClip(FRAMES[0])
    assert clip.frames.shape == (1, 40, 50)
    assert len(clip) == 1
    assert clip.size_wh == (50, 40)


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.float32, np.float64])
def test_other_numbers_are_mapped_from_smallest_to_largest(kind):
    values = np.linspace(-1000 if kind != np.uint16 else 0, 3000, 4 * 40 * 50).reshape(4, 40, 50).astype(kind)
    frames = CineClip(values).frames
    assert frames.dtype == np.uint8
    assert (frames.min(), frames.max()) == (0, 255)
    assert (np.diff(frames.ravel().astype(int)) >= 0).all()


def test_bool_frames_become_black_and_white():
    assert np.array_equal(CineClip(FRAMES > 100).frames, np.where(FRAMES > 100, 255, 0))


def test_constant_frames_of_another_type_become_black():
    assert CineClip(np.full((2, 40, 50), 7.5)).frames.max() == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_values_name_their_frame(bad):
    values = FRAMES.astype(np.float32)
    values[2, 3, 4] = bad
    with pytest.raises(ClipError, match=r"heart\.dcm: frame 2 holds NaN or infinite"):
        CineClip(values, source="heart.dcm")


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((0, 40, 50), "has no frames"),
        ((4, 5, 5), "frames of 5 x 5 pixels are too small"),
        ((4, MIN_SIDE - 1, 50), "too small"),
        ((4, 40, 50, 3), r"must have the shape \[T, H, W\]"),
        ((40,), r"must have the shape \[T, H, W\]"),
    ],
    ids=str,
)
def test_wrong_shapes_are_refused(shape, said):
    with pytest.raises(ClipError, match=said):
        CineClip(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("kind", [complex, object, "U3"])
def test_things_that_are_no_real_numbers_are_refused(kind):
    with pytest.raises(ClipError, match="give real numbers"):
        CineClip(np.zeros((1, 40, 50), kind))


@pytest.mark.parametrize("spacing", [(0, 1), (-1, 1), (1, np.nan), (1, np.inf), (1,), (1, 1, 1)], ids=str)
def test_bad_spacing_is_refused(spacing):
    with pytest.raises(ClipError, match="two positive numbers"):
        CineClip(FRAMES, spacing_mm=spacing)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([0, 1, 2], "3 times were given for 4 frames"),
        ([0, 1, 1, 2], "frame 2 does not"),
        ([0, 1, 2, np.nan], "frame 3"),
    ],
    ids=str,
)
def test_bad_times_name_their_frame(times, said):
    with pytest.raises(ClipError, match=said):
        CineClip(FRAMES, times_s=times)


def test_r_waves_may_lie_outside_the_clip():
    clip = CineClip(FRAMES, times_s=[0, 0.1, 0.2, 0.3], r_wave_times_s=[-0.7, 0.12, 0.9])
    assert clip.r_wave_times_s.dtype == np.float64
    assert clip.r_wave_times_s.tolist() == [-0.7, 0.12, 0.9]
    assert CineClip(FRAMES).r_wave_times_s is None


@pytest.mark.parametrize(
    ("waves", "times", "said"),
    [
        ([0.1], None, "without the times of the frames"),
        ([0.2, 0.1], [0, 1, 2, 3], "finite and increase"),
        ([0.1, np.nan], [0, 1, 2, 3], "finite and increase"),
    ],
)
def test_r_waves_that_cannot_be_placed_are_refused(waves, times, said):
    with pytest.raises(ClipError, match=said):
        CineClip(FRAMES, times_s=times, r_wave_times_s=waves)


def test_frame_rate_is_the_mean_over_the_clip():
    assert CineClip(FRAMES, times_s=[0, 0.1, 0.2, 0.6]).frame_rate_hz == pytest.approx(5)
    assert CineClip(FRAMES).frame_rate_hz is None
    assert CineClip(FRAMES[:1], times_s=[0]).frame_rate_hz is None


def test_clip_errors_are_value_errors_of_the_family():
    assert issubclass(ClipError, PointSegError)
    assert issubclass(ClipError, ValueError)


def test_package_offers_its_names_and_no_others():
    assert PointSegLib.CineClip is CineClip
    with pytest.raises(AttributeError, match="nonsense"):
        _ = PointSegLib.nonsense


def test_pixel_and_unit_coordinates_invert_each_other():
    xy, size = np.random.default_rng(0).uniform(-5, 60, (7, 2)), np.array([50, 40])
    assert np.allclose(unit_to_pixel(pixel_to_unit(xy, size), size), xy)


def test_image_corners_span_zero_to_one():
    size = np.array([50, 40])
    assert np.allclose(pixel_to_unit(np.array([-0.5, -0.5]), size), 0)
    assert np.allclose(pixel_to_unit(np.array([49.5, 39.5]), size), 1)
    assert np.allclose(pixel_to_unit(np.array([24.5, 19.5]), size), 0.5)


def test_resizing_keeps_pixel_centres_and_comes_back():
    small, large = np.array([50, 40]), np.array([100, 80])
    assert np.allclose(resize_xy(np.array([0.0, 0.0]), small, large), 0.5)
    xy = np.random.default_rng(0).uniform(0, 40, (5, 3, 2))
    assert np.allclose(resize_xy(resize_xy(xy, small, large), large, small), xy)
