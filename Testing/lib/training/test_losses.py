"""Claims about the losses: zero where nothing is wrong, equal to the formula written out."""

from __future__ import annotations

import math

import pytest
import torch

from PointSegLib.model import TrackedPoints
from PointSegLib.training.losses import (
    dice_loss,
    gain_loss,
    mask_loss,
    mask_targets,
    matching_loss,
    point_loss,
    step_loss,
    temporal_loss,
)

SURE = 30.0


def _tracked(xy, visible):
    return TrackedPoints([xy, xy], [xy, xy], visible, torch.zeros(0), [], [])


def test_perfect_tracks_cost_nothing():
    xy, seen = torch.rand(1, 4, 3, 2), torch.ones(1, 4, 3, dtype=torch.bool)
    assert float(point_loss(_tracked(xy, seen * SURE), xy, seen, 5.0, 1.0)) == pytest.approx(0.0, abs=1e-6)


def test_point_loss_is_the_weighted_l1_of_every_layer_and_update():
    xy, seen = torch.full((1, 4, 3, 2), 0.5), torch.ones(1, 4, 3, dtype=torch.bool)
    assert float(point_loss(_tracked(xy + 0.1, seen * SURE), xy, seen, 5.0, 1.0)) == pytest.approx(
        5 * 4 * 0.1, rel=1e-4
    )


def test_points_outside_the_image_do_not_count():
    xy, seen = torch.full((1, 2, 1, 2), 0.5), torch.ones(1, 2, 1, dtype=torch.bool)
    xy[0, 1] = 1.4
    found = xy.clone()
    found[0, 1] = 0.0
    assert float(point_loss(_tracked(found, seen * SURE), xy, seen, 5.0, 1.0)) == pytest.approx(0.0, abs=1e-6)


def test_clips_whose_points_all_left_the_image_cost_no_position():
    xy, hidden = torch.full((1, 2, 3, 2), 1.4), torch.zeros(1, 2, 3, dtype=torch.bool)
    found = torch.full_like(xy, 0.5).requires_grad_()
    loss = point_loss(_tracked(found, torch.full(hidden.shape, -SURE)), xy, hidden, 5.0, 1.0)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0.0, abs=1e-6)
    assert float(found.grad.abs().sum()) == 0.0
    assert float(matching_loss([torch.randn(1, 3, 2, 8, 8)], xy, hidden)) == 0.0


def test_step_loss_is_the_l1_of_steps_between_frames_that_show_the_point():
    xy = torch.rand(1, 2, 4, 2)
    seen = torch.ones(1, 2, 4, dtype=torch.bool)
    seen[0, 1, 2] = False
    went = (xy[:, :, 1:] - xy[:, :, :-1]).unsqueeze(-2).expand(-1, -1, -1, 3, -1).clone()
    assert float(step_loss([went], xy, seen)) == pytest.approx(0.0, abs=1e-6)
    unseen = went.clone()
    unseen[0, 1, 1:] += 9.0
    assert float(step_loss([unseen], xy, seen)) == pytest.approx(0.0, abs=1e-6)
    assert float(step_loss([went + 0.1, went - 0.2], xy, seen)) == pytest.approx(0.3, rel=1e-4)
    assert float(step_loss([went + 9.0], xy, torch.zeros_like(seen))) == 0.0


def test_matching_loss_is_small_where_the_peak_is_right():
    xy, seen = torch.tensor([[[[0.4, 0.9]]]]), torch.ones(1, 1, 1, dtype=torch.bool)
    right = torch.zeros(1, 1, 1, 8, 8)
    right[..., 7, 3] = SURE
    assert float(matching_loss([right], xy, seen)) < 1e-6
    assert float(matching_loss([torch.zeros(1, 1, 1, 8, 8)], xy, seen)) == pytest.approx(math.log(64))


def test_dice_is_zero_for_the_truth_and_one_for_its_opposite():
    target = torch.zeros(1, 1, 1, 20, 20)
    target[..., :10] = 1
    assert float(dice_loss((target - 0.5) * 2 * SURE, target)) == pytest.approx(0.0, abs=1e-4)
    assert float(dice_loss((0.5 - target) * 2 * SURE, target)) == pytest.approx(1.0, abs=0.01)


def test_deep_supervision_weighs_the_layers():
    target = torch.ones(1, 1, 1, 8, 8)
    right, wrong = target * SURE, -target * SURE
    only = [
        float(mask_loss([wrong if i == n else right for i in range(3)], target, (0.25, 0.5, 1.0), 0)) for n in range(3)
    ]
    assert only[1] / only[0] == pytest.approx(2.0, rel=1e-3)
    assert only[2] / only[1] == pytest.approx(2.0, rel=1e-3)


def test_temporal_loss_is_the_mean_over_visible_pairs():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 4, 2, 16, 16, generator=generator)
    xy = (torch.randint(0, 16, (1, 5, 4, 2), generator=generator) + 0.5) / 16
    seen = torch.rand(1, 5, 4, generator=generator) > 0.3
    values = logits.sigmoid()
    total, pairs = 0.0, 0
    for point in range(5):
        for first in range(4):
            for second in range(first + 1, 4):
                if seen[0, point, first] and seen[0, point, second]:
                    where = [(xy[0, point, t] * 16 - 0.5).round().int().tolist() for t in (first, second)]
                    a, b = (values[0, t, :, y, x] for t, (x, y) in zip((first, second), where, strict=True))
                    total, pairs = total + float((a - b).square().mean()), pairs + 1
    assert float(temporal_loss([logits], xy, seen, (1.0,))) == pytest.approx(total / pairs, rel=1e-4)


def test_a_mask_that_follows_its_points_has_no_temporal_loss():
    logits = torch.randn(1, 1, 1, 16, 16).expand(1, 3, 1, 16, 16)
    xy = torch.rand(1, 5, 1, 2).expand(1, 5, 3, 2)
    assert float(temporal_loss([logits], xy, torch.ones(1, 5, 3), (1.0,))) == pytest.approx(0.0, abs=1e-6)


def test_one_frame_has_no_temporal_loss():
    assert (
        float(temporal_loss([torch.randn(1, 1, 1, 8, 8)], torch.rand(1, 3, 1, 2), torch.ones(1, 3, 1), (1.0,))) == 0.0
    )


def test_targets_are_one_mask_per_class_at_the_masks_stride():
    labels = torch.zeros(1, 1, 4, 4, dtype=torch.uint8)
    labels[..., :2, :] = 2
    labels[..., 2, 0] = 3
    target = mask_targets(labels, (2, 3), 2)
    assert target.shape == (1, 1, 2, 2, 2)
    assert target[0, 0, 0].tolist() == [[1, 1], [0, 0]]
    assert target[0, 0, 1].tolist() == [[0, 0], [0.25, 0]]


def _swinging():
    where, seen = torch.rand(2, 6, 2), torch.ones(2, 6, 5, dtype=torch.bool)
    return where, where.unsqueeze(2) + 0.1 * torch.randn(2, 6, 5, 2), seen


def test_gain_loss_is_the_share_of_motion_that_is_missing_of_displacement_and_deformation():
    where, xy, seen = _swinging()
    rest = where.unsqueeze(2).expand_as(xy)
    assert float(gain_loss([xy], where, xy, seen)) == pytest.approx(0.0, abs=1e-5)
    assert float(gain_loss([rest, rest + 0.6 * (xy - rest)], where, xy, seen)) == pytest.approx(1.0 + 0.4, abs=1e-4)


def test_gain_loss_does_not_ask_resting_tissue_to_move_and_reads_no_hidden_point():
    where, xy, seen = _swinging()
    rest = where.unsqueeze(2).expand_as(xy)
    assert float(gain_loss([xy], where, rest, seen)) == 0.0
    seen[:, :2] = False
    wrong = torch.where(seen.unsqueeze(-1), xy, rest)
    assert float(gain_loss([wrong], where, xy, seen)) == pytest.approx(0.0, abs=1e-5)
