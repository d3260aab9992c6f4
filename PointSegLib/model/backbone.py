"""The convolutional backbones: a narrow residual network and ResNet50 with torchvision's weight names."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from PointSegLib.model.config import BackboneConfig
from PointSegLib.model.layers import group_norm

STRIDES = (2, 4, 8, 16, 32)


class FrozenBatchNorm(nn.Module):
    """Batch normalisation with the statistics and scales of the pretrained weights, never updated."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            self.register_buffer(name, torch.full((channels,), value))
        self.weight: Tensor
        self.bias: Tensor
        self.running_mean: Tensor
        self.running_var: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """`[B, C, H, W]` to the same shape."""
        scale = self.weight * (self.running_var + 1e-5).rsqrt()
        shift = self.bias - self.running_mean * scale
        return x * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut; the shortcut is projected where shape changes."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm1 = group_norm(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norm2 = group_norm(after)
        self.shortcut = nn.Conv2d(before, after, 1, stride) if stride > 1 or before != after else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """`[B, before, H, W]` to `[B, after, H / stride, W / stride]`."""
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class LightBackbone(nn.Module):
    """Residual network of two blocks a stage for one-channel images on a CPU."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.channels = widths
        self.stem = nn.Sequential(nn.Conv2d(1, widths[0], 5, 2, 2, bias=False), group_norm(widths[0]), nn.ReLU())
        self.stages = nn.ModuleList(
            nn.Sequential(ResidualBlock(before, after, 2), ResidualBlock(after, after))
            for before, after in pairwise(widths)
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """`[B, 1, H, W]` in 0..1 to five maps of stride 2, 4, 8, 16 and 32."""
        maps = [self.stem((images - 0.2) / 0.2)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps


class Bottleneck(nn.Module):
    """ResNet's bottleneck block, with torchvision's attribute names."""

    def __init__(self, before: int, width: int, stride: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 1, bias=False)
        self.bn1 = norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = norm(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = norm(4 * width)
        changes = stride > 1 or before != 4 * width
        self.downsample = (
            nn.Sequential(nn.Conv2d(before, 4 * width, 1, stride, bias=False), norm(4 * width)) if changes else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """`[B, before, H, W]` to `[B, 4 * width, H / stride, W / stride]`."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x)))


class ResNet50(nn.Module):
    """ResNet50 (He et al. 2016) whose weights carry torchvision's names.

    With `norm="frozen_batch"` published ImageNet weights fit, but for their classifier `fc` and the counters
    `num_batches_tracked`.


    Greyscale frames are repeated to three channels and normalised with ImageNet's mean and deviation.
    """

    channels = (64, 256, 512, 1024, 2048)

    def __init__(self, norm: str) -> None:
        super().__init__()
        make_norm: Callable[[int], nn.Module] = FrozenBatchNorm if norm == "frozen_batch" else group_norm
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = make_norm(64)
        before = 64
        for stage, (width, blocks) in enumerate(zip((64, 128, 256, 512), (3, 4, 6, 3), strict=True), 1):
            parts = []
            for block in range(blocks):
                stride = 2 if block == 0 and stage > 1 else 1
                parts.append(Bottleneck(before, width, stride, make_norm))
                before = 4 * width
            setattr(self, f"layer{stage}", nn.Sequential(*parts))
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)
        self.mean: Tensor
        self.deviation: Tensor

    def forward(self, images: Tensor) -> list[Tensor]:
        """`[B, 1, H, W]` in 0..1 to five maps of stride 2, 4, 8, 16 and 32."""
        x = (images.expand(-1, 3, -1, -1) - self.mean) / self.deviation
        maps = [F.relu(self.bn1(self.conv1(x)))]
        x = F.max_pool2d(maps[0], 3, 2, 1)
        for stage in range(1, 5):
            x = self.get_submodule(f"layer{stage}")(x)
            maps.append(x)
        return maps


def build_backbone(config: BackboneConfig) -> LightBackbone | ResNet50:
    """The backbone a configuration names; ValueError for an unknown kind."""
    if config.kind == "light":
        return LightBackbone(tuple(config.widths))
    if config.kind == "resnet50":
        return ResNet50(config.norm)
    msg = f"unknown backbone {config.kind!r}; choose 'light' or 'resnet50'"
    raise ValueError(msg)
