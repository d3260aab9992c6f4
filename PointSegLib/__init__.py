"""PointSeg's engine: read an ultrasound cine, segment the heart muscle and follow its tissue points.

Names are imported on first use, so that `import PointSegLib` stays free of torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "CineClip": "PointSegLib.clip",
    "ClipSession": "PointSegLib.inference",
    "LocalEngine": "PointSegLib.inference",
    "PointSegPredictor": "PointSegLib.inference",
    "WorkerEngine": "PointSegLib.inference",
    "PointSegResult": "PointSegLib.result",
    "PointTracks": "PointSegLib.result",
    "PointSegError": "PointSegLib.errors",
    "read_clip": "PointSegLib.io",
    "simulate_clip": "PointSegLib.simulation.clips",
    "write_labels": "PointSegLib.io",
    "write_overlay": "PointSegLib.io",
    "write_tracks": "PointSegLib.io",
}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        msg = f"module 'PointSegLib' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
