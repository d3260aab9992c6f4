"""Files in and out: `read_clip`, the readers of datasets, `write_labels`, `write_tracks`, `write_overlay`.

Names are imported on first use: Slicer greys colour frames with `io.colour` without what the file readers need.
"""

from __future__ import annotations

from PointSegLib.lazy import lazy_names

_HOME = {
    "CamusInfo": "camus_info",
    "EchoNet": "echonet",
    "EchoNetCase": "echonet",
    "HmcQu": "hmc_qu",
    "HmcQuCase": "hmc_qu",
    "Problem": "problems",
    "TrackedClip": "synus",
    "annotated_frames": "camus",
    "annotated_sequences": "camus",
    "list_patients": "camus_info",
    "list_synus": "synus",
    "read_camus_frame": "camus",
    "read_camus_info": "camus_info",
    "read_camus_sequence": "camus",
    "read_clip": "reading",
    "read_synus_case": "synus",
    "read_tracks": "tracks",
    "write_label_sequence": "label_sequence",
    "write_dicom_segmentation": "dicom_segmentation",
    "write_labels": "labels",
    "write_overlay": "overlay",
    "write_synus_case": "synus",
    "write_synus_info": "synus",
    "write_tracks": "tracks",
}

__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
