"""Makers of ultrasound-like sequences and volumes in the scene."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer
import vtk

FRAMES, HEIGHT, WIDTH = 6, 96, 128
DICOM_SPACING = (0.30, 0.25)  # row, column


def speckle(frames: int = FRAMES, channels: int = 0, seed: int = 0) -> np.ndarray:
    """uint8 `[T, H, W]` or, with channels, `[T, H, W, C]` grey."""
    values = np.random.default_rng(seed).rayleigh(40, (frames, HEIGHT, WIDTH)).clip(0, 255).astype(np.uint8)
    return np.repeat(values[..., None], channels, axis=-1) if channels else values


def dicomMatrix(spacing: tuple[float, float] = DICOM_SPACING, origin: Sequence[float] = (0, 0, 0)) -> np.ndarray:
    """What Slicer's DICOM reader gives a 2-D ultrasound frame: x to the patient's left, y to the back."""
    matrix = np.diag([-spacing[1], -spacing[0], 1.0, 1.0])
    matrix[:3, 3] = origin
    return matrix


def volumeNode(array: np.ndarray, matrix: np.ndarray | None = None) -> Any:
    """A scalar `[K, H, W]` or colour `[K, H, W, C]` volume node outside the scene."""
    node = slicer.vtkMRMLVectorVolumeNode() if array.ndim == 4 else slicer.vtkMRMLScalarVolumeNode()
    node.SetIJKToRASMatrix(vtkMatrix(dicomMatrix() if matrix is None else matrix))
    slicer.util.updateVolumeFromArray(node, np.ascontiguousarray(array))
    return node


def imageSequence(
    frames: np.ndarray,
    matrices: Sequence[np.ndarray] | None = None,
    index: tuple[str, str, Sequence[str]] | None = None,
    textIndex: bool = False,
) -> Any:
    """A sequence node of one-slice volumes; `index` is (name, unit, values), by default time in seconds."""
    name, unit, values = index or ("time", "s", [f"{0.04 * t:.3f}" for t in range(len(frames))])
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Echo")
    sequence.SetIndexName(name)
    sequence.SetIndexUnit(unit)
    kinds = slicer.vtkMRMLSequenceNode
    sequence.SetIndexType(kinds.TextIndex if textIndex else kinds.NumericIndex)
    for t, frame in enumerate(frames):
        sequence.SetDataNodeAtValue(volumeNode(frame[None], matrices[t] if matrices else None), values[t])
    return sequence


def vtkMatrix(matrix: np.ndarray) -> Any:
    result = vtk.vtkMatrix4x4()
    result.DeepCopy(np.asarray(matrix, float).ravel())
    return result


def labelsOf(segmentation: Any, volume: Any) -> np.ndarray:
    """uint8 `[H, W]` of a segmentation's frame, read back segment by segment through Slicer's own export."""
    from PointSegModule.appearance import SEGMENTS

    labels = None
    for style in SEGMENTS:
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, style.segmentId, volume)[0] > 0
        labels = np.zeros(mask.shape, np.uint8) if labels is None else labels
        labels[mask] = style.label
    return labels
