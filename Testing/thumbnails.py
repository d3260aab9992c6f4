"""Draws the pictures that the module Sample Data shows, each from the middle frame of its clip.

Usage: python Testing/thumbnails.py
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from PointSegLib import CineClip

SIZE = (260, 280)  # what Slicer's template for extensions asks for


def main() -> None:
    """Draw all pictures into the module's icons."""
    from mrml import headless_slicer

    headless_slicer.start()
    from PointSegModule.sample_data import SAMPLES, THUMBNAILS  # importable only once the scene runs

    for sample in SAMPLES:
        picture = thumbnail(sample.clip())
        picture.save(THUMBNAILS / sample.thumbnail, optimize=True)
        print(THUMBNAILS / sample.thumbnail)


def thumbnail(clip: CineClip) -> Image.Image:
    """The tissue region of the middle frame, in its true proportions, fitted into `SIZE` on black."""
    left, top, right, bottom = clip.region or (0, 0, clip.size_wh[0] - 1, clip.size_wh[1] - 1)
    frame = clip.frames[len(clip) // 2, top : bottom + 1, left : right + 1]
    row, column = clip.spacing_mm or (1.0, 1.0)
    height, width = frame.shape[0] * row, frame.shape[1] * column
    scale = min(SIZE[0] / width, SIZE[1] / height)
    fitted = (round(scale * width), round(scale * height))
    shown = Image.fromarray(np.ascontiguousarray(frame)).resize(fitted, Image.Resampling.LANCZOS)
    picture = Image.new("L", SIZE)
    picture.paste(shown, ((SIZE[0] - fitted[0]) // 2, (SIZE[1] - fitted[1]) // 2))
    return picture


if __name__ == "__main__":
    main()
