"""`TrackingSweep`: carries points through the windows of a clip, forwards or backwards in time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from PointSegLib.inference.windows import blend, window_holding
from PointSegLib.model import PointQueries, PointTracker
from PointSegLib.model.encoder import FrameFeatures
from PointSegLib.model.queries import describe_points, start_at_query, start_from_overlap
from PointSegLib.model.tracker import PointDescription


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
        self.home = torch.tensor([window_holding(int(f), windows) for f in self.frame], dtype=torch.long)
        self.xy = torch.zeros(len(queries), n_frames, 2)
        self.confidence = torch.zeros(len(queries), n_frames)
        self.met = torch.zeros(0, dtype=torch.long)
        self.described: list[PointDescription] = []

    def step(self, index: int, features: FrameFeatures) -> WindowTracks:
        """Track through window `index`; windows must come in order.

        Args:
            index: position in `windows`.
            features: of the window's frames, from the tracker's encoder.
        """
        first, last = self.windows[index]
        device = features.detail.device
        self._meet(index, features)
        active, order = self.met.sort()
        described = PointDescription.joined(self.described).map(lambda part: part[:, order].to(device))
        start, given, carried = self._starts(index, active)
        known = (part.to(device) for part in (self.frame[active], start, given, carried))
        tracked = self.tracker(features, PointQueries(described, *known))
        xy = torch.where(given[..., None], start, tracked.xy[-1].float().cpu())[0]
        # whoever puts a point somewhere sees it there
        confidence = tracked.visible.sigmoid().cpu()[0].maximum(given[0].float())
        self._keep(index, active, xy, confidence)
        window = slice(first, last)
        return WindowTracks(active, self.xy[active, window], self.confidence[active, window], tracked.tokens[0])

    def rest(self) -> WindowTracks:
        """All points where they were put: a clip of one frame has nothing to track."""
        self.xy[:, 0], self.confidence[:, 0] = self.where, 1.0
        tokens = self.xy.new_zeros(*self.xy.shape[:2], self.tracker.config.encoder.dim)
        return WindowTracks(torch.arange(len(self.where)), self.xy, self.confidence, tokens)

    def _meet(self, index: int, features: FrameFeatures) -> None:
        new = (self.home == index).nonzero().flatten()
        if len(new) == 0:
            return
        device = features.detail.device
        frame = (self.frame[new] - self.windows[index][0]).to(device)
        described = describe_points(self.tracker, features, 1, self.where[new][None].to(device), frame)
        self.met = torch.cat([self.met, new])
        self.described.append(described.map(lambda part: part.float().cpu()))

    def _shared(self, index: int) -> tuple[int, int]:
        """Frames of window `index` that the one before it in the sweep knows, as a half-open range."""
        (first, last), (other_first, other_last) = self.windows[index], self.windows[index - 1]
        return max(first, other_first), min(last, other_last)

    def _starts(self, index: int, active: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        first, last = self.windows[index]
        query_frame = self.frame[active] - first
        start, given = start_at_query(self.where[active][None], query_frame.clamp(0, last - first - 1), last - first)
        met_before = (self.home[active] < index)[None, :, None]
        carried = torch.zeros_like(given)
        if met_before.any():
            from_frame, to_frame = self._shared(index)
            known = self.xy[active, from_frame:to_frame][None]
            rest, shared = start_from_overlap(known, last - first, at_end=self.backward)
            start = torch.where(met_before[..., None], rest, start)
            # a point that comes from the neighbouring window may have its query frame among the shared ones
            given = given & ((query_frame >= 0) & (query_frame < last - first))[None, :, None]
            carried = shared & met_before & ~given
        return start, given, carried

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
