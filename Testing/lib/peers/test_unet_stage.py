"""Claims about the U-Net's training: it learns from the frames it is given, and from nothing else of the batch."""

from __future__ import annotations

import pytest
import torch
from lib.hearts import heart_frame

pytest.importorskip("monai")

from PointSegLib.peers.unet import FrameUNet, UNetConfig
from PointSegLib.peers.unet_stage import UNetStage


def _batch(_generator: torch.Generator) -> dict:
    """Two made frames as a clip, with what only the segmenter needs."""
    made = [heart_frame(64, seed) for seed in (0, 1)]
    images, labels = (torch.stack(part)[None] for part in zip(*made, strict=True))
    return {"images": images, "labels": labels, "where": torch.zeros(1, 4, 2), "names": ["a", "b"]}


def _stage() -> UNetStage:
    torch.manual_seed(0)
    return UNetStage(FrameUNet(UNetConfig(64, channels=(8, 16, 32))), _batch, weight_bce=1.0)


def test_two_frames_are_learnt_by_heart():
    stage = _stage()
    batch = stage.draw(torch.Generator())
    optimizer = torch.optim.AdamW(stage.parameters(), 1e-2)
    losses = []
    for _ in range(60):
        terms, _ = stage(batch)
        optimizer.zero_grad()
        terms["mask"].backward()
        optimizer.step()
        losses.append(float(terms["mask"].detach()))
    assert losses[-1] < 0.3 * losses[0]


def test_frames_of_a_clip_are_scored_one_by_one():
    stage = _stage().eval()
    batch = stage.draw(torch.Generator())
    terms, figures = stage(batch)
    alone = [
        stage({"images": batch["images"][:, t : t + 1], "labels": batch["labels"][:, t : t + 1]})[0]["mask"]
        for t in range(2)
    ]
    torch.testing.assert_close(terms["mask"], torch.stack(alone).mean())
    assert figures == {}


def test_only_frames_labels_and_names_are_taken():
    assert set(_stage().draw(torch.Generator())) == {"images", "labels", "names"}
