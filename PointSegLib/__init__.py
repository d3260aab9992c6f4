"""PointSeg's engine: read an ultrasound cine, segment the heart muscle and follow its tissue points.

Names are imported on first use, so that `import PointSegLib` stays free of torch.
"""

from __future__ import annotations

from PointSegLib.lazy import lazy_names

__version__ = "0.1.0"

_HOME = {
    "CineClip": "clip",
    "ClipSession": "inference",
    "LocalEngine": "inference",
    "Naming": "measurement",
    "PointSegPredictor": "inference",
    "SegmentOptions": "inference",
    "WorkerEngine": "inference",
    "PointSegResult": "result",
    "PointTracks": "result",
    "PointSegError": "errors",
    "SEGMENT_COLOURS": "reporting",
    "Scale": "measurement",
    "beat_rows": "reporting",
    "beats_from_frames": "measurement",
    "follow_wall_points": "measurement",
    "biplane_row": "reporting",
    "frame_rows": "reporting",
    "measure": "measurement",
    "measure_biplane": "measurement",
    "path_values": "measurement",
    "read_clip": "io",
    "segment_rows": "reporting",
    "simulate_clip": "simulation.clips",
    "write_label_sequence": "io",
    "write_labels": "io",
    "write_overlay": "io",
    "write_table": "reporting",
    "write_tracks": "io",
}

__all__ = ["__version__", *sorted(_HOME)]
__getattr__, __dir__ = lazy_names(__name__, _HOME)
