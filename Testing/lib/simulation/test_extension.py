"""Claims about smooth fields: they pass through what is known, keep straight motion straight, and can be undone."""

from __future__ import annotations

import pytest
import torch

from PointSegLib.simulation.extension import area_change, inverted, spread
from PointSegLib.simulation.sampling import pixel_grid, sample_at

CPU = torch.device("cpu")


def _grid(cells: int = 48, side: int = 96) -> torch.Tensor:
    return pixel_grid(cells, cells, CPU, (side, side))


def test_spline_passes_through_its_points_without_slack():
    places = torch.rand((30, 2), generator=torch.Generator().manual_seed(0)) * 90
    values = torch.randn((30, 2), generator=torch.Generator().manual_seed(1))
    there = spread(places, values, torch.zeros(30), places[None])
    assert torch.allclose(there[:, 0].T, values, atol=1e-3)


def test_spline_continues_an_affine_motion_exactly():
    places = torch.rand((20, 2), generator=torch.Generator().manual_seed(2)) * 90
    matrix, shift = torch.tensor([[0.1, -0.2], [0.05, 0.3]]), torch.tensor([4.0, -2.0])
    field = spread(places, places @ matrix + shift, torch.full((20,), 0.1), _grid())
    expected = (_grid() @ matrix + shift).permute(2, 0, 1)
    assert float((field - expected).abs().max()) < 2e-3


def test_area_change_of_a_uniform_contraction_is_its_square():
    field = (-0.3 * (_grid() - 48.0)).permute(2, 0, 1)[None]
    assert torch.allclose(area_change(field, 96), torch.tensor(0.49), atol=1e-4)


@pytest.mark.parametrize("cells", [48, 47])
def test_inverse_undoes_the_field(cells):
    offset = (_grid(cells) - 48.0) / 96
    bump = torch.exp(-offset.square().sum(-1) / 0.04)
    field = torch.stack([-30.0 * offset[..., 0] * bump, -15.0 * offset[..., 1] * bump + 2.0 * bump])[None]
    assert float(area_change(field, 96).min()) > 0.4
    y = pixel_grid(96, 96, CPU)[8:-8, 8:-8][None]
    there = y + sample_at(inverted(field, 96), y, (96, 96))
    back = there + sample_at(field, there, (96, 96))
    assert float((back - y).norm(dim=-1).max()) < 0.1
