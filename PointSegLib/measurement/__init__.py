"""Measurements of the heart from masks and tracks: cycle, volumes, geometry, strain, motion, and their trust.

`measure` does it all for one clip, `measure_biplane` puts views together. Names are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Beat": "cycle",
    "BeatMeasurements": "measurements",
    "BiplaneMeasurements": "two_views",
    "Cycle": "cycle",
    "Measurements": "measurements",
    "Naming": "segments",
    "beats_from_frames": "cycle",
    "camus_biplane": "camus_compat",
    "find_beats": "cycle",
    "m_mode": "motion",
    "measure": "one_view",
    "measure_biplane": "two_views",
    "track_motion": "motion",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        msg = f"module 'PointSegLib.measurement' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"PointSegLib.measurement.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
