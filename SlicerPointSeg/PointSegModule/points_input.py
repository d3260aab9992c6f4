"""Reads trajectories back from the point lists of a scene that was saved and loaded again."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from PointSegLib.result import PointTracks
from PointSegModule.engines import Steps
from PointSegModule.geometry import CineGeometry
from PointSegModule.scene_input import CineSource

RESULT_POINTS_REFERENCE = "PointSeg.points"  # of a sequence of segmentations: the point list that goes with it
_DESCRIPTION = re.compile(r"(user's|grid) point, confidence ([0-9.]+)")


def trackSteps(source: CineSource, points: Any, frames: range) -> Steps:
    """Read the tracks that `fillPointList` has written, a frame in each step.

    Confidence comes back to two places; a point without a position is not visible there.

    Args:
        source: the browsed cine.
        points: shows the current frame of the tracked points, or None.
        frames: of the cine that were segmented.

    Returns:
        the tracks, in the frames' own count; none when there is no such point list.
    """
    sequence = source.browser.GetSequenceNode(points) if points is not None else None
    geometry = CineGeometry(source)
    read = []
    for frame in frames if sequence is not None else ():
        node = sequence.GetDataNodeAtValue(source.indexValues[frame], True)
        read.append(_readFrame(node, np.linalg.inv(geometry.matrix(frame))))
        yield False
    count = min((len(one) for one in read), default=0)
    if not count:
        return noTracks(len(frames))
    table = np.stack([one[:count] for one in read], axis=1)
    xy, visible, confidence = table[..., :2], table[..., 2] > 0, table[..., 3]
    queries = np.concatenate([np.zeros((count, 1)), xy[:, 0]], axis=1)
    return PointTracks(
        xy.astype(np.float32), visible, confidence.astype(np.float32), table[:, 0, 4] > 0, queries.astype(np.float32)
    )


def noTracks(frames: int) -> PointTracks:
    """Tracks of no point."""
    seen = np.zeros((0, frames))
    return PointTracks(np.zeros((0, frames, 2)), seen > 0, seen, np.zeros(0, bool), np.zeros((0, 3)))


def _readFrame(node: Any, rasToIjk: np.ndarray) -> np.ndarray:
    """Rows `[N, 5]`: x, y, visible, confidence, the user's own."""
    rows = np.zeros((node.GetNumberOfControlPoints(), 5))
    for index, row in enumerate(rows):
        match = _DESCRIPTION.fullmatch(node.GetNthControlPointDescription(index) or "")
        if match is None or node.GetNthControlPointPositionStatus(index) != node.PositionDefined:
            continue
        position = [0.0, 0.0, 0.0]
        node.GetNthControlPointPosition(index, position)
        row[:2] = (rasToIjk @ np.append(position, 1.0))[:2]
        row[2:] = node.GetNthControlPointVisibility(index), float(match[2]), match[1] == "user's"
    return rows
