"""`PointSegPredictor`: a clip in, labels and trajectories out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from PointSegLib.clip import CineClip
from PointSegLib.inference.device import choose_device
from PointSegLib.inference.points import checked_points
from PointSegLib.inference.sweep import TrackingSweep, WindowTracks
from PointSegLib.inference.windows import blend, window_ranges
from PointSegLib.model import Checkpoint, PointCues, load_checkpoint
from PointSegLib.model.frames import (
    clip_probabilities,
    clip_to_unit,
    labels_from_probabilities,
    network_frames,
    unit_to_clip,
)
from PointSegLib.model.queries import staggered_grid
from PointSegLib.result import PointSegResult, PointTracks, Progress
from PointSegLib.sector import Sector, find_sector

EMBEDDED = Path(__file__).parent.parent / "checkpoints" / "pointseg-small.safetensors"
VISIBLE_ABOVE = 0.5


class PointSegPredictor:
    """Segments clips and tracks their tissue points with one network.

    Frames are processed in overlapping windows, so that memory does not grow with the length of the clip beyond the
    result itself and, for points put on later frames, their tokens (200 bytes a point and frame in `small`). On a CPU
    the same clip gives the same result, bit for bit.
    """

    def __init__(self, checkpoint: Checkpoint, device: str = "auto") -> None:
        self.device = choose_device(device)
        self.model = checkpoint.model.to(self.device).eval()
        self.provenance = checkpoint.provenance
        self.config = self.model.config

    @classmethod
    def from_pretrained(
        cls, checkpoint: str | os.PathLike[str] | None = None, device: str = "auto"
    ) -> PointSegPredictor:
        """Load a network.

        Args:
            checkpoint: a .safetensors file written by `pointseg train`; None takes the one that comes with PointSeg.
            device: "auto", "cpu", "cuda" or "mps".

        Raises:
            CheckpointError: when the file cannot be used.
            PointSegError: when the device is not there.
        """
        return cls(load_checkpoint(EMBEDDED if checkpoint is None else checkpoint), device)

    @torch.inference_mode()
    def __call__(
        self,
        clip: CineClip,
        points: np.ndarray | None = None,
        progress: Progress | None = None,
        *,
        probabilities: bool = False,
    ) -> PointSegResult:
        """Segment every frame of a clip and track its points.

        Args:
            clip: any length and size.
            points: `[M, 3]` rows (frame, x, y) in pixels of the clip: tissue the user wants followed.
            progress: called with (frames done, frames in all); an exception it raises cancels the run. It hears 0 more
                than once while points put on later frames are first followed back to the start.
            probabilities: also return the class probabilities, `[T, K, H, W]`.

        Returns:
            Labels at the clip's own size and the trajectories of the user's points and of the automatic grid.

        Raises:
            ClipError: when there is nothing to segment.
            PointError: when a point does not fit the clip.
        """
        run = _Run(self, clip, points, progress)
        classes = self.config.segmenter.class_labels
        width, height = clip.size_wh
        labels = np.zeros((len(clip), height, width), np.uint8)
        kept = np.zeros((len(clip), len(classes), height, width), np.float16) if probabilities else None
        for frame, logits in run.frame_logits():
            found = clip_probabilities(logits[None], run.sector.box, (height, width))
            labels[frame] = labels_from_probabilities(found, classes)[0].cpu().numpy()
            if kept is not None:
                kept[frame] = found[0].half().cpu().numpy()
            run.report(frame + 1)
        return PointSegResult(labels, run.tracks(), kept, tuple(classes), (*clip.warnings, *run.warnings))

    @torch.inference_mode()
    def track(self, clip: CineClip, points: np.ndarray, progress: Progress | None = None) -> PointTracks:
        """Track the user's points alone, without segmenting.

        The arguments and errors are those of calling the predictor; the automatic grid is tracked along for context
        and left out of the result.
        """
        run = _Run(self, clip, points, progress)
        for _, (_, last), _, _ in run.forward():
            run.report(last)
        tracks = run.tracks()
        keep = tracks.is_prompt
        return PointTracks(
            tracks.xy[keep], tracks.visible[keep], tracks.confidence[keep], tracks.is_prompt[keep], tracks.queries[keep]
        )


class _Run:
    """One clip on its way through the network."""

    def __init__(
        self, predictor: PointSegPredictor, clip: CineClip, points: np.ndarray | None, progress: Progress | None
    ) -> None:
        self.clip, self.model, self.device, self.progress = clip, predictor.model, predictor.device, progress
        prompts = checked_points(points, clip)
        self.sector: Sector = find_sector(clip)
        config = predictor.config
        self.size = config.image_size
        self.windows = window_ranges(len(clip), config.window, config.window_overlap)
        self.mask = torch.from_numpy(self.sector.mask)
        placed = torch.from_numpy(prompts)
        self.n_prompts, self.warnings = len(prompts), _outside_sector(prompts, self.sector)
        self.prompts = torch.cat([placed[:, :1], clip_to_unit(placed[:, 1:], self.sector.box)], 1).float()
        self.queries = torch.cat([self.prompts, self._grid(config.grid_size, self.windows[0])])
        self.sweep = TrackingSweep(self.model.tracker, self.queries, self.windows, len(clip), backward=False)
        self.earlier_tokens: Tensor | None = None

    def report(self, done: int) -> None:
        """Tell the caller how many frames are done; the caller may raise to cancel."""
        if self.progress is not None:
            self.progress(done, len(self.clip))

    def forward(self) -> Iterator[tuple[int, tuple[int, int], Tensor, WindowTracks]]:
        """Track window by window: yields index, frame range, network frames and tracks."""
        self.report(0)
        self._fill_earlier_frames()
        for index, (first, last) in enumerate(self.windows):
            images = self._images(first, last)
            yield index, (first, last), images, self.sweep.step(index, self.model.tracker.encoder(images))

    def frame_logits(self) -> Iterator[tuple[int, Tensor]]:
        """Mask logits `[K, h, w]` of every frame in order, blended where windows overlap."""
        pending: Tensor | None = None
        for index, (first, last), images, tracks in self.forward():
            features = self.model.segmenter.encoder(images)
            logits = self.model.segmenter(features, self._cues(index, tracks))[-1][0].float()
            if pending is not None:
                shared = len(pending)
                logits = torch.cat([blend(pending, logits[:shared]), logits[shared:]])
            end = self.windows[index + 1][0] if index + 1 < len(self.windows) else last
            pending = logits[end - first :]
            yield from zip(range(first, end), logits, strict=False)

    def tracks(self) -> PointTracks:
        """What was tracked, in pixels of the clip."""
        xy = unit_to_clip(self.sweep.xy.double(), self.sector.box).numpy().astype(np.float32)
        width, height = self.clip.size_wh
        inside = ((xy >= -0.5) & (xy <= np.array([width, height]) - 0.5)).all(-1)
        confidence = self.sweep.confidence.numpy()
        queries = self.queries.double()
        placed = torch.cat([queries[:, :1], unit_to_clip(queries[:, 1:], self.sector.box)], 1)
        is_prompt = np.arange(len(xy)) < self.n_prompts
        visible = (confidence > VISIBLE_ABOVE) & inside
        return PointTracks(xy, visible, confidence, is_prompt, placed.numpy().astype(np.float32))

    def _images(self, first: int, last: int) -> Tensor:
        # made small before it travels; Apple's MPS cannot resize with antialiasing
        frames = torch.from_numpy(self.clip.frames[first:last])
        return network_frames(frames, self.mask, self.sector.box, self.size).to(self.device)

    def _grid(self, size: int, window: tuple[int, int]) -> Tensor:
        """Grid points inside the sector, half of them on the first and half on the last frame of a window."""
        rows = []
        for cells, frame in zip(staggered_grid(size), (window[0], window[1] - 1), strict=True):
            xy = unit_to_clip(cells, self.sector.box).round().long()
            width, height = self.clip.size_wh
            chosen = cells[self.mask[xy[:, 1].clamp(0, height - 1), xy[:, 0].clamp(0, width - 1)]]
            rows.append(torch.cat([torch.full((len(chosen), 1), float(frame)), chosen], 1))
        return torch.cat(rows)

    def _fill_earlier_frames(self) -> None:
        """Track prompts put on later frames back to the start, so that they guide every frame's mask."""
        late = int(self.sweep.home[: self.n_prompts].max()) if self.n_prompts else 0
        if late == 0:
            return
        windows = self.windows[late::-1]
        queries = torch.cat([self.prompts, self._grid(self.model.config.grid_size, windows[0])])
        back = TrackingSweep(self.model.tracker, queries, windows, len(self.clip), backward=True)
        tokens = torch.zeros(self.n_prompts, windows[0][1], self.model.tracker.config.encoder.dim, dtype=torch.float16)
        for index, (first, last) in enumerate(windows):
            self.report(0)
            tracked = back.step(index, self.model.tracker.encoder(self._images(first, last)))
            met = tracked.active < self.n_prompts
            tokens[tracked.active[met], first:last] = tracked.tokens[met.to(self.device)].half().cpu()
        self.earlier_tokens = tokens
        for prompt in range(self.n_prompts):
            # up to the end of its window: the one before overlaps it, and the forward sweep has not been there then
            known = slice(0, windows[int(back.home[prompt])][1])
            self.sweep.xy[prompt, known] = back.xy[prompt, known]
            self.sweep.confidence[prompt, known] = back.confidence[prompt, known]

    def _cues(self, index: int, tracks: WindowTracks) -> PointCues:
        first, last = self.windows[index]
        xy, confidence, tokens = tracks.xy, tracks.confidence, tracks.tokens
        waiting = (self.sweep.home > index).nonzero().flatten()
        if len(waiting) and self.earlier_tokens is not None:
            xy = torch.cat([xy, self.sweep.xy[waiting, first:last]])
            confidence = torch.cat([confidence, self.sweep.confidence[waiting, first:last]])
            tokens = torch.cat([tokens, self.earlier_tokens[waiting, first:last].float().to(self.device)])
        hint = torch.zeros(1, len(xy), dtype=torch.long, device=self.device)
        return PointCues(xy[None].to(self.device), confidence[None].to(self.device), tokens[None], hint)


def _outside_sector(prompts: np.ndarray, sector: Sector) -> tuple[str, ...]:
    """A sentence for each point put where there is no ultrasound image."""
    height, width = sector.mask.shape
    columns, rows = np.rint(prompts[:, 1]).astype(int), np.rint(prompts[:, 2]).astype(int)
    inside = sector.mask[rows.clip(0, height - 1), columns.clip(0, width - 1)]
    return tuple(
        f"Point {index} lies outside the ultrasound fan; its track means nothing." for index in np.flatnonzero(~inside)
    )
