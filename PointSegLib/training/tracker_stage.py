"""Stage one: the point tracker learns from simulated motion (Eq. 2)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from PointSegLib.evaluation.tracking import TrackSet, score_tracks
from PointSegLib.model import PointQueries, PointTracker
from PointSegLib.model.queries import describe_points, start_at_query, start_from_overlap
from PointSegLib.model.tracker import TrackedPoints
from PointSegLib.simulation.augment import GeometryConfig
from PointSegLib.training.clips import ClipSet
from PointSegLib.training.losses import gain_loss, matching_loss, point_loss, step_loss
from PointSegLib.training.settings import TrainingSettings
from PointSegLib.training.stage import Losses, Stage
from PointSegLib.training.stream import Batch

QUERY_FRAMES = 4
FRAMES_OUTSIDE = 3
CARRIED_NOISE = 0.006
# shares of the window's full length; the shortest are pairs of frames that may lie far apart in the beat
LENGTHS = (0.1, 0.35, 0.5, 0.65, 1.0)
VALIDATION_CLIPS, VALIDATION_POINTS = 16, 128
VALIDATED = ("average_jaccard", "position_accuracy", "occlusion_accuracy", "motion_gain")


class TrackerStage(Stage):
    """Draws clips with motion truth and scores the tracker on one window of them.

    A drawn clip is a little longer than its window. Points whose query frame falls outside it enter the window as they
    do in a long cine: with noisy positions in the frames shared with the neighbouring window.

    Args:
        tracker: to train.
        clips: to learn from.
        settings: of this stage.
        overlap: frames that neighbouring windows share.
        held_out: clips of other patients to validate on.
    """

    name = "tracker"

    def __init__(
        self,
        tracker: PointTracker,
        clips: ClipSet,
        settings: TrainingSettings,
        overlap: int,
        held_out: ClipSet | None = None,
    ) -> None:
        super().__init__()
        self.tracker, self.clips, self.settings, self.overlap = tracker, clips, settings, overlap
        self.held_out = held_out

    def draw(self, generator: torch.Generator) -> Batch:
        """Clips of one length, the queries in them, and where their points are in the window."""
        settings = self.settings
        share = LENGTHS[int(torch.randint(len(LENGTHS), (1,), generator=generator))]
        frames = min(max(2, round(share * settings.frames)), self.clips.shortest)
        outside = min(FRAMES_OUTSIDE if frames > self.overlap else 0, self.clips.shortest - frames)
        ranges = GeometryConfig().scaled(settings.geometry)
        drawn = [self.clips.draw(frames + outside, generator, ranges) for _ in range(settings.clips)]
        query_frames = torch.randperm(frames + outside, generator=generator)[:QUERY_FRAMES]
        count = settings.points // len(query_frames)
        query_frame = query_frames.repeat_interleave(count)
        rows = [torch.cat([_seen_in(w.visible, f, count, generator) for f in query_frames.tolist()]) for w in drawn]
        everywhere = torch.stack([w.xy[r] for w, r in zip(drawn, rows, strict=True)])
        visible = torch.stack([w.visible[r] for w, r in zip(drawn, rows, strict=True)])
        where = everywhere[:, torch.arange(len(query_frame)), query_frame]
        first = int(torch.randint(outside + 1, (1,), generator=generator))
        truth = everywhere[:, :, first : first + frames]
        start, given, carried = _starts(truth, where, query_frame - first, self.overlap, generator)
        images = torch.stack([w.images for w in drawn])
        queries = {"where": where, "query_frame": query_frame, "start": start, "given": given, "carried": carried}
        answer = {"truth": truth, "visible": visible[:, :, first : first + frames]}
        return {"images": images, "first": first, **queries, **answer, "names": [w.name for w in drawn]}

    def forward(self, batch: Batch) -> Losses:
        """Eq. 2, and the distances of the last layer and of standing still."""
        settings, images = self.settings, batch["images"]
        predicted = track_window(self.tracker, images, batch)
        with torch.autocast(images.device.type, enabled=False):
            weights = settings.weight_position, settings.weight_visibility
            terms = {"points": point_loss(predicted, batch["truth"], batch["visible"], *weights)}
            if predicted.steps:
                terms["steps"] = settings.weight_position * step_loss(predicted.steps, batch["truth"], batch["visible"])
            if settings.weight_gain:
                gain = gain_loss(predicted.xy, batch["where"], batch["truth"], batch["visible"])
                terms["gain"] = settings.weight_gain * gain
            if settings.weight_matching and predicted.matching:
                matching = matching_loss(predicted.matching, batch["truth"], batch["visible"])
                terms["matching"] = settings.weight_matching * matching
        return terms, _figures(predicted, batch)

    def validate(self) -> dict[str, float]:
        """Scores of TAP-Vid on held-out clips as they are, from one query frame each, in one window."""
        if self.held_out is None:
            return {}
        rows = [self._score(index) for index in range(min(VALIDATION_CLIPS, len(self.held_out)))]
        return {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}

    def _score(self, index: int) -> dict[str, float]:
        assert self.held_out is not None
        size, frames = self.held_out.size, min(self.settings.frames, self.held_out.shortest)
        window = self.held_out.window(self.held_out.names[index], np.arange(frames))
        frame = index % frames
        rows = _seen_in(window.visible, frame, VALIDATION_POINTS, torch.Generator().manual_seed(index))
        truth, query_frame = window.xy[rows][None], torch.full((len(rows),), frame)
        where = truth[:, :, frame]
        start, given = start_at_query(where, query_frame, frames)
        device = next(self.parameters()).device
        queries = {"where": where, "query_frame": query_frame, "start": start, "given": given, "truth": truth}
        queries["carried"] = torch.zeros_like(given)
        batch = {name: value.to(device) for name, value in queries.items()}
        found = track_window(self.tracker, window.images[None].to(device), {**batch, "first": 0})
        answer = TrackSet((found.xy[-1][0].cpu() * size - 0.5).numpy(), (found.visible[0] > 0).cpu().numpy())
        right = TrackSet((truth[0] * size - 0.5).numpy(), window.visible[rows].numpy())
        scores = score_tracks(answer, right, query_frame.numpy(), (size, size), "strided").as_row()
        return {name: scores[name] for name in VALIDATED}


def track_window(tracker: PointTracker, images: Tensor, queries: Batch) -> TrackedPoints:
    """Track through a window of clips `[B, T', S, S]`; only the encoder runs in reduced precision.

    Args:
        tracker: the network.
        images: the frames drawn, the window's and a few beside it.
        queries: `where` `[B, N, 2]`, `query_frame` `[N]`, `first` frame of the window, and in it `start`, `given`,
            `carried`.
    """
    n_clips, n_frames = images.shape[:2]
    features = tracker.encoder(images.flatten(0, 1).unsqueeze(1))
    with torch.autocast(images.device.type, enabled=False):
        features = features.float()
        frame = queries["query_frame"]
        described = describe_points(tracker, features, n_clips, queries["where"], frame)
        inside = torch.arange(queries["start"].shape[2], device=images.device) + queries["first"]
        clip = torch.arange(n_clips, device=images.device)[:, None] * n_frames
        window = features.frames((clip + inside).flatten())
        known = (queries[name] for name in ("start", "given", "carried"))
        return tracker(window, PointQueries(described, frame, *known))


def _figures(predicted: TrackedPoints, batch: Batch) -> dict[str, Tensor]:
    """Mean distance of the last layer and of standing still in pixels, and the share of visibilities told rightly."""
    truth, visible, side = batch["truth"], batch["visible"], batch["images"].shape[-1]
    far = {"error_px": predicted.xy[-1].detach(), "still_px": batch["start"]}
    figures = {name: (xy - truth).norm(dim=-1)[visible].mean() * side for name, xy in far.items()}
    return {
        **figures,
        "visibility": ((predicted.visible > 0) == visible).float().mean(),
        "seen": visible.float().mean(),
    }


def _seen_in(visible: Tensor, frame: int, count: int, generator: torch.Generator) -> Tensor:
    """Indices `[count]` of points that are visible in a frame, of any where none is; they repeat where too few are."""
    seen = visible[:, frame].nonzero().flatten()
    seen = seen if len(seen) else torch.arange(len(visible))
    order = torch.randperm(len(seen), generator=generator)
    return seen[order[torch.arange(count) % len(seen)]]


def _starts(
    truth: Tensor, where: Tensor, query_frame: Tensor, overlap: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    n_frames = truth.shape[2]
    start, given = start_at_query(where, query_frame.clamp(0, n_frames - 1), n_frames)
    carried = torch.zeros_like(given)
    given = given & ((query_frame >= 0) & (query_frame < n_frames))[None, :, None]
    if bool(given.any(-1).all()):
        return start, given, carried
    noise = torch.randn(truth.shape, generator=generator) * CARRIED_NOISE
    before = start_from_overlap((truth + noise)[:, :, :overlap], n_frames)
    after = start_from_overlap((truth + noise)[:, :, n_frames - overlap :], n_frames, at_end=True)
    for outside, (rest, shared) in ((query_frame < 0, before), (query_frame >= n_frames, after)):
        start = torch.where(outside[None, :, None, None], rest, start)
        carried = torch.where(outside[None, :, None], shared, carried)
    return start, given, carried
