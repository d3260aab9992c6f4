"""Decode the frames of a DICOM file one at a time to grey, so that memory stays near the grey result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK
from pydicom.pixels import apply_color_lut, get_decoder, iter_pixels

from PointSegLib.errors import DependencyError, ReadError
from PointSegLib.io.colour import fit_tissue_map, stored_space, to_grey, ybr_to_rgb


def read_grey_frames(dataset: Any, path: Path, count: int) -> tuple[np.ndarray, list[str]]:
    """Decode all frames of a DICOM file.

    Args:
        dataset: the file's header.
        path: the file.
        count: how many frames the header promises.

    Returns:
        `[T, H, W]`, uint8 where the file is 8 bit or in colour, otherwise the stored type; and warnings.

    Raises:
        DependencyError: when the compression needs a decoder that is not installed.
        ReadError: when the pixel data are damaged, cut off or of an unknown kind.
    """
    frames = _decoded(dataset, path)
    warnings: list[str] = []
    result: np.ndarray | None = None
    done = 0
    try:
        grey_of: Callable[[np.ndarray], np.ndarray] | None = None
        for raw in frames:
            if grey_of is None:
                grey_of, warnings = _grey_converter(raw, dataset)
            grey = grey_of(raw)
            if result is None:
                result = np.empty((count, *grey.shape), grey.dtype)
            if done < count:
                result[done] = grey
            done += 1
    except (DependencyError, ReadError, MemoryError):
        raise
    except Exception as error:  # decoders are plugins: they raise whatever they like
        msg = f"{path}: frame {done} cannot be decoded ({_first_line(error)}); the file is damaged or cut off."
        raise ReadError(msg) from error
    if result is None or done < count:
        msg = f"{path}: the header promises {count} frames but only {done} are there; export the file again."
        raise ReadError(msg)
    return result, warnings


def _decoded(dataset: Any, path: Path) -> Iterator[np.ndarray]:
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_compressed:
        halved = dataset.PhotometricInterpretation == "YBR_FULL_422"
        return _halved_chroma(dataset, path) if halved else iter_pixels(path, raw=True)
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError as error:
        msg = f"{path}: pixel data of the kind '{syntax.name}' cannot be read; convert the file to JPEG first."
        raise ReadError(msg) from error
    return iter_pixels(path, raw=True) if available else _decoded_by_gdcm(path, syntax)


def _halved_chroma(dataset: Any, path: Path) -> Iterator[np.ndarray]:
    """Frames of uncompressed YBR_FULL_422, stored as Y Y B R for two pixels: pydicom misjudges their length."""
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    length = rows * columns * 2
    data = memoryview(pydicom.dcmread(path).PixelData)
    for start in range(0, len(data) - length + 1, length):
        quads = np.frombuffer(data[start : start + length], np.uint8).reshape(rows, columns // 2, 4)
        frame = np.empty((rows, columns, 3), np.uint8)
        frame[..., 0] = quads[..., :2].reshape(rows, columns)
        frame[..., 1:] = quads[..., 2:].repeat(2, axis=1)
        yield frame


def _decoded_by_gdcm(path: Path, syntax: pydicom.uid.UID) -> Iterator[np.ndarray]:
    """Read all frames at once through SimpleITK: inside Slicer there may be no other JPEG decoder."""
    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        array = SimpleITK.GetArrayViewFromImage(image := reader.Execute())
    except RuntimeError as error:
        msg = f"{path}: no decoder for '{syntax.name}' is installed; run: pip install \"pointseg[dicom]\""
        raise DependencyError(msg) from error
    flat = array[None] if image.GetDimension() == 2 else array
    for frame in flat:
        yield np.array(frame)


def _grey_converter(first: np.ndarray, dataset: Any) -> tuple[Callable[[np.ndarray], np.ndarray], list[str]]:
    photometric = str(dataset.PhotometricInterpretation)
    if photometric == "PALETTE COLOR":
        if first.ndim == 3:
            return _colour_converter(first, "RGB")
        tissue = fit_tissue_map(_palette_rgb(first, dataset))
        return lambda raw: to_grey(_palette_rgb(raw, dataset), tissue), []
    if first.ndim == 3:
        return _colour_converter(first, photometric)
    if photometric == "MONOCHROME1":
        return _inverter(dataset, first.dtype), []
    return (lambda raw: raw), []


def _colour_converter(first: np.ndarray, photometric: str) -> tuple[Callable[[np.ndarray], np.ndarray], list[str]]:
    declared = "YBR" if photometric in ("YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420") else "RGB"
    seen = stored_space(_eight_bit(first)) or declared
    # JPEG 2000's own transforms (YBR_RCT, YBR_ICT) are undone by the decoder, so RGB is what they promise.
    doubt = (
        []
        if seen == declared
        else [f"The file says {photometric}, but its pixels are {seen}; they were read as {seen}."]
    )
    to_rgb = ybr_to_rgb if seen == "YBR" else (lambda raw: raw)
    tissue = fit_tissue_map(to_rgb(_eight_bit(first)))
    return (lambda raw: to_grey(to_rgb(_eight_bit(raw)), tissue)), doubt


def _palette_rgb(raw: np.ndarray, dataset: Any) -> np.ndarray:
    return _eight_bit(apply_color_lut(raw, dataset))


def _eight_bit(colour: np.ndarray) -> np.ndarray:
    return colour if colour.dtype == np.uint8 else (colour >> 8).astype(np.uint8)


def _inverter(dataset: Any, dtype: np.dtype) -> Callable[[np.ndarray], np.ndarray]:
    top = (1 << int(dataset.get("BitsStored", 8))) - 1
    if np.issubdtype(dtype, np.signedinteger):
        return lambda raw: -1 - raw
    return lambda raw: (top - raw.astype(np.int64)).clip(0, top).astype(dtype)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
