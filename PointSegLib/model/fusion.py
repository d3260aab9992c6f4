"""The fusion layers of section 2.2.1: points and patches inform each other, within a frame and over time."""

from __future__ import annotations

from torch import Tensor, nn

from PointSegLib.model.config import SegmenterConfig
from PointSegLib.model.layers import Attention, FeedForward


class FusionLayer(nn.Module):
    """Point-to-patch attention, MLP, point attention, temporal attention, patch-to-point attention.

    "Points" are all query tokens of a frame: the K mask tokens followed by the N point tokens.
    """

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__()
        dim, heads = config.encoder.dim, config.n_heads
        self.norm_patches = nn.LayerNorm(dim)
        self.norm_patches_out = nn.LayerNorm(dim)
        self.point_to_patch = Attention(dim, heads) if config.point_to_patch else None
        self.mlp = FeedForward(dim, config.ffn_dim) if config.mlp else None
        self.point_attention = Attention(dim, heads) if config.point_attention else None
        self.temporal_attention = Attention(dim, heads) if config.temporal_attention else None
        self.norm_to_patch, self.norm_points, self.norm_time = (nn.LayerNorm(dim) for _ in range(3))
        self.norm_tokens = nn.LayerNorm(dim)
        self.patch_to_point = Attention(dim, heads)
        self.patch_mlp = FeedForward(dim, config.ffn_dim)

    def forward(
        self, tokens: Tensor, token_position: Tensor, patches: Tensor, patch_position: Tensor, time: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Refine tokens and patches of B clips of T frames.

        Args:
            tokens: `[B, T, M, d]`.
            token_position: `[B, T, M, d]`.
            patches: `[B, T, S, d]`.
            patch_position: `[S, d]`.
            time: `[T, d]`.

        Returns:
            tokens and patches, refined.
        """
        batch, frames = tokens.shape[:2]
        position = token_position.flatten(0, 1)
        points, image = tokens.flatten(0, 1), patches.flatten(0, 1)
        if self.point_to_patch is not None:
            value = self.norm_patches(image)
            points = points + self.point_to_patch(self.norm_to_patch(points) + position, value + patch_position, value)
        if self.mlp is not None:
            points = self.mlp(points)
        if self.point_attention is not None:
            value = self.norm_points(points)
            points = points + self.point_attention(value + position, value + position, value)
        if self.temporal_attention is not None:
            along = points.unflatten(0, (batch, frames)).transpose(1, 2).flatten(0, 1)
            value = self.norm_time(along)
            along = along + self.temporal_attention(value + time, value + time, value)
            points = along.unflatten(0, (batch, -1)).transpose(1, 2).flatten(0, 1)
        value = self.norm_tokens(points)
        image = image + self.patch_to_point(self.norm_patches_out(image) + patch_position, value + position, value)
        image = self.patch_mlp(image)
        return points.unflatten(0, (batch, frames)), image.unflatten(0, (batch, frames))
