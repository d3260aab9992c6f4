"""A U-Net that segments every frame alone, and the same with its probabilities smoothed over time.

It is fed what PointSeg's segmenter is fed and its logits become labels the same way, so that the two differ by the
network alone.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from PointSegLib.clip import CineClip
from PointSegLib.errors import optional_package
from PointSegLib.model.frames import clip_probabilities, labels_from_probabilities, network_frames
from PointSegLib.model.smoothing import smoothed_over_time
from PointSegLib.model.weights import NetworkKind, read_network, write_network
from PointSegLib.result import PointSegResult, PointTracks
from PointSegLib.sector import find_sector

UNET = NetworkKind("pointseg-unet", 1, "peer U-Net", "pointseg compare")
BATCH = 8


@dataclass(frozen=True)
class UNetConfig:
    """The network and what it is fed; the defaults are MONAI's residual U-Net of 1.63 M parameters.

    Attributes:
        image_size: side of the square input in pixels.
        channels: of each level; every level halves the side.
        class_labels: the label value of each output channel.
    """

    image_size: int = 256
    channels: tuple[int, ...] = (16, 32, 64, 128, 256)
    class_labels: tuple[int, ...] = (1, 2, 3)


class FrameUNet(nn.Module):
    """MONAI's `UNet` with two residual units a level and instance norm: logits per class of single frames."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        with optional_package("the peer U-Net", "monai", "peers"):
            from monai.networks.nets import UNet as MonaiUNet
        self.config = config
        self.network = MonaiUNet(
            spatial_dims=2,
            in_channels=1,
            out_channels=len(config.class_labels),
            channels=config.channels,
            strides=(2,) * (len(config.channels) - 1),
            num_res_units=2,
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits `[B, K, S, S]` of frames `[B, 1, S, S]` in 0..1."""
        logits: Tensor = self.network(images)
        return logits


def save_unet(path: str | os.PathLike[str], network: FrameUNet, provenance: dict[str, Any]) -> None:
    """Write a U-Net as PointSeg's own checkpoints are written."""
    write_network(path, UNET, network, asdict(network.config), provenance)


def load_unet(path: str | os.PathLike[str], device: str | torch.device = "cpu") -> tuple[FrameUNet, dict[str, Any]]:
    """Read a U-Net and its provenance.

    Raises:
        CheckpointError: when the file is missing, damaged or of another kind.
        DependencyError: when MONAI is not installed.
    """
    return read_network(Path(path), UNET, _build, device)


def _build(values: dict[str, Any]) -> FrameUNet:
    return FrameUNet(UNetConfig(**{name: _tuple(value) for name, value in values.items()}))


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class UNetPredictor:
    """Segments clips frame by frame.

    Args:
        network: the trained U-Net, on the device it is to run on.
        smoothing_frames: standard deviation in frames of the Gaussian that class probabilities are smoothed with over
            time, 0 for none.
    """

    def __init__(self, network: FrameUNet, smoothing_frames: float = 0.0) -> None:
        self.network, self.smoothing_frames = network.eval(), smoothing_frames

    @torch.inference_mode()
    def __call__(self, clip: CineClip) -> PointSegResult:
        """Labels of every frame at the clip's own size, and no trajectories.

        Raises:
            ClipError: when all pixels of the clip have the same value.
        """
        sector = find_sector(clip)
        config = self.network.config
        logits = self._logits(clip, torch.from_numpy(sector.mask), sector.box)
        labels = [
            labels_from_probabilities(
                clip_probabilities(frame[None], sector.box, clip.frames.shape[1:]), config.class_labels
            )
            for frame in smoothed_over_time(logits, self.smoothing_frames)
        ]
        return PointSegResult(torch.cat(labels).numpy(), _no_tracks(len(clip)), class_labels=config.class_labels)

    def _logits(self, clip: CineClip, mask: Tensor, box: tuple[int, int, int, int]) -> Tensor:
        """float32 `[T, K, S, S]`, on the CPU."""
        device = next(self.network.parameters()).device
        found = []
        for first in range(0, len(clip), BATCH):
            frames = torch.from_numpy(np.array(clip.frames[first : first + BATCH]))
            images = network_frames(frames, mask, box, self.network.config.image_size)
            found.append(self.network(images.to(device)).float().cpu())
        return torch.cat(found)


def _no_tracks(frames: int) -> PointTracks:
    nothing = np.zeros((0, frames), np.float32)
    return PointTracks(
        xy=np.zeros((0, frames, 2), np.float32),
        visible=nothing.astype(bool),
        confidence=nothing,
        is_prompt=np.zeros(0, bool),
        queries=np.zeros((0, 3), np.float32),
    )
