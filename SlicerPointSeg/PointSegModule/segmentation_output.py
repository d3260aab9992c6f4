"""Turns label images into segmentation nodes, one for each frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from PointSegModule.appearance import SEGMENTS, SegmentStyle

_LABELMAP = "Binary labelmap"
OUTLINE_PIXELS = 2


def fillSegmentation(
    node: Any, labels: np.ndarray, ijkToRas: np.ndarray, styles: tuple[SegmentStyle, ...] = SEGMENTS
) -> None:
    """Replace a segmentation's content by one frame's labels.

    All segments share one label image, which is exact and needs no conversion. A structure that the frame does not
    show is an empty segment, so that every frame has the same segments.

    Args:
        node: a vtkMRMLSegmentationNode, in the scene or not.
        labels: uint8 `[H, W]`, values of `PointSegResult.labels`.
        ijkToRas: float `[4, 4]`, the frame's own matrix.
        styles: the structures to keep.
    """
    if len(styles) < len(SEGMENTS):
        labels = np.where(np.isin(labels, [style.label for style in styles]), labels, 0)
    image = _orientedImage(labels, ijkToRas)
    segmentation = node.GetSegmentation()
    segmentation.RemoveAllSegments()
    node.GetSegmentation().SetConversionParameter(
        slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName(),
        slicer.vtkSegmentationConverter.SerializeImageGeometry(image),
    )
    segmentation.SetSourceRepresentationName(_LABELMAP)
    for style in styles:
        segment = slicer.vtkSegment()
        segment.SetName(style.name)
        segment.SetColor(*style.color)
        segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), style.terminology)
        segment.SetLabelValue(style.label)
        segment.AddRepresentation(_LABELMAP, image)
        segmentation.AddSegment(segment, style.segmentId)


def styleSegmentation(node: Any) -> None:
    """Show a result as a translucent wall and outlined chambers, without making surfaces of a flat image."""
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetPreferredDisplayRepresentationName2D(_LABELMAP)
    display.SetOpacity2DFill(1.0)
    display.SetOpacity2DOutline(1.0)
    display.SetSliceIntersectionThickness(OUTLINE_PIXELS)
    present = node.GetSegmentation().GetSegmentIDs()
    for style in (style for style in SEGMENTS if style.segmentId in present):
        display.SetSegmentOpacity2DFill(style.segmentId, style.fillOpacity)
        display.SetSegmentOpacity2DOutline(style.segmentId, 1.0)


def _orientedImage(labels: np.ndarray, ijkToRas: np.ndarray) -> Any:
    height, width = labels.shape
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(width, height, 1)
    scalars = numpy_to_vtk(np.ascontiguousarray(labels, np.uint8).ravel(), deep=True)
    scalars.SetName("ImageScalars")
    image.GetPointData().SetScalars(scalars)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(ijkToRas, np.float64).ravel())
    image.SetImageToWorldMatrix(matrix)
    return image
