"""Claims about the motion that is taken out of a clip: what is left stands still, and what is put back is right."""

from __future__ import annotations

import pytest
import torch
from scipy import ndimage

from PointSegLib.inference.motion import Motion

SIDE, FRAMES, HOME = 64, 5, 2


@pytest.fixture(scope="module")
def swaying():
    """Points `[N, T, 2]` of an affine motion about the middle, and the movie `[T, 1, S, S]` of such a tissue."""
    generator = torch.Generator().manual_seed(0)
    start = 0.1 + 0.8 * torch.rand(40, 2, generator=generator)
    tissue = torch.rand(SIDE, SIDE, generator=generator).numpy()
    tissue = torch.from_numpy(ndimage.gaussian_filter(tissue, 2.0))
    strain = 0.04 * (torch.arange(FRAMES) - HOME)
    points = 0.5 + (start[:, None] - 0.5) * (1.0 + strain)[None, :, None]
    centres = (torch.arange(SIDE) + 0.5) / SIDE - 0.5
    grid = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), -1)
    places = torch.stack([2.0 * grid / (1.0 + one) for one in strain])
    movie = torch.nn.functional.grid_sample(
        tissue.expand(FRAMES, 1, -1, -1), places, padding_mode="border", align_corners=False
    )
    return points, movie


def test_a_movie_without_its_motion_stands_still(swaying):
    points, movie = swaying
    still = Motion(points, HOME).taken_out(movie[1:4], 1)
    inner = (..., slice(8, -8), slice(8, -8))
    moved, left = ((part - movie[HOME])[inner].abs().mean() for part in (movie[[1, 3]], still[[0, 2]]))
    assert left < 0.3 * moved  # what is left is the blur of two interpolations


def test_points_at_rest_are_put_back_where_they_are_in_the_movie(swaying):
    points, _ = swaying
    at_rest = points[:, HOME, None].expand(-1, FRAMES, -1)
    found = Motion(points, HOME).put_back(at_rest)
    assert (found - points).abs().max() < 0.1 / SIDE


def test_nothing_moves_in_the_frame_the_motion_counts_from(swaying):
    points, movie = swaying
    motion = Motion(points, HOME)
    assert torch.allclose(motion.taken_out(movie[HOME : HOME + 1], HOME)[0], movie[HOME], atol=1e-4)
