"""Read NRRD, Slicer's .seq.nrrd, NIfTI, MetaImage and still pictures through SimpleITK."""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import SimpleITK

from PointSegLib.clip import CineClip
from PointSegLib.errors import ReadError
from PointSegLib.io.colour import fit_tissue_map, to_grey

SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3, "us": 1e-6, "µs": 1e-6}
NIFTI_TIME = {8: "s", 16: "ms", 24: "us"}
COLOUR_CHANNELS = (3, 4)
UNCALIBRATED_FIELD = "calibration"
UNCALIBRATED = "none (pixels)"


def read_volume(path: Path, image_io: str) -> CineClip:
    """Read a 2-D or 2D+t image file.

    Args:
        path: the file.
        image_io: ITK's reader for its content, such as "NrrdImageIO".

    Returns:
        The clip. `spacing_mm` is the header's; None where the header says the default 1 x 1, which nearly always
        means that nobody set it. `times_s` only where the header gives a time axis with its unit.

    Raises:
        ReadError: for damaged files, 3-D volumes over time and unreadable pixel types.
    """
    image = load_image(path, image_io)
    frames = _frames(image, path)
    spacing, warnings = _spacing(image)
    times, doubts = _times(image, len(frames))
    return CineClip(
        frames,
        spacing_mm=spacing,
        times_s=times,
        source=str(path),
        calibration="spacing in the file's header" if spacing else "",
        warnings=(*warnings, *doubts),
    )


def read_picture(path: Path, image_io: str) -> CineClip:
    """Read a PNG, JPEG, BMP or TIFF picture as a clip of one frame (of its pages); its size in mm is unknown.

    Raises:
        ReadError: for damaged files.
    """
    frames = _frames(load_image(path, image_io), path)
    return CineClip(frames, source=str(path), warnings=("A picture without a pixel size: lengths are in pixels.",))


def _refuse_cut_off_nifti(path: Path) -> None:
    """Compare the length that a NIfTI header promises with the file's: ITK fills what is missing with zeros."""
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opener(path, "rb") as file:
            head = file.read(352)
            order = "<" if head[:4] in (b"\x5c\x01\0\0", b"\x1c\x02\0\0") else ">"
            if len(head) < 352 or head[344:347] != b"n+1":
                return
            dims = struct.unpack(order + "8h", head[40:56])
            bits = struct.unpack(order + "h", head[72:74])[0]
            missing = int(struct.unpack(order + "f", head[108:112])[0]) + math.prod(dims[1 : 1 + dims[0]]) * bits // 8
            missing -= len(head)
            while missing > 0 and (piece := file.read(min(missing, 1 << 22))):
                missing -= len(piece)
            file.read(1)  # at the end of a .gz its checksum is compared
    except (OSError, EOFError, zlib.error, struct.error) as error:
        msg = f"{path} is damaged or cut off ({error}); copy or export it again."
        raise ReadError(msg) from error
    if missing > 0:
        msg = f"{path} is cut off: {missing} bytes of its pixels are missing; copy or export it again."
        raise ReadError(msg)


def load_image(path: Path, image_io: str) -> SimpleITK.Image:
    """Read an image file that is whole.

    Args:
        path: the file.
        image_io: ITK's reader for its content, such as "NiftiImageIO".

    Raises:
        ReadError: when the file is damaged or cut off, which ITK itself may not notice.
    """
    if image_io == "NiftiImageIO":
        _refuse_cut_off_nifti(path)
    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO(image_io)
    reader.SetFileName(str(path))
    try:
        return reader.Execute()
    except RuntimeError as error:
        reason = [line.strip() for line in str(error).splitlines() if line.strip()][-1]
        kind = image_io.removesuffix("ImageIO")
        msg = (
            f"{path} cannot be read as {kind} ({reason}); it is damaged, cut off or a part is missing: export it again."
        )
        raise ReadError(msg) from error


def _meta(image: SimpleITK.Image, key: str) -> str:
    return image.GetMetaData(key).strip() if image.HasMetaDataKey(key) else ""


def _frames(image: SimpleITK.Image, path: Path) -> np.ndarray:
    """`[T, H, W]` of an image whose time is its third or fourth axis or, as in .seq.nrrd, its components."""
    channels = image.GetNumberOfComponentsPerPixel()
    listed = channels > 1 and _meta(image, "NRRD_kinds[pixel]").lower() == "list"
    array = SimpleITK.GetArrayFromImage(image)
    if array.dtype.kind == "c":
        msg = f"{path} holds complex numbers; save it as greyscale."
        raise ReadError(msg)
    if channels == 1:
        array = array[..., None]
    planes = _as_planes(array, path)
    if channels == 1:
        return planes[..., 0]
    if listed or channels not in COLOUR_CHANNELS:
        if len(planes) > 1:
            size = " x ".join(map(str, image.GetSize()))
            msg = f"{path} is a 3-D volume over time ({size}, {channels} times); extract one slice plane over time."
            raise ReadError(msg)
        return np.ascontiguousarray(np.moveaxis(planes[0], -1, 0))
    return _grey(planes[..., :3])


def _as_planes(array: np.ndarray, path: Path) -> np.ndarray:
    """Bring an array `[..., H, W, C]` of two to four image axes to `[T, H, W, C]`."""
    shape = array.shape
    if array.ndim == 3:
        return array[None]
    if array.ndim == 4:
        return array
    outer = [n for n in shape[:-3] if n > 1]
    if len(outer) <= 1:
        return array.reshape(-1, *shape[-3:])
    size = " x ".join(str(n) for n in shape[-2::-1])
    msg = f"{path} is a 3-D volume over time ({size}); extract one slice plane over time."
    raise ReadError(msg)


def _grey(planes: np.ndarray) -> np.ndarray:
    if planes.dtype != np.uint8:
        low, high = float(planes.min()), float(planes.max())
        scale = 255.0 / (high - low) if high > low else 0.0
        planes = np.rint((planes.astype(np.float32) - low) * scale).astype(np.uint8)
    tissue = fit_tissue_map(planes[0])
    return np.stack([to_grey(plane, tissue) for plane in planes])


def _spacing(image: SimpleITK.Image) -> tuple[tuple[float, float] | None, list[str]]:
    column, row = image.GetSpacing()[:2]
    if _meta(image, UNCALIBRATED_FIELD) == UNCALIBRATED:
        return None, ["The file says that it is not calibrated: lengths are in pixels."]
    if row == 1 and column == 1:
        msg = (
            "The header's spacing is the default 1 x 1, which usually means that it was never set: lengths are in "
            "pixels. If it is true, give CineClip(frames, spacing_mm=(1, 1))."
        )
        return None, [msg]
    return (row, column), []


def _times(image: SimpleITK.Image, count: int) -> tuple[np.ndarray | None, list[str]]:
    if count == 1:
        return None, []
    values = [_meta(image, key) for key in image.GetMetaDataKeys() if re.fullmatch(r"axis \d+ index values", key)]
    if values:
        return _sequence_times(image, values[0], count)
    step = _time_step(image)
    if step is None:
        return None, ["The header gives no time axis with a unit: times are unknown."]
    return np.arange(count) * step, []


def _sequence_times(image: SimpleITK.Image, text: str, count: int) -> tuple[np.ndarray | None, list[str]]:
    """Times of a Slicer sequence from its index values and unit."""
    units = [u for key in ("pixel", "3", "2", "0") if (u := _meta(image, f"NRRD_units[{key}]").strip('"'))]
    unit = units[0] if units else ""
    factor = SECONDS.get(unit.lower())
    if factor is None:
        said = f"the unit '{unit}'" if unit else "no unit"
        return None, [f"The sequence's index has {said}, not a unit of time: times are unknown."]
    try:
        times = np.array([float(v) for v in text.split()]) * factor
    except ValueError:
        return None, ["The sequence's index values are not numbers: times are unknown."]
    if len(times) != count or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        return None, ["The sequence's index values do not give one increasing time per frame: times are unknown."]
    return times, []


def _time_step(image: SimpleITK.Image) -> float | None:
    """Seconds between frames where the header marks its last axis as time and names the unit, else None."""
    axis = image.GetDimension() - 1
    step = float(image.GetSpacing()[axis])
    if not step > 0:
        return None
    unit = _meta(image, f"NRRD_units[{axis}]").strip('"').lower()
    if unit in SECONDS:
        return step * SECONDS[unit]
    code = _meta(image, "xyzt_units")
    if axis == 3 and code.isdigit() and (int(code) & 0x38) in NIFTI_TIME:
        # ITK has converted the fourth spacing to seconds already.
        return step
    return None
