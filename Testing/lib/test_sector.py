"""The fan is found whatever else the screen shows: text, bars, ECG, dark cavities, one frame or many."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from pydicom import examples

from PointSegLib.clip import CineClip
from PointSegLib.errors import ClipError
from PointSegLib.io import read_camus_frame, read_clip
from PointSegLib.sector import find_sector

DATA = Path(os.environ.get("POINTSEG_SHARED_DATA", Path(__file__).resolve().parents[2] / ".." / "shared" / "data"))


def fan_mask(height: int = 240, width: int = 320) -> np.ndarray:
    """A 80-degree sector with its apex at the top, well inside the frame."""
    y, x = np.mgrid[:height, :width].astype(float)
    dx, dy = x - width / 2, y - 0.08 * height
    radius = np.hypot(dx, dy)
    return (dy > 0) & (np.abs(np.arctan2(dx, dy)) < np.radians(40)) & (radius < 0.8 * height)


def fan_cine(count: int = 8, fan: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
    fan = fan_mask() if fan is None else fan
    speckle = np.random.default_rng(seed).rayleigh(40, (count, *fan.shape))
    return np.where(fan, np.clip(speckle + 5, 0, 255), 0).astype(np.uint8)


def add_screen_furniture(frames: np.ndarray) -> np.ndarray:
    """Static text blocks, a colour bar and tick marks, as scanners burn them in; an ECG that moves in a cine."""
    rng = np.random.default_rng(1)
    out = frames.copy()
    out[:, 4:12, 4:60] = np.where(rng.random((8, 56)) < 0.4, 255, 0)
    out[:, 20:100, 300:312] = np.linspace(255, 30, 80)[:, None]
    out[:, 30:230:20, 285:290] = 200
    for index in range(len(out)):
        x = np.arange(20, 20 + 30 * (index + 1)) % 300
        out[index, 228 + (np.sin(x / 4) * 4).astype(int), x] = 255
    return out


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.mark.parametrize("count", [1, 2, 8, 100])
def test_fan_is_found_with_screen_furniture_around_it(count):
    frames = add_screen_furniture(fan_cine(count))
    sector = find_sector(CineClip(frames))
    assert dice(sector.mask, fan_mask()) > 0.96
    assert not sector.mask[4:12, 4:60].any()
    assert not sector.mask[20:100, 300:312].any()


def test_black_cavities_inside_the_fan_cut_no_holes():
    frames = fan_cine()
    frames[:, 90:150, 130:180] = 0
    frames[:, 140:175, 190:215] = 0
    assert find_sector(CineClip(frames)).mask[90:150, 130:180].all()
    assert dice(find_sector(CineClip(frames)).mask, fan_mask()) > 0.96


def test_dark_band_across_the_fan_does_not_cut_its_apex_off():
    frames = fan_cine(1)
    frames[:, 60:75] = 0
    box = find_sector(CineClip(frames)).box
    assert box[1] < 35


def test_fan_that_fills_the_frame_keeps_only_its_black_corners_out():
    y, x = np.mgrid[:200, :280].astype(float)
    fan = np.abs(x - 140) <= y * 0.7 + 1
    sector = find_sector(CineClip(fan_cine(1, fan)))
    assert dice(sector.mask, fan) > 0.97
    assert not sector.mask[0, :100].any()


def test_region_restricts_the_search():
    frames = np.concatenate([fan_cine(seed=0), fan_cine(seed=1)], axis=2)
    sector = find_sector(CineClip(frames, region=(320, 0, 639, 239)))
    assert not sector.mask[:, :320].any()
    assert dice(sector.mask[:, 320:], fan_mask()) > 0.96


def test_box_is_the_inclusive_extent_of_the_mask():
    sector = find_sector(CineClip(fan_cine()))
    x0, y0, x1, y1 = sector.box
    assert sector.mask[y0 : y1 + 1, x0 : x1 + 1].sum() == sector.mask.sum()
    assert all(edge.any() for edge in (sector.mask[y0], sector.mask[y1], sector.mask[:, x0], sector.mask[:, x1]))


def test_nearly_black_clip_falls_back_to_the_whole_frame():
    frames = np.zeros((3, 100, 120), np.uint8)
    frames[:, 50, 60] = 9
    sector = find_sector(CineClip(frames))
    assert sector.mask.all()
    assert sector.box == (0, 0, 119, 99)


def test_nearly_black_region_falls_back_to_the_region():
    frames = np.zeros((3, 100, 120), np.uint8)
    frames[:, :20, :20] = 200
    sector = find_sector(CineClip(frames, region=(40, 30, 110, 90)))
    assert sector.box == (40, 30, 110, 90)


@pytest.mark.parametrize("count", [1, 5])
def test_constant_clip_is_refused_by_name(count):
    clip = CineClip(np.full((count, 64, 64), 7, np.uint8), source="flat.dcm")
    with pytest.raises(ClipError, match=r"flat\.dcm: all pixels have the same value: nothing to segment"):
        find_sector(clip)


def test_still_cine_is_segmented_like_its_single_frame():
    one = fan_cine(1)
    still = find_sector(CineClip(np.repeat(one, 6, axis=0)))
    assert np.array_equal(still.mask, find_sector(CineClip(one)).mask)


def test_same_fan_is_found_at_three_times_the_size():
    frames = fan_cine(4)
    large = frames.repeat(3, 1).repeat(3, 2)
    small_mask = find_sector(CineClip(frames)).mask.repeat(3, 0).repeat(3, 1)
    assert dice(find_sector(CineClip(large)).mask, small_mask) > 0.96


def test_long_clip_costs_no_more_than_its_sample():
    frames = np.broadcast_to(fan_cine(1, fan_mask(300, 400)), (2000, 300, 400))
    clip = CineClip.__new__(CineClip)
    for name, value in {"frames": frames, "spacing_mm": None, "region": None, "source": "long"}.items():
        object.__setattr__(clip, name, value)
    start = time.perf_counter()
    find_sector(clip)
    assert time.perf_counter() - start < 3


def test_real_cine_keeps_its_fan_and_loses_its_screen():
    mask = find_sector(read_clip(examples.get_path("ybr_color"))).mask
    assert mask[85:190, 115:210].all()
    assert mask[35, 158:178].all()
    assert not mask[:14].any()
    assert not mask[208:].any()
    assert not mask[:, 298:].any()


@pytest.mark.skipif(not (DATA / "camus").is_dir(), reason="the CAMUS data are not here (set POINTSEG_SHARED_DATA)")
@pytest.mark.parametrize("patient", ["patient0001", "patient0009", "patient0100", "patient0300"])
def test_camus_fan_holds_all_that_is_lit_and_the_ventricle(patient):
    for phase in ("ED", "ES"):
        clip, labels = read_camus_frame(DATA / "camus", patient, "4CH", phase)
        mask = find_sector(clip).mask
        assert mask[clip.frames[0] > 8].mean() > 0.995
        # Experts complete the wall beyond the fan's edge, so the cavity is what must be inside.
        assert mask[labels == 1].mean() > 0.97
        assert 0.5 < mask.mean() < 0.6
