"""Where pixels lie in the patient: (frame, x, y) to positions in the scene and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from PointSegLib.errors import PointError
from PointSegModule.scene_input import CineSource, ijkToRas

MAX_DISTANCE_FROM_FRAME = 0.5  # slices


class CineGeometry:
    """The frames' own matrices and parent transforms of one cine.

    "Local" positions are those of the image node itself (RAS before its parent transforms): results that are put
    under the same parent transform as the image hold local positions. "World" positions are what views show.

    All frames of a volume whose slices are frames share the plane of its first slice: its third axis is time.
    """

    def __init__(self, source: CineSource) -> None:
        self._source = source
        if source.sequence is None:
            self._matrices = [ijkToRas(source.imageNode)] * len(source)
        else:
            self._matrices = [ijkToRas(node) for node in source.frameNodes]

    @property
    def parentTransform(self) -> Any:
        """The transform node the image lies under, or None."""
        return self._source.imageNode.GetParentTransformNode() if self._source.imageNode is not None else None

    @property
    def parentMovesWithFrames(self) -> bool:
        """Whether a transform above the image is itself replayed by the image's browser."""
        return any(self._transformSequence(transform) is not None for transform in self._parents())

    def matrix(self, frame: int) -> np.ndarray:
        """IJK-to-RAS `[4, 4]` of a frame, local."""
        return self._matrices[frame]

    def localPositions(self, frame: int, xy: np.ndarray) -> np.ndarray:
        """Local RAS `[..., 3]` in mm of pixel positions `[..., 2]` of a frame."""
        xy = np.asarray(xy, np.float64)
        matrix = self._matrices[frame]
        return xy @ matrix[:3, :2].T + matrix[:3, 3]

    def worldPositions(self, frame: int, xy: np.ndarray) -> np.ndarray:
        """World RAS `[N, 3]` in mm of pixel positions `[N, 2]` of a frame."""
        positions = self.localPositions(frame, xy)
        for parent in self._parents():
            transform = self._transformAt(parent, frame).GetTransformToParent()
            positions = np.array([transform.TransformDoublePoint(*position) for position in positions])
        return positions

    def queriesFromMarkups(self, markups: Any) -> np.ndarray:
        """Query points of a markups node as the engine takes them.

        The frame is the one now shown; in a volume whose slices are frames, it is the slice the point lies in.

        Args:
            markups: a markups node with control points in the image.

        Returns:
            float64 `[M, 3]` rows (frame, x, y).

        Raises:
            PointError: when no point is placed, or a point lies off the image plane.
        """
        placed = [
            index
            for index in range(markups.GetNumberOfControlPoints())
            if markups.GetNthControlPointPositionStatus(index) == slicer.vtkMRMLMarkupsNode.PositionDefined
        ]
        if not placed:
            raise PointError(f"'{markups.GetName()}' holds no placed points; place some on the image or select none.")
        return np.array([self._query(markups, index) for index in placed])

    def query(self, markups: Any, index: int, frame: int) -> tuple[float, float, float]:
        """A control point as a query point (frame, x, y) of the frame it was placed on.

        Raises:
            PointError: when the point lies off the image plane.
        """
        x, y, k = self._voxel(markups, index, frame)
        self._refuseOffPlane(markups, index, abs(k))
        return float(frame), x, y

    def _query(self, markups: Any, index: int) -> tuple[float, float, float]:
        shown = self._source.browser.GetSelectedItemNumber() if self._source.browser is not None else 0
        x, y, k = self._voxel(markups, index, shown)
        isStack = self._source.sequence is None
        last = len(self._source) - 1 if isStack else 0
        self._refuseOffPlane(markups, index, max(-k, k - last, 0.0))
        frame = float(np.clip(np.rint(k), 0, last)) if isStack else float(shown)
        return frame, x, y

    def _voxel(self, markups: Any, index: int, frame: int) -> tuple[float, float, float]:
        """(x, y, k) of a control point in the voxels of a frame."""
        position = [0.0, 0.0, 0.0]
        markups.GetNthControlPointPositionWorld(index, position)
        for parent in reversed(self._parents()):
            position = self._transformAt(parent, frame).GetTransformFromParent().TransformDoublePoint(*position)
        x, y, k = (np.linalg.inv(self._matrices[frame]) @ np.append(position, 1.0))[:3]
        return float(x), float(y), float(k)

    def _refuseOffPlane(self, markups: Any, index: int, slicesOff: float) -> None:
        if slicesOff > MAX_DISTANCE_FROM_FRAME:
            label = markups.GetNthControlPointLabel(index)
            msg = (
                f"Point '{label}' of '{markups.GetName()}' lies {slicesOff:.1f} slices off the image "
                f"'{self._source.name}'; place it in the slice view that shows the image."
            )
            raise PointError(msg)

    def _parents(self) -> list[Any]:
        """Transform nodes from the image outwards."""
        parents, node = [], self.parentTransform
        while node is not None:
            parents.append(node)
            node = node.GetParentTransformNode()
        return parents

    def _transformSequence(self, transform: Any) -> Any:
        return self._source.browser.GetSequenceNode(transform) if self._source.browser is not None else None

    def _transformAt(self, transform: Any, frame: int) -> Any:
        sequence = self._transformSequence(transform)
        if sequence is None:
            return transform
        return sequence.GetDataNodeAtValue(self._source.indexValues[frame], False) or transform
