"""Claims about the presets at full width: a clip goes through tracker and segmenter and comes out as masks."""

from __future__ import annotations

import pytest
import torch

from PointSegLib.model import PRESETS, PointCues, PointQueries, PointSeg
from PointSegLib.model.queries import describe_points, start_at_query

FRAMES, POINTS, SIDE = 2, 6, 128


@pytest.mark.parametrize("preset", PRESETS)
@torch.no_grad()
def test_preset_turns_frames_and_points_into_masks_and_tracks(preset):
    torch.manual_seed(0)
    config = PRESETS[preset]()
    network = PointSeg(config).eval()
    images, xy, frame = torch.rand(FRAMES, 1, SIDE, SIDE), torch.rand(1, POINTS, 2), torch.arange(POINTS) % FRAMES
    features = network.tracker.encoder(images)
    described = describe_points(network.tracker, features, 1, xy, frame)
    start, given = start_at_query(xy, frame, FRAMES)
    tracked = network.tracker(features, PointQueries(described, frame, start, given, torch.zeros_like(given)))
    assert len(tracked.xy) == config.tracker.n_layers
    hint = torch.zeros(1, POINTS, dtype=torch.long)
    cues = PointCues(tracked.xy[-1], tracked.visible.sigmoid(), tracked.tokens, hint)
    layers = network.segmenter(network.segmenter.encoder(images), cues, every_layer=True)
    side = SIDE // config.segmenter.input_stride
    assert [m.shape for m in layers] == [
        (1, FRAMES, len(config.segmenter.class_labels), side, side)
    ] * config.segmenter.n_layers
    assert all(bool(torch.isfinite(m).all()) for m in layers)
