"""The segmenter: image encoder, fusion layers and mask decoder (section 2.2 of the paper).

It has an encoder of its own. Stage two of the training freezes the tracker, and features frozen for
correspondence would be the wrong ones to draw contours with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from PointSegLib.model.config import N_HINTS, SegmenterConfig
from PointSegLib.model.deformable import sample_map
from PointSegLib.model.encoder import FrameFeatures, ImageEncoder
from PointSegLib.model.fusion import FusionLayer
from PointSegLib.model.layers import grid_positions, sine_encoding
from PointSegLib.model.mask_decoder import MaskDecoder

# cells of the decoder's hints: a click is meant for the few millimetres around it
HINT_SPREAD = 1.5


@dataclass(frozen=True, eq=False)
class PointCues:
    """What the tracker tells the segmenter about N points of B clips over T frames.

    Attributes:
        xy: `[B, N, T, 2]` normalised positions.
        visibility: `[B, N, T]` in 0..1.
        tokens: `[B, N, T, d]` point tokens of the tracker; None for a still, in which there is nothing to track.
        hint: int64 `[B, N]`, `HINT_NONE`, `HINT_WALL`, `HINT_CAVITY` or `HINT_OUTSIDE` of the user's points.
    """

    xy: Tensor
    visibility: Tensor
    tokens: Tensor | None
    hint: Tensor

    @classmethod
    def resting(cls, xy: Tensor, hint: Tensor) -> PointCues:
        """The cues of stills: points `[B, N, 2]` where they were put."""
        here = xy.unsqueeze(2)
        return cls(here, torch.ones_like(here[..., 0]), None, hint)


class Segmenter(nn.Module):
    """Turns frames and trajectories into K masks per frame."""

    def __init__(self, config: SegmenterConfig, tracker_dim: int) -> None:
        super().__init__()
        self.config = config
        dim = config.encoder.dim
        self.encoder = ImageEncoder(config.encoder)
        joined = (str(s) for s in (8, 16, 32) if s >= config.patch_stride)
        self.join_levels = nn.ModuleDict({stride: nn.Conv2d(dim, dim, 1) for stride in joined})
        self.from_tracker = nn.Linear(tracker_dim, dim)
        self.from_image = nn.Linear(3 * dim, dim)
        self.from_visibility = nn.Linear(1, dim)
        self.hint_embedding = nn.Embedding(1 + N_HINTS, dim)
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
        hints = hint_maps(cues, self._hint_size(features)) if bool(cues.hint.any()) else None
        results = []
        for index, layer in enumerate(self.layers):
            tokens, image = layer(tokens, position, image, patch_position, time)
            if every_layer or index == len(self.layers) - 1:
                asked = self.norm_tokens(tokens[:, :, : len(self.mask_tokens)]).flatten(0, 1)
                fused = self.norm_patches(image).flatten(0, 1).transpose(1, 2).unflatten(2, (height, width))
                results.append(self.decoder(asked, fused, features, hints).unflatten(0, (batch, frames)))
        return results

    def _hint_size(self, features: FrameFeatures) -> list[int]:
        return [side * 4 // self.decoder.hint_stride for side in features.levels[4].shape[-2:]]

    def _patches(self, features: FrameFeatures) -> Tensor:
        joined, *coarser = (layer(features.levels[int(stride)]) for stride, layer in self.join_levels.items())
        for level in coarser:
            joined = joined + F.interpolate(level, size=joined.shape[-2:], mode="bilinear", align_corners=False)
        return joined

    def _tokens(self, features: FrameFeatures, cues: PointCues) -> tuple[Tensor, Tensor]:
        batch, count, frames, _ = cues.xy.shape
        resting = cues.xy[:, :, :1].expand_as(cues.xy)
        xy = (cues.xy if self.config.use_trajectories else resting).transpose(1, 2)
        where = xy.reshape(batch * frames, count, 2)
        seen = [sample_map(features.levels[stride], where) for stride in (4, 8, 16)]
        image = self.from_image(torch.cat(seen, -1)).unflatten(0, (batch, frames))
        points = image + self.hint_embedding(cues.hint).unsqueeze(1)
        if self.config.use_trajectories and cues.tokens is not None:
            points = points + self.from_tracker(cues.tokens).transpose(1, 2)
            points = points + self.from_visibility(cues.visibility.unsqueeze(-1)).transpose(1, 2)
        dim = points.shape[-1]
        masks = self.mask_tokens.expand(batch, frames, -1, -1)
        mask_position = self.mask_position.expand(batch, frames, -1, -1)
        tokens = torch.cat([masks.to(points.dtype), points], 2)
        return tokens, torch.cat([mask_position, sine_encoding(xy, dim)], 2)


def hint_maps(cues: PointCues, size_hw: Sequence[int]) -> Tensor:
    """Where the user's points lie in each frame: a soft spot on the map of its hint.

    Tokens tell the patches what a hint means for the whole wall; the spots tell the decoder where exactly it was put.

    Args:
        cues: the points of B clips over T frames.
        size_hw: size of the maps in cells.

    Returns:
        `[B * T, N_HINTS, h, w]` in 0..1, one map for wall, cavity and outside each.
    """
    height, width = size_hw
    cells = grid_positions(height, width, cues.xy.device) * cues.xy.new_tensor([width, height])
    one_hot = F.one_hot(cues.hint, 1 + N_HINTS)[..., 1:].to(cues.xy.dtype)
    asked = cues.hint.any(0).nonzero().flatten()
    places = cues.xy[:, asked] * cues.xy.new_tensor([width, height])
    far = (cells - places.transpose(1, 2).unsqueeze(3)).square().sum(-1)
    spots = torch.exp(-far / (2 * HINT_SPREAD**2)).unsqueeze(-2) * one_hot[:, None, asked, :, None]
    return spots.amax(2).flatten(0, 1).unflatten(2, (height, width))
