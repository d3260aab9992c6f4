"""`Drawer`: the network's answers to clicks on one clip, built on what the first pass left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from PointSegLib.inference.click_tracks import ClickTrack, ClickTracks, side_by_side
from PointSegLib.inference.clip_run import ClipRun, point_cues
from PointSegLib.inference.clip_view import ClipView
from PointSegLib.inference.device import fast_arithmetic
from PointSegLib.inference.feature_store import FeatureStore
from PointSegLib.inference.motion import Motion
from PointSegLib.inference.points import UserPoints
from PointSegLib.inference.recording import Recording
from PointSegLib.inference.tracking import FeaturesOf
from PointSegLib.model import PointSeg
from PointSegLib.model.encoder import FrameFeatures, ImageEncoder
from PointSegLib.result import PointTracks, Progress

# told (frame, its labels uint8 [H, W]) as soon as they are final
OnFrame = Callable[[int, np.ndarray], None]


@dataclass(frozen=True, eq=False)
class Drawing:
    """The network's own answer to some clicks, before any edits: N points, clicks first.

    Attributes:
        points: the clicks.
        logits: of every frame, `[K, h, w]`, on the CPU.
        labels: uint8 `[T, H, W]`.
        queries: `[N, 3]` rows (frame, x, y), normalised.
        xy: `[N, T, 2]`, normalised.
        confidence: `[N, T]`.
    """

    points: UserPoints
    logits: list[Tensor]
    labels: np.ndarray
    queries: Tensor
    xy: Tensor
    confidence: Tensor


class Drawer:
    """Draws one clip, first as it is and then as clicks ask for.

    Args:
        model: in evaluation mode, on its device.
        view: of the clip.
        memory_limit: bytes of features to hold in memory.
    """

    def __init__(self, model: PointSeg, view: ClipView, memory_limit: int) -> None:
        self.model, self.view, self.memory_limit = model, view, memory_limit
        self.device = next(model.parameters()).device
        self._first: tuple[Recording, Drawing] | None = None
        self._clicks = ClickTracks(model.tracker, view)

    def first(self, progress: Progress | None = None, on_frame: OnFrame | None = None) -> Drawing:
        """Draw the clip as it is, which is what the predictor does, and keep what clicks will need."""
        return self._record(progress, on_frame)[1]

    def answer(self, points: UserPoints, progress: Progress | None = None, on_frame: OnFrame | None = None) -> Drawing:
        """Draw the clip as some clicks ask for; without any, as it was drawn first."""
        recording, grid = self._first or self._record(progress)
        if len(points.rows) == 0:
            _show(grid.labels, on_frame)
            return grid
        queries = self.view.to_unit(points.rows)
        features_of = self._tracker_features(recording.tracker, progress)
        tracks = [self._clicks.of(query, features_of) for query in queries]
        hint = torch.cat([torch.from_numpy(points.hints), torch.zeros(len(grid.queries), dtype=torch.long)])
        frames = self.view.frame_logits(self._window_logits(recording, tracks, hint))
        logits, labels = self._draw(frames, progress, on_frame)
        xy = torch.cat([*(track.xy for track in tracks), grid.xy])
        confidence = torch.cat([*(track.confidence for track in tracks), grid.confidence])
        return Drawing(points, logits, labels, torch.cat([queries, grid.queries]), xy, confidence)

    def follow(self, points: UserPoints, progress: Progress | None = None, closely: bool = False) -> PointTracks:
        """Track points without drawing; `closely` as in `ClipSession.track`, points of one frame."""
        recording, grid = self._first or self._record(progress)
        queries = self.view.to_unit(points.rows)
        found = self._clicks.together(queries, self._tracker_features(recording.tracker, progress))
        xy, confidence = found.xy, found.confidence
        if closely:
            motion = Motion(torch.cat([xy, grid.xy]), int(points.rows[0, 0]))
            rest = self._clicks.together(queries, self._features_at_rest(motion, progress))
            xy, confidence = motion.put_back(rest.xy), rest.confidence
        return self.view.point_tracks(queries, xy, confidence, len(queries))

    @property
    def bytes_per_frame(self) -> int:
        """What is held for each frame, in memory or in a file; 0 before the first drawing."""
        return 0 if self._first is None else self._first[0].bytes_per_frame

    def _record(self, progress: Progress | None = None, on_frame: OnFrame | None = None) -> tuple[Recording, Drawing]:
        self._first = None
        nobody = UserPoints.checked(None, None, self.view.clip)
        recording = Recording.of(self.view, self.memory_limit)
        run = ClipRun(self.model, self.view, nobody, progress, recording)
        logits, labels = self._draw(run.frame_logits(), progress, on_frame)
        sweep = run.tracking.sweep
        drawing = Drawing(nobody, logits, labels, run.tracking.queries, sweep.xy, sweep.confidence)
        self._first = recording, drawing
        return self._first

    def _draw(
        self, frames: Iterable[tuple[int, Tensor]], progress: Progress | None, on_frame: OnFrame | None
    ) -> tuple[list[Tensor], np.ndarray]:
        logits, labels = [], np.zeros(self.view.clip.frames.shape, np.uint8)
        for frame, found in frames:
            labels[frame] = self.view.labels(found)
            logits.append(found.clone().cpu())
            if on_frame is not None:
                on_frame(frame, labels[frame])
            if progress is not None:
                progress(frame + 1, len(labels))
        return logits, labels

    def _window_logits(self, recording: Recording, tracks: list[ClickTrack], hint: Tensor) -> Iterator[Tensor]:
        for index, (first, last) in enumerate(self.view.windows):
            found = side_by_side([*(track.windows[index] for track in tracks), recording.windows[index]])
            with fast_arithmetic(self.device):
                features = self._features(recording.segmenter, self.model.segmenter.encoder, first, last)
                yield self.model.segmenter(features, point_cues(found, hint, self.device))[-1][0].float()

    def _tracker_features(self, store: FeatureStore, progress: Progress | None) -> FeaturesOf:
        def features_of(index: int) -> FrameFeatures:
            if progress is not None:
                progress(0, len(self.view.clip))
            with fast_arithmetic(self.device):
                return self._features(store, self.model.tracker.encoder, *self.view.windows[index]).float()

        return features_of

    def _features_at_rest(self, motion: Motion, progress: Progress | None) -> FeaturesOf:
        """Features of the clip with a motion taken out of it."""

        def features_of(index: int) -> FrameFeatures:
            if progress is not None:
                progress(0, len(self.view.clip))
            first, last = self.view.windows[index]
            still = motion.taken_out(self.view.images(first, last), first)
            with fast_arithmetic(self.device):
                features: FrameFeatures = self.model.tracker.encoder(still.to(self.device))
                return features.float()

        return features_of

    def _features(self, store: FeatureStore, encoder: ImageEncoder, first: int, last: int) -> FrameFeatures:
        if store.holds:
            return store.frames(first, last, self.device)
        features: FrameFeatures = encoder(self.view.images(first, last).to(self.device))
        return features


def _show(labels: np.ndarray, on_frame: OnFrame | None) -> None:
    """Tell of frames that are there already."""
    if on_frame is not None:
        for frame, drawn in enumerate(labels):
            on_frame(frame, drawn)
