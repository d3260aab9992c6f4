"""A stand-in for the network and a small movie, for the module's self-test inside Slicer. Never used for results."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from PointSegLib.clip import CineClip
from PointSegLib.result import MYOCARDIUM, PointSegResult, PointTracks

FRAMES, SIDE = 4, 48


class BrightestHalf:
    """Calls every pixel of 128 or more myocardium, and lets one point stand still."""

    def __call__(self, clip: CineClip, points: Any = None, progress: Any = None) -> PointSegResult:
        if progress is not None:
            progress(len(clip), len(clip))
        labels = np.where(clip.frames >= 128, MYOCARDIUM, 0).astype(np.uint8)
        tracks = PointTracks(
            xy=np.full((1, len(clip), 2), SIDE / 2, np.float32),
            visible=np.ones((1, len(clip)), bool),
            confidence=np.ones((1, len(clip)), np.float32),
            is_prompt=np.zeros(1, bool),
            queries=np.array([[0, SIDE / 2, SIDE / 2]], np.float32),
        )
        return PointSegResult(labels=labels, tracks=tracks)


def newTestSequence() -> Any:
    """A sequence of small images in which a bright disc moves."""
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "PointSeg test")
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("s")
    y, x = np.mgrid[:SIDE, :SIDE]
    for frame in range(FRAMES):
        disc = np.hypot(x - 16 - 4 * frame, y - 24) < 10
        volume = slicer.vtkMRMLScalarVolumeNode()
        slicer.util.updateVolumeFromArray(volume, np.where(disc, 200, 40).astype(np.uint8)[np.newaxis])
        sequence.SetDataNodeAtValue(volume, f"{0.04 * frame:.2f}")
    return sequence
