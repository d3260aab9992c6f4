"""Tissue keeps its brightness in grey and tinted maps; what is drawn over it in colour disappears."""

from __future__ import annotations

import numpy as np
import pytest

from PointSegLib.io.colour import fit_tissue_map, luminance, stored_space, to_grey, ybr_to_rgb
from Testing.lib.io.makers import fan_frames

GREY = fan_frames(1, 100, 120)[0]
RGB = np.repeat(GREY[..., None], 3, -1)
SEPIA, BLUE = np.array([1.0, 0.8, 0.5]), np.array([0.45, 0.65, 1.0])


def tinted(tint: np.ndarray) -> np.ndarray:
    return np.rint(RGB * tint).astype(np.uint8)


def test_luminance_of_grey_is_exact():
    every = np.arange(256, dtype=np.uint8)
    assert np.array_equal(luminance(np.stack([every] * 3, -1)), every)


def test_grey_frame_is_unchanged():
    assert np.array_equal(to_grey(RGB, fit_tissue_map(RGB)), GREY)


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 200, 255), (255, 255, 0), (200, 0, 200)], ids=str)
def test_coloured_drawing_vanishes_and_tissue_stays(colour):
    drawn = RGB.copy()
    drawn[80:90, 20:100] = colour
    grey = to_grey(drawn, fit_tissue_map(drawn))
    assert grey[80:90, 20:100].max() == 0
    assert np.array_equal(grey[:80], GREY[:80])


@pytest.mark.parametrize("tint", [SEPIA, BLUE], ids=["sepia", "blue"])
def test_tinted_tissue_is_kept_as_luminance(tint):
    frame = tinted(tint)
    tissue = fit_tissue_map(frame)
    assert tissue.tinted
    assert np.array_equal(to_grey(frame, tissue), luminance(frame))


def test_overlay_on_tinted_tissue_still_vanishes():
    frame = tinted(SEPIA)
    frame[80:84, 20:100] = (0, 255, 0)
    assert to_grey(frame, fit_tissue_map(frame))[80:84, 20:100].max() == 0


def test_doppler_over_a_third_of_the_tissue_does_not_pass_for_a_tint():
    frame = RGB.copy()
    frame[60:, :60] = (200, 30, 0)
    frame[60:, 60:] = (0, 60, 220)
    tissue = fit_tissue_map(frame)
    assert not tissue.tinted
    assert to_grey(frame, tissue)[60:].max() == 0


def test_slight_chroma_noise_of_jpeg_is_no_overlay():
    noise = np.random.default_rng(0).integers(-12, 13, RGB.shape)
    noisy = np.clip(RGB.astype(int) + noise, 0, 255).astype(np.uint8)
    grey = to_grey(noisy, fit_tissue_map(noisy))
    assert np.array_equal(grey, luminance(noisy))


def test_stored_space_is_told_from_the_values():
    ybr = np.stack([GREY, np.full_like(GREY, 128), np.full_like(GREY, 128)], -1)
    assert stored_space(RGB) == "RGB"
    assert stored_space(tinted(SEPIA)) == "RGB"
    assert stored_space(ybr) == "YBR"
    assert stored_space(np.random.default_rng(0).integers(0, 256, RGB.shape).astype(np.uint8)) is None


def test_ybr_conversion_gives_the_primaries():
    ybr = np.array([[76, 85, 255], [150, 44, 21], [29, 255, 107], [200, 128, 128]], np.uint8)
    expected = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 200, 200]]
    assert np.abs(ybr_to_rgb(ybr).astype(int) - expected).max() <= 2
