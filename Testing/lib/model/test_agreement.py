"""Claims about the smoother that weighs matches with the query against steps between frames."""

from __future__ import annotations

import torch

from PointSegLib.model.agreement import PINNED, agreed_offsets

FRAMES = 6


def _measured(seed=0):
    generator = torch.Generator().manual_seed(seed)
    truth = torch.randn(1, 2, FRAMES, 2, generator=generator)
    step = torch.cat([torch.zeros(1, 2, 1, 2), truth[:, :, 1:] - truth[:, :, :-1]], 2)
    return truth, truth.unsqueeze(-2), step.unsqueeze(-2)


def _weights(value):
    return torch.full((1, 2, FRAMES, 1), value)


def test_steps_alone_add_up_from_the_known_frame():
    truth, pull, step = _measured()
    stay = torch.full((1, 2, FRAMES), 1e-6)
    stay[:, :, 2] = PINNED
    found = agreed_offsets(stay, pull, _weights(0.0), step, _weights(1.0))
    torch.testing.assert_close(found, truth - truth[:, :, 2:3], atol=1e-3, rtol=1e-3)


def test_matches_alone_are_taken_frame_by_frame():
    truth, pull, step = _measured()
    stay = torch.ones(1, 2, FRAMES)
    found = agreed_offsets(stay, pull, _weights(3.0), step * 0 + 7, _weights(0.0))
    torch.testing.assert_close(found, truth * 0.75)


def test_an_outlier_that_is_not_trusted_changes_nothing():
    truth, pull, step = _measured()
    stay, trusted = torch.full((1, 2, FRAMES), 1e-6), _weights(1.0)
    trusted[:, :, 3] = 0.0
    wrong = pull.clone()
    wrong[:, :, 3] += 50.0
    found = agreed_offsets(stay, wrong, trusted, step, _weights(10.0))
    torch.testing.assert_close(found, truth, atol=1e-3, rtol=1e-3)


def test_the_offsets_are_where_the_weighed_squares_are_least():
    _, pull, step = _measured()
    generator = torch.Generator().manual_seed(5)
    stay, near, linked = (torch.rand(1, 2, FRAMES, *more, generator=generator) + 0.1 for more in ((), (1,), (1,)))
    step = step + torch.randn(step.shape, generator=generator)

    def squares(d):
        after = (d[:, :, 1:] - d[:, :, :-1]).unsqueeze(-2) - step[:, :, 1:]
        kept = (stay.unsqueeze(-1) * d.square()).sum()
        matched = (near.unsqueeze(-1) * (d.unsqueeze(-2) - pull).square()).sum()
        return kept + matched + (linked[:, :, 1:].unsqueeze(-1) * after.square()).sum()

    found = agreed_offsets(stay, pull, near, step, linked).requires_grad_()
    (slope,) = torch.autograd.grad(squares(found), found)
    assert float(slope.abs().max()) < 1e-4


def test_a_single_frame_has_no_steps():
    stay, pull = torch.ones(1, 1, 1), torch.ones(1, 1, 1, 1, 2)
    weight = torch.ones(1, 1, 1, 1)
    torch.testing.assert_close(agreed_offsets(stay, pull, weight, pull, weight), pull[..., 0, :] / 2)
