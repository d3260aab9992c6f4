"""Stage two: with the tracker frozen, fusion layers and mask decoder learn masks that follow the points (Eq. 3, 4)."""

from __future__ import annotations

import torch
from torch import Tensor

from PointSegLib.model import PointCues, PointQueries, PointSeg
from PointSegLib.model.queries import describe_points, staggered_grid, start_at_query
from PointSegLib.simulation.augment import GeometryConfig, augment_appearance, augment_geometry
from PointSegLib.simulation.warp import simulate_warp
from PointSegLib.training.frames import FrameSet
from PointSegLib.training.loop import Losses
from PointSegLib.training.losses import mask_loss, mask_targets, temporal_loss
from PointSegLib.training.settings import TrainingSettings


def draw_labelled_clips(
    frames: FrameSet, n_clips: int, n_frames: int, generator: torch.Generator, geometry: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Augmented clips with a mask in every frame.

    One frame is taken as it is; more are made by setting a frame in motion.

    Returns:
        float32 `[B, T, S, S]` in 0..1 and uint8 labels of the same shape.
    """
    ranges = GeometryConfig().scaled(geometry)
    images, labels = [], []
    for index in torch.randint(len(frames), (n_clips,), generator=generator).tolist():
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


@torch.no_grad()
def track_grid(model: PointSeg, images: Tensor, n_points: int, generator: torch.Generator) -> PointCues:
    """What the frozen tracker says of a random part of the automatic grid in clips `[B, T, S, S]`."""
    n_clips, n_frames = images.shape[:2]
    early, late = staggered_grid(model.config.grid_size)
    xy = torch.cat([early, late])
    frame = torch.cat([torch.zeros(len(early)), torch.full((len(late),), n_frames - 1)]).long()
    chosen = torch.randperm(len(xy), generator=generator)[:n_points]
    cell = 1 / model.config.grid_size
    shift = (torch.rand(n_clips, 1, 2, generator=generator) - 0.5) * cell
    where, frame = (xy[chosen] + shift).clamp(0, 1).to(images.device), frame[chosen].to(images.device)
    features = model.tracker.encoder(images.flatten(0, 1).unsqueeze(1))
    content, descriptor = describe_points(model.tracker, features, n_clips, where, frame)
    start, given = start_at_query(where, frame, n_frames)
    tracked = model.tracker(features, PointQueries(content, descriptor, start, given))
    hint = torch.zeros(n_clips, len(chosen), dtype=torch.long, device=images.device)
    return PointCues(tracked.xy[-1], tracked.visible.sigmoid(), tracked.tokens, hint)


def draw_segmenter_loss(
    model: PointSeg, frames: FrameSet, settings: TrainingSettings, generator: torch.Generator
) -> Losses:
    """Draw clips of one length, track a grid through them and score the masks of every fusion layer."""
    n_frames = _draw_length(settings.frames, settings.length_shares, generator)
    n_clips = max(1, settings.clips // n_frames)
    device = next(model.parameters()).device
    drawn = draw_labelled_clips(frames, n_clips, n_frames, generator, settings.geometry)
    images, labels = (part.to(device) for part in drawn)
    cues = track_grid(model, images, settings.points, generator)
    config = model.config.segmenter
    with torch.autocast(device.type, torch.bfloat16, enabled=settings.bfloat16):
        features = model.segmenter.encoder(images.flatten(0, 1).unsqueeze(1))
        layers = model.segmenter(features, cues, every_layer=True)
    target = mask_targets(labels, config.class_labels, config.mask_stride)
    terms = {"mask": mask_loss(layers, target, settings.layer_weights, settings.weight_bce)}
    smooth = temporal_loss(layers, cues.xy, cues.visibility > 0.5, settings.layer_weights)
    terms["temporal"] = settings.weight_temporal * smooth
    return terms, _dice_figures(layers[-1].detach(), target, config.class_labels)


def _draw_length(longest: int, shares: tuple[float, ...], generator: torch.Generator) -> int:
    """Frames per clip of this step: one, four or the longest."""
    drawn = int(torch.multinomial(torch.tensor(shares), 1, generator=generator))
    return min((1, 4, longest)[drawn], longest)


def _dice_figures(logits: Tensor, target: Tensor, class_labels: tuple[int, ...]) -> dict[str, float]:
    found, true = logits > 0, target > 0.5
    overlap = (found & true).sum((0, 1, 3, 4))
    total = found.sum((0, 1, 3, 4)) + true.sum((0, 1, 3, 4))
    dice = 2 * overlap / total.clamp(min=1)
    return {f"dice_{label}": float(value) for label, value in zip(class_labels, dice, strict=True)}
