"""`train_unet`: the peer U-Net gets the data and the budget that PointSeg's segmenter had."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from PointSegLib.model import PointSeg
from PointSegLib.peers.unet import FrameUNet, UNetConfig, save_unet
from PointSegLib.peers.unet_stage import UNetStage
from PointSegLib.training import Launch, TrainingData, TrainingSettings
from PointSegLib.training.loop import train
from PointSegLib.training.segmenter_stage import CLIP, SegmenterStage
from PointSegLib.training.stages import provenance_of


def train_unet(
    data: TrainingData,
    rival: PointSeg,
    folder: Path,
    schedule: Sequence[TrainingSettings],
    launch: Launch | None = None,
) -> Path:
    """Train the U-Net, or go on where an earlier call was cut; one that is finished is only written again.

    Args:
        data: annotated frames, and clips where `kind_shares` asks for them.
        rival: the network it is compared with, which gives image size and classes.
        folder: receives logs, states and `unet.safetensors`.
        schedule: settings of the stages PointSeg's masks went through, each with the budget to keep.
        launch: where it is trained; None takes one process on the CPU.

    Returns:
        The path of the trained network.

    Raises:
        DependencyError: when MONAI or Lightning Fabric is not installed.
        PointSegError: when clips are asked for and not named.
        ReadError: when there are no annotated frames, or some are damaged.
    """
    torch.manual_seed(schedule[0].seed)
    size = rival.config.image_size
    network = FrameUNet(UNetConfig(image_size=size, class_labels=rival.config.segmenter.class_labels))
    frames = data.read(size, folder)
    learnt = f"the batches of PointSeg's segmenter: {len(frames)} annotated frames"
    provenance: dict[str, Any] = {}
    for number, settings in enumerate(schedule, start=1):
        clips = data.clip_sets(size, labelled=True)[0] if settings.kind_shares[CLIP] else None
        drawing = SegmenterStage(rival, frames, settings, clips)
        stage = UNetStage(network.cpu(), drawing.draw, settings.weight_bce)
        stage.name = f"unet_{number}"
        trained = train(stage, settings, folder, launch, resume=True)
        said = learnt + (f" and {len(clips)} clips of {clips.folder.name}" if clips else "")
        provenance[stage.name] = provenance_of(settings, trained, said, None)
    target = folder / "unet.safetensors"
    if trained.writes:
        save_unet(target, network, provenance)
    return target
