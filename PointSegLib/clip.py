"""`CineClip`: the frames of one ultrasound movie with what is known of their size and time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from PointSegLib.errors import ClipError

MIN_SIDE = 32


@dataclass(frozen=True, eq=False)
class CineClip:
    """One greyscale ultrasound movie.

    Attributes:
        frames: uint8 `[T, H, W]`. Other real types are accepted and mapped linearly from the clip's
            smallest and largest value to 0..255; `[H, W]` is taken as one frame.
        spacing_mm: (row, column) distance of pixel centres in millimetres, or None when the file does not
            say. None means: results are in pixels.
        times_s: float64 `[T]`, seconds of each frame, strictly increasing, or None when unknown.
        source: where the frames came from (a file name), for messages.
        calibration: where `spacing_mm` came from, in words; empty when it is None.
        region: (x0, y0, x1, y1), inclusive pixel box that holds the 2-D tissue image, or None for the whole frame.
        warnings: what the reader doubted or corrected, one sentence each.
        r_wave_times_s: float64 `[R]`, seconds of the ECG's R waves on the clock of `times_s`, strictly increasing; they
            may lie outside the clip. None when unknown.

    Raises:
        ClipError: for no frames, a wrong number of dimensions, frames under 32 x 32 pixels, NaN or infinite
            values (the frame is named), non-positive spacing, times that do not increase, or R waves without times.
    """

    frames: np.ndarray
    spacing_mm: tuple[float, float] | None = None
    times_s: np.ndarray | None = None
    source: str = ""
    calibration: str = ""
    region: tuple[int, int, int, int] | None = None
    warnings: tuple[str, ...] = field(default=())
    r_wave_times_s: np.ndarray | None = None

    def __post_init__(self) -> None:
        where = self.source or "the clip"
        object.__setattr__(self, "frames", _as_uint8_frames(self.frames, where))
        object.__setattr__(self, "spacing_mm", _checked_spacing(self.spacing_mm, where))
        object.__setattr__(self, "times_s", _checked_times(self.times_s, len(self.frames), where))
        object.__setattr__(self, "warnings", tuple(self.warnings))
        object.__setattr__(self, "r_wave_times_s", _checked_r_waves(self.r_wave_times_s, self.times_s, where))

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def size_wh(self) -> tuple[int, int]:
        """(width, height) of a frame in pixels."""
        return self.frames.shape[2], self.frames.shape[1]

    @property
    def frame_rate_hz(self) -> float | None:
        """Mean frames per second, or None when times are unknown or there is one frame."""
        if self.times_s is None or len(self) < 2:
            return None
        return float((len(self) - 1) / (self.times_s[-1] - self.times_s[0]))


def _as_uint8_frames(frames: np.ndarray, where: str) -> np.ndarray:
    array = np.asarray(frames)
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3:
        msg = f"{where}: frames must have the shape [T, H, W], not {list(array.shape)}; convert colour to grey first."
        raise ClipError(msg)
    if len(array) == 0:
        msg = f"{where} has no frames; give at least one."
        raise ClipError(msg)
    if min(array.shape[1:]) < MIN_SIDE:
        height, width = array.shape[1:]
        msg = f"{where}: frames of {width} x {height} pixels are too small; {MIN_SIDE} x {MIN_SIDE} is the least."
        raise ClipError(msg)
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype.kind not in "buif":
        msg = f"{where}: frames of type {array.dtype} cannot be used; give real numbers."
        raise ClipError(msg)
    return _rescaled(array, where)


def _rescaled(array: np.ndarray, where: str) -> np.ndarray:
    if array.dtype.kind == "f":
        for index, frame in enumerate(array):
            if not np.isfinite(frame).all():
                msg = f"{where}: frame {index} holds NaN or infinite values; replace them before segmenting."
                raise ClipError(msg)
    low, high = float(array.min()), float(array.max())
    scale = 255.0 / (high - low) if high > low else 0.0
    out = np.empty(array.shape, np.uint8)
    for index, frame in enumerate(array):
        out[index] = np.rint((frame.astype(np.float64) - low) * scale)
    return out


def _checked_spacing(spacing: tuple[float, float] | None, where: str) -> tuple[float, float] | None:
    if spacing is None:
        return None
    values = tuple(float(v) for v in spacing)
    if len(values) != 2 or not all(np.isfinite(v) and v > 0 for v in values):
        msg = f"{where}: spacing_mm must be two positive numbers (row, column), not {spacing}; use None if unknown."
        raise ClipError(msg)
    return values


def _checked_times(times: np.ndarray | None, count: int, where: str) -> np.ndarray | None:
    if times is None:
        return None
    values = np.asarray(times, np.float64).reshape(-1)
    if len(values) != count:
        msg = f"{where}: {len(values)} times were given for {count} frames; give one each, or None if unknown."
        raise ClipError(msg)
    wrong = np.flatnonzero(~(np.diff(values) > 0))
    if not np.isfinite(values).all() or len(wrong):
        frame = int(wrong[0]) + 1 if len(wrong) else int(np.flatnonzero(~np.isfinite(values))[0])
        msg = f"{where}: times must increase from frame to frame; frame {frame} does not. Use None if they are unknown."
        raise ClipError(msg)
    return values


def _checked_r_waves(waves: np.ndarray | None, times: np.ndarray | None, where: str) -> np.ndarray | None:
    if waves is None:
        return None
    if times is None:
        msg = f"{where}: R waves were given without the times of the frames; give times_s on the same clock."
        raise ClipError(msg)
    values = np.asarray(waves, np.float64).reshape(-1)
    if not (np.isfinite(values).all() and (np.diff(values) > 0).all()):
        msg = f"{where}: the times of R waves must be finite and increase; use None if they are unknown."
        raise ClipError(msg)
    return values
