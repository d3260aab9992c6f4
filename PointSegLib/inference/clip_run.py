"""`ClipRun`: one clip on its way through the network, window by window."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from PointSegLib.inference.clip_view import ClipView
from PointSegLib.inference.device import fast_arithmetic
from PointSegLib.inference.feature_store import FeatureStore
from PointSegLib.inference.points import UserPoints
from PointSegLib.inference.recording import Recording
from PointSegLib.inference.sweep import WindowTracks
from PointSegLib.inference.tracking import ClipTracking
from PointSegLib.model import PointCues, PointSeg
from PointSegLib.model.encoder import FrameFeatures
from PointSegLib.result import PointTracks, Progress


class ClipRun:
    """One clip on its way through the network.

    Args:
        model: in evaluation mode, on its device.
        view: of the clip.
        points: of the user.
        progress: told (frames done, frames in all).
        recording: takes what later clicks need; None keeps nothing.
    """

    def __init__(
        self,
        model: PointSeg,
        view: ClipView,
        points: UserPoints,
        progress: Progress | None = None,
        recording: Recording | None = None,
    ) -> None:
        self.model, self.view, self.progress, self.recording = model, view, progress, recording
        self.device = next(model.parameters()).device
        self.tracking = ClipTracking(model.tracker, view, view.to_unit(points.rows))
        self.warnings = view.outside_fan(points.rows)
        self.hint = torch.zeros(len(self.tracking.queries), dtype=torch.long)
        self.hint[: len(points.hints)] = torch.from_numpy(points.hints)

    def report(self, done: int) -> None:
        """Tell the caller how many frames are done; the caller may raise to cancel."""
        if self.progress is not None:
            self.progress(done, len(self.view.clip))

    def forward(self) -> Iterator[tuple[Tensor, WindowTracks]]:
        """Track window by window: yields network frames, on the device, and tracks."""
        self.report(0)
        if len(self.view.clip) == 1:
            yield self._images(0), self.tracking.sweep.rest()
            return
        self.tracking.follow_back(self._alone)
        store = None if self.recording is None else self.recording.tracker
        encoder = RollingEncoder(self.view.windows, self._encode_for_tracker, store)
        for index in range(len(self.view.windows)):
            images = self._images(index)
            # only the convolutions gain from short numbers; positions are found in full precision
            yield images, self.tracking.step(index, encoder.window(index, images).float())

    def frame_logits(self) -> Iterator[tuple[int, Tensor]]:
        """Mask logits `[K, h, w]` of every frame in order; see `ClipView.frame_logits`."""
        return self.view.frame_logits(self._window_logits())

    def tracks(self) -> PointTracks:
        """What was tracked, in pixels of the clip."""
        tracking = self.tracking
        found = tracking.sweep.xy, tracking.sweep.confidence
        return self.view.point_tracks(tracking.queries, *found, len(tracking.prompts))

    def _window_logits(self) -> Iterator[Tensor]:
        store = None if self.recording is None else self.recording.segmenter
        encoder = RollingEncoder(self.view.windows, self.model.segmenter.encoder, store)
        for index, (images, tracks) in enumerate(self.forward()):
            if self.recording is not None:
                self.recording.note(tracks)
            with fast_arithmetic(self.device):
                features = encoder.window(index, images)
                cues = point_cues(tracks, self.hint[tracks.active], self.device)
                yield self.model.segmenter(features, cues)[-1][0].float()

    def _alone(self, index: int) -> FrameFeatures:
        self.report(0)
        return self._encode_for_tracker(self._images(index)).float()

    def _encode_for_tracker(self, images: Tensor) -> FrameFeatures:
        with fast_arithmetic(self.device):
            return self.model.tracker.encoder(images)

    def _images(self, index: int) -> Tensor:
        # made small before they travel
        return self.view.images(*self.view.windows[index]).to(self.device)


class RollingEncoder:
    """Encodes window after window, the frames that two windows share only once.

    Args:
        windows: frame ranges in order.
        encode: turns frames into features.
        store: takes the features of every frame; None keeps nothing.
    """

    def __init__(
        self,
        windows: list[tuple[int, int]],
        encode: Callable[[Tensor], FrameFeatures],
        store: FeatureStore | None = None,
    ) -> None:
        self.windows, self.encode, self.store = windows, encode, store
        self._before: FrameFeatures | None = None

    def window(self, index: int, images: Tensor) -> FrameFeatures:
        """Features of window `index`, whose frames are `images`."""
        shared = 0 if self._before is None else self.windows[index - 1][1] - self.windows[index][0]
        fresh = self.encode(images[shared:])
        if self.store is not None:
            self.store.keep(self.windows[index][0] + shared, fresh)
        if self._before is not None:
            count = len(self._before.detail)
            fresh = self._before.frames(slice(count - shared, count)).joined(fresh)
        self._before = fresh
        return fresh


def point_cues(tracks: WindowTracks, hint: Tensor, device: torch.device) -> PointCues:
    """What the segmenter is told of a window's points; `hint` is `[A]`."""
    xy, hint = tracks.xy[None].to(device), hint[None].to(device)
    if tracks.xy.shape[1] == 1:
        return PointCues.resting(xy[:, :, 0], hint)
    return PointCues(xy, tracks.confidence[None].to(device), tracks.tokens[None].to(device).float(), hint)
