"""`ClipRun`: one clip on its way through the network, window by window."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from PointSegLib.clip import CineClip
from PointSegLib.inference.device import fast_arithmetic
from PointSegLib.inference.points import UserPoints
from PointSegLib.inference.sweep import TrackingSweep, WindowTracks
from PointSegLib.inference.windows import blend, window_ranges
from PointSegLib.model import PointCues, PointSeg
from PointSegLib.model.encoder import FrameFeatures
from PointSegLib.model.frames import clip_to_unit, network_frames, unit_to_clip
from PointSegLib.model.queries import staggered_grid
from PointSegLib.result import PointTracks, Progress
from PointSegLib.sector import Sector, find_sector

VISIBLE_ABOVE = 0.5


class ClipRun:
    """One clip on its way through the network.

    Args:
        model: in evaluation mode, on its device.
        clip: to segment or track.
        points: of the user.
        progress: told (frames done, frames in all).
    """

    def __init__(self, model: PointSeg, clip: CineClip, points: UserPoints, progress: Progress | None) -> None:
        self.clip, self.model, self.progress = clip, model, progress
        self.device = next(model.parameters()).device
        prompts = points.rows
        self.sector: Sector = find_sector(clip)
        config = model.config
        self.size = config.image_size
        self.windows = window_ranges(len(clip), config.window, config.window_overlap)
        self.mask = torch.from_numpy(self.sector.mask)
        placed = torch.from_numpy(prompts)
        self.n_prompts, self.warnings = len(prompts), _outside_sector(prompts, self.sector)
        self.prompts = torch.cat([placed[:, :1], clip_to_unit(placed[:, 1:], self.sector.box)], 1).float()
        self.queries = torch.cat([self.prompts, self._grid(config.grid_size, self.windows[0])])
        self.sweep = TrackingSweep(self.model.tracker, self.queries, self.windows, len(clip), backward=False)
        self.hint = torch.zeros(len(self.queries), dtype=torch.long)
        self.hint[: self.n_prompts] = torch.from_numpy(points.hints)
        self.earlier_tokens: Tensor | None = None

    def report(self, done: int) -> None:
        """Tell the caller how many frames are done; the caller may raise to cancel."""
        if self.progress is not None:
            self.progress(done, len(self.clip))

    def forward(self) -> Iterator[tuple[int, tuple[int, int], Tensor, WindowTracks]]:
        """Track window by window: yields index, frame range, network frames and tracks."""
        self.report(0)
        if len(self.clip) == 1:
            yield 0, (0, 1), self._images(0, 1), self.sweep.rest()
            return
        self._fill_earlier_frames()
        features: FrameFeatures | None = None
        for index, (first, last) in enumerate(self.windows):
            images = self._images(first, last)
            features = self._extended(features, index, images, self._tracker_features)
            yield index, (first, last), images, self.sweep.step(index, features)

    def frame_logits(self) -> Iterator[tuple[int, Tensor]]:
        """Mask logits `[K, h, w]` of every frame in order, blended where windows overlap."""
        pending: Tensor | None = None
        features: FrameFeatures | None = None
        for index, (first, last), images, tracks in self.forward():
            with fast_arithmetic(self.device):
                features = self._extended(features, index, images, self.model.segmenter.encoder)
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

    def _extended(
        self, before: FrameFeatures | None, index: int, images: Tensor, encode: Callable[[Tensor], FrameFeatures]
    ) -> FrameFeatures:
        """Features of window `index`; the frames it shares with the one before have theirs already."""
        if before is None:
            return encode(images)
        shared = self.windows[index - 1][1] - self.windows[index][0]
        count = len(before.detail)
        return before.frames(slice(count - shared, count)).joined(encode(images[shared:]))

    def _tracker_features(self, images: Tensor) -> FrameFeatures:
        """Only the convolutions gain from short numbers; positions are found in full precision."""
        with fast_arithmetic(self.device):
            return self.model.tracker.encoder(images).float()

    def _images(self, first: int, last: int) -> Tensor:
        # made small before it travels; Apple's MPS cannot resize with antialiasing
        # a copy, since frames may be mapped from a file that may not be written to
        frames = torch.from_numpy(self.clip.frames[first:last].copy())
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
            tracked = back.step(index, self._tracker_features(self._images(first, last)))
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
        active, xy, confidence, tokens = tracks.active, tracks.xy, tracks.confidence, tracks.tokens
        waiting = (self.sweep.home > index).nonzero().flatten()
        if len(waiting) and self.earlier_tokens is not None:
            active = torch.cat([active, waiting])
            xy = torch.cat([xy, self.sweep.xy[waiting, first:last]])
            confidence = torch.cat([confidence, self.sweep.confidence[waiting, first:last]])
            tokens = torch.cat([tokens, self.earlier_tokens[waiting, first:last].float().to(self.device)])
        hint = self.hint[active][None].to(self.device)
        if len(self.clip) == 1:
            return PointCues.resting(xy[None, :, 0].to(self.device), hint)
        return PointCues(xy[None].to(self.device), confidence[None].to(self.device), tokens[None], hint)


def _outside_sector(prompts: np.ndarray, sector: Sector) -> tuple[str, ...]:
    """A sentence for each point put where there is no ultrasound image."""
    height, width = sector.mask.shape
    columns, rows = np.rint(prompts[:, 1]).astype(int), np.rint(prompts[:, 2]).astype(int)
    inside = sector.mask[rows.clip(0, height - 1), columns.clip(0, width - 1)]
    return tuple(
        f"Point {index} lies outside the ultrasound fan; its track means nothing." for index in np.flatnonzero(~inside)
    )
