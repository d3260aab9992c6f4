"""Read single- and multi-frame ultrasound DICOM."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from PointSegLib.clip import CineClip
from PointSegLib.errors import ReadError
from PointSegLib.io.dicom_pixels import read_grey_frames
from PointSegLib.io.regions import Region, choose_region, fit_region

ULTRASOUND = ("US", "IVUS")
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
VOLUME_ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.2"
NEEDED = ("Rows", "Columns", "PhotometricInterpretation", "BitsAllocated", "SamplesPerPixel")
WANTED = "PointSeg reads 2-D ultrasound cines and stills (modality US)"


def read_dicom(path: Path, region: int | None = None) -> CineClip:
    """Read an ultrasound DICOM file.

    Args:
        path: the file.
        region: index in SequenceOfUltrasoundRegions; None takes the largest tissue region.

    Returns:
        The clip; `spacing_mm` from the region, else from PixelSpacing, else None; times from FrameTimeVector,
        FrameTime, CineRate or RecommendedDisplayFrameRate, else None; R waves from RWaveTimeVector, else None.

    Raises:
        ReadError: for a file that is no DICOM, no ultrasound, has no frames or damaged pixel data.
        DependencyError: when the compression needs a decoder that is not installed.
    """
    dataset = _header(path)
    warnings = _check_kind(dataset, path)
    count = _frame_count(dataset, path)
    chosen, doubts = choose_region(dataset, region, str(path))
    frames, found = read_grey_frames(dataset, path, count)
    times, time_doubts = _times(dataset, count)
    waves, wave_doubts = _r_waves(dataset, times)
    warnings += doubts + found + time_doubts + wave_doubts
    if chosen is not None:
        chosen, doubts = fit_region(chosen, frames)
        warnings += doubts
    spacing, calibration = _calibration(dataset, chosen)
    if spacing is None:
        warnings.append("No usable pixel size in the file: lengths are in pixels.")
    return CineClip(
        frames,
        spacing_mm=spacing,
        times_s=times,
        source=str(path),
        calibration=calibration,
        region=_inside(chosen, frames.shape),
        warnings=tuple(warnings),
        r_wave_times_s=waves,
    )


def _header(path: Path) -> Any:
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    except Exception as error:  # pydicom raises many kinds for damaged files
        msg = (
            f"{path}: not a readable DICOM file ({str(error).splitlines()[0] if str(error) else type(error).__name__})."
        )
        raise ReadError(msg) from error
    if "SOPClassUID" not in dataset and "Rows" not in dataset:
        msg = f"{path}: not a DICOM file, or cut off in its header; export it again."
        raise ReadError(msg)
    if "TransferSyntaxUID" not in getattr(dataset, "file_meta", {}):
        msg = f"{path}: the DICOM file does not say how its pixels are stored (no TransferSyntaxUID); export it again."
        raise ReadError(msg)
    return dataset


def _check_kind(dataset: Any, path: Path) -> list[str]:
    modality, sop = str(dataset.get("Modality") or ""), str(dataset.get("SOPClassUID") or "")
    if sop == VOLUME_ULTRASOUND:
        msg = f"{path} is a 3-D ultrasound volume. {WANTED}."
        raise ReadError(msg)
    if modality in ULTRASOUND:
        return _check_pixels(dataset, path)
    if sop.startswith(SECONDARY_CAPTURE) and modality in ("", "OT", "SC"):
        _check_pixels(dataset, path)
        return ["A secondary capture (screen copy), not an original ultrasound file: sizes and times may be missing."]
    kind = (
        f"a {modality} {'volume' if modality in ('CT', 'MR', 'PT') else 'object'}" if modality else "of no known kind"
    )
    msg = f"{path} is {kind}, not ultrasound. {WANTED}."
    raise ReadError(msg)


def _check_pixels(dataset: Any, path: Path) -> list[str]:
    missing = [name for name in NEEDED if dataset.get(name) in (None, "")]
    if missing:
        msg = (
            f"{path}: the DICOM file holds no image ({', '.join(missing)} missing); choose an ultrasound image or cine."
        )
        raise ReadError(msg)
    if "PixelData" not in pydicom.dcmread(path, force=True, specific_tags=["PixelData"], defer_size=4096):
        msg = f"{path}: the DICOM file has a header but no PixelData; export it again with its images."
        raise ReadError(msg)
    return []


def _frame_count(dataset: Any, path: Path) -> int:
    value = dataset.get("NumberOfFrames")
    count = 1 if value in (None, "") else int(value)
    if count < 1:
        msg = f"{path}: the DICOM file has {count} frames; export the cine again."
        raise ReadError(msg)
    return count


def _times(dataset: Any, count: int) -> tuple[np.ndarray | None, list[str]]:
    vector = dataset.get("FrameTimeVector")
    doubts: list[str] = []
    if vector is not None and count > 1:
        steps = np.atleast_1d(np.array(vector, np.float64))
        if len(steps) == count and (steps[1:] > 0).all():
            return (np.cumsum(steps) - steps[0]) / 1000, []
        doubts = ["FrameTimeVector does not give one increasing time per frame; it was not used."]
    step = _frame_step(dataset)
    if step is None:
        unknown = ["The file does not say when its frames were taken: times are unknown."] if count > 1 else []
        return None, doubts + unknown
    return np.arange(count) * step, doubts


def _frame_step(dataset: Any) -> float | None:
    """Seconds between frames."""
    frame_time = _positive(dataset.get("FrameTime"))
    if frame_time is not None:
        return frame_time / 1000
    rate = _positive(dataset.get("CineRate")) or _positive(dataset.get("RecommendedDisplayFrameRate"))
    return None if rate is None else 1 / rate


def _r_waves(dataset: Any, times: np.ndarray | None) -> tuple[np.ndarray | None, list[str]]:
    """Seconds of the ECG's R waves: RWaveTimeVector (0018,6060) has them in milliseconds from the first frame on."""
    vector = dataset.get("RWaveTimeVector")
    if vector is None or np.size(vector) == 0 or times is None or len(times) < 2:
        return None, []
    waves = np.atleast_1d(np.array(vector, np.float64)) / 1000
    if not (np.isfinite(waves).all() and (np.diff(waves) > 0).all()):
        return None, ["RWaveTimeVector does not give increasing times of R waves; it was not used."]
    return waves, []


def _positive(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _calibration(dataset: Any, region: Region | None) -> tuple[tuple[float, float] | None, str]:
    if region is not None and region.spacing_mm is not None:
        return region.spacing_mm, f"ultrasound region {region.index} of the DICOM file"
    if dataset.get("SequenceOfUltrasoundRegions") and region is None:
        # A refused region makes every other size in the file as doubtful.
        return None, ""
    values = dataset.get("PixelSpacing")
    if values is None or len(values) != 2:
        return None, ""
    row, column = _positive(values[0]), _positive(values[1])
    return (None, "") if row is None or column is None else ((row, column), "PixelSpacing of the DICOM file")


def _inside(region: Region | None, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    if region is None:
        return None
    x0, y0, x1, y1 = region.box
    return max(x0, 0), max(y0, 0), min(x1, shape[2] - 1), min(y1, shape[1] - 1)
