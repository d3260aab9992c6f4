"""The mask decoder of section 2.2.2: upscaled patch features times what each mask token asks for (Eq. 1)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from PointSegLib.model.config import N_HINTS, SegmenterConfig
from PointSegLib.model.encoder import FrameFeatures
from PointSegLib.model.layers import MLP, group_norm

# pixels of the network input
HINT_STRIDE = 4


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
    """Upscales patch tokens and forms the K mask logits."""

    def __init__(self, config: SegmenterConfig, detail_channels: int) -> None:
        super().__init__()
        dim = config.encoder.dim
        widths = {16: dim, 8: 3 * dim // 4, 4: dim // 2, 2: dim // 4, 1: dim // 4}
        if config.patch_stride == 8:
            widths[8] = dim
        skips = {8: dim, 4: dim, 2: detail_channels, 1: 0}
        strides = [s for s in skips if config.mask_stride <= s < config.patch_stride]
        self.steps = nn.ModuleDict({str(s): Upsample(widths[2 * s], skips[s], widths[s]) for s in strides})
        self.hint_stride = max(config.mask_stride, HINT_STRIDE // config.encoder.image_stride)
        self.hints = nn.Conv2d(N_HINTS, widths[self.hint_stride], 5, 1, 2, bias=False)
        nn.init.zeros_(self.hints.weight)
        last = widths[config.mask_stride]
        self.ask = MLP(dim, dim, last)
        self.bias = nn.Linear(dim, 1)
        self.scale = last**-0.5

    def forward(
        self, mask_tokens: Tensor, patches: Tensor, features: FrameFeatures, hints: Tensor | None = None
    ) -> Tensor:
        """Form the masks of B frames.

        Args:
            mask_tokens: `[B, K, d]`.
            patches: `[B, d, h, w]` fused patch tokens.
            features: the encoder's maps of the same frames.
            hints: `[B, N_HINTS, h, w]` of the user's points at `hint_stride`, None where there are none.

        Returns:
            Logits `[B, K, H, W]` at the configured mask stride.
        """
        skips = {**features.levels, 2: features.detail}
        x = patches.contiguous(memory_format=torch.channels_last)
        for stride, step in self.steps.items():
            x = step(x, skips.get(int(stride)))
            if int(stride) == self.hint_stride and hints is not None:
                x = x + self.hints(hints.to(x.dtype))
        product = torch.einsum("bkc,bchw->bkhw", self.ask(mask_tokens), x) * self.scale
        return product + self.bias(mask_tokens).unsqueeze(-1)
