"""The segmenter: image encoder, fusion layers and mask decoder (section 2.2 of the paper).

It has an encoder of its own. Stage two of the training freezes the tracker, and features frozen for
correspondence would be the wrong ones to draw contours with.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from PointSegLib.model.config import SegmenterConfig
from PointSegLib.model.deformable import sample_map
from PointSegLib.model.encoder import FrameFeatures, ImageEncoder
from PointSegLib.model.fusion import FusionLayer
from PointSegLib.model.layers import grid_positions, sine_encoding
from PointSegLib.model.mask_decoder import MaskDecoder


@dataclass(frozen=True, eq=False)
class PointCues:
    """What the tracker tells the segmenter about N points of B clips over T frames.

    Attributes:
        xy: `[B, N, T, 2]` normalised positions.
        visibility: `[B, N, T]` in 0..1.
        tokens: `[B, N, T, d]` point tokens of the tracker.
        hint: int64 `[B, N]`, `HINT_NONE`, `HINT_WALL`, `HINT_CAVITY` or `HINT_OUTSIDE` of the user's points.
    """

    xy: Tensor
    visibility: Tensor
    tokens: Tensor
    hint: Tensor


class Segmenter(nn.Module):
    """Turns frames and trajectories into K masks per frame."""

    def __init__(self, config: SegmenterConfig, tracker_dim: int) -> None:
        super().__init__()
        self.config = config
        dim = config.encoder.dim
        self.encoder = ImageEncoder(config.encoder)
        self.join_levels = nn.ModuleDict({s: nn.Conv2d(dim, dim, 1) for s in ("8", "16", "32")})
        self.from_tracker = nn.Linear(tracker_dim, dim)
        self.from_image = nn.Linear(3 * dim, dim)
        self.from_visibility = nn.Linear(1, dim)
        self.hint_embedding = nn.Embedding(4, dim)
        # a hint that has not been trained must not disturb the masks
        nn.init.zeros_(self.hint_embedding.weight)
        self.mask_tokens = nn.Parameter(torch.randn(len(config.class_labels), dim) * 0.02)
        self.mask_position = nn.Parameter(torch.randn(len(config.class_labels), dim) * 0.02)
        self.layers = nn.ModuleList(FusionLayer(config) for _ in range(config.n_layers))
        self.norm_tokens = nn.LayerNorm(dim)
        self.norm_patches = nn.LayerNorm(dim)
        self.decoder = MaskDecoder(config, self.encoder.detail_channels)

    def forward(self, features: FrameFeatures, cues: PointCues, every_layer: bool = False) -> list[Tensor]:
        """Segment B clips of T frames.

        Args:
            features: of the B * T frames, clip by clip, from this segmenter's encoder.
            cues: the points.
            every_layer: also return the masks after each earlier fusion layer (deep supervision, Eq. 3).

        Returns:
            Mask logits `[B, T, K, H, W]` at the configured stride, of the last layer or of each layer in order.
        """
        batch, _, frames, _ = cues.xy.shape
        patches = self._patches(features)
        height, width = patches.shape[-2:]
        dim = patches.shape[1]
        patch_position = sine_encoding(grid_positions(height, width, patches.device), dim)
        image = patches.flatten(2).transpose(1, 2).unflatten(0, (batch, frames))
        tokens, position = self._tokens(features, cues)
        time = sine_encoding(torch.arange(frames, device=tokens.device)[:, None] / 16.0, dim)
        results = []
        for index, layer in enumerate(self.layers):
            tokens, image = layer(tokens, position, image, patch_position, time)
            if every_layer or index == len(self.layers) - 1:
                asked = self.norm_tokens(tokens[:, :, : len(self.mask_tokens)]).flatten(0, 1)
                fused = self.norm_patches(image).flatten(0, 1).transpose(1, 2).unflatten(2, (height, width))
                results.append(self.decoder(asked, fused, features).unflatten(0, (batch, frames)))
        return results

    def _patches(self, features: FrameFeatures) -> Tensor:
        joined = self.join_levels["8"](features.levels[8])
        for stride in (16, 32):
            coarse = self.join_levels[str(stride)](features.levels[stride])
            joined = joined + F.interpolate(coarse, size=joined.shape[-2:], mode="bilinear", align_corners=False)
        return joined

    def _tokens(self, features: FrameFeatures, cues: PointCues) -> tuple[Tensor, Tensor]:
        batch, count, frames, _ = cues.xy.shape
        resting = cues.xy[:, :, :1].expand_as(cues.xy)
        xy = (cues.xy if self.config.use_trajectories else resting).transpose(1, 2)
        where = xy.reshape(batch * frames, count, 1, 2)
        seen = [sample_map(features.levels[s], where).squeeze(3).transpose(1, 2) for s in (4, 8, 16)]
        image = self.from_image(torch.cat(seen, -1)).unflatten(0, (batch, frames))
        points = image + self.hint_embedding(cues.hint).unsqueeze(1)
        if self.config.use_trajectories:
            points = points + self.from_tracker(cues.tokens).transpose(1, 2)
            points = points + self.from_visibility(cues.visibility.unsqueeze(-1)).transpose(1, 2)
        dim = points.shape[-1]
        masks = self.mask_tokens.expand(batch, frames, -1, -1)
        mask_position = self.mask_position.expand(batch, frames, -1, -1)
        tokens = torch.cat([masks.to(points.dtype), points], 2)
        return tokens, torch.cat([mask_position, sine_encoding(xy, dim)], 2)
