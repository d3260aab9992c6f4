"""Writes a result into the scene: sequences of segmentations and points beside the images, and trajectory curves."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer

from PointSegLib.errors import PointSegError
from PointSegLib.result import PointSegResult
from PointSegModule.appearance import SEGMENTS, TRAJECTORY_COLORS, SegmentStyle
from PointSegModule.geometry import CineGeometry
from PointSegModule.points_input import noTracks
from PointSegModule.points_output import fillCurve, fillPointList, newPointList, stylePointList, tracksWorthDrawing
from PointSegModule.scene_input import CineSource
from PointSegModule.scene_transaction import SceneTransaction
from PointSegModule.segmentation_output import fillSegmentation, styleSegmentation
from PointSegModule.sequence_browsing import browse, isBrowsed, sliceSteps
from PointSegModule.sequence_writer import SequenceWriter
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
        result: the engine's arrays, of `frames`.
        frames: those of the cine that were segmented.
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
    frames: range
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class OutputTarget:
    """What a run is to write, and where.

    Attributes:
        segmentation: a vtkMRMLSegmentationNode to show the result in; made when None.
        points: a vtkMRMLMarkupsFiducialNode to show the points in; made when None.
        frames: of the cine that are segmented; the others get empty segments.
        structures: which ones to keep.
    """

    segmentation: Any
    points: Any
    frames: range
    structures: tuple[SegmentStyle, ...] = SEGMENTS


class ResultWriter:
    """Writes one run into the scene, frame by frame as they are done, each call a short step.

    Args:
        source: the cine the result belongs to.
        transaction: takes everything back when the run fails.
        target: what is to be written, and where.
    """

    def __init__(self, source: CineSource, transaction: SceneTransaction, target: OutputTarget) -> None:
        self.source, self.target = source, target
        self._given, self._transaction = source, transaction
        self._geometry: CineGeometry | None = None
        self._segmentations: SequenceWriter | None = None
        self._parentItem = parentItemOf(source.imageNode)
        self._checkScene()

    def begin(self) -> Generator[bool, None, None]:
        """Make what shows the frames, where there is nothing yet."""
        source, transaction = self._given, self._transaction
        if not isBrowsed(source):
            sequence = None if source.sequence is not None else (yield from sliceSteps(source, transaction))
            with transaction.step():
                self.source = browse(source, transaction, sequence)
        self._geometry = CineGeometry(self.source)
        yield False

    def writeFrame(self, frame: int, labels: np.ndarray) -> None:
        """Write the labels of one frame, counted from the first that was segmented."""
        self._checkScene()
        with self._transaction.step():
            self._writeSegmentation(self.target.frames[frame], labels)

    def finish(self, result: PointSegResult, warnings: tuple[str, ...]) -> Generator[bool, None, SceneOutput]:
        """Write what a whole result has beyond its labels, and remove what it replaces.

        Raises:
            SceneOutputError: when the result or the index values do not fit the cine.
        """
        if len(result.labels) != len(self.target.frames):
            msg = f"The result has {len(result.labels)} frames but '{self.source.name}' has {len(self.target.frames)}."
            raise SceneOutputError(msg)
        yield from self._fillUp(result.labels.shape[1:])
        pointWriter = yield from self._writePoints(result)
        points = pointWriter.proxy
        outdated = _trajectoriesOf(points)
        curves = yield from self._writeTrajectories(result)
        self._checkScene()
        with self._transaction.step():
            self._arrange(curves, outdated, points)
        self._segmentations.removeReplaced()
        pointWriter.removeReplaced()
        _remove(outdated)
        return self._output(result, warnings, pointWriter.sequence, points, curves)

    def finishEarly(
        self, labels: dict[int, np.ndarray], warnings: tuple[str, ...]
    ) -> Generator[bool, None, SceneOutput]:
        """Keep the frames that are done; there are no trajectories then, and an earlier run's points stay."""
        size = next(iter(labels.values())).shape
        yield from self._fillUp(size)
        with self._transaction.step():
            self._arrange((), (), None)
        self._segmentations.removeReplaced()
        done = np.stack([labels.get(frame, np.zeros(size, np.uint8)) for frame in range(len(self.target.frames))])
        return self._output(PointSegResult(done, noTracks(len(done))), warnings, None, None, ())

    def _checkScene(self) -> None:
        """A run takes long enough for its nodes to be removed meanwhile."""
        written = self._segmentations
        made = (written.sequence, written.proxy) if written is not None else ()
        nodes = (self.source.imageNode, self.source.sequence, self.source.browser)
        for node in (*nodes, self.target.segmentation, self.target.points, *made):
            if node is not None and not slicer.mrmlScene.IsNodePresent(node):
                msg = f"'{node.GetName()}' was removed from the scene during the run; nothing is written."
                raise SceneOutputError(msg)

    def _newSequenceWriter(self, proxy: Any, what: str, className: str, style: Any) -> SequenceWriter:
        transform = self._geometry.parentTransform
        return SequenceWriter(self.source, self._transaction, proxy, what, className, transform, style)

    def _writeSegmentation(self, frame: int, labels: np.ndarray) -> None:
        if self._segmentations is None:
            self._segmentations = self._newSequenceWriter(
                self.target.segmentation, "segmentation", "vtkMRMLSegmentationNode", styleSegmentation
            )
        node = slicer.vtkMRMLSegmentationNode()
        fillSegmentation(node, labels, self._geometry.matrix(frame), self.target.structures)
        self._segmentations.write(frame, node)

    def _fillUp(self, size: tuple[int, ...]) -> Generator[bool, None, None]:
        """Give every frame that has none a segmentation with the same, empty segments."""
        nothing = np.zeros(size, np.uint8)
        for frame in sorted({*range(len(self.source))} - self._segmentations.written):
            self._checkScene()
            with self._transaction.step():
                self._writeSegmentation(frame, nothing)
            yield False
        if not self._segmentations.isComplete:
            msg = f"Index values of '{self.source.name}' are not distinct, so frames would overwrite each other."
            raise SceneOutputError(msg)

    def _writePoints(self, result: PointSegResult) -> Generator[bool, None, SequenceWriter]:
        with self._transaction.step():
            writer = self._newSequenceWriter(self.target.points, "points", "vtkMRMLMarkupsFiducialNode", stylePointList)
            node = newPointList(result)  # one list serves all frames, because the sequence stores copies
        # the first frame to be written decides what a new proxy looks like, so it is one that has points
        inOrder = (*self.target.frames, *sorted({*range(len(self.source))} - {*self.target.frames}))
        for frame in inOrder:
            yield False
            self._checkScene()
            place = frame - self.target.frames.start
            with self._transaction.step():
                if frame in self.target.frames:
                    positions = self._geometry.localPositions(frame, result.tracks.xy[:, place])
                    fillPointList(node, result.tracks, place, positions)
                else:
                    node.UnsetAllControlPoints()
                writer.write(frame, node)
        yield False
        return writer

    def _writeTrajectories(self, result: PointSegResult) -> Generator[bool, None, tuple[Any, ...]]:
        geometry, first = self._geometry, self.target.frames.start
        moves = geometry.parentMovesWithFrames
        toPosition = geometry.worldPositions if moves else geometry.localPositions
        transform = None if moves else geometry.parentTransform
        diameter = CURVE_DIAMETER * np.linalg.norm(geometry.matrix(0)[:3, 1]) * result.labels.shape[1]
        curves = []
        for track in tracksWorthDrawing(result):
            xy = result.tracks.xy[track]
            seen = np.flatnonzero(result.tracks.visible[track] & np.isfinite(xy).all(axis=1))
            if len(seen) < MIN_CURVE_POINTS:
                continue
            with self._transaction.step():
                name = f"{self.source.name} trajectory {track + 1}"
                curve = self._transaction.newNode("vtkMRMLMarkupsCurveNode", name)
                positions = np.concatenate([toPosition(first + place, xy[place][np.newaxis]) for place in seen])
                fillCurve(curve, positions, TRAJECTORY_COLORS[len(curves) % len(TRAJECTORY_COLORS)], diameter)
                curve.SetAndObserveTransformNodeID(transform.GetID() if transform is not None else None)
            curves.append(curve)
            yield False
        return tuple(curves)

    def _arrange(self, curves: tuple[Any, ...], outdated: tuple[Any, ...], points: Any) -> None:
        """Put the nodes where they belong in the subject hierarchy, and tie curves to their points."""
        segmentation, image = self._segmentations.proxy, self.source.imageNode
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(image)
        shown = [node for node in (segmentation, points) if node is not None]
        if not isBrowsed(self._given):
            shown.append(image)
        placeNodes(shown, self._parentItem, self._transaction)
        if curves:
            folder = folderItemOf(outdated)
            folder = folder or newFolder(self._parentItem, f"{self.source.name} trajectories", self._transaction)
            placeNodes(curves, folder, self._transaction)
        for curve in curves:
            curve.SetNodeReferenceID(POINTS_REFERENCE, points.GetID())

    def _output(
        self, result: PointSegResult, warnings: tuple[str, ...], pointsSequence: Any, points: Any, curves: Any
    ) -> SceneOutput:
        return SceneOutput(
            browser=self.source.browser,
            imageSequence=self.source.sequence,
            imageNode=self.source.imageNode,
            segmentationSequence=self._segmentations.sequence,
            segmentation=self._segmentations.proxy,
            pointsSequence=pointsSequence,
            points=points,
            trajectories=curves,
            result=result,
            frames=self.target.frames,
            warnings=tuple(dict.fromkeys(warnings)),
        )


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


def _trajectoriesOf(points: Any) -> tuple[Any, ...]:
    """Curves of an earlier run that belong to a point list."""
    curves = slicer.util.getNodesByClass("vtkMRMLMarkupsCurveNode")
    return tuple(curve for curve in curves if curve.GetNodeReferenceID(POINTS_REFERENCE) == points.GetID())


def _remove(nodes: tuple[Any, ...]) -> None:
    for node in nodes:
        for display in [node.GetNthDisplayNode(i) for i in range(node.GetNumberOfDisplayNodes())]:
            slicer.mrmlScene.RemoveNode(display)
        slicer.mrmlScene.RemoveNode(node)
