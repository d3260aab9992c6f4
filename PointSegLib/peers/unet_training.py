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
from PointSegLib.training.provenance import Origin
from PointSegLib.training.run_state import Keep
from PointSegLib.training.segmenter_stage import SegmenterStage


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
        folder: receives logs, states, `unet.safetensors`, and `unet_1.safetensors` of a stage before the last.
        schedule: settings of the stages PointSeg's masks went through, each with the budget to keep.
        launch: where it is trained; None takes one process on the CPU.

    Returns:
        The path of the trained network.

    Raises:
        DependencyError: when MONAI or Lightning Fabric is not installed.
        PointSegError: when frames or clips are asked for and not named, or the settings of an earlier call differ.
        ReadError: when there is no readable frame or clip.
    """
    torch.manual_seed(schedule[0].seed)
    size = rival.config.image_size
    network = FrameUNet(UNetConfig(image_size=size, class_labels=rival.config.segmenter.class_labels))
    provenance: dict[str, Any] = {}
    for number, settings in enumerate(schedule, start=1):
        material = data.material(settings, size, folder)
        drawing = SegmenterStage(rival, material.frames, settings, material.clips)
        stage = UNetStage(network.cpu(), drawing.draw, settings.weight_bce)
        stage.name = f"unet_{number}"
        words = f"the batches of PointSeg's segmenter: {material}"
        origin = Origin(stage.name, settings, words, material.licence, known=provenance)
        target = folder / ("unet.safetensors" if number == len(schedule) else f"{stage.name}.safetensors")
        trained = train(stage, settings, folder, launch, True, _keeping(network, target, origin))
        provenance = origin.provenance(trained)
    return target


def _keeping(network: FrameUNet, target: Path, origin: Origin) -> Keep:
    return lambda trained: save_unet(target, network, origin.provenance(trained))
