"""The ultrasound fan of a clip, for measurements: what lies outside it cannot be measured."""

from __future__ import annotations

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.errors import ClipError
from PointSegLib.sector import find_sector

# The fan stands still: so many frames, spread over the clip, show it as well as all of them.
_FRAMES = 16


def find_fan(clip: CineClip) -> tuple[np.ndarray | None, str]:
    """Bool `[H, W]`, the ultrasound fan, or None and the reason why it was not found."""
    sample = clip.frames[:: -(-len(clip) // _FRAMES)]
    try:
        return find_sector(CineClip(sample, source=clip.source, region=clip.region)).mask, ""
    except ClipError as error:
        return None, str(error)
