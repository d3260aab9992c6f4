"""What PointSeg works with here: versions, what is missing, and a short test of the engine."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from dataclasses import dataclass

import numpy as np
import slicer
from slicer.i18n import tr as _

import PointSegLib
from PointSegLib.clip import CineClip
from PointSegLib.errors import PointSegError
from PointSegLib.inference.engine import Engine
from PointSegLib.inference.messages import Open, Segment
from PointSegModule.engines import ProcessingCancelledError, Steps, answered

EMBEDDED_WEIGHTS = "pointseg-small"
SMOKE_FRAMES, SMOKE_SIZE = 8, (112, 144)
_RADIUS, _BEAT, _WALL = 26.0, 6.0, 10.0  # pixels


@dataclass(frozen=True)
class SmokeOutcome:
    """What came of the short test.

    Attributes:
        passed: whether every frame came back.
        message: one line for the panel.
    """

    passed: bool
    message: str


def versions() -> dict[str, str]:
    """Name -> version of all that takes part; packages that are not installed say so. Nothing is imported."""
    application = getattr(slicer, "app", None)
    return {
        "Slicer": str(getattr(application, "applicationVersion", "") or _("no application")),
        "Python": platform.python_version(),
        "PyTorch": _packageVersion("torch"),
        "safetensors": _packageVersion("safetensors"),
        "PointSegLib": PointSegLib.__version__,
        _("Weights"): EMBEDDED_WEIGHTS,
    }


def report(more: dict[str, str]) -> str:
    """A text for bug reports: no names of files, patients or users.

    Args:
        more: lines besides the versions, by their names.
    """
    lines = {_("System"): f"{platform.system()} {platform.release()}, {platform.machine()}", **versions(), **more}
    return "\n".join(f"{name}: {value}" for name, value in lines.items() if value)


def smokeSteps(engine: Engine) -> Steps:
    """Segment a few frames of a beating ring; gives a `SmokeOutcome`, also where it fails."""
    clip = smokeClip()
    started = time.monotonic()
    try:
        yield from answered(engine, Open(clip))
        result = yield from answered(engine, Segment())
    except ProcessingCancelledError:
        raise
    except PointSegError as error:
        return SmokeOutcome(False, _("Failed: {error}").format(error=error))
    if result.labels.shape != clip.frames.shape or not np.isfinite(result.tracks.xy).all():
        return SmokeOutcome(False, _("Failed: the network gave no masks or no points; install PyTorch again."))
    passed = _("Passed: {frames} frames and {points} points in {seconds:.1f} s, with loading the network.")
    seconds = time.monotonic() - started
    return SmokeOutcome(True, passed.format(frames=len(clip), points=len(result.tracks), seconds=seconds))


def smokeClip() -> CineClip:
    """A ring of speckle that beats, the same in every call: enough to try the engine, too plain to judge it."""
    height, width = SMOKE_SIZE
    speckle = np.random.default_rng(0).rayleigh(1.0, (height, width))
    y, x = np.mgrid[:height, :width]
    away = np.hypot(x - width / 2, y - height / 2)
    phase = 2 * np.pi * np.arange(SMOKE_FRAMES) / SMOKE_FRAMES
    inWall = np.abs(away - _RADIUS - _BEAT * np.cos(phase)[:, None, None]) < _WALL / 2
    frames = speckle * np.where(inWall, 90.0, 15.0)
    return CineClip(frames.clip(0, 255).astype(np.uint8), times_s=0.04 * np.arange(SMOKE_FRAMES), source="smoke test")


def _packageVersion(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return _("not installed")
