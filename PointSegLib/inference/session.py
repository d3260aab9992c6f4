"""`ClipSession`: one clip kept open, so that clicks and edited frames are answered at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch

from PointSegLib.clip import CineClip
from PointSegLib.errors import PointError
from PointSegLib.inference.clip_view import ClipView
from PointSegLib.inference.drawing import Drawer, Drawing, OnFrame
from PointSegLib.inference.options import AS_TRAINED, SegmentOptions
from PointSegLib.inference.points import UserPoints
from PointSegLib.inference.propagation import Carried, FrameEdit
from PointSegLib.inference.recording import MEMORY_LIMIT
from PointSegLib.inference.room import Room, rooms
from PointSegLib.model import PointSeg
from PointSegLib.result import PointSegResult, PointTracks, Progress

Answer = TypeVar("Answer")


class ClipSession:
    """A clip with the features, tracks and masks that a click can build on.

    Per frame it holds what both encoders made of it, in half precision: `bytes_per_frame` tells how much (2.6 MB in
    `small`). Features beyond `memory_limit` bytes go to a temporary file, and where the disk has no room either they
    are computed again for every click. A call that fails or is cancelled leaves clicks and edits as they were. Not for
    two threads at once.

    Args:
        model: in evaluation mode, on its device.
        clip: to work on.
        options: density of the automatic grid, and smoothing of the masks over time.
        memory_limit: bytes of features to hold in memory.

    Raises:
        ClipError: when the clip shows nothing.
    """

    def __init__(
        self,
        model: PointSeg,
        clip: CineClip,
        options: SegmentOptions = AS_TRAINED,
        memory_limit: int = MEMORY_LIMIT,
    ) -> None:
        self.clip, self.options, self.memory_limit = clip, options, memory_limit
        self.clicks = UserPoints.checked(None, None, clip)
        self.edits: tuple[FrameEdit, ...] = ()
        self._rooms = rooms(model)
        self._room = next(self._rooms)
        self._drawer = self._drawer_in(self._room)
        self._drawing: Drawing | None = None

    def segment(self, progress: Progress | None = None, on_frame: OnFrame | None = None) -> PointSegResult:
        """Segment the clip as it is, bit for bit as the predictor does; clicks and edits are forgotten.

        Args:
            progress: told (frames done, frames in all); an exception it raises cancels the run.
            on_frame: told (frame, labels) in order; from the start again when a GPU's memory was exhausted.
        """
        drawing = self._in_some_room(lambda drawer: drawer.first(progress, on_frame))
        self.clicks, self.edits = drawing.points, ()
        return self._result(drawing)

    def correct(
        self,
        points: np.ndarray | None,
        hints: Sequence[str | None] | None = None,
        progress: Progress | None = None,
        on_frame: OnFrame | None = None,
    ) -> PointSegResult:
        """Segment the clip again, guided by clicks; edited frames stay as they were edited.

        The grid keeps its tracks and every click is followed for itself, in the company of a few grid points, where the
        predictor tracks all of them together: positions differ by tenths of a pixel, and masks where they are
        undecided. So a click costs the same however many there are, and one click less is answered as before it.

        Args:
            points: all clicks so far, `[M, 3]` rows (frame, x, y) in pixels of the clip; none give the first result.
            hints: what each says: "wall", "cavity", "outside" or None.
            progress: told (frames done, frames in all).
            on_frame: told (frame, labels) of every frame.

        Raises:
            PointError: when a point does not fit the clip, or hints do not fit the points.
        """
        clicks = UserPoints.checked(points, hints, self.clip)
        at_once, at_last = (None, on_frame) if self.edits else (on_frame, None)
        drawing = self._in_some_room(lambda drawer: drawer.answer(clicks, progress, at_once))
        self.clicks = clicks
        return self._result(drawing, at_last)

    def propagate(
        self,
        frame: int,
        labels: np.ndarray | None,
        falloff_frames: float = 1,
        progress: Progress | None = None,
        on_frame: OnFrame | None = None,
    ) -> PointSegResult:
        """Carry one frame as the user has drawn it to the frames around it; `propagation` has the mathematics.

        Args:
            frame: its index.
            labels: uint8 `[H, W]` at the clip's own size, or None to take an edit back.
            falloff_frames: so many frames away the edit has faded out; 1 changes no other frame.
            progress: told (frames done, frames in all) where the clip has to be segmented first.
            on_frame: told (frame, labels) of every frame.

        Raises:
            EditError: when the labels do not fit the clip.
        """
        edits = tuple(edit for edit in self.edits if edit.frame != frame)
        if labels is not None:
            edits += (self.checked_edit(frame, labels, falloff_frames),)
        drawing = self._drawing or self._in_some_room(lambda drawer: drawer.answer(self.clicks, progress))
        self.edits = edits
        return self._result(drawing, on_frame)

    def checked_edit(self, frame: int, labels: np.ndarray, falloff_frames: float) -> FrameEdit:
        """An edit of this clip; the arguments and errors are those of `propagate`."""
        known = self._room.config.segmenter.class_labels
        return FrameEdit.checked(frame, labels, falloff_frames, self.clip, known)

    def keep(self, edits: Sequence[FrameEdit]) -> None:
        """Hold frames as the user has drawn them; what follows from it for others is drawn by the next call."""
        drawn = {edit.frame for edit in edits}
        self.edits = (*(edit for edit in self.edits if edit.frame not in drawn), *edits)

    def resume(self, clicks: UserPoints, edits: Sequence[FrameEdit]) -> None:
        """Take up clicks and edits of a session that was lost; the next call draws them."""
        self.clicks, self.edits, self._drawing = clicks, tuple(edits), None

    def track(self, points: np.ndarray, progress: Progress | None = None, *, closely: bool = False) -> PointTracks:
        """Follow points through the clip without changing its masks; they are each other's company.

        Args:
            points: `[M, 3]` rows (frame, x, y) in pixels of the clip.
            progress: told (frames done, frames in all).
            closely: follow them a second time, through the clip with the motion of the first time taken out, and add
                what is left of their motion: a tracker takes motion for smaller than it is, and here it is asked for
                the rest. Three times as long; all points must lie in one frame.

        Raises:
            PointError: when a point does not fit the clip, or those to be followed closely lie in several frames.
        """
        checked = UserPoints.checked(points, None, self.clip)
        frames = np.unique(checked.rows[:, 0])
        if closely and len(frames) != 1:
            msg = f"{len(checked.rows)} points of {len(frames)} frames cannot be followed closely; give those of one."
            raise PointError(msg)
        return self._in_some_room(lambda drawer: drawer.follow(checked, progress, closely))

    @property
    def bytes_per_frame(self) -> int:
        """What is held for each frame of the clip, in memory or in a file; 0 before the first segmentation."""
        return self._drawer.bytes_per_frame

    def _in_some_room(self, job: Callable[[Drawer], Answer]) -> Answer:
        """Do a job where there is memory for it; what the larger room held is computed again in the smaller one."""
        with torch.inference_mode():
            while True:
                try:
                    return job(self._drawer)
                except torch.cuda.OutOfMemoryError:
                    room = next(self._rooms, None)
                    if room is None:
                        raise
                # outside the handler, whose traceback would hold on to the tensors
                self._room, self._drawing = room, None
                self._drawer = self._drawer_in(room)

    def _drawer_in(self, room: Room) -> Drawer:
        return Drawer(room.model, ClipView(self.clip, room.config, self.options), self.memory_limit)

    @torch.inference_mode()
    def _result(self, drawing: Drawing, on_frame: OnFrame | None = None) -> PointSegResult:
        """A drawing with the edits in it; `on_frame` is told of every frame."""
        self._drawing = drawing
        view, labels = self._drawer.view, drawing.labels.copy()
        if self.edits:
            carried = Carried(view, self.edits, drawing.labels, drawing.xy, drawing.confidence)
            for frame, logits in enumerate(drawing.logits):
                changed = carried.labels(frame, logits)
                if changed is not None:
                    labels[frame] = changed
        if on_frame is not None:
            for frame, drawn in enumerate(labels):
                on_frame(frame, drawn)
        tracks = view.point_tracks(drawing.queries, drawing.xy, drawing.confidence, len(drawing.points.rows))
        warnings = (*self.clip.warnings, *view.outside_fan(drawing.points.rows), *self._room.warnings)
        classes = view.config.segmenter.class_labels
        return PointSegResult(labels, tracks, None, classes, warnings, self._room.in_words)
