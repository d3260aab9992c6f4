"""Points the user wants to see move: their trajectories as curves over the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer

from PointSegLib.inference.messages import Track
from PointSegLib.result import PointTracks, Progress
from PointSegModule.appearance import TRAJECTORY_COLORS
from PointSegModule.engines import Steps, answered
from PointSegModule.geometry import CineGeometry
from PointSegModule.open_cine import OpenCine
from PointSegModule.points_output import fillCurve
from PointSegModule.scene_output import CURVE_DIAMETER, MIN_CURVE_POINTS
from PointSegModule.scene_transaction import takenBackOnFailure
from PointSegModule.subject_hierarchy import newFolder, parentItemOf, placeNodes


@dataclass(frozen=True)
class TrackedPoints:
    """What came of following points.

    Attributes:
        tracks: positions and visibility in the frames that were segmented.
        curves: one node for each point that was seen more than once.
    """

    tracks: PointTracks
    curves: tuple[Any, ...]


def trackSteps(opened: OpenCine, rows: np.ndarray, progress: Progress | None) -> Steps:
    """Follow points, `[M, 3]` rows (frame, x, y), and draw a curve for each; gives `TrackedPoints`."""
    for frame in rows[:, 0]:
        opened.requireFrame(int(frame))
    yield from opened.openSteps(opened.corrections)
    tracks = yield from answered(opened.engine, Track(rows - [opened.frames.start, 0, 0]), progress)
    curves = []
    with takenBackOnFailure(slicer.mrmlScene) as transaction:
        for index in range(len(tracks)):
            seen = np.flatnonzero(tracks.visible[index] & np.isfinite(tracks.xy[index]).all(axis=1))
            if len(seen) >= MIN_CURVE_POINTS:
                with transaction.step():
                    curves.append(_newCurve(opened, index, tracks.xy[index], seen))
            yield False
        if curves:
            with transaction.step():
                parent = parentItemOf(opened.source.imageNode)
                placeNodes(curves, newFolder(parent, f"{opened.source.name} tracks", transaction), transaction)
    return TrackedPoints(tracks, tuple(curves))


def _newCurve(opened: OpenCine, index: int, xy: np.ndarray, seen: np.ndarray) -> Any:
    geometry, first = CineGeometry(opened.source), opened.frames.start
    name = slicer.mrmlScene.GenerateUniqueName(f"{opened.source.name} track {index + 1}")
    curve = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsCurveNode", name)
    moves = geometry.parentMovesWithFrames
    toPosition = geometry.worldPositions if moves else geometry.localPositions
    positions = np.concatenate([toPosition(first + place, xy[place][np.newaxis]) for place in seen])
    height = opened.clip.size_wh[1]
    color = TRAJECTORY_COLORS[index % len(TRAJECTORY_COLORS)]
    fillCurve(curve, positions, color, CURVE_DIAMETER * np.linalg.norm(geometry.matrix(first)[:3, 1]) * height)
    transform = None if moves else geometry.parentTransform
    curve.SetAndObserveTransformNodeID(transform.GetID() if transform is not None else None)
    return curve
