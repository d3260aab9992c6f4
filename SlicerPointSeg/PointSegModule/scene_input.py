"""Reads a cine from the scene: a sequence, one of its proxies, a browser, or one volume whose slices are frames."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk

from PointSegLib.clip import CineClip
from PointSegLib.errors import PointSegError

R_WAVES_ATTRIBUTE = "PointSeg.rWaveTimes"  # of a sequence of images: seconds on the clock of its index
_IMAGE_CLASSES = ("vtkMRMLScalarVolumeNode", "vtkMRMLVectorVolumeNode", "vtkMRMLStreamingVolumeNode")
_SECONDS_PER_UNIT = {"s": 1.0, "ms": 1e-3}
_COLOUR_SAMPLE = 8  # frames that show which colours tissue has


class SceneInputError(PointSegError, ValueError):
    """The selected node cannot be used as an ultrasound cine."""


@dataclass(frozen=True)
class CineSource:
    """Where the frames of a cine lie in the scene, and how they are indexed.

    Attributes:
        name: of the image, for messages and for the names of results.
        imageNode: the displayed volume: the sequence's proxy, or the volume whose slices are frames; None for a
            sequence that nobody browses.
        sequence: of the frames, or None for one volume.
        browser: of the sequence, or None.
        frameNodes: the volumes of the sequence in order; empty for one volume.
        indexName, indexUnit, indexType, indexTolerance, indexValues: copied from the sequence as they are.
    """

    name: str
    imageNode: Any
    sequence: Any
    browser: Any
    frameNodes: tuple[Any, ...]
    indexName: str
    indexUnit: str
    indexType: int
    indexTolerance: float
    indexValues: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.indexValues)

    @property
    def rWaveTimes(self) -> tuple[float, ...] | None:
        """Seconds of the ECG's R waves on the clock of the index; None where the sequence does not tell."""
        stored = self.sequence.GetAttribute(R_WAVES_ATTRIBUTE) if self.sequence is not None else None
        return tuple(json.loads(stored)) if stored else None

    @property
    def spacingMm(self) -> tuple[float, float] | None:
        """(row, column) pixel distance by the frames' matrices; None when unknown or not the same in all frames.

        Exactly 1.0 in both directions is what Slicer fills in for an image without calibration.
        """
        nodes = self.frameNodes or (self.imageNode,)
        spacings = np.array([np.linalg.norm(ijkToRas(node)[:3, :2], axis=0) for node in nodes])
        if np.allclose(spacings, 1.0, rtol=0, atol=1e-9) or not np.allclose(spacings, spacings[0], rtol=1e-6):
            return None
        return float(spacings[0, 1]), float(spacings[0, 0])


def findCine(node: Any) -> CineSource:
    """Find the cine that a node of the scene stands for, without reading pixels.

    Args:
        node: a sequence of images, a proxy volume of one, a sequence browser, or a volume whose slices are frames.

    Raises:
        SceneInputError: for any other node, an empty sequence, or frames that are not 2-D images of one size.
    """
    if node is None:
        raise SceneInputError("No input is selected; choose an ultrasound sequence or volume.")
    logic = slicer.modules.sequences.logic()
    if node.IsA("vtkMRMLSequenceBrowserNode"):
        return _fromSequence(_imageSequenceOf(node), node)
    if node.IsA("vtkMRMLSequenceNode"):
        return _fromSequence(node, logic.GetFirstBrowserNodeForSequenceNode(node))
    if node.GetClassName() not in _IMAGE_CLASSES:
        msg = (
            f"'{node.GetName()}' is a {_kind(node)}, not an ultrasound image; "
            "choose a scalar or colour volume, its sequence, or the sequence's browser."
        )
        raise SceneInputError(msg)
    browser = logic.GetFirstBrowserNodeForProxyNode(node)
    if browser is not None:
        return _fromSequence(browser.GetSequenceNode(node), browser)
    return _fromVolume(node)


def readClip(source: CineSource, spacingMm: tuple[float, float] | None = None) -> CineClip:
    """Read the frames of a cine as the engine wants them; `clipSteps` has the details."""
    steps = clipSteps(source, range(len(source)), spacingMm)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def clipSteps(
    source: CineSource, frames: range, spacingMm: tuple[float, float] | None = None, calibration: str = ""
) -> Generator[bool, None, CineClip]:
    """Read some frames of a cine, one in each step.

    Colour becomes grey as in `PointSegLib.read_clip`, without coloured overlays. Times are taken from the index
    values only when their unit is s or ms.

    Args:
        source: what `findCine` gave.
        frames: which ones.
        spacingMm: (row, column) pixel distance to use instead of the image's own.
        calibration: where `spacingMm` is from.

    Raises:
        ClipError: when the frames are too small or hold values that are not finite.
        SceneInputError: for colours of more than 8 bits.
    """
    warnings = []
    times, timeWarning = _times(source)
    if timeWarning:
        warnings.append(timeWarning)
    spacing, calibration = spacingMm, calibration or "given by the user"
    if spacing is None:
        spacing, calibration = source.spacingMm, f"image spacing of '{source.name}'"
    if spacing is None:
        calibration = ""
        warnings.append(
            f"'{source.name}' is not calibrated (its pixel spacing is 1 or differs between frames), "
            "so lengths can be given in pixels only."
        )
    grey = yield from _greySteps(source, frames)
    return CineClip(
        frames=grey,
        spacing_mm=spacing,
        times_s=None if times is None else times[frames.start : frames.stop],
        source=source.name,
        calibration=calibration,
        warnings=tuple(warnings),
        r_wave_times_s=None if times is None else source.rWaveTimes,
    )


def ijkToRas(volume: Any) -> np.ndarray:
    """A volume's own matrix `[4, 4]` from voxel to local RAS position, without parent transforms."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def _kind(node: Any) -> str:
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        return "labelmap"
    return node.GetNodeTagName() or node.GetClassName()


def _imageSequenceOf(browser: Any) -> Any:
    """The browser's master sequence, or the first other one, that holds images."""
    sequences = vtk.vtkCollection()
    browser.GetSynchronizedSequenceNodes(sequences, True)
    candidates = [sequences.GetItemAsObject(i) for i in range(sequences.GetNumberOfItems())]
    for sequence in candidates:
        if sequence.GetNumberOfDataNodes() and sequence.GetNthDataNode(0).GetClassName() in _IMAGE_CLASSES:
            return sequence
    if len(candidates) == 1:
        return candidates[0]  # its own defect is named better by the checks of its frames
    raise SceneInputError(f"The browser '{browser.GetName()}' has no sequence of images; choose another input.")


def _fromSequence(sequence: Any, browser: Any) -> CineSource:
    frames = tuple(sequence.GetNthDataNode(i) for i in range(sequence.GetNumberOfDataNodes()))
    _checkFrames(sequence, frames)
    proxy = browser.GetProxyNode(sequence) if browser is not None else None
    return CineSource(
        name=(proxy or sequence).GetName(),
        imageNode=proxy,
        sequence=sequence,
        browser=browser,
        frameNodes=frames,
        indexName=sequence.GetIndexName() or "",
        indexUnit=sequence.GetIndexUnit() or "",
        indexType=sequence.GetIndexType(),
        indexTolerance=sequence.GetNumericIndexValueTolerance(),
        indexValues=tuple(sequence.GetNthIndexValue(i) for i in range(len(frames))),
    )


def _fromVolume(volume: Any) -> CineSource:
    image = volume.GetImageData()
    if image is None or 0 in image.GetDimensions():
        raise SceneInputError(f"'{volume.GetName()}' holds no image; load it again.")
    _checkComponents(image, f"'{volume.GetName()}'")
    return CineSource(
        name=volume.GetName(),
        imageNode=volume,
        sequence=None,
        browser=None,
        frameNodes=(),
        indexName="frame",
        indexUnit="",
        indexType=slicer.vtkMRMLSequenceNode.NumericIndex,
        indexTolerance=slicer.vtkMRMLSequenceNode().GetNumericIndexValueTolerance(),
        indexValues=tuple(str(k) for k in range(image.GetDimensions()[2])),
    )


def _checkFrames(sequence: Any, frames: tuple[Any, ...]) -> None:
    name = sequence.GetName()
    if not frames:
        raise SceneInputError(f"The sequence '{name}' is empty; record or load its frames first.")
    size = None
    for index, frame in enumerate(frames):
        where = f"frame {index} of '{name}'"
        if frame is None or frame.GetClassName() not in _IMAGE_CLASSES:
            kind = "missing" if frame is None else f"a {_kind(frame)}"
            raise SceneInputError(f"{where} is {kind}, not an image; choose a sequence of ultrasound images.")
        image = frame.GetImageData()
        if image is None:
            raise SceneInputError(f"{where} holds no image; load the sequence again.")
        _checkComponents(image, where)
        width, height, depth = image.GetDimensions()
        if depth != 1:
            msg = (
                f"{where} is a 3-D volume of {width} x {height} x {depth}; PointSeg follows 2-D movies. "
                "Extract one slice of each frame first."
            )
            raise SceneInputError(msg)
        size = size or (width, height)
        if (width, height) != size:
            msg = (
                f"{where} has {width} x {height} pixels but frame 0 has {size[0]} x {size[1]}; "
                "all frames must have the same size: split the sequence where it changes."
            )
            raise SceneInputError(msg)


def _checkComponents(image: Any, where: str) -> None:
    count = image.GetNumberOfScalarComponents()
    if count not in (1, 3, 4):
        raise SceneInputError(f"{where} has {count} values per pixel; grey (1) or colour (3 or 4) are needed.")


def _greySteps(source: CineSource, frames: range) -> Generator[bool, None, np.ndarray]:
    """Return `[T, H, W]` in the image's own type (colour: uint8)."""
    stack = slicer.util.arrayFromVolume(source.imageNode) if source.sequence is None else None

    def image(frame: int) -> np.ndarray:
        return slicer.util.arrayFromVolume(source.frameNodes[frame])[0] if stack is None else stack[frame]

    convert = yield from _greyMaker(image, frames, source.name)
    grey: np.ndarray | None = None
    for place, frame in enumerate(frames):
        converted = convert(image(frame))
        if grey is None:
            grey = np.empty((len(frames), *converted.shape), converted.dtype)
        grey[place] = converted
        yield False
    return grey


def _greyMaker(
    image: Callable[[int], np.ndarray], frames: range, name: str
) -> Generator[bool, None, Callable[[np.ndarray], np.ndarray]]:
    """What makes a frame grey; colour frames by the same rules as for colour files."""
    first = image(frames[0])
    if first.ndim == 2:
        return lambda frame: frame
    from PointSegLib.io import colour  # here, because it brings the file readers along

    if first.dtype != np.uint8:
        raise SceneInputError(f"'{name}' has colours of type {first.dtype}; convert them to 8 bits (0 to 255) first.")
    yield False
    sample = [image(frame)[..., :3] for frame in frames[:: max(1, len(frames) // _COLOUR_SAMPLE)]]
    tissue = colour.fit_tissue_map(np.stack(sample))
    yield False
    return lambda frame: colour.to_grey(frame[..., :3], tissue)


def _times(source: CineSource) -> tuple[np.ndarray | None, str]:
    """Return (seconds `[T]` or None, what was doubted)."""
    scale = _SECONDS_PER_UNIT.get(source.indexUnit.strip().lower())
    if scale is None:
        return (
            None,
            f"Frame times of '{source.name}' are unknown: its index has the unit '{source.indexUnit}', not s or ms.",
        )
    try:
        times = scale * np.array([float(value) for value in source.indexValues])
    except ValueError:
        return None, f"Frame times of '{source.name}' are not used: some index values are not numbers."
    if not (np.isfinite(times).all() and (np.diff(times) > 0).all()):
        return None, f"Frame times of '{source.name}' are not used: they do not increase from frame to frame."
    return times, ""
