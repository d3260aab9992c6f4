"""What is to be followed: the points of a markups node, each in the frame it was placed on, or a curve."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import slicer

from PointSegLib.errors import PointError
from PointSegModule.geometry import CineGeometry
from PointSegModule.open_cine import OpenCine

_DESCRIPTION = re.compile(r"frame (\d+)")


def isLine(points: Any) -> bool:
    """Whether neighbouring points are pieces of one line."""
    return hasattr(points, "IsA") and points.IsA("vtkMRMLMarkupsCurveNode")


def noteFrame(node: Any, index: int, frame: int) -> None:
    """Let a control point say in which frame it lies; one that does not say lies in the frame now shown."""
    node.SetNthControlPointDescription(index, f"frame {frame}")


def frameOf(node: Any, index: int, shownFrame: int) -> int:
    """The frame a control point lies in."""
    match = _DESCRIPTION.fullmatch(node.GetNthControlPointDescription(index) or "")
    return int(match[1]) if match else shownFrame


def rowsToTrack(opened: OpenCine, points: Any, curvePoints: int) -> np.ndarray:
    """Query points as the engine takes them, but with frames of the cine.

    Args:
        opened: the cine.
        points: a markups node, or an array `[M, 3]` of rows (frame, x, y).
        curvePoints: so many points, evenly spaced, stand for a curve; its control points when below 2.

    Returns:
        float64 `[M, 3]` rows (frame, x, y).

    Raises:
        PointError: when no point is placed, a point lies off the image or in a frame that was not segmented, or a
            curve lies in several frames.
    """
    rows = _rowsOf(opened, points, curvePoints) if hasattr(points, "IsA") else np.asarray(points, np.float64)
    for frame in rows[:, 0]:
        opened.requireFrame(int(frame))
    return rows


def _rowsOf(opened: OpenCine, node: Any, curvePoints: int) -> np.ndarray:
    placed = [
        index
        for index in range(node.GetNumberOfControlPoints())
        if node.GetNthControlPointPositionStatus(index) == node.PositionDefined
    ]
    if not placed:
        raise PointError(f"'{node.GetName()}' holds no placed points; place some on the image.")
    frames = [frameOf(node, index, opened.shownFrame) for index in placed]
    geometry = CineGeometry(opened.source)
    if not isLine(node):
        return np.array([geometry.query(node, index, frame) for index, frame in zip(placed, frames, strict=True)])
    if len(set(frames)) > 1:
        msg = (
            f"The points of the curve '{node.GetName()}' lie in the frames {', '.join(map(str, sorted(set(frames))))}; "
            "draw it anew in one frame, or move its points while one frame is shown."
        )
        raise PointError(msg)
    line = _resampled(node, curvePoints)
    return np.array([geometry.query(line, index, frames[0]) for index in range(line.GetNumberOfControlPoints())])


def _resampled(curve: Any, count: int) -> Any:
    """A curve outside the scene, without parent transform, with evenly spaced control points."""
    copy = slicer.vtkMRMLMarkupsCurveNode()
    copy.SetName(curve.GetName())
    copy.SetCurveType(curve.GetCurveType())
    positions = slicer.util.arrayFromMarkupsControlPoints(curve, world=True)
    slicer.util.updateMarkupsControlPointsFromArray(copy, positions[np.isfinite(positions).all(axis=1)])
    if count > 1 and copy.GetNumberOfControlPoints() > 1:
        copy.ResampleCurveWorld(copy.GetCurveLengthWorld() / (count - 1))
    return copy
