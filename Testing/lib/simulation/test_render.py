"""Claims about rendering: speckle as physics has it, motion as the scene has it, artefacts that only take away."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from lib.simulation.still_scene import fan, shifted_scene, still_scene

from PointSegLib.simulation.draw_imaging import draw_imaging
from PointSegLib.simulation.imaging import Display, Imaging, Interference, Machine, Pulse, Shadow, Speckle
from PointSegLib.simulation.point_spread import point_spread
from PointSegLib.simulation.polar import MARGIN, polar_raster
from PointSegLib.simulation.render import render_scatter, render_warp
from PointSegLib.simulation.scatterers import scatter_fields

SILENT = Interference(noise_db=-math.inf, haze_db=-math.inf, near_db=-math.inf)
CLEAN = Imaging(speckle=Speckle(20_000, 0.0, 0.0), interference=SILENT)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


def test_speckle_of_a_homogeneous_medium_is_fully_developed():
    scene = still_scene(128, n_frames=1, homogeneous=True)
    raster = polar_raster(scene.sector, scene.side)
    pulse, ratios = Pulse(), []
    for seed in range(4):
        fields = scatter_fields(scene, raster, pulse, Speckle(40_000), _generator(seed))
        envelope = point_spread(fields, raster, pulse, scene.spacing_mm).abs()[0, MARGIN:-MARGIN, MARGIN:-MARGIN]
        ratios.append(float(envelope.mean() / envelope.std()))
    assert sum(ratios) / len(ratios) == pytest.approx(1.91, abs=0.1)


def test_mean_power_follows_the_echogenicity_at_all_depths():
    scene = still_scene(128, n_frames=1, homogeneous=True)
    raster = polar_raster(scene.sector, scene.side)
    power = torch.zeros(raster.shape)
    for seed in range(6):
        power += scatter_fields(scene, raster, Pulse(), Speckle(40_000), _generator(seed))[0].abs().square() / 6
    inner = power[MARGIN:-MARGIN, MARGIN:-MARGIN]
    thirds = torch.stack([part.mean() for part in inner.chunk(4, dim=0)])
    assert float(thirds.max() / thirds.min()) < 1.25


def test_point_spread_keeps_the_power_of_noise_and_widens_a_point_away_from_the_focus():
    raster = polar_raster(fan(128), 128)
    white = torch.view_as_complex(torch.randn((2, *raster.shape, 2), generator=_generator()))
    pulse = Pulse(focus=0.5, defocus=4.0)
    spread = point_spread(white, raster, pulse, 1.2)
    assert float(spread.abs().square().mean()) == pytest.approx(2.0, rel=0.1)
    points = torch.zeros((1, *raster.shape), dtype=torch.complex64)
    middle, deep, line = raster.shape[0] // 2, raster.shape[0] - MARGIN - 6, raster.shape[1] // 2
    points[0, middle, line] = points[0, deep, line] = 1.0
    rows = point_spread(points, raster, pulse, 1.2).abs()[0]
    widths = [(rows[row] > 0.5 * rows[row].max()).sum() for row in (middle, deep)]
    assert widths[1] > widths[0]


def test_static_scene_without_decorrelation_gives_identical_frames():
    frames = render_scatter(still_scene(), CLEAN, _generator()).frames
    assert torch.equal(frames, frames[:1].expand_as(frames))


@pytest.mark.parametrize("step", [(2.0, 0.0), (0.0, 3.0), (2.0, -2.0)])
def test_speckle_follows_the_motion(step):
    scene = shifted_scene(step, side=160, n_frames=2, homogeneous=True)
    first, second = render_scatter(scene, CLEAN, _generator()).frames
    x, y = (int(part) for part in step)
    before = first[70:110, 60:100]
    after = second[70 + y : 110 + y, 60 + x : 100 + x]
    assert _correlation(before, after) > 0.8
    assert _correlation(before, second[70:110, 60:100]) < 0.5


def test_warped_picture_follows_the_motion_exactly():
    scene = shifted_scene((3.0, 2.0), side=128, n_frames=2)
    first, second = render_warp(scene, Imaging(interference=SILENT), _generator()).frames
    assert float((first[50:90, 40:80] - second[52:92, 43:83]).abs().mean()) < 0.02


def test_decorrelation_lowers_the_likeness_of_neighbouring_frames():
    likeness = []
    for share in (0.0, 0.1, 0.3):
        imaging = replace(CLEAN, speckle=Speckle(20_000, share, 0.9))
        first, second = render_scatter(still_scene(n_frames=2, homogeneous=True), imaging, _generator()).frames
        lit = first > 0
        likeness.append(_correlation(first[lit], second[lit]))
    assert likeness[0] > 0.999 > likeness[1] > likeness[2] > 0.4


def test_blood_changes_while_the_wall_stays():
    scene = still_scene(128, n_frames=2)
    imaging = replace(CLEAN, speckle=Speckle(20_000, 0.0, 0.9), display=Display(range_db=70.0))
    first, second = render_scatter(scene, imaging, _generator()).frames
    wall, blood = (scene.labels[0] == label for label in (2, 1))
    eroded = -torch.nn.functional.max_pool2d(-blood.float()[None], 9, 1, 4)[0] > 0
    assert _correlation(first[wall], second[wall]) > 0.9
    assert abs(_correlation(first[eroded], second[eroded])) < 0.4


def test_haze_stands_still_while_tissue_moves():
    hazy = replace(SILENT, haze_db=0.0, haze_slope_db=0.0)
    scene = shifted_scene((4.0, 0.0), n_frames=2, homogeneous=True)
    with_haze, without = (
        render_scatter(scene, replace(CLEAN, interference=part), _generator()).frames for part in (hazy, SILENT)
    )
    inside = scene.sector.mask(scene.side)
    assert (
        _correlation(with_haze[0][inside], with_haze[1][inside])
        > _correlation(without[0][inside], without[1][inside]) + 0.2
    )


def test_shadow_darkens_what_lies_behind_it():
    shadow = Shadow(angle=0.0, half_width=0.3, depth=0.3, loss_db=30.0)
    scene = still_scene(n_frames=1, homogeneous=True)
    plain, hidden = (
        render_scatter(scene, replace(CLEAN, shadows=shadows), _generator()) for shadows in ((), (shadow,))
    )
    assert float(hidden.frames[0, 60:80, 44:52].mean()) < 0.6 * float(plain.frames[0, 60:80, 44:52].mean())
    assert float(hidden.share.min()) == pytest.approx(10 ** (-30 / 20), rel=0.1)


@pytest.mark.parametrize("render", [render_scatter, render_warp])
@pytest.mark.parametrize("quality", ["good", "medium", "poor", None])
def test_frames_are_grey_values_and_black_beside_the_fan(render, quality):
    for seed in range(3):
        imaging = draw_imaging(_generator(seed), quality=quality)
        imaging = replace(imaging, machine=replace(imaging.machine, text=False, ecg=False, jpeg_quality=None))
        film = render(still_scene(64), imaging, _generator(seed))
        assert film.frames.shape == (3, 64, 64)
        assert film.frames.dtype == torch.float32
        assert 0.0 <= float(film.frames.min()) <= float(film.frames.max()) <= 1.0
        inside = film.raster.sector.mask(64)
        assert not bool(film.frames[:, ~inside].any())
        assert bool((film.frames[:, inside] > 0).all())


def test_same_seed_gives_the_same_frames_and_another_seed_others():
    imaging = draw_imaging(_generator(5))
    first, again, other = (render_scatter(still_scene(64), imaging, _generator(s)).frames for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_text_and_ecg_lie_beside_the_fan_but_for_the_bottom():
    imaging = replace(CLEAN, machine=Machine(text=True, ecg=True))
    plain = render_scatter(still_scene(128), CLEAN, _generator()).frames
    marked = render_scatter(still_scene(128), imaging, _generator()).frames
    changed = (plain != marked).any(0)
    assert bool(changed.any())
    inner = render_scatter(still_scene(128), replace(CLEAN, opening=(0.9, 0.9)), _generator()).frames[0] > 0
    assert not bool(changed[:100][inner[:100]].any())


def test_cropped_fan_shows_less():
    whole = render_scatter(still_scene(), CLEAN, _generator()).frames > 0
    part = render_scatter(still_scene(), replace(CLEAN, opening=(0.6, 0.8), depth=0.8), _generator()).frames > 0
    assert bool((whole | ~part).all())
    assert 0.4 < float(part.sum() / whole.sum()) < 0.6
