"""Turns trajectories into markups: a point list for each frame, and curves of a readable few."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from PointSegLib.result import MYOCARDIUM, PointSegResult, PointTracks
from PointSegModule.appearance import OTHER_POINT_COLOR, POINT_COLOR

MAX_PROMPT_CURVES = 16
MAX_GRID_CURVES = 8
MIN_VISIBLE_SHARE = 0.5


def newPointList(result: PointSegResult) -> Any:
    """A locked fiducial list, outside the scene, with one control point for each track.

    The user's points are labelled P1, P2, ... They and grid points put on the wall are selected, which shows them
    bright; the other grid points, which only help the tracker, stay dim.
    """
    tracks = result.tracks
    node = slicer.vtkMRMLMarkupsFiducialNode()
    slicer.util.updateMarkupsControlPointsFromArray(node, np.zeros((len(tracks), 3)))
    for index, isPrompt in enumerate(tracks.is_prompt):
        node.SetNthControlPointLabel(index, f"P{index + 1}" if isPrompt else "")
        node.SetNthControlPointSelected(index, bool(isPrompt or _labelAtQuery(result, index) == MYOCARDIUM))
    node.SetLocked(True)
    return node


def fillPointList(node: Any, tracks: PointTracks, frame: int, positions: np.ndarray) -> None:
    """Set a point list from `newPointList` to one frame.

    A point that cannot be seen is hidden but keeps the position where the tracker believes it.

    Args:
        node: the list.
        tracks: of all frames.
        frame: which one.
        positions: float `[N, 3]`, local RAS in mm; a row that is not finite leaves its point without a position.
    """
    with slicer.util.NodeModify(node):
        for index, position in enumerate(positions):
            if np.isfinite(position).all():
                node.SetNthControlPointPosition(index, *(float(v) for v in position))
            else:
                node.UnsetNthControlPointPosition(index)
            node.SetNthControlPointVisibility(index, bool(tracks.visible[index, frame]))
            kind = "user's point" if tracks.is_prompt[index] else "grid point"
            node.SetNthControlPointDescription(index, f"{kind}, confidence {tracks.confidence[index, frame]:.2f}")


def stylePointList(node: Any) -> None:
    """Small dots; only the user's points, when there are any, show labels."""
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetSelectedColor(*POINT_COLOR)
    display.SetColor(*OTHER_POINT_COLOR)
    display.SetGlyphTypeFromString("Circle2D")
    display.SetGlyphScale(1.5)
    display.SetTextScale(2.5)
    display.SetPointLabelsVisibility(
        any(node.GetNthControlPointLabel(i) for i in range(node.GetNumberOfControlPoints()))
    )
    display.SetPropertiesLabelVisibility(False)


def newTrackedNode(className: str, count: int, given: Any = None) -> Any:
    """A locked list or curve, outside the scene, with `count` control points.

    Args:
        className: vtkMRMLMarkupsFiducialNode or vtkMRMLMarkupsCurveNode.
        count: of its points.
        given: the node they come from, whose labels are kept where it has as many points.
    """
    node = getattr(slicer, className)()
    slicer.util.updateMarkupsControlPointsFromArray(node, np.zeros((count, 3)))
    hasLabels = given is not None and given.GetNumberOfControlPoints() == count
    for index in range(count):
        node.SetNthControlPointLabel(index, given.GetNthControlPointLabel(index) if hasLabels else f"P{index + 1}")
    if className == "vtkMRMLMarkupsCurveNode":
        node.SetCurveTypeToLinear()  # nothing is known of the tissue between its points
    node.SetLocked(True)
    return node


def placePoints(node: Any, positions: np.ndarray, visible: np.ndarray) -> None:
    """Set a node from `newTrackedNode` to one frame; a point that cannot be seen is dim.

    Args:
        node: the node.
        positions: float `[N, 3]`, local RAS in mm; a row that is not finite leaves its point without a position.
        visible: bool `[N]`.
    """
    with slicer.util.NodeModify(node):
        for index, (position, isSeen) in enumerate(zip(positions, visible, strict=True)):
            if np.isfinite(position).all():
                node.SetNthControlPointPosition(index, *(float(v) for v in position))
            else:
                node.UnsetNthControlPointPosition(index)
            node.SetNthControlPointSelected(index, bool(isSeen))
            node.SetNthControlPointDescription(index, "" if isSeen else _("hidden"))


def styleTracked(node: Any) -> None:
    """Bright dots, dim where hidden; a curve is a thin line, on which its coloured pieces lie."""
    stylePointList(node)
    display = node.GetDisplayNode()
    if node.IsA("vtkMRMLMarkupsCurveNode"):
        display.SetPointLabelsVisibility(False)
        display.SetCurveLineSizeMode(display.UseLineThickness)
        display.SetLineThickness(0.1)  # of the dots


def fillCurve(curve: Any, positions: np.ndarray, color: tuple[float, float, float], diameter: float) -> None:
    """Make a curve node a path: a thin line without handles.

    Args:
        curve: a vtkMRMLMarkupsCurveNode in the scene.
        positions: float `[K, 3]` RAS in mm under the curve's own parent transform.
        color: red, green, blue in 0..1.
        diameter: of the line, in mm.
    """
    curve.SetCurveTypeToLinear()
    slicer.util.updateMarkupsControlPointsFromArray(curve, positions)
    curve.SetLocked(True)
    curve.CreateDefaultDisplayNodes()
    display = curve.GetDisplayNode()
    display.SetSelectedColor(*color)
    display.SetColor(*color)
    display.SetGlyphTypeFromString("Circle2D")
    display.SetGlyphScale(0.01)
    display.SetCurveLineSizeMode(display.UseLineDiameter)
    display.SetLineDiameter(diameter)
    display.SetPointLabelsVisibility(False)
    display.SetPropertiesLabelVisibility(False)


def tracksWorthDrawing(result: PointSegResult) -> np.ndarray:
    """Choose the trajectories to draw as curves: the user's points, else a spread of points that start in the wall.

    Returns:
        int indices into `result.tracks`, at most `MAX_PROMPT_CURVES` or `MAX_GRID_CURVES` of them.
    """
    tracks = result.tracks
    prompts = np.flatnonzero(tracks.is_prompt)
    if len(prompts):
        return prompts[:MAX_PROMPT_CURVES]
    seen = np.flatnonzero(tracks.visible.mean(axis=1) >= MIN_VISIBLE_SHARE)
    inWall = np.array([index for index in seen if _labelAtQuery(result, index) == MYOCARDIUM], int)
    candidates = inWall if len(inWall) else seen
    return candidates[_spread(tracks.queries[candidates, 1:], MAX_GRID_CURVES)]


def _labelAtQuery(result: PointSegResult, index: int) -> int:
    frame, x, y = np.rint(result.tracks.queries[index]).astype(int)
    count, height, width = result.labels.shape
    return result.labels[np.clip(frame, 0, count - 1), np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]


def _spread(xy: np.ndarray, count: int) -> np.ndarray:
    """Indices of up to `count` points far from each other (farthest-point sampling from the topmost)."""
    if len(xy) <= count:
        return np.arange(len(xy))
    chosen = [int(np.argmin(xy[:, 1]))]
    distance = np.linalg.norm(xy - xy[chosen[0]], axis=1)
    while len(chosen) < count:
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.linalg.norm(xy - xy[chosen[-1]], axis=1))
    return np.array(sorted(chosen))
