"""`PointSeg`: tracker and segmenter together, one window of frames at a time."""

from __future__ import annotations

import torch
from torch import nn

from PointSegLib.model.config import PointSegConfig
from PointSegLib.model.segmenter import Segmenter
from PointSegLib.model.tracker import PointTracker


class PointSeg(nn.Module):
    """The network of the paper; `inference` and `training` drive its two parts window by window."""

    def __init__(self, config: PointSegConfig) -> None:
        super().__init__()
        self.config = config
        self.tracker = PointTracker(config.tracker)
        self.segmenter = Segmenter(config.segmenter, config.tracker.encoder.dim)
        # channels side by side: several times faster on a CPU
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def parameter_count(module: nn.Module) -> int:
    """Number of parameters of a module, frozen ones included."""
    return sum(p.numel() for p in module.parameters())
