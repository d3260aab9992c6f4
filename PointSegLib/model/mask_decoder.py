"""The mask decoder of section 2.2.2: upscaled patch features times what each mask token asks for (Eq. 1)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from PointSegLib.model.config import SegmenterConfig
from PointSegLib.model.encoder import FrameFeatures
from PointSegLib.model.layers import MLP, group_norm


class Upsample(nn.Module):
    """Transposed convolution that doubles the resolution, joined with the encoder's map of that resolution."""

    def __init__(self, before: int, skip: int, after: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(before, after, 2, 2)
        self.skip = nn.Conv2d(skip, after, 1) if skip else None
        self.norm = group_norm(after)
        self.mix = nn.Conv2d(after, after, 3, 1, 1)
        self.norm_mix = group_norm(after)

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        """`[B, before, h, w]` and the encoder's `[B, skip, 2 h, 2 w]` to `[B, after, 2 h, 2 w]`."""
        x = self.up(x)
        if self.skip is not None:
            x = x + self.skip(skip)
        x = F.relu(self.norm(x))
        return x + F.relu(self.norm_mix(self.mix(x)))


class MaskDecoder(nn.Module):
    """Upscales patch tokens from stride 8 and forms the K mask logits."""

    def __init__(self, config: SegmenterConfig, detail_channels: int) -> None:
        super().__init__()
        dim = config.encoder.dim
        fine, last = dim // 2, dim // 3
        steps = [Upsample(dim, dim, fine), Upsample(fine, detail_channels, last)]
        if config.mask_stride == 1:
            steps.append(Upsample(last, 0, last))
        self.steps = nn.ModuleList(steps)
        self.ask = MLP(dim, dim, last)
        self.bias = nn.Linear(dim, 1)
        self.scale = last**-0.5

    def forward(self, mask_tokens: Tensor, patches: Tensor, features: FrameFeatures) -> Tensor:
        """Form the masks of B frames.

        Args:
            mask_tokens: `[B, K, d]`.
            patches: `[B, d, h, w]` fused patch tokens of stride 8.
            features: the encoder's maps of the same frames.

        Returns:
            Logits `[B, K, H, W]` at the configured mask stride.
        """
        skips = [features.levels[4], features.detail, None]
        x = patches
        for step, skip in zip(self.steps, skips, strict=False):
            x = step(x, skip)
        product = torch.einsum("bkc,bchw->bkhw", self.ask(mask_tokens), x) * self.scale
        return product + self.bias(mask_tokens).unsqueeze(-1)
