"""The point tracker: image encoder and TAPTRv2-style point decoder (section 2.1 of the paper).

A point is a pair of content and location. Every layer looks at the image around the location (key-aware
deformable cross-attention), moves it (attention-based position update), lets the frames of a point and the
points of a frame talk, and regresses a correction. Where TAPTRv2 normalises after each block we do so before
it, which trains from random weights without warm-up tricks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from PointSegLib.model.config import TrackerConfig
from PointSegLib.model.correlation import LocalCorrelation
from PointSegLib.model.deformable import KeyAwareDeformableAttention, sample_map
from PointSegLib.model.encoder import FrameFeatures, ImageEncoder
from PointSegLib.model.layers import MLP, Attention, FeedForward, sine_encoding

MOTION_SCALE = 8.0


@dataclass(frozen=True, eq=False)
class PointQueries:
    """What a window needs to know of N points of each of B clips.

    Attributes:
        content: `[B, N, d]` image features at the query, from `PointTracker.describe`.
        descriptor: `[B, N, L, C]` correlation descriptors at the query; C is 0 without correlation.
        start: `[B, N, T, 2]` normalised first estimates; the true position where `given`.
        given: bool `[B, N, T]`, True in the query frame, whose position is known.
    """

    content: Tensor
    descriptor: Tensor
    start: Tensor
    given: Tensor


@dataclass(frozen=True, eq=False)
class TrackedPoints:
    """What the point decoder predicts, layer by layer.

    Attributes:
        xy: per layer `[B, N, T, 2]` normalised positions.
        updated: per layer the position after the attention-based update alone, for supervision.
        visible: `[B, N, T]` visibility logits of the last layer.
        tokens: `[B, N, T, d]` point tokens p_i^t of the last layer.
        matching: per level `[B, T, N, H_l, W_l]` logits of where in each frame the query's tissue lies; empty without
            correlation.
    """

    xy: list[Tensor]
    updated: list[Tensor]
    visible: Tensor
    tokens: Tensor
    matching: list[Tensor]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a layer is told of the surroundings of its estimates.

    Attributes:
        features: `[B, N, T, E]` displacements and correlations.
        pull: `[B, N, T, L, 2]` where the correlation of each level points to, normalised; None without correlation.
    """

    features: Tensor
    pull: Tensor | None


class PointDecoderLayer(nn.Module):
    """Cross-attention with position update, temporal attention, point attention, MLP and regression.

    With correlation the position update has a second term: each level's pull, as far as the content trusts it. What the
    attention's offsets are to TAPTRv2, the correlation's are here.
    """

    def __init__(self, config: TrackerConfig, extra: int) -> None:
        super().__init__()
        dim = config.encoder.dim
        self.trust = nn.Linear(dim, len(config.levels)) if config.correlation_dim else None
        if self.trust is not None:
            nn.init.zeros_(self.trust.weight)
            nn.init.constant_(self.trust.bias, -1.0)
        self.position = MLP(2 * dim, dim, dim)
        self.evidence = MLP(extra, dim, dim)
        self.norm_cross = nn.LayerNorm(dim)
        self.cross = KeyAwareDeformableAttention(dim, config.n_heads, len(config.levels), config.n_points)
        self.norm_time = nn.LayerNorm(dim)
        self.time = Attention(dim, config.n_heads)
        self.norm_points = nn.LayerNorm(dim)
        self.points = Attention(dim, config.n_heads)
        self.ffn = FeedForward(dim, config.ffn_dim)
        self.refresh = MLP(2 * dim, dim, dim)
        self.regress = MLP(2 * dim, dim, 2)
        self.regress.start_at_zero()

    def forward(
        self, content: Tensor, initial: Tensor, xy: Tensor, evidence: Evidence, maps: list[Tensor], time: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Refine one window.

        Args:
            content: `[B, N, T, d]` tokens.
            initial: `[B, N, 1, d]` features at the query, which keep the tokens tied to it.
            xy: `[B, N, T, 2]` normalised estimates, detached.
            evidence: what was found around `xy`.
            maps: per level `[B * T, d, H_l, W_l]`.
            time: `[T, d]` encoding of the frame index.

        Returns:
            New content, the positions after the attention-based update, and after the regression.
        """
        batch, count, frames, dim = content.shape
        position = self.position(sine_encoding(xy, 2 * dim))
        content = content + self.evidence(evidence.features)
        query = (self.norm_cross(content) + position).transpose(1, 2).reshape(batch * frames, count, dim)
        attended, moved = self.cross(query, xy.transpose(1, 2).reshape(batch * frames, count, 2), maps)
        content = content + attended.unflatten(0, (batch, frames)).transpose(1, 2)
        moved = moved.unflatten(0, (batch, frames)).transpose(1, 2)

        normed = self.norm_time(content).flatten(0, 1)
        content = content + self.time(normed + time, normed + time, normed).unflatten(0, (batch, count))
        normed = self.norm_points(content).transpose(1, 2).flatten(0, 1)
        placed = normed + position.transpose(1, 2).flatten(0, 1)
        content = content + self.points(placed, placed, normed).unflatten(0, (batch, frames)).transpose(1, 2)
        content = self.ffn(content)

        updated = xy + moved
        if self.trust is not None and evidence.pull is not None:
            updated = updated + (self.trust(content).sigmoid().unsqueeze(-1) * evidence.pull).sum(-2)
        step = self.regress(torch.cat([content, sine_encoding(moved * MOTION_SCALE, dim).to(content.dtype)], -1))
        content = content + self.refresh(torch.cat([content, initial.expand_as(content)], -1))
        return content, updated, updated + step.float() / MOTION_SCALE


class PointTracker(nn.Module):
    """Tracks query points through a window of frames, forwards and backwards in time at once."""

    def __init__(self, config: TrackerConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.encoder.dim
        self.encoder = ImageEncoder(config.encoder)
        self.describe_content = nn.Linear(len(config.levels) * dim, dim)
        self.given_embedding = nn.Parameter(torch.zeros(dim))
        self.correlation = None
        extra = 4
        if config.correlation_dim:
            args = (dim, len(config.levels), config.correlation_dim, config.correlation_radius)
            self.correlation = LocalCorrelation(*args)
            extra += self.correlation.out_features
        self.layers = nn.ModuleList(PointDecoderLayer(config, extra) for _ in range(config.n_layers))
        self.norm_out = nn.LayerNorm(dim)
        self.see = MLP(dim, dim, 1)

    def maps(self, features: FrameFeatures) -> list[Tensor]:
        """The levels the decoder samples."""
        return [features.levels[stride] for stride in self.config.levels]

    def describe(self, features: FrameFeatures, xy: Tensor) -> tuple[Tensor, Tensor]:
        """Read what a point looks like in its query frame.

        Args:
            features: of F frames.
            xy: `[F, N, 2]` normalised positions, the same number in each frame.

        Returns:
            content `[F, N, d]` and descriptor `[F, N, L, C]`.
        """
        maps = self.maps(features)
        sampled = [sample_map(m, xy) for m in maps]
        content = self.describe_content(torch.cat(sampled, -1))
        if self.correlation is None:
            return content, content.new_zeros(*content.shape[:2], len(maps), 0)
        described = self.correlation.describe(maps)
        found = torch.stack([sample_map(m, xy) for m in described], 2)
        return content, nn.functional.normalize(found, dim=-1)

    def forward(self, features: FrameFeatures, queries: PointQueries) -> TrackedPoints:
        """Track N points of B clips over a window of T frames.

        Args:
            features: of the B * T frames, clip by clip.
            queries: the points.

        Returns:
            Positions of every layer, visibility and tokens.
        """
        frames = queries.start.shape[2]
        maps = self.maps(features)
        volumes: list[Tensor] = []
        if self.correlation is not None:
            volumes = self.correlation.volumes(self.correlation.describe(maps), queries.descriptor)
        time = sine_encoding(torch.arange(frames, device=queries.start.device)[:, None] / 16.0, self.config.encoder.dim)
        initial = queries.content.unsqueeze(2)
        content = initial + queries.given.unsqueeze(-1) * self.given_embedding
        xy, positions, updates = queries.start, [], []
        for layer in self.layers:
            evidence = self._evidence(volumes, xy, queries)
            content, updated, xy = layer(content, initial, xy, evidence, maps, time)
            updates.append(updated)
            positions.append(xy)
            # the next layer improves on this one's answer instead of pulling its gradient through it
            xy = torch.where(queries.given.unsqueeze(-1), queries.start, xy).detach().clamp(-0.1, 1.1)
        tokens = self.norm_out(content)
        matching = [v.squeeze(1).unflatten(0, (-1, frames, queries.start.shape[1])) for v in volumes]
        return TrackedPoints(positions, updates, self.see(tokens).squeeze(-1).float(), tokens, matching)

    def _evidence(self, volumes: list[Tensor], xy: Tensor, queries: PointQueries) -> Evidence:
        batch, count, frames, _ = xy.shape
        moved = (xy - queries.start.mean(2, keepdim=True)) * MOTION_SCALE
        before = torch.cat([torch.zeros_like(xy[:, :, :1]), xy[:, :, 1:] - xy[:, :, :-1]], 2) * 4 * MOTION_SCALE
        if self.correlation is None:
            return Evidence(torch.cat([moved, before], -1), None)
        found = self.correlation(volumes, xy.transpose(1, 2).reshape(batch * frames, count, 2))
        around, pull = (part.unflatten(0, (batch, frames)).transpose(1, 2) for part in found)
        return Evidence(torch.cat([moved, before, around], -1), pull)
