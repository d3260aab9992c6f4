"""Write pictures as an .mp4 movie through PyAV, an optional package."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

from PointSegLib.atomic import atomic_path
from PointSegLib.errors import WriteError
from PointSegLib.io.video import import_av

DEFAULT_RATE = 25.0


def write_movie(path: str | os.PathLike[str], pictures: Iterable[np.ndarray], rate_hz: float | None = None) -> None:
    """Write an H.264 movie.

    Args:
        path: ends in .mp4.
        pictures: uint8 `[H, W, 3]` RGB, all of one size with even sides; at least one.
        rate_hz: pictures per second; None takes 25.

    Raises:
        WriteError: when the suffix is another or the file cannot be written; nothing is left behind.
        DependencyError: without PyAV.
    """
    target = Path(path)
    if target.suffix.lower() != ".mp4":
        msg = f"{target}: movies are written as .mp4; choose this ending."
        raise WriteError(msg)
    av = import_av(f"Writing the movie {target}")
    rate = Fraction(rate_hz or DEFAULT_RATE).limit_denominator(1000)
    with atomic_path(target) as temporary:
        try:
            with av.open(str(temporary), "w", options={"movflags": "+faststart"}) as container:
                stream = container.add_stream("libx264", rate=rate, options={"crf": "17", "preset": "fast"})
                stream.pix_fmt = "yuv420p"
                for index, picture in enumerate(pictures):
                    if index == 0:
                        stream.height, stream.width = picture.shape[:2]
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                container.mux(stream.encode(None))
        except av.error.FFmpegError as error:
            msg = f"{target} cannot be written ({error.strerror or error}); is the disk full?"
            raise WriteError(msg) from error
