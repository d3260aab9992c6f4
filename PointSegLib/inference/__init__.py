"""Running the network over clips.

Names are imported on first use: whoever leaves the network to a worker process needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PointSegLib.lazy import lazy_names

if TYPE_CHECKING:
    from PointSegLib.inference.engine import Engine, LocalEngine
    from PointSegLib.inference.options import SegmentOptions
    from PointSegLib.inference.predictor import EMBEDDED, PointSegPredictor
    from PointSegLib.inference.session import ClipSession
    from PointSegLib.inference.worker_client import WorkerEngine

_HOME = {
    "EMBEDDED": "predictor",
    "ClipSession": "session",
    "Engine": "engine",
    "LocalEngine": "engine",
    "PointSegPredictor": "predictor",
    "SegmentOptions": "options",
    "WorkerEngine": "worker_client",
}

__all__ = ["EMBEDDED", "ClipSession", "Engine", "LocalEngine", "PointSegPredictor", "SegmentOptions", "WorkerEngine"]
__getattr__, __dir__ = lazy_names(__name__, _HOME)
