"""Claims about the way into the network's square and back."""

from __future__ import annotations

import torch

from PointSegLib.model.frames import (
    clip_probabilities,
    clip_to_unit,
    labels_from_probabilities,
    network_frames,
    unit_to_clip,
)

BOX = (10, 20, 49, 79)


def test_positions_survive_the_way_there_and_back():
    xy = torch.rand(30, 2, dtype=torch.float64) * 90
    torch.testing.assert_close(unit_to_clip(clip_to_unit(xy, BOX), BOX), xy)


def test_corners_of_the_box_are_the_edges_of_the_square():
    corners = torch.tensor([[9.5, 19.5], [49.5, 79.5]])
    torch.testing.assert_close(clip_to_unit(corners, BOX), torch.tensor([[0.0, 0.0], [1.0, 1.0]]))


def test_a_spot_lands_where_its_coordinates_say():
    frames = torch.zeros(1, 100, 60, dtype=torch.uint8)
    frames[0, 49:52, 29:32] = 255
    square = network_frames(frames, torch.ones(100, 60, dtype=torch.bool), BOX, 64)[0, 0]
    y, x = divmod(int(square.argmax()), 64)
    wanted = clip_to_unit(torch.tensor([30.0, 50.0]), BOX) * 64 - 0.5
    assert abs(x - float(wanted[0])) <= 1.5
    assert abs(y - float(wanted[1])) <= 1.5


def test_nothing_outside_the_sector_reaches_the_network():
    mask = torch.zeros(100, 60, dtype=torch.bool)
    mask[30:60, 20:40] = True
    frames = torch.randint(1, 255, (2, 100, 60), dtype=torch.uint8)
    other = torch.where(mask, frames, torch.full_like(frames, 200))
    torch.testing.assert_close(network_frames(frames, mask, BOX, 32), network_frames(other, mask, BOX, 32))


def test_masks_come_back_to_their_place():
    logits = torch.full((1, 1, 32, 32), -9.0)
    logits[:, :, 16:, :] = 9.0
    found = labels_from_probabilities(clip_probabilities(logits, BOX, (100, 60)), (2,))[0]
    assert set(found.unique().tolist()) == {0, 2}
    assert bool((found[51:80, 10:50] == 2).all())
    assert not bool(found[:49].any())
    assert not bool(found[80:].any())
    assert not bool(found[:, :10].any())
    assert not bool(found[:, 50:].any())


def test_likeliest_class_wins_and_doubt_is_background():
    probabilities = torch.tensor([[0.9, 0.4], [0.6, 0.3]]).view(1, 2, 1, 2)
    assert labels_from_probabilities(probabilities, (1, 3)).tolist() == [[[1, 0]]]
