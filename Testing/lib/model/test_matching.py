"""Claims about how tissue is found again: by its pixels, by learned descriptors, and with the neighbours' help."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from lib.networks import tiny_network

from PointSegLib.model.correlation import offsets_of, window_cells
from PointSegLib.model.matching import (
    FAR_PX,
    PATCH,
    RADIUS_PX,
    TissueMatching,
    frame_before,
    inner_patches,
    patch_likeness,
    sample_regions,
)

SIDE = 64


def _speckle(seed=0):
    noise = torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
    smooth = F.avg_pool2d(noise, 5, 1, 2)
    return (smooth - smooth.min()) / (smooth.max() - smooth.min())


def test_pixels_find_a_shifted_patch_where_it_went():
    here = _speckle()
    there = here.roll((-1, 2), (2, 3))
    where = torch.tensor([[[32.5 / SIDE, 30.5 / SIDE], [20.5 / SIDE, 40.5 / SIDE]]])
    patch = inner_patches(sample_regions(here, where)).unsqueeze(2)
    likeness = patch_likeness(patch, sample_regions(there, where))[0, 0]
    best = window_cells(RADIUS_PX, likeness.device)[likeness.argmax(-1)]
    assert best.tolist() == [[2.0, -1.0], [2.0, -1.0]]
    assert bool((likeness.amax(-1) > 0.9).all())


def test_likeness_knows_neither_brightness_nor_contrast():
    here, where = _speckle(), torch.full((1, 1, 2), 0.5)
    patch = inner_patches(sample_regions(here, where)).unsqueeze(2)
    plain = patch_likeness(patch, sample_regions(here, where))
    dimmed = patch_likeness(patch, sample_regions(here * 0.6 + 0.3, where))
    torch.testing.assert_close(plain, dimmed, atol=0.1, rtol=0.0)


def test_a_flat_patch_is_like_nothing():
    where = torch.full((1, 1, 2), 0.5)
    flat = torch.full((1, 1, 1, PATCH, PATCH), 0.4)
    assert float(patch_likeness(flat, sample_regions(_speckle(), where)).abs().max()) < 1e-3


def test_the_frame_before_stays_within_its_clip():
    values = torch.arange(6.0)[:, None]
    assert frame_before(values, 3).flatten().tolist() == [0, 0, 1, 3, 3, 4]


def test_offsets_point_to_the_peak_of_a_window():
    window = torch.zeros(2, 49)
    cells = window_cells(3, window.device)
    window[0, (cells == torch.tensor([2.0, -1.0])).all(1)] = 50.0
    torch.testing.assert_close(offsets_of(window), torch.tensor([[2.0, -1.0], [0.0, 0.0]]))


@torch.no_grad()
def test_a_point_that_sees_nothing_goes_with_its_neighbours():
    matching = TissueMatching(8, (8,), 4, 3)
    cells = window_cells(3, torch.device("cpu"))
    likeness = torch.zeros(1, 3, 49)
    likeness[0, 1:, (cells == torch.tensor([1.0, 1.0])).all(1)] = 1.0
    where = torch.tensor([[[0.5, 0.5], [0.52, 0.5], [0.5, 0.52]]])
    squares_px = (torch.cdist(where, where) * SIDE).square()
    matching.log_sharpness.fill_(math.log(100.0))
    features, offsets = matching(likeness, [torch.zeros(1, 3, 49)], squares_px, SIDE)
    assert features.shape == (1, 3, matching.out_features)
    assert offsets.shape == (1, 3, 2, 2)
    torch.testing.assert_close(offsets[0, 0, 0], torch.tensor([1.0, 1.0]) / SIDE, atol=1e-4, rtol=0.01)
    alone = squares_px.masked_fill(~torch.eye(3, dtype=torch.bool), FAR_PX**2)
    torch.testing.assert_close(matching(likeness, [torch.zeros(1, 3, 49)], alone, SIDE)[1][0, 0, 0], torch.zeros(2))


@torch.no_grad()
def test_a_level_points_to_where_its_correlation_peaks():
    matching = tiny_network().tracker.matching
    sizes = [(16, 16), (8, 8), (4, 4)]
    volumes = [torch.zeros(1, 1, height, width) for height, width in sizes]
    for volume in volumes:
        volume[0, 0, 2, 3] = 50.0
    where, squares_px = torch.tensor([[[1.5 / 16, 1.5 / 16]]]), torch.zeros(1, 1, 1)
    _, offsets = matching(torch.zeros(1, 1, 49), matching.coarse.windows(volumes, where), squares_px, SIDE)
    peaks = torch.tensor([[3.5 / width, 2.5 / height] for height, width in sizes])
    near = (1.5 / 16 + offsets[0, 0, 1:] - peaks).abs() * torch.tensor(sizes).float()
    # bilinear samples of one lit cell weigh as far as its neighbours
    assert float(near.max()) < 0.6
