"""`Motion`: how all that a clip shows moves, as far as tracked points tell, and its frames without that motion."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# The field is computed in so many cells along each side, and is smooth between them.
_CELLS = 32
# How far the field may pass points by, in squares of the image's side: noise of single points is no motion of tissue.
_SMOOTHING = 1.5e-5


class Motion:
    """Displacement from one frame to all frames, a thin-plate spline through scattered points.

    Args:
        xy: float `[N, T, 2]`, normalised positions of N >= 3 points that are not on one line.
        frame: from which displacement is counted.
    """

    def __init__(self, xy: Tensor, frame: int) -> None:
        count, frames = xy.shape[:2]
        moves = (xy - xy[:, frame, None]).double().reshape(count, -1)
        centres = (torch.arange(_CELLS, dtype=torch.float64) + 0.5) / _CELLS
        cells = torch.cartesian_prod(centres, centres).flip(1)
        field = thin_plate_spline(xy[:, frame].double(), moves, cells, _SMOOTHING).float()
        self._field = field.reshape(_CELLS, _CELLS, frames, 2).permute(2, 3, 0, 1)

    def taken_out(self, images: Tensor, first: int) -> Tensor:
        """Frames in which everything lies where it lay in the motion's own frame, as far as the motion is known.

        Args:
            images: `[K, C, S, S]`, frames `first` to `first + K - 1` of the clip.
            first: number of the first of them.
        """
        side = images.shape[-1]
        moves = F.interpolate(self._field[first : first + len(images)], (side, side), mode="bicubic")
        centres = (torch.arange(side) + 0.5) / side
        places = torch.stack(torch.meshgrid(centres, centres, indexing="xy"))
        return F.grid_sample(images, 2.0 * (places + moves).permute(0, 2, 3, 1) - 1.0, align_corners=False)

    def put_back(self, xy: Tensor) -> Tensor:
        """Positions `[M, T, 2]` in the clip of those `[M, T, 2]` in frames whose motion was taken out."""
        at = 2.0 * xy.transpose(0, 1)[:, None] - 1.0
        moves = F.grid_sample(self._field, at, padding_mode="border", align_corners=False)
        return xy + moves[:, :, 0].permute(2, 0, 1)


def thin_plate_spline(places: Tensor, values: Tensor, at: Tensor, smoothing: float) -> Tensor:
    """The smooth surface through scattered values that bends least (Duchon 1977), affine far from them.

    Args:
        places: float64 `[N, 2]`, at least three that are not on one line.
        values: float64 `[N, C]`.
        at: float64 `[M, 2]`, where to read the surface.
        smoothing: 0 goes through the values; more passes them by, as `scipy.interpolate.RBFInterpolator` has it.

    Returns:
        `[M, C]`.
    """
    count, size = len(places), len(places) + 3
    system, right = places.new_zeros(size, size), values.new_zeros(size, values.shape[1])
    system[:count, :count] = _bending(places, places) + smoothing * torch.eye(count, dtype=places.dtype)
    system[:count, count:] = F.pad(places, (1, 0), value=1.0)
    system[count:, :count] = system[:count, count:].T
    right[:count] = values
    weights = torch.linalg.solve(system, right)
    return _bending(at, places) @ weights[:count] + F.pad(at, (1, 0), value=1.0) @ weights[count:]


def _bending(a: Tensor, b: Tensor) -> Tensor:
    """r^2 log r between positions `[M, 2]` and `[N, 2]`."""
    squared = (a[:, None] - b).square().sum(-1)
    return torch.special.xlogy(squared, squared) / 2
