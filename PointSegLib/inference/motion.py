"""`Motion`: how all that a clip shows moves, as far as tracked points tell, and its frames without that motion."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from scipy.interpolate import RBFInterpolator
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
        spline = RBFInterpolator(xy[:, frame].double().numpy(), moves.numpy(), smoothing=_SMOOTHING)
        field = torch.from_numpy(spline(cells.numpy())).float()
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
