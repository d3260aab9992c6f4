"""Claims about the point tracker's structure, which hold for any weights."""

from __future__ import annotations

from dataclasses import replace

import torch
from lib.networks import tiny_config, tiny_network

from PointSegLib.model import PointQueries, PointTracker
from PointSegLib.model.queries import describe_points, staggered_grid, start_at_query, start_from_overlap

FRAMES, POINTS = 5, 7


def _track(tracker, images, xy, frame):
    features = tracker.encoder(images)
    content, descriptor = describe_points(tracker, features, 1, xy, frame)
    return tracker(features, PointQueries(content, descriptor, *start_at_query(xy, frame, len(images))))


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
    content, descriptor = describe_points(tracker, features, 2, xy, frame)
    together = tracker(features, PointQueries(content, descriptor, *start_at_query(xy, frame, FRAMES)))
    for index, (own_images, own_xy, own_frame) in enumerate(scenes):
        alone = _track(tracker, own_images, own_xy, own_frame)
        torch.testing.assert_close(together.xy[-1][index], alone.xy[-1][0], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_description_keeps_the_order_of_points_across_frames():
    tracker, (images, xy, frame) = tiny_network().tracker, _scene()
    features = tracker.encoder(images)
    content, descriptor = describe_points(tracker, features, 1, xy, frame)
    for point in range(POINTS):
        own = tracker.describe(features.frames(frame[point : point + 1]), xy[:, point : point + 1])
        torch.testing.assert_close(content[0, point], own[0][0, 0])
        torch.testing.assert_close(descriptor[0, point], own[1][0, 0])


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
    assert tracked.matching == []
    assert bool(torch.isfinite(tracked.xy[-1]).all())


@torch.no_grad()
def test_correlation_peaks_where_the_query_was_taken():
    tracker, (images, _, _) = tiny_network().tracker, _scene()
    cell = torch.tensor([[[9.5 / 16, 4.5 / 16]]])
    logits = _track(tracker, images, cell, torch.tensor([2])).matching[0][0, 2, 0]
    assert divmod(int(logits.argmax()), 16) == (4, 9)


def test_grid_halves_interleave_and_cover_every_cell_once():
    first, second = staggered_grid(4)
    assert len(first) == len(second) == 8
    assert len({tuple(p) for p in torch.cat([first, second]).tolist()}) == 16


def test_carried_points_rest_outside_the_shared_frames():
    known = torch.rand(1, 3, 2, 2)
    start, given = start_from_overlap(known, 5)
    assert not bool(given.any())
    torch.testing.assert_close(start[:, :, :2], known)
    torch.testing.assert_close(start[:, :, 2:], known[:, :, 1:].expand(-1, -1, 3, -1))
    start, _ = start_from_overlap(known, 5, at_end=True)
    torch.testing.assert_close(start[:, :, 3:], known)
    torch.testing.assert_close(start[:, :, :3], known[:, :, :1].expand(-1, -1, 3, -1))


@torch.no_grad()
def test_the_pull_of_a_level_points_to_where_its_correlation_peaks():
    correlation = tiny_network().tracker.correlation
    sizes = [(16, 16), (8, 8), (4, 4)]
    volumes = [torch.zeros(1, 1, height, width) for height, width in sizes]
    for volume in volumes:
        volume[0, 0, 2, 3] = 50.0
    features, pull = correlation(volumes, torch.tensor([[[1.5 / 16, 1.5 / 16]]]))
    assert features.shape == (1, 1, correlation.out_features)
    assert pull.shape == (1, 1, 3, 2)
    peaks = torch.tensor([[3.5 / width, 2.5 / height] for height, width in sizes])
    near = (1.5 / 16 + pull[0, 0] - peaks).abs() * torch.tensor(sizes).float()
    # bilinear samples of one lit cell weigh as far as its neighbours
    assert float(near.max()) < 0.6


@torch.no_grad()
def test_a_point_follows_the_pull_as_far_as_it_is_trusted():
    tracker, (images, xy, frame) = tiny_network().tracker, _scene()
    still = PointTracker(tracker.config).eval()
    still.load_state_dict(tracker.state_dict())
    for layer in still.layers:
        layer.trust.bias.fill_(-100.0)
    followed, resting = _track(tracker, images, xy, frame), _track(still, images, xy, frame)
    assert not torch.allclose(followed.updated[0], resting.updated[0], atol=1e-4)
