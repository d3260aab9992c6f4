"""`PointSegPredictor`: a clip in, labels and trajectories out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from PointSegLib.clip import CineClip
from PointSegLib.inference.clip_run import ClipRun
from PointSegLib.inference.clip_view import ClipView
from PointSegLib.inference.device import choose_device
from PointSegLib.inference.options import AS_TRAINED, SegmentOptions
from PointSegLib.inference.points import UserPoints
from PointSegLib.inference.recording import MEMORY_LIMIT
from PointSegLib.inference.room import Room, in_first_that_fits
from PointSegLib.inference.session import ClipSession
from PointSegLib.model import Checkpoint, load_checkpoint
from PointSegLib.model.frames import clip_probabilities
from PointSegLib.result import PointSegResult, PointTracks, Progress

EMBEDDED = Path(__file__).parent.parent / "checkpoints" / "pointseg-small.safetensors"


class PointSegPredictor:
    """Segments clips and tracks their tissue points with one network.

    Frames are processed in overlapping windows, so that memory does not grow with the length of the clip beyond the
    result itself and, for points put on later frames, their tokens (200 bytes a point and frame in `small`). On one
    machine's CPU the same clip gives the same result, bit for bit.
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
        hints: Sequence[str | None] | None = None,
        probabilities: bool = False,
        options: SegmentOptions = AS_TRAINED,
    ) -> PointSegResult:
        """Segment every frame of a clip and track its points.

        Args:
            clip: any length and size.
            points: `[M, 3]` rows (frame, x, y) in pixels of the clip: tissue the user wants followed.
            progress: called with (frames done, frames in all); an exception it raises cancels the run. It hears 0 more
                than once while points put on later frames are first followed back to the start.
            hints: what each point says of the tissue under it: "wall", "cavity" (of the left ventricle), "outside" of
                both, or None for a point that is only to be followed. Its track carries the hint to the other frames.
            probabilities: also return the class probabilities, `[T, K, H, W]`.
            options: density of the automatic grid, and smoothing of the masks over time.

        Returns:
            Labels at the clip's own size and the trajectories of the user's points and of the automatic grid.

        Raises:
            ClipError: when there is nothing to segment.
            PointError: when a point does not fit the clip, or hints do not fit the points.
        """
        checked = UserPoints.checked(points, hints, clip)
        return in_first_that_fits(
            self.model,
            lambda room: _segment(room, ClipView(clip, room.config, options), checked, progress, probabilities),
        )

    @torch.inference_mode()
    def track(self, clip: CineClip, points: np.ndarray, progress: Progress | None = None) -> PointTracks:
        """Track the user's points alone, without segmenting.

        The arguments and errors are those of calling the predictor; the automatic grid is tracked along for context
        and left out of the result.
        """
        checked = UserPoints.checked(points, None, clip)
        return in_first_that_fits(self.model, lambda room: _track(room, ClipView(clip, room.config), checked, progress))

    def open(
        self, clip: CineClip, options: SegmentOptions = AS_TRAINED, memory_limit: int = MEMORY_LIMIT
    ) -> ClipSession:
        """Keep a clip open, so that clicks and edited frames are answered without encoding its frames again.

        Args:
            clip: any length and size.
            options: density of the automatic grid, and smoothing of the masks over time, as long as it is open.
            memory_limit: bytes of features to hold in memory; those of longer clips go to a temporary file.

        Raises:
            ClipError: when there is nothing to segment.
        """
        return ClipSession(self.model, clip, options, memory_limit)


def _segment(
    room: Room, view: ClipView, points: UserPoints, progress: Progress | None, probabilities: bool
) -> PointSegResult:
    run = ClipRun(room.model, view, points, progress)
    clip, classes = view.clip, room.config.segmenter.class_labels
    frames, height, width = clip.frames.shape
    labels = np.zeros((frames, height, width), np.uint8)
    kept = np.zeros((frames, len(classes), height, width), np.float16) if probabilities else None
    for frame, logits in run.frame_logits():
        labels[frame] = view.labels(logits)
        if kept is not None:
            kept[frame] = clip_probabilities(logits[None], view.sector.box, (height, width))[0].half().cpu().numpy()
        run.report(frame + 1)
    warnings = (*clip.warnings, *run.warnings, *room.warnings)
    return PointSegResult(labels, run.tracks(), kept, classes, warnings, room.in_words)


def _track(room: Room, view: ClipView, points: UserPoints, progress: Progress | None) -> PointTracks:
    run = ClipRun(room.model, view, points, progress)
    for (_, last), _ in zip(view.windows, run.forward(), strict=True):
        run.report(last)
    return run.tracks().of_prompts()
