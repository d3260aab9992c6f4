"""What the panel says: why a run cannot start, what is selected, how far a run is, and what came out of it."""

from __future__ import annotations

from slicer.i18n import tr as _

from PointSegLib.errors import PointSegError
from PointSegModule.parameters import PointSegParameterNode
from PointSegModule.scene_input import findCine
from PointSegModule.scene_output import SceneOutput, checkOutputs


def problemOf(parameters: PointSegParameterNode | None) -> str:
    """Why a run cannot start; empty when it can."""
    if parameters is None:
        return _("No scene is open.")
    if parameters.inputVolume is None:
        return _("Select an ultrasound sequence or volume.")
    try:
        source = findCine(parameters.inputVolume)
        checkOutputs(source, parameters.outputSegmentation, parameters.outputPoints, parameters.promptPoints)
    except PointSegError as error:
        return str(error)
    return ""


def describeInput(parameters: PointSegParameterNode) -> str:
    """Size and calibration of an input without problem."""
    source = findCine(parameters.inputVolume)
    width, height, _depth = parameters.inputVolume.GetImageData().GetDimensions()
    size = _("{frames} frames of {width} x {height} pixels").format(frames=len(source), width=width, height=height)
    if source.spacingMm is None:
        return size + "\n" + _("Not calibrated: lengths can be given in pixels only.")
    row, column = source.spacingMm
    return size + "\n" + _("Pixel spacing {row:.3g} x {column:.3g} mm").format(row=row, column=column)


def describeProgress(done: int, total: int, seconds: float) -> str:
    """Frames done of all, after some seconds, and what is left."""
    seconds = max(seconds, 1e-3)
    return _("Frame {done} of {total}; {rate:.1f} frames per second; {left:.0f} s left").format(
        done=done, total=total, rate=done / seconds, left=(total - done) * seconds / max(done, 1)
    )


def describeOutput(output: SceneOutput, seconds: float) -> str:
    """A summary of a result, and what limits it."""
    summary = _("{frames} frames, {points} points in {seconds:.1f} s.").format(
        frames=len(output.result.labels), points=len(output.result.tracks), seconds=seconds
    )
    return "\n".join([summary, *output.warnings])
