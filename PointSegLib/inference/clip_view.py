"""`ClipView`: a clip as the network sees it, and the way back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.clip import CineClip
from PointSegLib.inference.options import AS_TRAINED, SegmentOptions
from PointSegLib.inference.windows import frame_by_frame, window_ranges
from PointSegLib.model import PointSegConfig
from PointSegLib.model.frames import box_size, clip_to_unit, network_frames, unit_to_clip
from PointSegLib.model.queries import staggered_grid
from PointSegLib.model.smoothing import smoothed_over_time
from PointSegLib.result import PointTracks
from PointSegLib.sector import find_sector

VISIBLE_ABOVE = 0.5


class ClipView:
    """The fan of a clip, its windows, and the way between its pixels and the network's square.

    Args:
        clip: to look at.
        config: says how large the square is, how long the windows are and how dense the grid is.
        options: what the user wants otherwise.

    Raises:
        ClipError: when the clip shows nothing.
    """

    def __init__(self, clip: CineClip, config: PointSegConfig, options: SegmentOptions = AS_TRAINED) -> None:
        self.clip, self.options = clip, options
        self.config = replace(config, grid_size=options.grid_size or config.grid_size)
        self.sector = find_sector(clip)
        self.windows = window_ranges(len(clip), config.window, config.window_overlap)
        self._mask = torch.from_numpy(self.sector.mask)

    def images(self, first: int, last: int) -> Tensor:
        """The network's frames `[T, 1, S, S]` in 0..1, on the CPU: Apple's MPS cannot resize with antialiasing."""
        # a copy, since frames may be mapped from a file that may not be written to
        frames = torch.from_numpy(self.clip.frames[first:last].copy())
        return network_frames(frames, self._mask, self.sector.box, self.config.image_size)

    def to_unit(self, rows: np.ndarray) -> Tensor:
        """Rows `[M, 3]` (frame, x, y) in pixels as float32 rows with normalised positions."""
        placed = torch.from_numpy(rows)
        return torch.cat([placed[:, :1], clip_to_unit(placed[:, 1:], self.sector.box)], 1).float()

    def grid(self, window: int, at_most: int | None = None) -> Tensor:
        """Grid points inside the fan, half of them on the first and half on the last frame of a window.

        Args:
            window: its index.
            at_most: take so many, spread over the grid; None takes all.

        Returns:
            `[N, 3]` rows (frame, x, y), positions normalised.
        """
        first, last = self.windows[window]
        rows = []
        for cells, frame in zip(staggered_grid(self.config.grid_size), (first, last - 1), strict=True):
            xy = unit_to_clip(cells, self.sector.box).round().long()
            width, height = self.clip.size_wh
            chosen = cells[self._mask[xy[:, 1].clamp(0, height - 1), xy[:, 0].clamp(0, width - 1)]]
            rows.append(torch.cat([torch.full((len(chosen), 1), float(frame)), chosen], 1))
        grid = torch.cat(rows)
        return grid if at_most is None else grid[spread_over(len(grid), at_most)]

    def frame_logits(self, windows: Iterable[Tensor]) -> Iterator[tuple[int, Tensor]]:
        """Frames in order, each with its mask logits `[K, h, w]`, from those of the windows `[T, K, h, w]`.

        They are blended where windows overlap, and smoothed over time where the user wants it.
        """
        return enumerate(smoothed_over_time(frame_by_frame(self.windows, windows), self.options.smoothing_frames))

    def labels(self, logits: Tensor, change: Tensor | None = None) -> np.ndarray:
        """The likeliest class of each pixel where any is likelier than not, else 0: uint8 `[H, W]` of the clip's frame.

        Args:
            logits: `[K, h, w]` of the network's square; interpolated before they are judged, so that contours are
                smooth. Outside the fan's box all is background.
            change: `[K, S, S]` to be added to them, of any finer resolution.
        """
        x0, y0, x1, y1 = self.sector.box
        width, height = box_size(self.sector.box)
        inside = _resized(logits, (height, width))
        if change is not None:
            inside = inside + _resized(change, (height, width))
        best, index = inside.max(1)
        values = torch.tensor(self.config.segmenter.class_labels, dtype=torch.uint8, device=logits.device)
        labels = np.zeros(self.sector.mask.shape, np.uint8)
        labels[y0 : y1 + 1, x0 : x1 + 1] = (values[index] * (best > 0))[0].cpu().numpy()
        return labels

    def point_tracks(self, queries: Tensor, xy: Tensor, confidence: Tensor, n_prompts: int) -> PointTracks:
        """Trajectories in pixels of the clip.

        Args:
            queries: `[N, 3]` rows (frame, x, y), normalised.
            xy: `[N, T, 2]`, normalised.
            confidence: `[N, T]`.
            n_prompts: so many of the first points are the user's.
        """
        pixels = unit_to_clip(xy.double(), self.sector.box).numpy().astype(np.float32)
        width, height = self.clip.size_wh
        inside = ((pixels >= -0.5) & (pixels <= np.array([width, height]) - 0.5)).all(-1)
        seen = confidence.numpy().copy()
        placed = torch.cat([queries[:, :1].double(), unit_to_clip(queries[:, 1:].double(), self.sector.box)], 1)
        is_prompt = np.arange(len(pixels)) < n_prompts
        visible = (seen > VISIBLE_ABOVE) & inside
        return PointTracks(pixels, visible, seen, is_prompt, placed.numpy().astype(np.float32))

    def outside_fan(self, rows: np.ndarray) -> tuple[str, ...]:
        """A sentence for each of the points `[M, 3]` (frame, x, y) put where there is no ultrasound image."""
        height, width = self.sector.mask.shape
        columns, lines = np.rint(rows[:, 1]).astype(int), np.rint(rows[:, 2]).astype(int)
        inside = self.sector.mask[lines.clip(0, height - 1), columns.clip(0, width - 1)]
        return tuple(
            f"Point {index} lies outside the ultrasound fan; its track means nothing."
            for index in np.flatnonzero(~inside)
        )


def spread_over(count: int, at_most: int) -> Tensor:
    """At most so many of the indices 0 to `count` - 1, evenly spread; int64."""
    return torch.linspace(0, count - 1, min(count, at_most)).round().long()


def _resized(logits: Tensor, size_hw: tuple[int, int]) -> Tensor:
    return F.interpolate(logits[None].float(), size_hw, mode="bilinear", align_corners=False)
