"""Reads labels back from a segmentation, as the user may have changed them in the Segment Editor."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from PointSegModule.appearance import SegmentStyle
from PointSegModule.scene_input import CineSource

_LABELMAP = "Binary labelmap"


def labelsOfItem(
    sequence: Any, frame: int, proxy: Any, source: CineSource, styles: tuple[SegmentStyle, ...]
) -> np.ndarray:
    """Labels of one frame.

    Args:
        sequence: of segmentations.
        frame: which item.
        proxy: shows the current item, which may have been edited since the sequence was last told.
        source: the cine, whose frame is the grid of the labels.
        styles: the structures to read; where they overlap, the later ones win.

    Returns:
        uint8 `[H, W]`.
    """
    node = _itemOf(sequence, frame, proxy, source)
    grid = _gridOf(source.frameNodes[frame])
    width, height, _depth = grid.GetDimensions()
    labels = np.zeros((height, width), np.uint8)
    for style in styles:
        segment = node.GetSegmentation().GetSegment(style.segmentId)
        stored = segment.GetRepresentation(_LABELMAP) if segment is not None else None
        if stored is not None and not stored.IsEmpty():
            labels[_onGrid(stored, grid) == segment.GetLabelValue()] = style.label
    return labels


def modifiedTimes(
    sequence: Any, frame: int, proxy: Any, source: CineSource, styles: tuple[SegmentStyle, ...]
) -> tuple[int, ...]:
    """VTK's times of the last change of one frame's label images: as long as they are the same, so are the labels.

    The arguments are those of `labelsOfItem`, of which this is the quick question before the slow one.
    """
    segmentation = _itemOf(sequence, frame, proxy, source).GetSegmentation()
    segments = [segmentation.GetSegment(style.segmentId) for style in styles]
    stored = [segment.GetRepresentation(_LABELMAP) if segment is not None else None for segment in segments]
    return tuple(image.GetMTime() if image is not None else 0 for image in stored)


def _itemOf(sequence: Any, frame: int, proxy: Any, source: CineSource) -> Any:
    isShown = source.browser.GetSelectedItemNumber() == frame
    return proxy if isShown else sequence.GetDataNodeAtValue(source.indexValues[frame], True)


def _gridOf(image: Any) -> Any:
    grid = slicer.vtkOrientedImageData()
    grid.SetDimensions(image.GetImageData().GetDimensions())
    matrix = vtk.vtkMatrix4x4()
    image.GetIJKToRASMatrix(matrix)
    grid.SetImageToWorldMatrix(matrix)
    return grid


def _onGrid(stored: Any, grid: Any) -> np.ndarray:
    """The values `[H, W]` of a label image, which an editor may have cropped or enlarged, on the grid of a frame."""
    resampled = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(stored, grid, resampled)
    width, height, _depth = grid.GetDimensions()
    return vtk_to_numpy(resampled.GetPointData().GetScalars()).reshape(height, width)
