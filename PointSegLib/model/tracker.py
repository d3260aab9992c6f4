"""The point tracker: image encoder and TAPTRv2-style point decoder (section 2.1 of the paper).

A point is a pair of content and location. Every layer looks at the image around the location (key-aware
deformable cross-attention), moves it (attention-based position update), lets the frames of a point and the
points of a frame talk, and regresses a correction. Where TAPTRv2 normalises after each block we do so before
it, which trains from random weights without warm-up tricks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from PointSegLib.model.agreement import PINNED, agreed_offsets
from PointSegLib.model.config import TrackerConfig
from PointSegLib.model.deformable import KeyAwareDeformableAttention, sample_map
from PointSegLib.model.encoder import FrameFeatures, ImageEncoder
from PointSegLib.model.layers import MLP, Attention, FeedForward, sine_encoding
from PointSegLib.model.matching import (
    FAR_PX,
    TissueMatching,
    frame_before,
    inner_patches,
    patch_likeness,
    sample_regions,
)

MOTION_SCALE = 8.0
STEPS_ARE_SURER = 2.0
LOG_RANGE = 8.0


@dataclass(frozen=True, eq=False)
class PointDescription:
    """What N points of each of B clips look like in their query frames.

    Attributes:
        content: `[B, N, d]` image features.
        descriptor: `[B, N, L, C]` correlation descriptors; C is 0 without correlation.
        patch: `[B, N, P, P]` pixels around the point; P is 0 without correlation.
    """

    content: Tensor
    descriptor: Tensor
    patch: Tensor

    def map(self, change: Callable[[Tensor], Tensor]) -> PointDescription:
        """The description with every tensor changed alike."""
        return PointDescription(change(self.content), change(self.descriptor), change(self.patch))

    @staticmethod
    def joined(parts: Sequence[PointDescription]) -> PointDescription:
        """Points of several descriptions, one after the other."""
        return PointDescription(
            torch.cat([p.content for p in parts], 1),
            torch.cat([p.descriptor for p in parts], 1),
            torch.cat([p.patch for p in parts], 1),
        )


@dataclass(frozen=True, eq=False)
class PointQueries:
    """What a window needs to know of N points of each of B clips.

    Attributes:
        described: at the query, by `PointTracker.describe`.
        frame: `[N]` query frames, counted from anywhere; points of one frame learn from each other.
        start: `[B, N, T, 2]` normalised first estimates; the true position where `given`.
        given: bool `[B, N, T]`, True in the query frame, whose position is known.
        carried: bool `[B, N, T]`, True where `start` was tracked before, in the window beside this one.
    """

    described: PointDescription
    frame: Tensor
    start: Tensor
    given: Tensor
    carried: Tensor


@dataclass(frozen=True, eq=False)
class TrackedPoints:
    """What the point decoder predicts, layer by layer.

    Attributes:
        xy: per layer `[B, N, T, 2]` normalised positions.
        updated: per layer the position after the attention-based update alone, for supervision.
        visible: `[B, N, T]` visibility logits of the last layer.
        tokens: `[B, N, T, d]` point tokens p_i^t of the last layer.
        matching: per level `[B, T, N, H_l, W_l]` logits of where in each frame the query's tissue lies; empty without
            correlation, and where no gradient is wanted.
        steps: per layer `[B, N, T - 1, L, 2]`, how far each level saw the tissue go from frame to frame; likewise.
    """

    xy: list[Tensor]
    updated: list[Tensor]
    visible: Tensor
    tokens: Tensor
    matching: list[Tensor]
    steps: list[Tensor]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a layer is told of the surroundings of its estimates.

    Attributes:
        features: `[B, N, T, E]` displacements and correlations.
        pull: `[B, N, T, L, 2]` where the correlation with the query points to on each level, normalised; None without
            correlation.
        step: `[B, N, T, L, 2]` where the correlation with the frame before points to; likewise.
        pinned: `[B, N, T]` weights of positions that are known.
    """

    features: Tensor
    pull: Tensor | None
    step: Tensor | None
    pinned: Tensor


class PointDecoderLayer(nn.Module):
    """Cross-attention with position update, temporal attention, point attention, MLP and regression.

    With correlation the position update has a second term: the offsets on which the matches with the query and the
    steps between frames agree, each weighed as far as the content trusts it.
    """

    def __init__(self, config: TrackerConfig, extra: int) -> None:
        super().__init__()
        dim = config.encoder.dim
        # pixels and every level for matches; pixels and all but the finest level for steps; the estimate itself
        cells_px = torch.tensor([1, *config.levels, 1, *config.levels[1:], config.levels[-1]])
        self.n_pulls = 1 + len(config.levels)
        self.trust = nn.Linear(dim, len(cells_px)) if config.correlation_dim else None
        if self.trust is not None:
            nn.init.zeros_(self.trust.weight)
            # a level's errors grow with its cells, and steps are surer than matches of frames that lie far apart
            surer = torch.zeros(len(cells_px))
            surer[self.n_pulls : -1] = STEPS_ARE_SURER
            with torch.no_grad():
                self.trust.bias.copy_(surer - 2 * cells_px.log())
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
        if self.trust is not None and evidence.pull is not None and evidence.step is not None:
            weights = self.trust(content).float().clamp(-LOG_RANGE, LOG_RANGE).exp()
            pull_weight, step_weight = weights[..., : self.n_pulls], weights[..., self.n_pulls : -1]
            stay = weights[..., -1] + evidence.pinned
            updated = updated + agreed_offsets(stay, evidence.pull, pull_weight, evidence.step, step_weight)
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
        self.carried_embedding = nn.Parameter(torch.zeros(dim))
        self.matching, self.stepping = None, None
        extra = 4
        if config.correlation_dim:
            shape = config.correlation_dim, config.correlation_radius
            self.matching = TissueMatching(dim, config.levels, *shape)
            self.stepping = TissueMatching(dim, config.levels[1:], *shape)
            extra += self.matching.out_features + self.stepping.out_features
        self.layers = nn.ModuleList(PointDecoderLayer(config, extra) for _ in range(config.n_layers))
        self.norm_out = nn.LayerNorm(dim)
        self.see = MLP(dim, dim, 1)

    def maps(self, features: FrameFeatures) -> list[Tensor]:
        """The levels the decoder samples."""
        return [features.levels[stride] for stride in self.config.levels]

    def describe(self, features: FrameFeatures, xy: Tensor) -> PointDescription:
        """Read what points look like in their query frame.

        Args:
            features: of F frames.
            xy: `[F, N, 2]` normalised positions, the same number in each frame.

        Returns:
            N points of each of the F frames.
        """
        maps = self.maps(features)
        content = self.describe_content(torch.cat([sample_map(m, xy) for m in maps], -1))
        if self.matching is None:
            nothing = content.new_zeros(*content.shape[:2], len(maps), 0)
            return PointDescription(content, nothing, nothing[:, :, :0])
        descriptor = self.matching.coarse.sample(self.matching.coarse.describe(maps), xy)
        return PointDescription(content, descriptor, inner_patches(sample_regions(features.images, xy)))

    def forward(self, features: FrameFeatures, queries: PointQueries) -> TrackedPoints:
        """Track N points of B clips over a window of T frames.

        Args:
            features: of the B * T frames, clip by clip.
            queries: the points.

        Returns:
            Positions of every layer, visibility and tokens.
        """
        count, frames = queries.start.shape[1:3]
        maps = self.maps(features)
        look = None
        if self.matching is not None and self.stepping is not None:
            look = _Look(self.matching, self.stepping, features.images, maps, queries)
        time = sine_encoding(torch.arange(frames, device=queries.start.device)[:, None] / 16.0, self.config.encoder.dim)
        initial = queries.described.content.unsqueeze(2)
        content = initial + queries.given.unsqueeze(-1) * self.given_embedding
        content = content + queries.carried.unsqueeze(-1) * self.carried_embedding
        xy, positions, updates, steps = queries.start, [], [], []
        for layer in self.layers:
            evidence = _evidence(look, xy, queries)
            if evidence.step is not None:
                steps.append((xy[:, :, 1:] - xy[:, :, :-1]).unsqueeze(-2) + evidence.step[:, :, 1:])
            content, updated, xy = layer(content, initial, xy, evidence, maps, time)
            updates.append(updated)
            positions.append(xy)
            # the next layer improves on this one's answer instead of pulling its gradient through it
            xy = torch.where(queries.given.unsqueeze(-1), queries.start, xy).detach().clamp(-0.1, 1.1)
        tokens = self.norm_out(content)
        matching = [] if look is None else [v.squeeze(1).unflatten(0, (-1, frames, count)) for v in look.volumes]
        return TrackedPoints(positions, updates, self.see(tokens).squeeze(-1).float(), tokens, matching, steps)


class _Look:
    """What one window offers to match: made once, asked by every layer."""

    def __init__(
        self,
        matching: TissueMatching,
        stepping: TissueMatching,
        images: Tensor,
        maps: list[Tensor],
        queries: PointQueries,
    ) -> None:
        self.matching, self.stepping, self.images = matching, stepping, images
        self.frames = queries.start.shape[2]
        described = queries.described
        self.patch, descriptor = (
            part.unsqueeze(1).expand(-1, self.frames, *part.shape[1:]).flatten(0, 1)
            for part in (described.patch, described.descriptor)
        )
        self.maps, self.wanted = matching.coarse.describe(maps), descriptor
        # the loss of the matches asks for whole volumes; else they are larger than it is worth to keep them
        self.volumes = matching.coarse.volumes(self.maps, descriptor) if torch.is_grad_enabled() else []
        self.step_maps = stepping.coarse.describe(maps[1:])
        self.strangers = queries.frame[:, None] != queries.frame

    def around(self, where: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Ask of normalised estimates `[B * T, N, 2]`: features, pulls and steps, as in `Evidence`, frame by frame."""
        side_px = self.images.shape[-1]
        regions = sample_regions(self.images, where)
        before = frame_before(inner_patches(regions), self.frames)
        like_query, like_before = patch_likeness(torch.stack([self.patch, before], 2), regions)
        x, y = where.mul(side_px).unbind(-1)
        squares_px = (x.unsqueeze(2) - x.unsqueeze(1)).square() + (y.unsqueeze(2) - y.unsqueeze(1)).square()
        same_frame_px = squares_px.masked_fill(self.strangers, FAR_PX**2)
        coarse = self.matching.coarse
        seen = coarse.windows(self.volumes, where) if self.volumes else coarse.search(self.maps, self.wanted, where)
        matched, pull = self.matching(like_query, seen, same_frame_px, side_px)
        coarse = self.stepping.coarse
        earlier = frame_before(coarse.sample(self.step_maps, where), self.frames)
        stepped, step = self.stepping(like_before, coarse.search(self.step_maps, earlier, where), squares_px, side_px)
        return torch.cat([matched, stepped], -1), pull, step


def _evidence(look: _Look | None, xy: Tensor, queries: PointQueries) -> Evidence:
    batch, count, frames, _ = xy.shape
    moved = (xy - queries.start.mean(2, keepdim=True)) * MOTION_SCALE
    before = torch.cat([torch.zeros_like(xy[:, :, :1]), xy[:, :, 1:] - xy[:, :, :-1]], 2) * 4 * MOTION_SCALE
    pinned = queries.given * PINNED
    if look is None:
        return Evidence(torch.cat([moved, before], -1), None, None, pinned)
    found = look.around(xy.transpose(1, 2).reshape(batch * frames, count, 2))
    seen, pull, step = (part.unflatten(0, (batch, frames)).transpose(1, 2) for part in found)
    return Evidence(torch.cat([moved, before, seen], -1), pull, step, pinned)
