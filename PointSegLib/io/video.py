"""Read mp4, avi, mov, mkv, webm and gif movies through PyAV, an optional package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.errors import ReadError, optional_package
from PointSegLib.io.colour import TissueMap, fit_tissue_map, to_grey


def import_av(purpose: str) -> Any:
    """Import PyAV.

    Raises:
        DependencyError: when it is not installed; the message names `purpose` and the remedy.
    """
    with optional_package(purpose, "av", "video"):
        import av
    return av


def read_video(path: Path) -> CineClip:
    """Read the first video stream of a movie file.

    Returns:
        The clip in grey with the stream's own timestamps, starting at 0; a movie never knows its pixel size.

    Raises:
        DependencyError: when PyAV is not installed.
        ReadError: for a damaged file or one without pictures.
    """
    av = import_av(f"Reading the movie {path}")
    frames: list[np.ndarray] = []
    stamps: list[float | None] = []
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                msg = f"{path} has no video stream; give a movie with pictures."
                raise ReadError(msg)
            rate = container.streams.video[0].average_rate
            for grey, stamp in _grey_frames(container):
                if frames and grey.shape != frames[0].shape:
                    msg = f"{path}: frame {len(frames)} has another size than the first; split the movie there."
                    raise ReadError(msg)
                frames.append(grey)
                stamps.append(stamp)
    except av.error.FFmpegError as error:
        msg = f"{path}: frame {len(frames)} cannot be decoded ({error.strerror or error}); the movie is damaged."
        raise ReadError(msg) from error
    if not frames:
        msg = f"{path} has no frames; export the movie again."
        raise ReadError(msg)
    times, warnings = _times(stamps, float(rate) if rate else None)
    warnings.append("A movie does not know its pixel size: lengths are in pixels.")
    return CineClip(_stacked(frames), times_s=times, source=str(path), warnings=tuple(warnings))


def _grey_frames(container: Any) -> Iterator[tuple[np.ndarray, float | None]]:
    tissue: TissueMap | None = None
    for frame in container.decode(video=0):
        rgb = frame.to_ndarray(format="rgb24")
        tissue = tissue or fit_tissue_map(rgb)
        yield to_grey(rgb, tissue), None if frame.time is None else float(frame.time)


def _stacked(frames: list[np.ndarray]) -> np.ndarray:
    """Stack frames while letting go of each, so that memory does not double."""
    out = np.empty((len(frames), *frames[0].shape), np.uint8)
    for index in range(len(out)):
        out[index] = frames[index]
        frames[index] = out[index]
    return out


def _times(stamps: list[float | None], rate: float | None) -> tuple[np.ndarray | None, list[str]]:
    if all(s is not None for s in stamps):
        times = np.array(stamps, np.float64)
        if (np.diff(times) > 0).all():
            return times - times[0], []
    if rate:
        return np.arange(len(stamps)) / rate, ["The movie's timestamps do not increase; its mean frame rate was used."]
    return None, ["The movie's timestamps do not increase: times are unknown."]
