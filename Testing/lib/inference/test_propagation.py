"""Claims about carrying an edited frame: what the weights add up to, and where tissue comes from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from PointSegLib.inference.propagation import FrameEdit, fitted_motion, time_weights
from PointSegLib.model.layers import grid_positions


def _edit(frame, falloff):
    return FrameEdit(frame, np.zeros((32, 32), np.uint8), falloff)


def test_weight_is_one_at_the_edit_half_halfway_and_nothing_from_the_falloff_on():
    weights = time_weights([_edit(10, 4)], 20)[0]
    assert weights[[10, 8, 12, 6, 14, 0, 19]].tolist() == pytest.approx([1, 0.5, 0.5, 0, 0, 0, 0])
    assert (np.diff(weights[:11]) >= 0).all()


def test_two_edits_share_the_frames_between_them_and_leave_each_other_alone():
    weights = time_weights([_edit(3, 50), _edit(9, 50)], 20)
    np.testing.assert_allclose(weights[:, 3:10].sum(0), 1)
    assert weights[0, 9] == weights[1, 3] == 0
    assert weights[1, 12] > 0.9
    assert weights[0, 12] == 0


@pytest.mark.parametrize("falloffs", [(1, 1), (2, 7), (30, 3)])
def test_weights_never_sum_to_more_than_one(falloffs):
    assert time_weights([_edit(4, falloffs[0]), _edit(7, falloffs[1])], 15).sum(0).max() <= 1 + 1e-12


def test_an_affine_motion_is_found_exactly_up_to_the_stiffness():
    points = grid_positions(16, 16)
    motion = torch.tensor([[0.05, 0.02], [-0.03, 0.04]])
    moved = points @ motion + torch.tensor([0.1, -0.05])
    inside = grid_positions(20, 20)
    found = fitted_motion(inside, points, moved, torch.ones(len(points)))
    wanted = inside @ motion + torch.tensor([0.1, -0.05])
    assert (found - wanted).abs().max() < 0.001


def test_points_that_are_not_trusted_say_nothing():
    points = grid_positions(8, 8)
    moved = torch.full_like(points, 0.1)
    moved[::2] = 5.0
    trust = torch.ones(len(points))
    trust[::2] = 0
    found = fitted_motion(grid_positions(5, 5), points, moved, trust)
    torch.testing.assert_close(found, torch.full_like(found, 0.1), atol=1e-4, rtol=0)


def test_without_any_point_tissue_stays():
    nothing = torch.zeros(0, 2)
    assert fitted_motion(grid_positions(3, 3), nothing, nothing, torch.zeros(0)).abs().max() == 0
