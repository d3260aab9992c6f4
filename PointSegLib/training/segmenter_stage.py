"""Stage two: with the tracker frozen, fusion layers and mask decoder learn masks that follow the points (Eq. 3, 4)."""

from __future__ import annotations

import torch
from torch import Tensor

from PointSegLib.model import PointCues, PointQueries, PointSeg
from PointSegLib.model.queries import describe_points, staggered_grid, start_at_query
from PointSegLib.simulation.augment import GeometryConfig, augment_appearance, augment_geometry
from PointSegLib.simulation.warp import simulate_warp
from PointSegLib.training.frames import FrameSet
from PointSegLib.training.losses import mask_loss, mask_targets, temporal_loss
from PointSegLib.training.settings import TrainingSettings
from PointSegLib.training.stage import Losses, Stage
from PointSegLib.training.stream import Batch


def draw_labelled_clips(
    frames: FrameSet, n_clips: int, n_frames: int, generator: torch.Generator, geometry: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Augmented clips of random frames with a mask in every frame.

    One frame is taken as it is; more are made by setting a frame in motion.

    Returns:
        float32 `[B, T, S, S]` in 0..1 and uint8 labels of the same shape.
    """
    indices = torch.randint(len(frames), (n_clips,), generator=generator).tolist()
    return _labelled_clips(frames, indices, n_frames, generator, geometry)


def _labelled_clips(
    frames: FrameSet, indices: list[int], n_frames: int, generator: torch.Generator, geometry: float
) -> tuple[Tensor, Tensor]:
    ranges = GeometryConfig().scaled(geometry)
    images, labels = [], []
    for index in indices:
        image = torch.from_numpy(frames.images[index]).float() / 255
        image, mask = augment_geometry(image, torch.from_numpy(frames.labels[index]), generator, ranges)
        if n_frames == 1:
            clip_images, clip_labels = image[None], mask[None]
        else:
            clip = simulate_warp(image, mask, n_frames, 1, generator)
            clip_images, clip_labels = clip.frames, clip.labels
        images.append(augment_appearance(clip_images, generator))
        labels.append(clip_labels)
    return torch.stack(images), torch.stack(labels)


def draw_grid(grid_size: int, n_clips: int, n_frames: int, n_points: int, generator: torch.Generator) -> Batch:
    """A random part of the automatic grid, shifted: `where` `[B, N, 2]` and `query_frame` `[N]`."""
    early, late = staggered_grid(grid_size)
    xy = torch.cat([early, late])
    frame = torch.cat([torch.zeros(len(early)), torch.full((len(late),), n_frames - 1)]).long()
    chosen = torch.randperm(len(xy), generator=generator)[:n_points]
    shift = (torch.rand(n_clips, 1, 2, generator=generator) - 0.5) / grid_size
    return {"where": (xy[chosen] + shift).clamp(0, 1), "query_frame": frame[chosen]}


@torch.no_grad()
def track_points(model: PointSeg, images: Tensor, where: Tensor, frame: Tensor) -> PointCues:
    """What the frozen tracker says of points `[B, N, 2]` of clips `[B, T, S, S]`, in full precision."""
    n_clips, n_frames = images.shape[:2]
    with torch.autocast(images.device.type, enabled=False):
        features = model.tracker.encoder(images.flatten(0, 1).unsqueeze(1))
        content, descriptor = describe_points(model.tracker, features, n_clips, where, frame)
        start, given = start_at_query(where, frame, n_frames)
        tracked = model.tracker(features, PointQueries(content, descriptor, start, given))
    hint = torch.zeros(where.shape[:2], dtype=torch.long, device=images.device)
    return PointCues(tracked.xy[-1], tracked.visible.sigmoid(), tracked.tokens, hint)


class SegmenterStage(Stage):
    """Draws clips of one length, tracks a grid through them and scores the masks of every fusion layer.

    Args:
        model: its segmenter is trained, its tracker rests.
        frames: annotated ones.
        settings: of this stage.
    """

    name = "segmenter"

    def __init__(self, model: PointSeg, frames: FrameSet, settings: TrainingSettings) -> None:
        super().__init__()
        self.model, self.frames, self.settings = model, frames, settings
        model.tracker.requires_grad_(False)

    def train(self, mode: bool = True) -> SegmenterStage:
        """The tracker stays in evaluation mode."""
        super().train(mode)
        self.model.tracker.eval()
        return self

    def draw(self, generator: torch.Generator) -> Batch:
        """Clips, their labels, and points to track."""
        settings = self.settings
        n_frames = _draw_length(settings.frames, settings.length_shares, generator)
        n_clips = max(1, settings.clips // n_frames)
        indices = torch.randint(len(self.frames), (n_clips,), generator=generator).tolist()
        images, labels = _labelled_clips(self.frames, indices, n_frames, generator, settings.geometry)
        grid = draw_grid(self.model.config.grid_size, n_clips, n_frames, settings.points, generator)
        return {"images": images, "labels": labels, **grid, "names": [self.frames.names[i] for i in indices]}

    def forward(self, batch: Batch) -> Losses:
        """Eq. 3 and 4, and the Dice of each structure."""
        images, settings, config = batch["images"], self.settings, self.model.config.segmenter
        cues = track_points(self.model, images, batch["where"], batch["query_frame"])
        features = self.model.segmenter.encoder(images.flatten(0, 1).unsqueeze(1))
        layers = self.model.segmenter(features, cues, every_layer=True)
        target = mask_targets(batch["labels"], config.class_labels, config.mask_stride)
        with torch.autocast(images.device.type, enabled=False):
            layers = [layer.float() for layer in layers]
            terms = {"mask": mask_loss(layers, target, settings.layer_weights, settings.weight_bce)}
            smooth = temporal_loss(layers, cues.xy, cues.visibility > 0.5, settings.layer_weights)
        terms["temporal"] = settings.weight_temporal * smooth
        return terms, _dice_figures(layers[-1].detach(), target, config.class_labels)


def _draw_length(longest: int, shares: tuple[float, ...], generator: torch.Generator) -> int:
    """Frames per clip of this step: one, four or the longest."""
    drawn = int(torch.multinomial(torch.tensor(shares), 1, generator=generator))
    return min((1, 4, longest)[drawn], longest)


def _dice_figures(logits: Tensor, target: Tensor, class_labels: tuple[int, ...]) -> dict[str, Tensor]:
    found, true = logits > 0, target > 0.5
    overlap = (found & true).sum((0, 1, 3, 4))
    total = found.sum((0, 1, 3, 4)) + true.sum((0, 1, 3, 4))
    dice = 2 * overlap / total.clamp(min=1)
    return {f"dice_{label}": value for label, value in zip(class_labels, dice, strict=True)}
