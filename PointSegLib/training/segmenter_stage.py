"""Stage two: with the tracker frozen, fusion layers and mask decoder learn masks that follow the points (Eq. 3, 4)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.model import PointCues, PointQueries, PointSeg
from PointSegLib.model.encoder import FrameFeatures
from PointSegLib.model.frames import labels_from_probabilities
from PointSegLib.model.queries import describe_points, staggered_grid, start_at_query
from PointSegLib.result import LABEL_NAMES
from PointSegLib.simulation.augment import GeometryConfig, augment_appearance, augment_geometry
from PointSegLib.training.clicks import draw_clicks
from PointSegLib.training.clips import ClipSet
from PointSegLib.training.frames import FrameSet
from PointSegLib.training.losses import mask_loss, mask_targets, temporal_loss
from PointSegLib.training.settings import TrainingSettings
from PointSegLib.training.stage import Losses, Stage
from PointSegLib.training.stream import Batch

STILL, PAIR, CLIP = range(3)
MOST_CLICKS = 3
# coarser masks are enlarged before they are scored, so that their contours learn to lie between cells
LOSS_STRIDE = 2
VALIDATION_BATCH = 10


def draw_labelled_frames(
    frames: FrameSet, groups: list[list[int]], generator: torch.Generator, geometry: float
) -> tuple[Tensor, Tensor]:
    """Real frames, augmented; those of a group are placed and lit alike.

    Args:
        frames: annotated ones.
        groups: B lists of T indices each.
        generator: source of the random numbers.
        geometry: strength of the geometric augmentation, 1 for its full ranges.

    Returns:
        float32 `[B, T, S, S]` in 0..1 and uint8 labels of the same shape.
    """
    ranges = GeometryConfig().scaled(geometry)
    images, labels = [], []
    for group in groups:
        image = torch.from_numpy(frames.images[group]).float() / 255
        image, mask = augment_geometry(image, torch.from_numpy(frames.labels[group]), generator, ranges)
        images.append(augment_appearance(image, generator))
        labels.append(mask)
    return torch.stack(images), torch.stack(labels)


class SegmenterStage(Stage):
    """Draws stills, ED/ES pairs or clips, tracks a grid through them and scores the masks of every fusion layer.

    In a share of the steps a simulated user corrects the prediction: the masks are formed once without and once with
    the clicks, whose tracks carry what they say to the other frames.

    Args:
        model: its segmenter is trained, its tracker rests.
        frames: annotated ones; None where `kind_shares` asks for none.
        settings: of this stage.
        clips: labelled ones; None where `kind_shares` asks for none.
        held_out: annotated frames of other patients to validate on.
    """

    name = "segmenter"

    def __init__(
        self,
        model: PointSeg,
        frames: FrameSet | None,
        settings: TrainingSettings,
        clips: ClipSet | None = None,
        held_out: FrameSet | None = None,
    ) -> None:
        super().__init__()
        self.model, self.frames, self.settings = model, frames, settings
        self.clips, self.held_out = clips, held_out
        self.pairs = frames.pairs() if frames else []
        model.tracker.requires_grad_(False)

    def train(self, mode: bool = True) -> SegmenterStage:
        """The tracker stays in evaluation mode."""
        super().train(mode)
        self.model.tracker.eval()
        return self

    def draw(self, generator: torch.Generator) -> Batch:
        """Frames, their labels, points to track, and the frames a user will click in."""
        settings = self.settings
        kind = int(torch.multinomial(torch.tensor(settings.kind_shares), 1, generator=generator))
        if kind == CLIP and self.clips is not None:
            images, labels, names = self._draw_clips(self.clips, generator)
        else:
            assert self.frames is not None
            images, labels, names = self._draw_frames(self.frames, kind, generator)
        n_clips, n_frames = images.shape[:2]
        grid = draw_grid(self.model.config.grid_size, n_clips, n_frames, settings.points, generator)
        n_clicks = 0
        if float(torch.rand((), generator=generator)) < settings.click_share:
            n_clicks = 1 + int(torch.randint(MOST_CLICKS, (1,), generator=generator))
        clicked = torch.randint(n_frames, (n_clicks,), generator=generator)
        return {"images": images, "labels": labels, **grid, "clicked": clicked, "names": names}

    def _draw_clips(self, clips: ClipSet, generator: torch.Generator) -> tuple[Tensor, Tensor, list[str]]:
        settings = self.settings
        longest = min(settings.frames, clips.shortest)
        n_frames = longest if float(torch.rand((), generator=generator)) < 0.5 else min(4, longest)
        ranges = GeometryConfig().scaled(settings.geometry)
        drawn = [clips.draw(n_frames, generator, ranges) for _ in range(max(1, settings.clips // n_frames))]
        images, labels = torch.stack([w.images for w in drawn]), torch.stack([w.labels for w in drawn])
        return images, labels, [w.name for w in drawn]

    def _draw_frames(self, frames: FrameSet, kind: int, generator: torch.Generator) -> tuple[Tensor, Tensor, list[str]]:
        settings = self.settings
        known = self.pairs if kind == PAIR else [[index] for index in range(len(frames))]
        count = max(1, settings.clips // len(known[0]))
        chosen = [known[int(i)] for i in torch.randint(len(known), (count,), generator=generator)]
        if kind == PAIR and float(torch.rand((), generator=generator)) < 0.5:
            chosen = [pair[::-1] for pair in chosen]
        images, labels = draw_labelled_frames(frames, chosen, generator, settings.geometry)
        return images, labels, [frames.names[i] for group in chosen for i in group]

    def forward(self, batch: Batch) -> Losses:
        """Eq. 3 and 4, and the Dice of each structure."""
        images, settings, config = batch["images"], self.settings, self.model.config.segmenter
        where, frame = batch["where"], batch["query_frame"]
        features = self.model.segmenter.encoder(images.flatten(0, 1).unsqueeze(1))
        cues = self._cues(images, where, frame, where.new_zeros(where.shape[:2], dtype=torch.long))
        if len(batch["clicked"]):
            cues = self._with_clicks(features, cues, batch)
        layers = self.model.segmenter(features, cues, every_layer=True)
        target = mask_targets(batch["labels"], config.class_labels, min(config.input_stride, LOSS_STRIDE))
        with torch.autocast(images.device.type, enabled=False):
            layers = [layer.float() for layer in layers]
            weights = settings.layer_weights[-len(layers) :]
            terms = {"mask": mask_loss(layers, target, weights, settings.weight_bce)}
            smooth = temporal_loss(layers, cues.xy, cues.visibility > 0.5, weights)
        terms["temporal"] = settings.weight_temporal * smooth
        return terms, _dice_figures(layers[-1].detach(), batch["labels"], config.class_labels)

    @torch.no_grad()
    def _with_clicks(self, features: FrameFeatures, cues: PointCues, batch: Batch) -> PointCues:
        logits = self.model.segmenter(features, cues)[-1]
        classes = self.model.config.segmenter.class_labels
        places, said = draw_clicks(logits, batch["labels"], batch["clicked"], classes)
        # older PyTorch keeps the cast weights of this pass, which have no gradient, for the one that learns
        torch.clear_autocast_cache()
        where = torch.cat([batch["where"], places], 1)
        frame = torch.cat([batch["query_frame"], batch["clicked"]])
        return self._cues(batch["images"], where, frame, torch.cat([cues.hint, said], 1))

    @torch.no_grad()
    def _cues(self, images: Tensor, where: Tensor, frame: Tensor, hint: Tensor) -> PointCues:
        """What the frozen tracker says of points `[B, N, 2]` of clips `[B, T, S, S]`."""
        n_clips, n_frames = images.shape[:2]
        if n_frames == 1:
            return PointCues.resting(where, hint)
        tracker = self.model.tracker
        features = tracker.encoder(images.flatten(0, 1).unsqueeze(1)).float()
        with torch.autocast(images.device.type, enabled=False):
            described = describe_points(tracker, features, n_clips, where, frame)
            start, given = start_at_query(where, frame, n_frames)
            tracked = tracker(features, PointQueries(described, frame, start, given, torch.zeros_like(given)))
        xy = torch.where(given[..., None], start, tracked.xy[-1])
        return PointCues(xy, tracked.visible.sigmoid().maximum(given.float()), tracked.tokens, hint)

    def validate(self) -> dict[str, float]:
        """Mean Dice of each structure over the held-out frames, each a still, on the network's raster."""
        if self.held_out is None:
            return {}
        rows = []
        for first in range(0, len(self.held_out), VALIDATION_BATCH):
            part = slice(first, first + VALIDATION_BATCH)
            rows.append(self._validate_frames(self.held_out.images[part], self.held_out.labels[part]))
        dice = torch.cat(rows).nanmean(0)
        classes = self.model.config.segmenter.class_labels
        names = (f"dice_{LABEL_NAMES[label].lower().replace(' ', '_')}" for label in classes)
        named = {name: float(d) for name, d in zip(names, dice, strict=True)}
        return dict(sorted(named.items(), key=lambda item: "myocardium" not in item[0]))

    def _validate_frames(self, images: np.ndarray, labels: np.ndarray) -> Tensor:
        """Dice `[F, K]` of uint8 frames `[F, S, S]`."""
        device = next(self.model.segmenter.parameters()).device
        pixels, truth = torch.as_tensor(images, device=device)[:, None], torch.as_tensor(labels, device=device)
        grid = torch.cat(staggered_grid(self.model.config.grid_size)).to(device).expand(len(pixels), -1, -1)
        cues = PointCues.resting(grid, grid.new_zeros(grid.shape[:2], dtype=torch.long))
        logits = self.model.segmenter(self.model.segmenter.encoder(pixels.float() / 255), cues)[-1][:, 0]
        classes = self.model.config.segmenter.class_labels
        full = F.interpolate(logits.float(), truth.shape[-2:], mode="bilinear", align_corners=False).sigmoid()
        found = labels_from_probabilities(full, classes)
        columns = []
        for label in classes:
            a, b = found == label, truth == label
            columns.append(2 * (a & b).sum((1, 2)) / (a.sum((1, 2)) + b.sum((1, 2))))
        return torch.stack(columns, 1)


def draw_grid(grid_size: int, n_clips: int, n_frames: int, n_points: int, generator: torch.Generator) -> Batch:
    """A random part of the automatic grid, shifted: `where` `[B, N, 2]` and `query_frame` `[N]`."""
    early, late = staggered_grid(grid_size)
    xy = torch.cat([early, late])
    frame = torch.cat([torch.zeros(len(early)), torch.full((len(late),), n_frames - 1)]).long()
    chosen = torch.randperm(len(xy), generator=generator)[:n_points]
    shift = (torch.rand(n_clips, 1, 2, generator=generator) - 0.5) / grid_size
    return {"where": (xy[chosen] + shift).clamp(0, 1), "query_frame": frame[chosen]}


def _dice_figures(logits: Tensor, labels: Tensor, class_labels: tuple[int, ...]) -> dict[str, Tensor]:
    found = logits > 0
    true = mask_targets(labels, class_labels, labels.shape[-1] // logits.shape[-1]) > 0.5
    overlap = (found & true).sum((0, 1, 3, 4))
    total = found.sum((0, 1, 3, 4)) + true.sum((0, 1, 3, 4))
    dice = 2 * overlap / total.clamp(min=1)
    return {f"dice_{label}": value for label, value in zip(class_labels, dice, strict=True)}
