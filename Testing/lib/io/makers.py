"""Files the reader tests make: small ultrasound DICOMs, images and movies, and the fan they show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

US_MULTI_FRAME = "1.2.840.10008.5.1.4.1.1.3.1"


def fan_frames(count: int = 6, height: int = 60, width: int = 80, seed: int = 0) -> np.ndarray:
    """uint8 `[T, H, W]`: flickering speckle in a sector on black."""
    y, x = np.mgrid[:height, :width].astype(float)
    fan = (np.abs(x - width / 2) <= 0.7 * y) & (np.hypot(x - width / 2, y) < 0.95 * height)
    speckle = np.random.default_rng(seed).integers(20, 230, (count, height, width))
    return np.where(fan, speckle, 0).astype(np.uint8)


def region(box: tuple[int, int, int, int], delta_cm: tuple[float, float] = (0.03, 0.03), **changes: Any) -> Dataset:
    """An item of SequenceOfUltrasoundRegions; `delta_cm` is (x, y)."""
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
    item.RegionLocationMinX0, item.RegionLocationMinY0 = box[:2]
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = box[2:]
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
    item.PhysicalDeltaX, item.PhysicalDeltaY = delta_cm
    for name, value in changes.items():
        setattr(item, name, value)
    return item


def ultrasound(
    frames: np.ndarray, *, photometric: str = "MONOCHROME2", regions: list[Dataset] | None = None, **tags: Any
) -> FileDataset:
    """A data set of `[T, H, W]` or `[T, H, W, 3]` pixels, uncompressed; a tag given as None is left out."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = US_MULTI_FRAME, generate_uid()
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = US_MULTI_FRAME, meta.MediaStorageSOPInstanceUID
    ds.Modality = "US"
    ds.Rows, ds.Columns, ds.NumberOfFrames = frames.shape[1], frames.shape[2], len(frames)
    ds.SamplesPerPixel = frames.shape[3] if frames.ndim == 4 else 1
    if ds.SamplesPerPixel > 1:
        ds.PlanarConfiguration = 0
    ds.PhotometricInterpretation = photometric
    ds.BitsAllocated = ds.BitsStored = 8 * frames.dtype.itemsize
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, 0
    data = frames.tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    if regions:
        ds.SequenceOfUltrasoundRegions = Sequence(regions)
    for name, value in tags.items():
        if value is not None:
            setattr(ds, name, value)
        elif name in ds:
            delattr(ds, name)
    return ds


def save(ds: FileDataset, path: Path) -> Path:
    ds.save_as(path, enforce_file_format=True)
    return path


def write_image(
    path: Path, array: np.ndarray, spacing: tuple[float, ...] = (0.3, 0.15, 1.54), *, vector: bool = False
) -> Path:
    """Write an array `[H, W]` or `[T, H, W]`, with channels last where `vector` says so, as ITK does.

    `spacing` is (column, row, third axis).
    """
    path.parent.mkdir(exist_ok=True)
    image = SimpleITK.GetImageFromArray(array, isVector=vector)
    image.SetSpacing(spacing[: image.GetDimension()])
    SimpleITK.WriteImage(image, str(path))
    return path


def write_camus_frame(root: Path, name: str, image: np.ndarray, labels: np.ndarray, spacing_mm: float = 0.6) -> None:
    """Write a frame such as "patient0001_4CH_ED" with its masks as CAMUS names them."""
    stem = root / name.split("_")[0] / name
    for end, array in (("", image), ("_gt", labels)):
        write_image(Path(f"{stem}{end}.nii.gz"), array, (spacing_mm, spacing_mm))


def write_avi(path: Path, frames: np.ndarray, rate: int = 25) -> None:
    """Write uint8 `[T, H, W]` as a lossless movie; needs PyAV."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=rate)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "gray"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
        container.mux(stream.encode(None))
