"""Claims about the point tracker's structure, which hold for any weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from lib.networks import tiny_config, tiny_network

from PointSegLib.model import PointQueries, PointTracker, layers
from PointSegLib.model.queries import describe_points, staggered_grid, start_at_query, start_from_overlap

FRAMES, POINTS = 5, 7


def _track(tracker, images, xy, frame):
    features = tracker.encoder(images)
    return tracker(features, _queries(describe_points(tracker, features, 1, xy, frame), xy, frame, len(images)))


def _queries(described, xy, frame, frames):
    start, given = start_at_query(xy, frame, frames)
    return PointQueries(described, frame, start, given, torch.zeros_like(given))


def _scene(seed=0):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(FRAMES, 1, 64, 64, generator=generator)
    return images, torch.rand(1, POINTS, 2, generator=generator), torch.arange(POINTS) % FRAMES


@torch.no_grad()
def test_points_are_permutation_equivariant():
    tracker, (images, xy, frame) = tiny_network().tracker, _scene()
    order = torch.randperm(POINTS, generator=torch.Generator().manual_seed(1))
    straight, shuffled = _track(tracker, images, xy, frame), _track(tracker, images, xy[:, order], frame[order])
    torch.testing.assert_close(straight.xy[-1][:, order], shuffled.xy[-1], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(straight.visible[:, order], shuffled.visible, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_clips_of_a_batch_do_not_mix():
    tracker = tiny_network().tracker
    scenes = [_scene(seed) for seed in (0, 1)]
    images = torch.cat([s[0] for s in scenes])
    xy, frame = torch.cat([s[1] for s in scenes]), scenes[0][2]
    features = tracker.encoder(images)
    together = tracker(features, _queries(describe_points(tracker, features, 2, xy, frame), xy, frame, FRAMES))
    for index, (own_images, own_xy, own_frame) in enumerate(scenes):
        alone = _track(tracker, own_images, own_xy, own_frame)
        torch.testing.assert_close(together.xy[-1][index], alone.xy[-1][0], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_description_keeps_the_order_of_points_across_frames():
    tracker, (images, xy, frame) = tiny_network().tracker, _scene()
    features = tracker.encoder(images)
    described = describe_points(tracker, features, 1, xy, frame)
    for point in range(POINTS):
        own = tracker.describe(features.frames(frame[point : point + 1]), xy[:, point : point + 1])
        for name in ("content", "descriptor", "patch"):
            torch.testing.assert_close(getattr(described, name)[0, point], getattr(own, name)[0, 0])


@torch.no_grad()
def test_every_layer_answers_and_untrained_regression_leaves_the_attention_update():
    torch.manual_seed(0)
    tracker = PointTracker(tiny_config().tracker).eval()
    tracked = _track(tracker, *_scene())
    assert len(tracked.xy) == len(tracked.updated) == 2
    torch.testing.assert_close(tracked.xy[-1], tracked.updated[-1])
    assert tracked.visible.shape == (1, POINTS, FRAMES)
    assert tracked.tokens.shape == (1, POINTS, FRAMES, 24)


@torch.no_grad()
def test_correlation_can_be_switched_off():
    tracker = PointTracker(replace(tiny_config().tracker, correlation_dim=0)).eval()
    tracked = _track(tracker, *_scene())
    assert tracked.matching == tracked.steps == []
    assert bool(torch.isfinite(tracked.xy[-1]).all())


def test_correlation_peaks_where_the_query_was_taken():
    tracker, (images, _, _) = tiny_network().tracker, _scene()
    cell = torch.tensor([[[9.5 / 16, 4.5 / 16]]])
    logits = _track(tracker, images, cell, torch.tensor([2])).matching[0][0, 2, 0]
    assert divmod(int(logits.argmax()), 16) == (4, 9)


def test_volumes_that_are_not_kept_say_the_same():
    tracker, scene = tiny_network().tracker, _scene()
    kept = _track(tracker, *scene)
    with torch.no_grad():
        passing = _track(tracker, *scene)
    assert kept.matching
    assert not passing.matching
    torch.testing.assert_close(kept.xy[-1].detach(), passing.xy[-1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("floats", [1, 5000])
@torch.no_grad()
def test_parts_of_a_window_add_up_to_the_whole(monkeypatch, floats):
    tracker, scene = tiny_network().tracker, _scene()
    whole = _track(tracker, *scene)
    monkeypatch.setattr(layers, "PART_FLOATS", floats)
    torch.testing.assert_close(_track(tracker, *scene).xy[-1], whole.xy[-1], atol=1e-5, rtol=1e-4)


def test_grid_halves_interleave_and_cover_every_cell_once():
    first, second = staggered_grid(4)
    assert len(first) == len(second) == 8
    assert len({tuple(p) for p in torch.cat([first, second]).tolist()}) == 16


def test_carried_points_rest_outside_the_shared_frames():
    known = torch.rand(1, 3, 2, 2)
    start, carried = start_from_overlap(known, 5)
    assert carried[0, 0].tolist() == [True, True, False, False, False]
    torch.testing.assert_close(start[:, :, :2], known)
    torch.testing.assert_close(start[:, :, 2:], known[:, :, 1:].expand(-1, -1, 3, -1))
    start, carried = start_from_overlap(known, 5, at_end=True)
    assert carried[0, 0].tolist() == [False, False, False, True, True]
    torch.testing.assert_close(start[:, :, 3:], known)
    torch.testing.assert_close(start[:, :, :3], known[:, :, :1].expand(-1, -1, 3, -1))


@torch.no_grad()
def test_a_point_that_trusts_only_where_it_is_rests():
    tracker, (images, xy, frame) = tiny_network().tracker, _scene()
    still = PointTracker(tracker.config).eval()
    still.load_state_dict(tracker.state_dict())
    for layer in still.layers:
        layer.trust.bias[:-1] = -100.0
        layer.trust.bias[-1] = 100.0
    followed, resting = _track(tracker, images, xy, frame), _track(still, images, xy, frame)
    assert not torch.allclose(followed.updated[0], resting.updated[0], atol=1e-4)
    assert resting.steps[0].shape == (1, POINTS, FRAMES - 1, 3, 2)
