"""Writes a result into the scene: sequences of segmentations and points beside the images, and trajectory curves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer

from PointSegLib.errors import PointSegError
from PointSegLib.result import PointSegResult
from PointSegModule.appearance import TRAJECTORY_COLORS
from PointSegModule.geometry import CineGeometry
from PointSegModule.points_output import fillCurve, fillPointList, newPointList, stylePointList, tracksWorthDrawing
from PointSegModule.scene_input import CineSource
from PointSegModule.scene_transaction import SceneTransaction, sceneTransaction
from PointSegModule.segmentation_output import fillSegmentation, styleSegmentation
from PointSegModule.sequence_browsing import attachToBrowser, browse, isBrowsed, newSequence, showInBrowser
from PointSegModule.subject_hierarchy import folderItemOf, newFolder, parentItemOf, placeNodes

MIN_CURVE_POINTS = 2
CURVE_DIAMETER = 1 / 400  # of the image height
POINTS_REFERENCE = "PointSeg.points"  # of a trajectory curve: the point list it belongs to


class SceneOutputError(PointSegError, ValueError):
    """A node chosen for results cannot take them."""


@dataclass(frozen=True)
class SceneOutput:
    """What one run put into the scene.

    Attributes:
        browser: replays images, segmentation and points together.
        imageSequence, imageNode: the frames and the volume that shows the current one.
        segmentationSequence, segmentation: one item per frame, and the node that shows the current one.
        pointsSequence, points: the same for the tracked points.
        trajectories: curve nodes over all frames, of the user's points or of a readable few.
        result: the engine's arrays.
        warnings: what limits the result, one sentence each.
    """

    browser: Any
    imageSequence: Any
    imageNode: Any
    segmentationSequence: Any
    segmentation: Any
    pointsSequence: Any
    points: Any
    trajectories: tuple[Any, ...]
    result: PointSegResult
    warnings: tuple[str, ...]


def writeResult(
    source: CineSource,
    result: PointSegResult,
    outputSegmentation: Any = None,
    outputPoints: Any = None,
    warnings: tuple[str, ...] = (),
) -> SceneOutput:
    """Write a result into the scene, or leave the scene as it was when that fails.

    Args:
        source: the cine the result belongs to.
        result: labels at the frames' own size, one per frame.
        outputSegmentation: a vtkMRMLSegmentationNode to show the result in; made when None.
        outputPoints: a vtkMRMLMarkupsFiducialNode to show the points in; made when None.
        warnings: passed on.

    Raises:
        SceneOutputError: when an output node belongs to another browser, or the result does not fit the cine.
    """
    if len(result.labels) != len(source):
        raise SceneOutputError(f"The result has {len(result.labels)} frames but '{source.name}' has {len(source)}.")
    _checkStillInScene(source, outputSegmentation, outputPoints)
    with sceneTransaction(slicer.mrmlScene) as transaction:
        parentItem = parentItemOf(source.imageNode)
        browsed = source if isBrowsed(source) else browse(source, transaction)
        geometry = CineGeometry(browsed)
        writer = _SequenceWriter(browsed, geometry, transaction)
        segmentationSequence, segmentation = writer.write(
            outputSegmentation, "vtkMRMLSegmentationNode", "segmentation", _segmentationItems(result, geometry)
        )
        pointsSequence, points = writer.write(
            outputPoints, "vtkMRMLMarkupsFiducialNode", "points", _pointItems(result, geometry)
        )
        outdated = _trajectoriesOf(points)
        trajectories = _writeTrajectories(browsed, result, geometry, transaction)
        writer.follow(segmentation, styleSegmentation)
        writer.follow(points, stylePointList)
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(browsed.imageNode)
        shown = (segmentation, points) if isBrowsed(source) else (browsed.imageNode, segmentation, points)
        placeNodes(shown, parentItem, transaction)
        if trajectories:
            folder = folderItemOf(outdated) or newFolder(parentItem, f"{source.name} trajectories", transaction)
            placeNodes(trajectories, folder, transaction)
        for curve in trajectories:
            curve.SetNodeReferenceID(POINTS_REFERENCE, points.GetID())
        writer.removeReplaced()
        _remove(outdated)
    return SceneOutput(
        browser=browsed.browser,
        imageSequence=browsed.sequence,
        imageNode=browsed.imageNode,
        segmentationSequence=segmentationSequence,
        segmentation=segmentation,
        pointsSequence=pointsSequence,
        points=points,
        trajectories=trajectories,
        result=result,
        warnings=warnings,
    )


def _checkStillInScene(source: CineSource, *outputs: Any) -> None:
    """A run takes long enough for its nodes to be removed meanwhile."""
    for node in (source.imageNode, source.sequence, source.browser, *outputs):
        if node is not None and not slicer.mrmlScene.IsNodePresent(node):
            raise SceneOutputError(f"'{node.GetName()}' was removed from the scene during the run; nothing is written.")


def checkOutputs(source: CineSource, outputSegmentation: Any, outputPoints: Any, prompts: Any = None) -> None:
    """Refuse output nodes that cannot take the result, before any time is spent on it.

    Args:
        source: the cine the result belongs to.
        outputSegmentation, outputPoints: chosen for the result, or None.
        prompts: where the points to follow come from: a node is not to be overwritten by the result.

    Raises:
        SceneOutputError: when a node is of the wrong kind, belongs to another browser, or holds the prompts.
    """
    if outputPoints is not None and outputPoints is prompts:
        msg = (
            f"'{outputPoints.GetName()}' holds the points to follow, which the result would overwrite; "
            "choose another point list for the result or none."
        )
        raise SceneOutputError(msg)
    for node, className, what in (
        (outputSegmentation, "vtkMRMLSegmentationNode", "segmentation"),
        (outputPoints, "vtkMRMLMarkupsFiducialNode", "point list"),
    ):
        if node is None:
            continue
        if not node.IsA(className):
            raise SceneOutputError(f"'{node.GetName()}' cannot take the result; choose a {what} or none.")
        browser = slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(node)
        if browser is not None and browser is not source.browser:
            msg = (
                f"'{node.GetName()}' is already replayed by '{browser.GetName()}', which is not the browser of "
                f"'{source.name}'; choose another {what} or none."
            )
            raise SceneOutputError(msg)


class _SequenceWriter:
    """Writes one node per frame under the image's own index values and shows them in the image's browser."""

    def __init__(self, source: CineSource, geometry: CineGeometry, transaction: SceneTransaction) -> None:
        self._source = source
        self._geometry = geometry
        self._transaction = transaction
        self._new: set[str] = set()
        self._replaced: list[Any] = []

    def write(self, proxy: Any, className: str, what: str, items: Callable[[int], Any]) -> tuple[Any, Any]:
        """Return (sequence, the node that shows its current item)."""
        browser, transaction = self._source.browser, self._transaction
        earlier = browser.GetSequenceNode(proxy) if proxy is not None else None
        name = earlier.GetName() if earlier else slicer.mrmlScene.GenerateUniqueName(f"{self._source.name} {what}")
        sequence = newSequence(self._source, name, transaction)
        for frame, indexValue in enumerate(self._source.indexValues):
            sequence.SetDataNodeAtValue(items(frame), indexValue)
        if sequence.GetNumberOfDataNodes() != len(self._source):
            msg = f"Index values of '{self._source.name}' are not distinct, so frames would overwrite each other."
            raise SceneOutputError(msg)
        if proxy is None:
            proxy = transaction.newNode(className, name)
            self._new.add(proxy.GetID())
        elif earlier is None:
            transaction.protect(proxy)
        else:
            self._detach(earlier, proxy)
        attachToBrowser(browser, sequence, proxy, transaction)
        return sequence, proxy

    def removeReplaced(self) -> None:
        """Remove sequences of an earlier run that the new ones have replaced; this cannot be taken back."""
        for sequence in self._replaced:
            slicer.mrmlScene.RemoveNode(sequence)

    def _detach(self, sequence: Any, proxy: Any) -> None:
        browser, transaction = self._source.browser, self._transaction
        browser.RemoveSynchronizedSequenceNode(sequence.GetID())
        transaction.onRollback(lambda: showInBrowser(browser, sequence, proxy))
        self._replaced.append(sequence)

    def follow(self, proxy: Any, style: Callable[[Any], None]) -> None:
        """Put a shown node under the image's parent transform; a new one also gets its appearance."""
        transform = self._geometry.parentTransform
        proxy.SetAndObserveTransformNodeID(transform.GetID() if transform is not None else None)
        if proxy.GetID() in self._new or proxy.GetDisplayNode() is None:
            style(proxy)


def _segmentationItems(result: PointSegResult, geometry: CineGeometry) -> Callable[[int], Any]:
    def item(frame: int) -> Any:
        node = slicer.vtkMRMLSegmentationNode()
        fillSegmentation(node, result.labels[frame], geometry.matrix(frame))
        return node

    return item


def _pointItems(result: PointSegResult, geometry: CineGeometry) -> Callable[[int], Any]:
    node = newPointList(result)  # one list serves all frames, because the sequence stores copies

    def item(frame: int) -> Any:
        positions = geometry.localPositions(frame, result.tracks.xy[:, frame])
        fillPointList(node, result.tracks, frame, positions)
        return node

    return item


def _writeTrajectories(
    source: CineSource, result: PointSegResult, geometry: CineGeometry, transaction: SceneTransaction
) -> tuple[Any, ...]:
    moves = geometry.parentMovesWithFrames
    toPosition = geometry.worldPositions if moves else geometry.localPositions
    transform = None if moves else geometry.parentTransform
    diameter = CURVE_DIAMETER * np.linalg.norm(geometry.matrix(0)[:3, 1]) * result.labels.shape[1]
    curves = []
    for track in tracksWorthDrawing(result):
        xy = result.tracks.xy[track]
        frames = np.flatnonzero(result.tracks.visible[track] & np.isfinite(xy).all(axis=1))
        if len(frames) < MIN_CURVE_POINTS:
            continue
        curve = transaction.newNode("vtkMRMLMarkupsCurveNode", f"{source.name} trajectory {track + 1}")
        positions = np.concatenate([toPosition(frame, xy[frame][np.newaxis]) for frame in frames])
        fillCurve(curve, positions, TRAJECTORY_COLORS[len(curves) % len(TRAJECTORY_COLORS)], diameter)
        curve.SetAndObserveTransformNodeID(transform.GetID() if transform is not None else None)
        curves.append(curve)
    return tuple(curves)


def _trajectoriesOf(points: Any) -> tuple[Any, ...]:
    """Curves of an earlier run that belong to a point list."""
    curves = slicer.util.getNodesByClass("vtkMRMLMarkupsCurveNode")
    return tuple(curve for curve in curves if curve.GetNodeReferenceID(POINTS_REFERENCE) == points.GetID())


def _remove(nodes: tuple[Any, ...]) -> None:
    for node in nodes:
        for display in [node.GetNthDisplayNode(i) for i in range(node.GetNumberOfDisplayNodes())]:
            slicer.mrmlScene.RemoveNode(display)
        slicer.mrmlScene.RemoveNode(node)
