"""`SimulatedClip`: frames, masks and exact trajectories of a clip that was made, not acquired."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class SimulatedClip:
    """One simulated movie with dense ground truth.

    Attributes:
        frames: float32 `[T, H, W]` in 0..1.
        labels: uint8 `[T, H, W]`, 0 background, 1 LV cavity, 2 myocardium, 3 left atrium.
        tracks: float32 `[N, T, 2]`, pixel positions (x right, y down) of N material points.
        visible: bool `[N, T]`, False where a point is outside the image or sector or in deep shadow.
        query_frame: int64 `[N]`, a frame in which each point is visible: where a tracker is given it.
    """

    frames: Tensor
    labels: Tensor
    tracks: Tensor
    visible: Tensor
    query_frame: Tensor

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def queries(self) -> Tensor:
        """float32 `[N, 3]`, rows (frame, x, y): what a tracker is asked to follow."""
        rows = torch.arange(len(self.tracks), device=self.tracks.device)
        return torch.cat([self.query_frame[:, None].float(), self.tracks[rows, self.query_frame]], dim=1)
