"""The image encoder: backbone, projection to one width, deformable transformer layers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from PointSegLib.model.backbone import STRIDES, build_backbone
from PointSegLib.model.config import EncoderConfig
from PointSegLib.model.deformable import DeformableAttention
from PointSegLib.model.layers import FeedForward, grid_positions, group_norm, sine_encoding

ATTENDED = (8, 16, 32)


@dataclass(frozen=True, eq=False)
class FrameFeatures:
    """Feature maps of B frames.

    Attributes:
        levels: stride -> `[B, d, H / stride, W / stride]` for strides 4, 8, 16 and 32.
        detail: the backbone's own map of stride 2, `[B, C, H / 2, W / 2]`, for the mask decoder's last steps.
        images: the frames themselves, `[B, 1, H, W]`, at the size they were encoded in.
    """

    levels: dict[int, Tensor]
    detail: Tensor
    images: Tensor

    def frames(self, index: slice | Tensor) -> FrameFeatures:
        """The features of some of the frames."""
        return FrameFeatures({s: m[index] for s, m in self.levels.items()}, self.detail[index], self.images[index])

    def joined(self, later: FrameFeatures) -> FrameFeatures:
        """These frames followed by others."""
        levels = {s: torch.cat([m, later.levels[s]]) for s, m in self.levels.items()}
        detail, images = torch.cat([self.detail, later.detail]), torch.cat([self.images, later.images])
        return FrameFeatures(levels, detail, images)

    def float(self) -> FrameFeatures:
        """The same in full precision."""
        return FrameFeatures({s: m.float() for s, m in self.levels.items()}, self.detail.float(), self.images.float())


class EncoderLayer(nn.Module):
    """One pre-norm block of deformable self-attention over the tokens of all attended levels."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.dim)
        self.attention = DeformableAttention(config.dim, config.n_heads, len(ATTENDED), config.n_points)
        self.ffn = FeedForward(config.dim, config.ffn_dim)

    def forward(self, tokens: Tensor, position: Tensor, reference: Tensor, sizes: list[tuple[int, int]]) -> Tensor:
        """Mix tokens `[B, N, d]`; `sizes` are the (H, W) of the levels they came from."""
        normed = self.norm(tokens)
        maps = tokens_to_maps(normed, sizes)
        tokens = tokens + self.attention(normed + position, reference, maps)
        return self.ffn(tokens)


class ImageEncoder(nn.Module):
    """Turns frames into multi-scale patch tokens."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.dim, self.image_stride = config.dim, config.image_stride
        self.backbone = build_backbone(config.backbone)
        channels = dict(zip(STRIDES, self.backbone.channels, strict=True))
        self.detail_channels = channels[2]
        self.project = nn.ModuleDict(
            {str(s): nn.Sequential(nn.Conv2d(channels[s], config.dim, 1), group_norm(config.dim)) for s in STRIDES[1:]}
        )
        self.level_embedding = nn.Parameter(torch.randn(len(ATTENDED), config.dim) * 0.02)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.n_layers))
        smoothed = (4, 8, 16) if config.top_down else ()
        self.smooth = nn.ModuleDict({str(s): nn.Conv2d(config.dim, config.dim, 3, 1, 1) for s in smoothed})

    def forward(self, images: Tensor) -> FrameFeatures:
        """Encode frames.

        Args:
            images: `[B, 1, H, W]` in 0..1; H and W multiples of 32 times `image_stride`.

        Returns:
            The maps of stride 4, 8, 16 and 32 at one width, and the detail of stride 2.
        """
        if self.image_stride > 1:
            images = F.avg_pool2d(images, self.image_stride)
        # convolutions over channels that lie side by side are up to three times as fast on a CPU
        images = images.contiguous(memory_format=torch.channels_last)
        maps = dict(zip(STRIDES, self.backbone(images), strict=True))
        levels = {stride: self.project[str(stride)](maps[stride]) for stride in STRIDES[1:]}
        if self.layers:
            levels.update(self._attend({s: levels[s] for s in ATTENDED}))
        if self.smooth:
            for stride in (16, 8, 4):
                levels[stride] = self.smooth[str(stride)](levels[stride] + _doubled(levels[2 * stride]))
        else:
            # coarse context reaches stride 4 without its 4096 tokens taking part in the attention
            levels[4] = levels[4] + _doubled(levels[8])
        return FrameFeatures(levels, maps[2], images)

    def _attend(self, levels: dict[int, Tensor]) -> dict[int, Tensor]:
        sizes = [(m.shape[-2], m.shape[-1]) for m in levels.values()]
        device = levels[8].device
        reference = torch.cat([grid_positions(height, width, device) for height, width in sizes])
        counts = torch.tensor([height * width for height, width in sizes], device=device)
        embedding = self.level_embedding.repeat_interleave(counts, 0)
        position = sine_encoding(reference, self.dim) + embedding
        tokens = torch.cat([m.flatten(2).transpose(1, 2) for m in levels.values()], 1)
        for layer in self.layers:
            tokens = layer(tokens, position, reference[None], sizes)
        return dict(zip(levels, tokens_to_maps(tokens, sizes), strict=True))


def _doubled(feature_map: Tensor) -> Tensor:
    return F.interpolate(feature_map, scale_factor=2.0, mode="bilinear", align_corners=False)


def tokens_to_maps(tokens: Tensor, sizes: list[tuple[int, int]]) -> list[Tensor]:
    """Split tokens `[B, N, d]` of several levels into maps `[B, d, H, W]`."""
    parts = tokens.split([h * w for h, w in sizes], 1)
    return [part.transpose(1, 2).unflatten(2, size) for part, size in zip(parts, sizes, strict=True)]
