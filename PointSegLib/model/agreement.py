"""The trajectory that agrees best with all that was measured: a smoother over the frames of each point."""

from __future__ import annotations

import torch
from torch import Tensor

# how much more than anything measured a known position weighs
PINNED = 1e4


def agreed_offsets(stay: Tensor, pull: Tensor, pull_weight: Tensor, step: Tensor, step_weight: Tensor) -> Tensor:
    """Least-squares offsets of a trajectory from its present estimates.

    Matching a frame with the query says where a point is, roughly but without drift; matching it with the frame before
    says how far the point went, finely but with errors that add up. The offsets d that minimise

        sum_t  stay_t |d_t|^2
             + sum_l pull_weight_tl |d_t - pull_tl|^2
             + sum_l step_weight_tl |d_t - d_(t-1) - step_tl|^2

    weigh both, which is what a Kalman smoother (Rauch, Tung and Striebel 1965) does with a random walk.

    Args:
        stay: `[B, N, T]`, positive weights of the present estimates.
        pull: `[B, N, T, L, 2]` offsets to where each frame looks most like the query, for each of L levels.
        pull_weight: `[B, N, T, L]`, not negative.
        step: `[B, N, T, L, 2]` by how much more than its estimates the point moved since the frame before; the first
            frame's is not read.
        step_weight: `[B, N, T, L]`, not negative.

    Returns:
        `[B, N, T, 2]`.
    """
    after = step_weight[..., 1:, :]
    diagonal = stay + pull_weight.sum(-1)
    right = (pull_weight.unsqueeze(-1) * pull).sum(-2)
    linked, moved = after.sum(-1), (after.unsqueeze(-1) * step[..., 1:, :, :]).sum(-2)
    diagonal = diagonal + torch.nn.functional.pad(linked, (1, 0)) + torch.nn.functional.pad(linked, (0, 1))
    right = right + torch.nn.functional.pad(moved, (0, 0, 1, 0)) - torch.nn.functional.pad(moved, (0, 0, 0, 1))
    matrix = diagonal.diag_embed() - linked.diag_embed(1) - linked.diag_embed(-1)
    return torch.linalg.solve(matrix, right)
