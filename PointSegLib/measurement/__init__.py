"""Measurements of the heart from masks and tracks: cycle, volumes, geometry, strain, motion, and their trust.

`measure` does it all for one clip, `measure_biplane` puts views together. Names are imported on first use.
"""

from __future__ import annotations

from PointSegLib.lazy import lazy_names

_HOME = {
    "Beat": "cycle",
    "BeatMeasurements": "measurements",
    "BiplaneMeasurements": "two_views",
    "Cycle": "cycle",
    "Measurements": "measurements",
    "Naming": "segments",
    "Scale": "scale",
    "beats_from_frames": "cycle",
    "camus_biplane": "camus_compat",
    "find_beats": "cycle",
    "follow_wall_points": "wall_points",
    "m_mode": "motion",
    "measure": "one_view",
    "measure_biplane": "two_views",
    "path_values": "paths",
    "track_motion": "motion",
}

__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
