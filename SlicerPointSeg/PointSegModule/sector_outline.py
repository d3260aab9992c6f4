"""Shows which part of the image is taken for ultrasound, as a curve over the image."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from PointSegLib.sector import find_sector
from PointSegModule.background_run import onThread
from PointSegModule.calibration import noteSector
from PointSegModule.engines import Steps
from PointSegModule.geometry import CineGeometry
from PointSegModule.points_output import fillCurve
from PointSegModule.scene_input import CineSource, clipSteps
from PointSegModule.scene_transaction import takenBackOnFailure

SECTOR_REFERENCE = "PointSeg.sector"  # of an outline: the image it belongs to
COLOR = (0.40, 0.80, 1.00)
MAX_LINES = 60
DIAMETER = 1 / 300  # of the image height


def sectorSteps(source: CineSource) -> Steps:
    """Find the sector on a thread of its own, and remember its height with the image; gives the Sector.

    Raises:
        ClipError: when all pixels have the same value.
    """
    clip = yield from clipSteps(source, range(len(source)))
    sector = yield from onThread(lambda: find_sector(clip))
    noteSector(source, sector.mask)
    return sector


def outlineSteps(source: CineSource) -> Steps:
    """Find the sector as in `sectorSteps`, and draw its outline; gives the curve node."""
    sector = yield from sectorSteps(source)
    with takenBackOnFailure(slicer.mrmlScene) as transaction, transaction.step():
        removeOutlines()
        return _newOutline(source, outlineOf(sector.mask))


def removeOutlines() -> None:
    """Remove all outlines of sectors from the scene."""
    for curve in slicer.util.getNodesByClass("vtkMRMLMarkupsClosedCurveNode"):
        if curve.GetNodeReferenceID(SECTOR_REFERENCE):
            slicer.mrmlScene.RemoveNode(curve)


def outlineOf(mask: np.ndarray) -> np.ndarray:
    """Pixel positions `[K, 2]` around a convex mask `[H, W]`, clockwise from the left end of its first line."""
    lines = np.flatnonzero(mask.any(axis=1))
    lines = lines[np.linspace(0, len(lines) - 1, min(len(lines), MAX_LINES)).round().astype(int)]
    left = mask[lines].argmax(axis=1)
    right = mask.shape[1] - 1 - mask[lines, ::-1].argmax(axis=1)
    return np.concatenate([np.stack([right, lines], 1), np.stack([left, lines], 1)[::-1]]).astype(float)


def _newOutline(source: CineSource, xy: np.ndarray) -> Any:
    geometry = CineGeometry(source)
    curve = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsClosedCurveNode", f"{source.name} sector")
    height = source.imageNode.GetImageData().GetDimensions()[1]
    fillCurve(
        curve, geometry.localPositions(0, xy), COLOR, DIAMETER * height * np.linalg.norm(geometry.matrix(0)[:3, 1])
    )
    transform = geometry.parentTransform
    curve.SetAndObserveTransformNodeID(transform.GetID() if transform is not None else None)
    curve.SetNodeReferenceID(SECTOR_REFERENCE, source.imageNode.GetID())
    return curve
