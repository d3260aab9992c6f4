"""Claims about simulated clips: their points are visible exactly where they can be seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from lib.simulation.contours_cup import cup
from lib.simulation.still_scene import shifted_scene, still_scene

from PointSegLib.errors import ClipError
from PointSegLib.simulation.clips import simulate, simulate_clip
from PointSegLib.simulation.draw_imaging import draw_imaging
from PointSegLib.simulation.imaging import Dropout, Imaging, Shadow
from PointSegLib.simulation.render import render_scatter
from PointSegLib.simulation.template import TemplatePair
from PointSegLib.simulation.visibility import choose_points, draw_points, visible

SWEEPING = Shadow(angle=0.0, half_width=0.2, depth=0.0, loss_db=40.0, sweep=0.9, turns=1.0, phase=0.25)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_point_hidden_by_a_sweeping_shadow_comes_back():
    scene = still_scene(n_frames=9)
    film = render_scatter(scene, Imaging(shadows=(SWEEPING,)), _generator())
    seen = visible(torch.tensor([[47.5, 60.0]]).expand(9, 1, 2).transpose(0, 1), film)[0]
    assert bool(seen[0])
    assert not bool(seen.all())
    assert bool(seen[-1])


def test_hidden_points_are_dark_in_the_frames():
    scene = still_scene(n_frames=9, homogeneous=True)
    clip = simulate(scene, 400, Imaging(shadows=(SWEEPING,)), _generator())
    x, y = clip.tracks[:, 0].round().long().clamp(0, 95).unbind(-1)
    values = clip.frames[:, y, x].T
    assert float(values[~clip.visible].mean()) < 0.6 * float(values[clip.visible].mean())
    assert 0.05 < float((~clip.visible).float().mean()) < 0.6


def test_shallow_loss_hides_nothing():
    mild = Imaging(shadows=(replace(SWEEPING, loss_db=12.0),), dropouts=(Dropout(0.0, 0.5, 0.4, 0.4, 5.0),))
    clip = simulate(still_scene(), 200, mild, _generator())
    assert bool(clip.visible.all())


def test_point_that_leaves_the_fan_is_not_visible_until_it_returns():
    scene = shifted_scene((12.0, 0.0), n_frames=5)
    there_and_back = scene.forward[[0, 2, 4, 2, 0]]
    scene = replace(scene, forward=there_and_back, inverse=-there_and_back)
    film = render_scatter(scene, Imaging(), _generator())
    tracks = torch.tensor([[[60.0, 50.0]]]) + there_and_back[:, :, 0, 0][None]
    assert visible(tracks, film)[0].tolist() == [True, True, False, True, True]


def test_shapes_types_and_query_frames():
    clip = simulate(still_scene(), 64, draw_imaging(_generator(3)), _generator(1))
    assert clip.frames.shape == clip.labels.shape == (3, 96, 96)
    assert (clip.frames.dtype, clip.labels.dtype) == (torch.float32, torch.uint8)
    assert (clip.tracks.shape, clip.visible.shape) == ((64, 3, 2), (64, 3))
    assert (clip.tracks.dtype, clip.visible.dtype, clip.query_frame.dtype) == (torch.float32, torch.bool, torch.int64)
    assert bool(clip.visible[torch.arange(64), clip.query_frame].all())


@pytest.mark.parametrize("renderer", ["scatter", "warp"])
def test_same_seed_same_clip(renderer):
    imaging = draw_imaging(_generator(2))
    first, again = (simulate(still_scene(64), 10, imaging, _generator(1), renderer) for _ in range(2))
    for name in ("frames", "labels", "tracks", "visible", "query_frame"):
        assert torch.equal(getattr(first, name), getattr(again, name))


def test_points_gather_on_the_wall_and_few_lie_in_blood():
    scene = still_scene(128)
    x, y = draw_points(scene, 4000, _generator()).round().long().clamp(0, 127).unbind(-1)
    share = torch.bincount(scene.tissue[y, x].long(), minlength=3) / 4000
    assert share[2] > 0.4
    assert share[1] < 0.08
    assert bool(scene.sector.contains(torch.stack([x, y], -1).float()).float().mean() > 0.97)


def test_hidden_candidates_are_left_out_and_kept_only_where_there_are_no_others():
    seen = torch.tensor([[False, False], [False, True], [True, True]])
    kept, query_frame = choose_points(seen, 4, _generator())
    assert kept.tolist() == [1, 2, 1, 2]
    assert query_frame[0] == 1
    kept, _ = choose_points(torch.zeros(3, 2, dtype=torch.bool), 2, _generator())
    assert kept.tolist() == [0, 1]


def test_labels_of_what_a_narrower_picture_cuts_off_are_gone():
    clip = simulate(still_scene(), 5, Imaging(opening=(0.3, 0.3), depth=0.7), _generator())
    assert bool((clip.labels[clip.frames == 0] == 0).all())
    assert set(clip.labels.unique().tolist()) == {0, 1, 2}


def test_no_points_and_one_frame_are_clips_too():
    clip = simulate(still_scene(n_frames=1), 0, draw_imaging(_generator(0)), _generator())
    assert clip.tracks.shape == (0, 1, 2)
    assert clip.query_frame.shape == (0,)


def test_unusable_requests_are_named():
    with pytest.raises(ClipError, match="renderer 'xray'"):
        simulate(still_scene(), 3, Imaging(), _generator(), "xray")
    with pytest.raises(ClipError, match="-1 points"):
        simulate(still_scene(), -1, Imaging(), _generator())
    with pytest.raises(ClipError, match="quality 'Good'"):
        draw_imaging(_generator(), quality="Good")


def test_dissolving_clip_shows_the_second_picture_as_it_contracts():
    scene = still_scene(n_frames=3, homogeneous=True)
    left = (torch.arange(96) < 48).float().expand(96, 96) + 0.05
    scene = replace(scene, systole=left.flip(-1).contiguous(), contraction=torch.tensor([0.0, 0.5, 1.0]))
    frames = simulate(scene, 8, Imaging(), _generator(), "dissolve", left).frames
    lean = [float(frame[30:70, 20:40].mean() - frame[30:70, 56:76].mean()) for frame in frames]
    assert lean[0] > 0.2
    assert abs(lean[1]) < 0.05
    assert lean[2] < -0.2


def test_clip_of_a_real_pair_can_be_filmed_as_it_was():
    ed, es = cup(), cup(16.0, 60.0, 14.0)
    speckle = np.random.default_rng(0).integers(60, 200, ed.shape).astype(np.uint8)
    pair = TemplatePair(speckle, ed, es, "cup", es_image=speckle)
    _, said = simulate_clip(pair, 2, 8, 0, dissolved=True)
    assert said["renderer"] == "dissolve"
    _, said = simulate_clip(None, 2, 8, 0, dissolved=True)
    assert said["renderer"] != "dissolve"


def test_dissolving_needs_a_picture_of_systole():
    with pytest.raises(ClipError, match="no picture of end-systole"):
        simulate(still_scene(), 8, Imaging(), _generator(), "dissolve")
