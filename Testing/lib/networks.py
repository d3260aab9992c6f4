"""A tiny network with random weights, for tests of shapes and rules; it knows nothing of hearts."""

from __future__ import annotations

from dataclasses import replace

import torch

from PointSegLib.model import Checkpoint, PointSeg, PointSegConfig
from PointSegLib.model.config import BackboneConfig, EncoderConfig, SegmenterConfig, TrackerConfig


def tiny_config(**segmenter: object) -> PointSegConfig:
    """All parts of the real thing, as narrow as they go."""
    encoder = EncoderConfig(
        BackboneConfig(widths=(8, 8, 8, 8, 8)), dim=24, n_layers=1, n_heads=2, n_points=2, ffn_dim=24
    )
    tracker = TrackerConfig(encoder, n_layers=2, n_heads=2, n_points=2, ffn_dim=24, correlation_dim=8)
    parts = replace(SegmenterConfig(encoder, n_heads=2, ffn_dim=24), **segmenter)
    return PointSegConfig("tiny", 64, window=6, window_overlap=2, grid_size=4, tracker=tracker, segmenter=parts)


def tiny_network(seed: int = 0, **segmenter: object) -> PointSeg:
    """A tiny network in evaluation mode; the same seed gives the same weights.

    The last layers, which start at zero, are disturbed so that points do move.
    """
    torch.manual_seed(seed)
    network = PointSeg(tiny_config(**segmenter)).eval()
    with torch.no_grad():
        for layer in network.tracker.layers:
            layer.regress[-1].weight.normal_(0, 0.2)
    return network


def tiny_checkpoint(seed: int = 0, **segmenter: object) -> Checkpoint:
    """The tiny network as a checkpoint."""
    return Checkpoint(tiny_network(seed, **segmenter), {"data": "none"})
