"""The held-out cases a checkpoint is judged by: annotated frames, and simulated clips of the same patients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from PointSegLib.clip import CineClip
from PointSegLib.evaluation import SegmentationCase, TrackingCase, TrackSet
from PointSegLib.io.camus import annotated_frames
from PointSegLib.io.camus_info import list_patients
from PointSegLib.training.frames import FrameSet
from PointSegLib.training.tracker_stage import draw_clip


def camus_cases(root: Path, subset: str, view: str) -> Iterator[SegmentationCase]:
    """ED and ES of every patient of a subset, each frame a clip of its own, at native size and spacing.

    Raises:
        ReadError: when no patient of the subset has an annotated frame of this view, or some are damaged.
    """
    for name, clip, labels in annotated_frames(root, list_patients(root, subset), (view,)):
        yield name, clip, {0: labels}


def simulated_cases(frames: FrameSet, count: int, n_frames: int, n_points: int, seed: int) -> Iterator[TrackingCase]:
    """Frames set in motion, with query frames anywhere in the clip; the same seed gives the same cases.

    Args:
        frames: of patients the network was not trained on.
        count: number of clips.
        n_frames: frames of each clip.
        n_points: trajectories of each clip.
        seed: of the simulation.
    """
    for index in range(count):
        clip = draw_clip(frames, n_frames, n_points, torch.Generator().manual_seed(seed + index))
        pixels = (clip.frames * 255).round().to(torch.uint8).numpy()
        truth = TrackSet(clip.tracks.numpy(), clip.visible.numpy())
        yield TrackingCase(f"simulated_{seed + index}", CineClip(pixels), truth, np.asarray(clip.query_frame))
