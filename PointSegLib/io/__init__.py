"""Files in and out: `read_clip` and the CAMUS readers, `write_labels`, `write_tracks`, `write_overlay`."""

from __future__ import annotations

from PointSegLib.io.camus import CamusInfo, list_patients, read_camus_frame, read_camus_info, read_camus_sequence
from PointSegLib.io.labels import write_labels
from PointSegLib.io.overlay import write_overlay
from PointSegLib.io.reading import read_clip
from PointSegLib.io.tracks import read_tracks, write_tracks

__all__ = [
    "CamusInfo",
    "list_patients",
    "read_camus_frame",
    "read_camus_info",
    "read_camus_sequence",
    "read_clip",
    "read_tracks",
    "write_labels",
    "write_overlay",
    "write_tracks",
]
