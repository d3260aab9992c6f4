"""Points or a curve the user wants to see move: they play with the images, and draw coloured trails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import slicer

from PointSegLib.errors import PointSegError
from PointSegLib.inference.messages import Track
from PointSegLib.result import PointTracks, Progress
from PointSegModule.engines import Steps, answered
from PointSegModule.geometry import CineGeometry
from PointSegModule.open_cine import OpenCine
from PointSegModule.points_output import newTrackedNode, placePoints, styleTracked
from PointSegModule.scene_transaction import SceneTransaction, takenBackOnFailure
from PointSegModule.sequence_writer import SequenceWriter
from PointSegModule.subject_hierarchy import parentItemOf, placeNodes
from PointSegModule.track_input import isLine, rowsToTrack
from PointSegModule.trails import Trails

TRACKED_REFERENCE = "PointSeg.tracked"  # of what was drawn: the node that was to be followed


@dataclass(frozen=True)
class TrackSettings:
    """How tracked points are drawn.

    Attributes:
        curvePoints: so many points, evenly spaced, stand for a curve; below 2, its control points.
        trailFrames: trails go back so many frames; 0 draws none.
        colorBy: "displacement", "speed" or, for a curve, "strain"; see `PointSegLib.path_values`.
        spacingMm: (row, column) pixel distance to use instead of the clip's own.
    """

    curvePoints: int = 15
    trailFrames: int = 10
    colorBy: str = "displacement"
    spacingMm: tuple[float, float] | None = None


DEFAULT_TRACKING = TrackSettings()


@dataclass(eq=False)
class TrackedPoints:
    """What came of following points.

    Attributes:
        opened: the cine.
        given: the markups node that was followed, or None.
        tracks: positions and visibility in the frames that were segmented.
        isLine: whether they are neighbours along a curve.
        points: shows them in the current frame: a point list, or the curve as it has deformed.
        trails: a model node that shows where they have been.
    """

    opened: OpenCine
    given: Any
    tracks: PointTracks
    isLine: bool
    points: Any = None
    trails: Any = field(default=None)

    def isStillThere(self) -> bool:
        """Whether the scene still holds what was drawn."""
        return self.opened.isStillThere() and all(map(slicer.mrmlScene.IsNodePresent, (self.points, self.trails)))


def checkTracking(points: Any, settings: TrackSettings) -> None:
    """Refuse what cannot be drawn, before any time is spent on it.

    Raises:
        PointSegError: for the strain of what is no curve.
    """
    if settings.colorBy == "strain" and not isLine(points):
        raise PointSegError("Strain is that of a curve: choose a curve, or colour the trails by something else.")


def trackSteps(opened: OpenCine, points: Any, settings: TrackSettings, progress: Progress | None) -> Steps:
    """Follow a markups node, or rows (frame, x, y), and draw what comes of it; gives `TrackedPoints`.

    The node itself is hidden, because it stays where it was placed. What an earlier call has drawn for it is replaced.
    """
    rows = rowsToTrack(opened, points, settings.curvePoints)
    yield from opened.openSteps(opened.corrections)
    tracks = yield from answered(opened.engine, Track(rows - [opened.frames.start, 0, 0]), progress)
    tracked = TrackedPoints(opened, points if hasattr(points, "IsA") else None, tracks, isLine(points))
    with takenBackOnFailure(slicer.mrmlScene) as transaction:
        earlier = [_drawnFor(tracked.given, opened, className) for className in (_className(tracked), _MODEL)]
        pointWriter = yield from _writePoints(tracked, earlier[0], transaction)
        tracked.points = pointWriter.proxy
        trailWriter = yield from _writeTrails(tracked, settings, earlier[1], transaction)
        tracked.trails = trailWriter.proxy
        with transaction.step():
            _arrange(tracked, transaction)
    for writer in (pointWriter, trailWriter):
        writer.removeReplaced()
    return tracked


def redrawSteps(tracked: TrackedPoints, settings: TrackSettings) -> Steps:
    """Draw the trails of points that were tracked with other settings."""
    with takenBackOnFailure(slicer.mrmlScene) as transaction:
        writer = yield from _writeTrails(tracked, settings, tracked.trails, transaction)
    writer.removeReplaced()
    return tracked


_MODEL = "vtkMRMLModelNode"


def _className(tracked: TrackedPoints) -> str:
    return "vtkMRMLMarkupsCurveNode" if tracked.isLine else "vtkMRMLMarkupsFiducialNode"


def _drawnFor(given: Any, opened: OpenCine, className: str) -> Any:
    """What an earlier run has drawn for a node, or None."""
    if given is None:
        return None
    for node in slicer.util.getNodesByClass(className):
        isOf = node.GetNodeReferenceID(TRACKED_REFERENCE) == given.GetID()
        if isOf and opened.source.browser.GetSequenceNode(node) is not None:
            return node
    return None


def _writePoints(tracked: TrackedPoints, proxy: Any, transaction: SceneTransaction) -> Steps:
    opened, tracks = tracked.opened, tracked.tracks
    geometry = CineGeometry(opened.source)
    what, className = "tracked curve" if tracked.isLine else "tracked points", _className(tracked)
    with transaction.step():
        transform = geometry.parentTransform
        writer = SequenceWriter(opened.source, transaction, proxy, what, className, transform, styleTracked)
    node = newTrackedNode(className, len(tracks), tracked.given)
    for frame in _segmentedFirst(opened):
        with transaction.step():
            if frame in opened.frames:
                place = frame - opened.frames.start
                placePoints(node, geometry.localPositions(frame, tracks.xy[:, place]), tracks.visible[:, place])
            else:
                node.UnsetAllControlPoints()
            writer.write(frame, node)
        yield False
    return writer


def _writeTrails(tracked: TrackedPoints, settings: TrackSettings, proxy: Any, transaction: SceneTransaction) -> Steps:
    from PointSegLib import Scale, path_values

    opened, tracks = tracked.opened, tracked.tracks
    geometry, clip = CineGeometry(opened.source), opened.clip
    scale = Scale.of(clip) if settings.spacingMm is None else Scale(*settings.spacingMm[::-1], "mm")
    found = path_values(tracks, scale, settings.colorBy, clip.times_s)
    trails = Trails(found.values, found.unit, settings.colorBy, settings.trailFrames, tracked.isLine)
    with transaction.step():
        transform = geometry.parentTransform
        writer = SequenceWriter(opened.source, transaction, proxy, "trails", _MODEL, transform, trails.style)
    node = slicer.vtkMRMLModelNode()
    for frame in _segmentedFirst(opened):
        # A trail lies in the image that is shown, wherever the image was when the point went there.
        last = frame - opened.frames.start if frame in opened.frames else -1
        past = tracks.xy[:, trails.firstOf(last) : last + 1]
        with transaction.step():
            node.SetAndObservePolyData(trails.polyData(last, geometry.localPositions(frame, past)))
            writer.write(frame, node)
        yield False
    if proxy is not None:
        with transaction.step():
            trails.style(proxy)  # it has the colours of the trails it showed before
    return writer


def _segmentedFirst(opened: OpenCine) -> tuple[int, ...]:
    """All frames; the first that is written decides how a new proxy looks, so it is one with points."""
    return (*opened.frames, *sorted({*range(len(opened.source))} - {*opened.frames}))


def _arrange(tracked: TrackedPoints, transaction: SceneTransaction) -> None:
    """Put what was drawn beside the image, and remember what it was drawn for."""
    drawn = (tracked.points, tracked.trails)
    placeNodes(drawn, parentItemOf(tracked.opened.source.imageNode), transaction)
    if tracked.given is None:
        return
    for node in drawn:
        node.SetNodeReferenceID(TRACKED_REFERENCE, tracked.given.GetID())
    if tracked.given.GetDisplayNode() is not None:
        tracked.given.GetDisplayNode().SetVisibility(False)
