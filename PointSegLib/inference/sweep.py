"""`TrackingSweep`: carries points through the windows of a clip, forwards or backwards in time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from PointSegLib.inference.windows import blend
from PointSegLib.model import PointQueries, PointTracker
from PointSegLib.model.encoder import FrameFeatures
from PointSegLib.model.queries import describe_points, start_at_query, start_from_overlap


@dataclass(frozen=True, eq=False)
class WindowTracks:
    """The points of one window, A of them active.

    Attributes:
        active: int64 `[A]`, which points the sweep has met by now.
        xy: `[A, T, 2]` normalised positions.
        confidence: `[A, T]` in 0..1.
        tokens: `[A, T, d]`.
    """

    active: Tensor
    xy: Tensor
    confidence: Tensor
    tokens: Tensor


class TrackingSweep:
    """Tracks points from the window that holds their query frame to the end of the sweep.

    Only positions and confidence are kept for the whole clip; features and tokens live as long as their window.
    """

    def __init__(
        self, tracker: PointTracker, queries: Tensor, windows: list[tuple[int, int]], n_frames: int, backward: bool
    ) -> None:
        """Prepare a sweep.

        Args:
            tracker: in evaluation mode.
            queries: `[N, 3]` rows (frame, x, y), positions normalised.
            windows: frame ranges in the order of the sweep.
            n_frames: frames of the clip.
            backward: whether the order runs against time.
        """
        self.tracker, self.backward, self.windows = tracker, backward, windows
        self.frame, self.where = queries[:, 0].long(), queries[:, 1:].float()
        self.home = torch.tensor([_first_holding(int(f), windows) for f in self.frame], dtype=torch.long)
        self.xy = torch.zeros(len(queries), n_frames, 2)
        self.confidence = torch.zeros(len(queries), n_frames)
        dim = tracker.config.encoder.dim
        self.content = torch.zeros(len(queries), dim)
        levels = len(tracker.config.levels)
        self.descriptor = torch.zeros(len(queries), levels, tracker.config.correlation_dim)

    def step(self, index: int, features: FrameFeatures) -> WindowTracks:
        """Track through window `index`; windows must come in order.

        Args:
            index: position in `windows`.
            features: of the window's frames, from the tracker's encoder.
        """
        first, last = self.windows[index]
        device = features.detail.device
        self._meet(index, features)
        active = (self.home <= index).nonzero().flatten()
        start, given = self._starts(index, active)
        parts = (self.content[active][None], self.descriptor[active][None], start, given)
        tracked = self.tracker(features, PointQueries(*(part.to(device) for part in parts)))
        xy = torch.where(given[..., None], start, tracked.xy[-1].float().cpu())[0]
        # whoever puts a point somewhere sees it there
        confidence = tracked.visible.sigmoid().cpu()[0].maximum(given[0].float())
        self._keep(index, active, xy, confidence)
        window = slice(first, last)
        return WindowTracks(active, self.xy[active, window], self.confidence[active, window], tracked.tokens[0])

    def rest(self) -> WindowTracks:
        """All points where they were put: a clip of one frame has nothing to track."""
        self.xy[:, 0], self.confidence[:, 0] = self.where, 1.0
        return WindowTracks(torch.arange(len(self.where)), self.xy, self.confidence, self.content[:, None])

    def _meet(self, index: int, features: FrameFeatures) -> None:
        new = (self.home == index).nonzero().flatten()
        if len(new) == 0:
            return
        device = features.detail.device
        frame = (self.frame[new] - self.windows[index][0]).to(device)
        content, descriptor = describe_points(self.tracker, features, 1, self.where[new][None].to(device), frame)
        self.content[new], self.descriptor[new] = content[0].float().cpu(), descriptor[0].float().cpu()

    def _shared(self, index: int) -> tuple[int, int]:
        """Frames of window `index` that the one before it in the sweep knows, as a half-open range."""
        (first, last), (other_first, other_last) = self.windows[index], self.windows[index - 1]
        return max(first, other_first), min(last, other_last)

    def _starts(self, index: int, active: Tensor) -> tuple[Tensor, Tensor]:
        first, last = self.windows[index]
        frame = (self.frame[active] - first).clamp(0, last - first - 1)
        start, given = start_at_query(self.where[active][None], frame, last - first)
        carried = self.home[active] < index
        if carried.any():
            from_frame, to_frame = self._shared(index)
            known = self.xy[active, from_frame:to_frame][None]
            rest, not_given = start_from_overlap(known, last - first, at_end=self.backward)
            # a point that comes from the neighbouring window may have its query frame among the shared ones
            inside = (self.frame[active] >= first) & (self.frame[active] < last)
            not_given = torch.where(inside[None, :, None], given, not_given)
            start = torch.where(carried[None, :, None, None], rest, start)
            given = torch.where(carried[None, :, None], not_given, given)
        return start, given

    def _keep(self, index: int, active: Tensor, xy: Tensor, confidence: Tensor) -> None:
        first, last = self.windows[index]
        carried = self.home[active] < index
        if carried.any():
            from_frame, to_frame = self._shared(index)
            inside = slice(from_frame - first, to_frame - first)
            order = (lambda x: x.flip(0)) if self.backward else (lambda x: x)
            for known, found in ((self.xy, xy), (self.confidence, confidence)):
                older = order(known[active[carried], from_frame:to_frame].transpose(0, 1))
                newer = order(found[carried, inside].transpose(0, 1))
                found[carried, inside] = order(blend(older, newer)).transpose(0, 1)
        self.xy[active, first:last] = xy
        self.confidence[active, first:last] = confidence


def _first_holding(frame: int, windows: list[tuple[int, int]]) -> int:
    return next(i for i, (first, last) in enumerate(windows) if first <= frame < last)
