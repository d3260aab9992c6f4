"""Smooth displacement fields: spread from scattered points over the image, tested for folds, and inverted."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.simulation.sampling import pixel_grid, sample_at

_UNIT_PX = 64.0
# Most of the way is gone on a coarser raster, at a quarter of the cost.
_COARSE_STEPS, _FINE_STEPS = 6, 2


def spread(places: Tensor, values: Tensor, slack: Tensor, grid: Tensor) -> Tensor:
    """Thin-plate spline through scattered values: of all smooth fields the one that bends least.

    Args:
        places: float `[M, 2]`, where values are known, in pixels; not all on one line.
        values: float `[M, C]`.
        slack: float `[M]` >= 0, how freely the field may miss each value; 0 interpolates.
        grid: float `[h, w, 2]`, pixel positions to evaluate at.

    Returns:
        float32 `[C, h, w]`.
    """
    nodes, known = places.double() / _UNIT_PX, values.double()
    count = len(nodes)
    affine = torch.cat([torch.ones_like(nodes[:, :1]), nodes], dim=1)
    system = nodes.new_zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(nodes, nodes) + torch.diag(slack.double())
    system[:count, count:], system[count:, :count] = affine, affine.T
    weights = torch.linalg.solve(system, torch.cat([known, known.new_zeros((3, known.shape[1]))])).float()
    at = grid.reshape(-1, 2).float() / _UNIT_PX
    basis = torch.cat([_kernel(at, nodes.float()), torch.ones_like(at[:, :1]), at], dim=1)
    return (basis @ weights).T.reshape(-1, *grid.shape[:2])


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    # |a|^2 + |b|^2 - 2 a b keeps the raster of differences out of memory.
    squared = torch.addmm(a.square().sum(1)[:, None] + b.square().sum(1), a, b.T, alpha=-2.0).clamp_min_(1e-10)
    return squared.log().mul_(squared)


def area_change(field: Tensor, side: int) -> Tensor:
    """det(I + grad u) `[T, h, w]` of displacements `[T, 2, h, w]` laid over an image of `side` pixels."""
    (along_y, along_x) = _gradient(field, side)
    return (1 + along_x[:, 0]) * (1 + along_y[:, 1]) - along_x[:, 1] * along_y[:, 0]


def _gradient(field: Tensor, side: int) -> tuple[Tensor, Tensor]:
    spacing = (side / field.shape[2], side / field.shape[3])
    along_y, along_x = torch.gradient(field, spacing=spacing, dim=(2, 3))
    return along_y, along_x


def inverted(field: Tensor, side: int) -> Tensor:
    """Displacements v `[T, 2, h, w]` with y + v(y) = X wherever X + u(X) = y, by Newton's method at the cell centres.

    Args:
        field: float32 `[T, 2, h, w]`, u in pixels of an image of `side` pixels, without folds.
        side: side of that image.
    """
    coarse = F.avg_pool2d(field, 2) if min(field.shape[2:]) % 2 == 0 else field
    start = _newton(coarse, -coarse, side, _COARSE_STEPS)
    if coarse is field:
        return start
    start = F.interpolate(start, field.shape[2:], mode="bilinear", align_corners=False)
    return _newton(field, start, side, _FINE_STEPS)


def _newton(field: Tensor, start: Tensor, side: int, steps: int) -> Tensor:
    """Improve the inverse `start` of `field`, both `[T, 2, h, w]`."""
    here = pixel_grid(field.shape[2], field.shape[3], field.device, (side, side)).permute(2, 0, 1)
    maps = torch.cat([field, *reversed(_gradient(field, side))], dim=1)
    back = start
    for _ in range(steps):
        places = (here + back).permute(0, 2, 3, 1)
        ux, uy, xx, yx, xy, yy = sample_at(maps, places, (side, side)).unbind(-1)
        missing_x, missing_y = -(back[:, 0] + ux), -(back[:, 1] + uy)
        determinant = ((1 + xx) * (1 + yy) - xy * yx).clamp_min(0.1)
        step_x = ((1 + yy) * missing_x - xy * missing_y) / determinant
        step_y = ((1 + xx) * missing_y - yx * missing_x) / determinant
        back = back + torch.stack([step_x, step_y], dim=1)
    return back
