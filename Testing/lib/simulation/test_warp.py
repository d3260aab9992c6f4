"""Claims about simulated motion: its tracks are exact, its bounds hold, its parts agree."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import torch

from PointSegLib.errors import ClipError
from PointSegLib.simulation.appearance import Scenery, draw_scenery, film, sector_mask
from PointSegLib.simulation.motion import follow, heart_axes, inverse_displacement, simulate_displacement
from PointSegLib.simulation.phantom import make_phantom_frame
from PointSegLib.simulation.sampling import pixel_grid, sample_at
from PointSegLib.simulation.warp import WarpConfig, _visibility, simulate_warp, time_reversed

MOVING = WarpConfig(rest_probability=0.0)
PLAIN = replace(
    MOVING,
    moving_speckle=(0.0, 0.0),
    fresh_speckle=(0.0, 0.0),
    haze=(0.0, 0.0),
    gain_drift=0.0,
    gamma_drift=0.0,
    shadow_probability=0.0,
    blur_probability=0.0,
    blackout_probability=0.0,
)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _ventricle(size: int = 192) -> tuple[torch.Tensor, torch.Tensor]:
    return make_phantom_frame(size, _generator(3))


@pytest.mark.parametrize("size", [(192, 192), (150, 221)])
def test_rendered_position_of_a_material_point_is_its_track(size):
    height, width = size
    _, labels = make_phantom_frame(max(size), _generator(1))
    labels = labels[:height, :width].contiguous()
    for seed in range(6):
        generator = _generator(seed)
        forward = simulate_displacement(labels, 9, generator, MOVING)
        inverse = inverse_displacement(forward, (width, height))
        # What a pixel shows, as a source position: the very map that frames are sampled with.
        shown = pixel_grid(height, width, labels.device).permute(2, 0, 1) + inverse
        points = torch.rand((300, 2), generator=generator) * torch.tensor([width - 40.0, height - 40.0]) + 20.0
        tracks = follow(points, forward, inverse)
        inside = ((tracks > 3) & (tracks < torch.tensor([width - 4.0, height - 4.0]))).all(-1)
        source = sample_at(shown, tracks.transpose(0, 1).contiguous(), (width, height)).transpose(0, 1)
        assert float((source - points[:, None]).norm(dim=-1)[inside].max()) < 0.01


def test_tracks_follow_the_displacement_field():
    _, labels = _ventricle()
    forward = simulate_displacement(labels, 6, _generator(2), MOVING)
    inverse = inverse_displacement(forward, (192, 192))
    points = torch.rand((200, 2), generator=_generator(0)) * 150 + 20
    where = points.expand(6, -1, -1)
    expected = (where + sample_at(forward, where, (192, 192))).transpose(0, 1)
    assert float((follow(points, forward, inverse) - expected).norm(dim=-1).max()) < 0.35


def test_bright_blob_in_the_frames_is_where_its_track_says():
    image, labels = _ventricle()
    # A wide dim carpet keeps the sector; one blob on it is measured by its centroid in every frame.
    grid = pixel_grid(192, 192, image.device)
    centre = torch.tensor([70.0, 90.0])
    blob = 0.02 + 0.9 * torch.exp(-((grid - centre) ** 2).sum(-1) / (2 * 2.0**2))
    still = replace(PLAIN, random_field_px=(0.0, 0.0), radial_contraction=(0.0, 0.0), twist_deg=(0.0, 0.0))
    clip_seed = 11
    generator = _generator(clip_seed)
    clip = simulate_warp(blob * (image > 0), labels, 8, 1, generator, still)
    generator = _generator(clip_seed)
    forward = simulate_displacement(labels, 8, generator, still)
    track = follow(centre[None], forward, inverse_displacement(forward, (192, 192)))[0]
    assert float((track - track[0]).norm(dim=-1).max()) > 1.0
    for frame, where in zip(clip.frames, track, strict=True):
        near = ((grid - where) ** 2).sum(-1) < 10**2
        weight = (frame - 0.03).clamp_min(0.0) * near
        found = (grid * weight[..., None]).sum((0, 1)) / weight.sum()
        assert float((found - where).norm()) < 0.15


@pytest.mark.parametrize("seed", range(8))
def test_motion_stays_invertible_and_within_its_bounds(seed):
    _, labels = make_phantom_frame(256, _generator(seed))
    wild = replace(MOVING, random_field_px=(30.0, 40.0), radial_contraction=(0.9, 0.9), frames_per_cycle=(6.0, 8.0))
    for config in (MOVING, wild):
        field = simulate_displacement(labels, 12, _generator(seed), config)
        assert float(field.norm(dim=1).max()) <= 25.0 + 1e-3
        assert float(field.diff(dim=0).norm(dim=1).max()) <= 8.0 + 1e-3
        uy, ux = torch.gradient(field, spacing=(4.0, 4.0), dim=(2, 3))
        jacobian = (1 + ux[:, 0]) * (1 + uy[:, 1]) - ux[:, 1] * uy[:, 0]
        assert float(jacobian.min()) >= 0.3 - 1e-3


def test_heart_contracts_towards_its_axis_and_base_moves_to_apex():
    _, labels = _ventricle(256)
    config = replace(
        MOVING,
        radial_contraction=(0.3, 0.3),
        longitudinal_shortening=(0.15, 0.15),
        twist_deg=(0.0, 0.0),
        regional_variation=0.0,
        random_field_px=(0.0, 0.0),
        drift_px=(0.0, 0.0),
        drift_rotation_deg=0.0,
        drift_scale=0.0,
        frames_per_cycle=(40.0, 40.0),
        monotonic_probability=0.0,
    )
    image, _ = _ventricle(256)
    clip = simulate_warp(image, labels, 40, 4, _generator(5), config)
    axes = [heart_axes(frame) for frame in clip.labels]
    width = torch.tensor([a.half_width for a in axes])
    length = torch.tensor([a.half_length for a in axes])
    smallest, largest = int(width.argmin()), int(width.argmax())
    assert width[smallest] < 0.85 * width[largest]
    assert length[smallest] < 0.97 * length[largest]
    base = [float(torch.nonzero(frame == 1)[:, 0].max()) for frame in clip.labels]
    apex = [float(torch.nonzero(frame == 1)[:, 0].min()) for frame in clip.labels]
    assert base[largest] - base[smallest] > 2 * abs(apex[largest] - apex[smallest])


def test_rest_clip_does_not_move():
    image, labels = _ventricle()
    clip = simulate_warp(image, labels, 5, 30, _generator(0), replace(PLAIN, rest_probability=1.0))
    assert torch.allclose(clip.tracks, clip.tracks[:, :1].expand_as(clip.tracks), atol=1e-4)
    assert torch.equal(clip.labels, clip.labels[:1].expand_as(clip.labels))
    inner = torch.nn.functional.avg_pool2d(sector_mask(image).float()[None], 9, 1, 4)[0] > 0.999
    assert torch.allclose(clip.frames[:, inner], image[inner].expand(5, -1), atol=2e-3)


def test_shapes_types_and_query_frames():
    image, labels = _ventricle()
    clip = simulate_warp(image, labels, 7, 64, _generator(4))
    assert clip.frames.shape == clip.labels.shape == (7, 192, 192)
    assert (clip.frames.dtype, clip.labels.dtype) == (torch.float32, torch.uint8)
    assert (clip.tracks.shape, clip.tracks.dtype) == ((64, 7, 2), torch.float32)
    assert (clip.visible.shape, clip.visible.dtype) == ((64, 7), torch.bool)
    assert clip.query_frame.dtype == torch.int64
    assert 0.0 <= float(clip.frames.min()) <= float(clip.frames.max()) <= 1.0
    assert set(clip.labels.unique().tolist()) <= {0, 1, 2, 3}
    assert bool(clip.visible[torch.arange(64), clip.query_frame].all())
    assert len(clip.query_frame.unique()) > 3


def test_same_seed_gives_same_clip_and_another_seed_another():
    image, labels = _ventricle()
    first, again, other = (simulate_warp(image, labels, 4, 16, _generator(s), MOVING) for s in (7, 7, 8))
    assert torch.equal(first.frames, again.frames)
    assert torch.equal(first.tracks, again.tracks)
    assert not torch.equal(first.tracks, other.tracks)


def test_points_gather_on_the_wall():
    image, labels = _ventricle()
    clip = simulate_warp(image, labels, 3, 500, _generator(1), replace(PLAIN, rest_probability=1.0))
    x, y = clip.tracks[:, 0].round().long().clamp(0, 191).unbind(-1)
    share = float((labels[y, x] == 2).float().mean())
    by_area = float((labels == 2).sum() / sector_mask(image).sum())
    assert share > 0.35 > by_area


def test_points_in_deep_shadow_or_outside_the_sector_are_not_visible():
    image, labels = _ventricle()
    config = replace(PLAIN, shadow_probability=1.0, shadow_gain=(0.05, 0.05), drift_px=(12.0, 12.0))
    clips = [simulate_warp(image, labels, 6, 300, _generator(seed), config) for seed in range(4)]
    sector = sector_mask(image)
    assert any(not bool(clip.visible.all()) for clip in clips)
    for clip in clips:
        x, y = clip.tracks.round().long().unbind(-1)
        inside = (x >= 0) & (x < 192) & (y >= 0) & (y < 192)
        lit = torch.zeros_like(clip.visible)
        lit[inside] = sector[y[inside], x[inside]]
        grown = torch.nn.functional.max_pool2d(sector.float()[None], 3, 1, 1)[0] > 0
        near = torch.zeros_like(lit)
        near[inside] = grown[y[inside], x[inside]]
        assert not bool((clip.visible & ~near).any())


def test_deep_shadow_hides_a_point_and_light_shadow_does_not():
    shadow = torch.ones(64, 64)
    shadow[:, 20:40], shadow[:, 40:] = 0.1, 0.5
    lit = torch.ones(64, 64, dtype=torch.bool)
    scenery = Scenery(sector=lit, shadow=shadow, haze=torch.zeros(64, 64), gain=torch.ones(1), gamma=torch.ones(1))
    tracks = torch.tensor([[[10.0, 30.0]], [[30.0, 30.0]], [[50.0, 30.0]], [[-3.0, 30.0]], [[10.0, 70.0]]])
    assert _visibility(tracks, scenery, MOVING)[:, 0].tolist() == [True, False, True, False, False]


def test_shadow_darkens_the_frames_where_it_hides_points():
    image = _ventricle()[0]
    config = replace(PLAIN, rest_probability=1.0, shadow_probability=1.0, shadow_gain=(0.05, 0.05))
    sector = sector_mask(image)
    scenery = draw_scenery(sector, 2, _generator(3), config)
    deep = (scenery.shadow < config.hidden_gain) & sector
    assert 0.01 < float(deep.sum() / sector.sum()) < 0.5
    frames = film(image.expand(2, -1, -1), torch.zeros(2, 192, 192), scenery, _generator(0), config)
    assert float(frames[:, deep].mean()) < 0.3 * float(image[deep].mean())


def test_no_points_are_an_answer_too():
    image, labels = _ventricle()
    clip = simulate_warp(image, labels, 3, 0, _generator(0))
    assert clip.tracks.shape == (0, 3, 2)
    assert clip.query_frame.shape == (0,)


def test_fan_does_not_move_with_the_tissue():
    image, labels = _ventricle()
    clip = simulate_warp(image, labels, 6, 4, _generator(2), replace(PLAIN, drift_px=(15.0, 15.0)))
    sector = sector_mask(image)
    assert not bool((clip.frames > 0)[:, ~sector].any())
    assert float((clip.frames[:, sector] > 0.004).float().mean(1).min()) > 0.95


def test_time_reversal_twice_is_the_clip_and_once_keeps_queries_visible():
    image, labels = _ventricle()
    clip = simulate_warp(image, labels, 5, 20, _generator(6), MOVING)
    back = time_reversed(clip)
    assert torch.equal(back.tracks[:, 0], clip.tracks[:, -1])
    assert bool(back.visible[torch.arange(20), back.query_frame].all())
    assert torch.equal(back.queries[:, 1:], clip.queries[:, 1:])
    again = time_reversed(back)
    for name in ("frames", "labels", "tracks", "visible", "query_frame"):
        assert torch.equal(getattr(again, name), getattr(clip, name))


def test_frame_without_a_heart_can_still_be_warped():
    image, labels = _ventricle()
    clip = simulate_warp(image, torch.zeros_like(labels), 3, 10, _generator(0), MOVING)
    assert not bool(clip.labels.any())
    assert clip.tracks.shape == (10, 3, 2)


def test_one_frame_is_a_clip():
    image, labels = _ventricle()
    clip = simulate_warp(image, labels, 1, 5, _generator(0), MOVING)
    assert clip.tracks.shape == (5, 1, 2)
    assert bool(clip.visible.all())


@pytest.mark.parametrize(
    ("image", "labels", "frames", "message"),
    [
        (torch.zeros(64, 64), torch.zeros(64, 64, dtype=torch.uint8), 3, "black"),
        (torch.ones(64, 64), torch.zeros(64, 60, dtype=torch.uint8), 3, "one size"),
        (torch.ones(64, 64), torch.zeros(64, 64, dtype=torch.uint8), 0, "at least 1"),
    ],
)
def test_unusable_input_is_named(image, labels, frames, message):
    with pytest.raises(ClipError, match=message):
        simulate_warp(image, labels, frames, 4, _generator(0))


def test_training_clip_is_simulated_in_a_fraction_of_a_second():
    image, labels = _ventricle(256)
    generator, best = _generator(0), float("inf")
    for _ in range(4):
        start = time.process_time()
        simulate_warp(image, labels, 12, 256, generator)
        best = min(best, time.process_time() - start)
    # About 0.065 s on one slow core; the margin is for shared machines.
    assert best < 0.4
