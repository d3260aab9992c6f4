"""What the panel says: why a run cannot start, what is selected, how far a run is, and what came out of it."""

from __future__ import annotations

from pathlib import Path

from slicer.i18n import tr as _

from PointSegLib import SegmentOptions
from PointSegLib.errors import PointSegError
from PointSegModule.calibration import KnownLength, calibrationOf, givenCalibration
from PointSegModule.engines import checkedModel
from PointSegModule.logic import ProcessSettings
from PointSegModule.parameters import PointSegParameterNode
from PointSegModule.scene_input import findCine
from PointSegModule.scene_output import SceneOutput, checkOutputs


def knownLength(parameters: PointSegParameterNode) -> KnownLength:
    """What the user has said of the size of a pixel."""
    return KnownLength(parameters.ruler, parameters.rulerLengthMm, parameters.depthCm)


def settingsOf(parameters: PointSegParameterNode) -> ProcessSettings:
    """What the panel's choices mean to a run.

    Raises:
        PointSegError: when the ruler, the depth, the network or the grid cannot be used.
    """
    given = givenCalibration(findCine(parameters.inputVolume), knownLength(parameters))
    chosen = (
        (parameters.segmentMyocardium, "Myocardium"),
        (parameters.segmentCavity, "LVCavity"),
        (parameters.segmentAtrium, "LeftAtrium"),
    )
    return ProcessSettings(
        spacingMm=given.spacingMm if given else None,
        calibration=given.source if given else "",
        firstFrame=parameters.firstFrame,
        lastFrame=None if parameters.lastFrame < 0 else parameters.lastFrame,
        structures=tuple(segmentId for isChosen, segmentId in chosen if isChosen),
        keepFinishedFrames=parameters.keepFinishedFrames,
        checkpoint=checkedModel(Path(parameters.modelFile)) if parameters.modelFile else None,
        options=SegmentOptions(parameters.gridSize or None, parameters.smoothingFrames),
    )


def problemOf(parameters: PointSegParameterNode | None) -> str:
    """Why a run cannot start; empty when it can."""
    if parameters is None:
        return _("No scene is open.")
    if parameters.inputVolume is None:
        return _("Select an ultrasound sequence or volume.")
    try:
        source = findCine(parameters.inputVolume)
        checkOutputs(source, parameters.outputSegmentation, parameters.outputPoints, parameters.promptPoints)
        settings = settingsOf(parameters)
        settings.framesOf(source)
    except PointSegError as error:
        return str(error)
    return "" if settings.structures else _("Choose at least one structure to segment.")


def describeInput(parameters: PointSegParameterNode) -> str:
    """Size of an input without problem."""
    source = findCine(parameters.inputVolume)
    width, height, _depth = parameters.inputVolume.GetImageData().GetDimensions()
    return _("{frames} frames of {width} x {height} pixels").format(frames=len(source), width=width, height=height)


def describeCalibration(parameters: PointSegParameterNode | None) -> str:
    """The size of a pixel and where it is from; empty without an input that can be used."""
    if parameters is None or parameters.inputVolume is None:
        return ""
    try:
        source = findCine(parameters.inputVolume)
        return calibrationOf(source, knownLength(parameters)).describe()
    except PointSegError as error:
        return str(error)


def describeProgress(done: int, total: int, seconds: float) -> str:
    """Frames done of all, after some seconds, and what is left."""
    seconds = max(seconds, 1e-3)
    return _("Frame {done} of {total}; {rate:.1f} frames per second; {left:.0f} s left").format(
        done=done, total=total, rate=done / seconds, left=(total - done) * seconds / max(done, 1)
    )


def describeOutput(output: SceneOutput, seconds: float) -> str:
    """A summary of a result, and what limits it."""
    if output.points is None:
        return _("Cancelled; the frames that were finished are kept.")
    device = output.result.computed_on
    where = _(" on {device}").format(device=device) if device else ""
    summary = _("{frames} frames, {points} points in {seconds:.1f} s{where}.").format(
        frames=len(output.frames), points=len(output.result.tracks), seconds=seconds, where=where
    )
    return "\n".join([summary, *output.warnings])
