"""Puts a clip that was read from a file, or made, into the scene as Slicer's DICOM reader would."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import slicer

from PointSegLib.clip import CineClip
from PointSegModule.scene_input import R_WAVES_ATTRIBUTE, findCine
from PointSegModule.scene_transaction import SceneTransaction, sceneTransaction
from PointSegModule.sequence_browsing import browse


def addClip(clip: CineClip, name: str) -> Any:
    """Add a clip to the scene: a sequence of one-slice volumes, a browser, and a proxy volume that shows a frame.

    The first pixel lies in the origin, x to the patient's left and y to the back, which is upright in the red view.

    Args:
        clip: its spacing becomes that of the volumes (1 mm, Slicer's sign for unknown, when None), its times the
            index in seconds (frame numbers when None); its R waves stay with the sequence as an attribute.
        name: of the sequence and its proxy.

    Returns:
        the sequence browser.
    """
    with sceneTransaction(slicer.mrmlScene) as transaction:
        sequence = _newSequence(clip, name, transaction)
        browser = browse(findCine(sequence), transaction).browser
        if clip.frame_rate_hz is not None:
            browser.SetPlaybackRateFps(clip.frame_rate_hz)
    return browser


def showClip(browser: Any) -> None:
    """Show a browser's images in the application's slice views, and the browser in its toolbar."""
    image = browser.GetProxyNode(browser.GetMasterSequenceNode())
    slicer.util.setSliceViewerLayers(background=image, fit=True)
    slicer.modules.sequences.setToolBarActiveBrowserNode(browser)


def _newSequence(clip: CineClip, name: str, transaction: SceneTransaction) -> Any:
    sequence = transaction.newNode("vtkMRMLSequenceNode", name)
    sequence.SetIndexName("frame" if clip.times_s is None else "time")
    sequence.SetIndexUnit("" if clip.times_s is None else "s")
    times = np.arange(len(clip)) if clip.times_s is None else clip.times_s
    if len(clip) > 1:  # frames nearer than the tolerance would overwrite each other
        tolerance = min(sequence.GetNumericIndexValueTolerance(), float(np.diff(times).min()) / 4)
        sequence.SetNumericIndexValueTolerance(tolerance)
    if clip.r_wave_times_s is not None:
        sequence.SetAttribute(R_WAVES_ATTRIBUTE, json.dumps(clip.r_wave_times_s.tolist()))
    row, column = clip.spacing_mm or (1.0, 1.0)
    for time, frame in zip(times, clip.frames, strict=True):
        volume = slicer.vtkMRMLScalarVolumeNode()
        volume.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
        volume.SetSpacing(column, row, 1.0)
        slicer.util.updateVolumeFromArray(volume, np.ascontiguousarray(frame[np.newaxis]))
        sequence.SetDataNodeAtValue(volume, f"{time:.6g}")
    return sequence
