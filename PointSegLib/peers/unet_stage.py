"""Training of the peer U-Net: the batches, loss and loop of PointSeg's segmenter."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from PointSegLib.peers.unet import FrameUNet
from PointSegLib.training.losses import mask_loss, mask_targets
from PointSegLib.training.stage import Losses, Stage
from PointSegLib.training.stream import Batch


class UNetStage(Stage):
    """The U-Net on the very batches the segmenter is trained on, each frame for itself.

    Args:
        network: to train.
        draw: `SegmenterStage.draw`, bound to the data; the same seed gives both networks the same frames.
        weight_bce: cross-entropy beside Dice, as for the segmenter.
    """

    name = "unet"

    def __init__(self, network: FrameUNet, draw: Callable[[torch.Generator], Batch], weight_bce: float) -> None:
        super().__init__()
        self.network, self.weight_bce = network, weight_bce
        self._draw = draw

    def draw(self, generator: torch.Generator) -> Batch:
        """Images and labels `[B, T, S, S]`; what the segmenter gets besides is left out."""
        batch = self._draw(generator)
        return {name: batch[name] for name in ("images", "labels", "names")}

    def forward(self, batch: Batch) -> Losses:
        """Eq. 3 on the one layer of masks the network has."""
        images: Tensor = batch["images"]
        logits = self.network(images.flatten(0, 1)[:, None]).unflatten(0, images.shape[:2])
        target = mask_targets(batch["labels"], self.network.config.class_labels, 1)
        with torch.autocast(images.device.type, enabled=False):
            return {"mask": mask_loss([logits.float()], target, (1.0,), self.weight_bce)}, {}
