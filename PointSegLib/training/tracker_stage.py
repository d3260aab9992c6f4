"""Stage one: the point tracker learns from simulated motion (Eq. 2)."""

from __future__ import annotations

import torch
from torch import Tensor

from PointSegLib.coordinates import pixel_to_unit
from PointSegLib.model import PointQueries, PointTracker
from PointSegLib.model.queries import describe_points, start_at_query, start_from_overlap
from PointSegLib.simulation.augment import augment_appearance, augment_geometry
from PointSegLib.simulation.warp import SimulatedClip, simulate_warp
from PointSegLib.training.frames import FrameSet
from PointSegLib.training.losses import matching_loss, point_loss
from PointSegLib.training.settings import TrainingSettings
from PointSegLib.training.stage import Losses, Stage
from PointSegLib.training.stream import Batch

QUERY_FRAMES = 4
FRAMES_OUTSIDE = 3
CARRIED_NOISE = 0.006


def draw_clip(frames: FrameSet, n_frames: int, n_points: int, generator: torch.Generator) -> SimulatedClip:
    """A random frame of the set, augmented and set in motion."""
    index = int(torch.randint(len(frames), (1,), generator=generator))
    return _moved_frame(frames, index, n_frames, n_points, generator)


def _moved_frame(
    frames: FrameSet, index: int, n_frames: int, n_points: int, generator: torch.Generator
) -> SimulatedClip:
    image = torch.from_numpy(frames.images[index]).float() / 255
    image, labels = augment_geometry(image, torch.from_numpy(frames.labels[index]), generator)
    clip = simulate_warp(image, labels, n_frames, n_points, generator)
    return SimulatedClip(
        augment_appearance(clip.frames, generator), clip.labels, clip.tracks, clip.visible, clip.query_frame
    )


class TrackerStage(Stage):
    """Simulates a clip and scores the tracker on one window of it.

    The clip is a little longer than the window. Points whose query frame falls outside it enter the window as they do
    in a long cine: with noisy positions in the frames shared with the neighbouring window.

    Args:
        tracker: to train.
        frames: to set in motion.
        settings: of this stage.
        overlap: frames that neighbouring windows share.
    """

    name = "tracker"

    def __init__(self, tracker: PointTracker, frames: FrameSet, settings: TrainingSettings, overlap: int) -> None:
        super().__init__()
        self.tracker, self.frames, self.settings, self.overlap = tracker, frames, settings, overlap

    def draw(self, generator: torch.Generator) -> Batch:
        """One clip, the queries in it, and where its points are in the window."""
        total = self.settings.frames + FRAMES_OUTSIDE
        index = int(torch.randint(len(self.frames), (1,), generator=generator))
        clip = _moved_frame(self.frames, index, total, 2 * self.settings.points, generator)
        first = int(torch.randint(FRAMES_OUTSIDE + 1, (1,), generator=generator))
        side = clip.frames.shape[-1]
        chosen, query_frame = _choose_queries(clip.visible, self.settings.points, generator)
        everywhere = pixel_to_unit(clip.tracks[chosen][None], torch.tensor([side, side]))
        where = everywhere[0, torch.arange(len(chosen)), query_frame][None]
        window = slice(first, first + self.settings.frames)
        truth, visible = everywhere[:, :, window], clip.visible[chosen][None, :, window]
        start, given = _starts(truth, where, query_frame - first, self.overlap, generator)
        queries = {"where": where, "query_frame": query_frame, "start": start, "given": given}
        names = [self.frames.names[index]]
        return {"images": clip.frames, "first": first, "truth": truth, "visible": visible, **queries, "names": names}

    def forward(self, batch: Batch) -> Losses:
        """Eq. 2, and the distances of the last layer and of standing still."""
        settings, first = self.settings, batch["first"]
        truth, visible, start = batch["truth"], batch["visible"], batch["start"]
        features = self.tracker.encoder(batch["images"].unsqueeze(1))
        content, descriptor = describe_points(self.tracker, features, 1, batch["where"], batch["query_frame"])
        window = features.frames(slice(first, first + settings.frames))
        predicted = self.tracker(window, PointQueries(content, descriptor, start, batch["given"]))
        terms = {"points": point_loss(predicted, truth, visible, settings.weight_position, settings.weight_visibility)}
        if settings.weight_matching and predicted.matching:
            terms["matching"] = settings.weight_matching * matching_loss(predicted.matching, truth, visible)
        return terms, _errors_px(predicted.xy[-1].detach(), start, truth, batch["images"].shape[-1])


def _errors_px(found: Tensor, start: Tensor, truth: Tensor, side: int) -> dict[str, Tensor]:
    """Mean distance of the last layer and of standing still, in pixels of the network's input."""
    far = {"error_px": found, "still_px": start}
    return {name: (xy - truth).norm(dim=-1).mean() * side for name, xy in far.items()}


def _choose_queries(visible: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A few query frames, and for each the points that can be seen there: indices `[N]` and frames `[N]`."""
    n_frames = visible.shape[1]
    chosen, frames = [], []
    for frame in torch.randperm(n_frames, generator=generator)[:QUERY_FRAMES].tolist():
        seen = visible[:, frame].nonzero().flatten()
        if len(seen) == 0:
            seen = torch.arange(len(visible))
        pick = seen[torch.randperm(len(seen), generator=generator)[: count // QUERY_FRAMES]]
        chosen.append(pick)
        frames.append(torch.full_like(pick, frame))
    return torch.cat(chosen), torch.cat(frames)


def _starts(
    truth: Tensor, where: Tensor, query_frame: Tensor, overlap: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    n_frames = truth.shape[2]
    start, given = start_at_query(where, query_frame.clamp(0, n_frames - 1), n_frames)
    noise = torch.randn(truth.shape, generator=generator) * CARRIED_NOISE
    before = start_from_overlap((truth + noise)[:, :, :overlap], n_frames)
    after = start_from_overlap((truth + noise)[:, :, n_frames - overlap :], n_frames, at_end=True)
    for outside, (carried, not_given) in ((query_frame < 0, before), (query_frame >= n_frames, after)):
        start = torch.where(outside[None, :, None, None], carried, start)
        given = torch.where(outside[None, :, None], not_given, given)
    return start, given
