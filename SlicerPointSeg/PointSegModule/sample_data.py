"""Clips to try PointSeg with, offered in Slicer's module Sample Data; neither needs a network."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from PointSegLib.clip import CineClip
from PointSegLib.errors import ReadError
from PointSegModule.clip_loading import addClip, showClip
from PointSegModule.dependencies import offerInstallation, requireTorch

CATEGORY = "PointSeg"
THUMBNAILS = Path(__file__).resolve().parents[1] / "Resources" / "Icons"
SIMULATED_FRAMES = 24
SIMULATED_SEED = 1  # a four-chamber view with clean outlines and a shadow-free wall
_PYDICOM_FILE = Path("data", "test_files", "examples_ybr_color.dcm")


@dataclass(frozen=True)
class SampleClip:
    """One clip of the category PointSeg.

    Attributes:
        name: shown on its button, and of the nodes it makes.
        thumbnail: file name of its picture, in the module's icons.
        clip: reads or makes it.
    """

    name: str
    thumbnail: str
    clip: Callable[[], CineClip]

    def load(self, source: Any = None) -> list[Any]:
        """Add the clip to the scene and show it, as the button in Sample Data does.

        Args:
            source: what Sample Data passes to each custom downloader; not needed.

        Returns:
            the volume that shows the current frame, in a list, as Sample Data's own functions return nodes.

        Raises:
            PointSegError: when the clip cannot be had; the application shows the message first.
        """
        with self._errorsShown():
            browser = addClip(self.clip(), self.name)
            if getattr(slicer, "app", None):
                showClip(browser)
        return [browser.GetProxyNode(browser.GetMasterSequenceNode())]

    def _errorsShown(self) -> Any:
        if not getattr(slicer, "app", None):
            return contextlib.nullcontext()
        message = _("{name} could not be loaded.").format(name=self.name)
        return slicer.util.tryWithErrorDisplay(message, waitCursor=True)


def registerSampleData() -> None:
    """Add PointSeg's clips to the module Sample Data; to be called when the application has started."""
    try:
        from SampleData import SampleDataLogic
    except ImportError:  # Slicer was started without that module
        return
    if hasattr(SampleDataLogic, "registerCustomSampleDataCategory"):  # from Slicer 5.12
        SampleDataLogic.registerCustomSampleDataCategory(CATEGORY, title=CATEGORY)
    for sample in SAMPLES:
        SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=sample.name,
            uris=f"pointseg:{sample.thumbnail}",  # not an address: Sample Data refuses a source without one
            fileNames=sample.name,
            nodeNames=sample.name,
            customDownloader=sample.load,
            thumbnailFileName=str(THUMBNAILS / sample.thumbnail),
        )


def simulatedClip() -> CineClip:
    """Make a beating heart from shape parameters: nobody's data, and the same in every call.

    Raises:
        DependencyError: when PyTorch, which draws it, is missing and the user declines it.
    """
    offerInstallation()
    requireTorch()
    from PointSegLib import simulate_clip

    simulated, facts = simulate_clip(None, SIMULATED_FRAMES, 0, SIMULATED_SEED, "good")
    return CineClip(
        frames=np.rint(255 * simulated.frames.numpy()).astype(np.uint8),
        spacing_mm=tuple(facts["spacing_mm"]),
        times_s=facts["frame_time_s"] * np.arange(SIMULATED_FRAMES),
        source=facts["source"],
        calibration="simulated",
    )


def pydicomClip() -> CineClip:
    """Read the cine of 30 frames that the package pydicom, a part of Slicer, brings along as an example.

    Raises:
        ReadError: when this pydicom comes without its examples.
        DependencyError: when a package that decodes JPEG is missing.
    """
    from PointSegLib import read_clip

    spec = importlib.util.find_spec("pydicom")
    # Looked for by hand: pydicom.examples would download what is missing.
    file = Path(spec.origin).parent / _PYDICOM_FILE if spec is not None and spec.origin else None
    if file is None or not file.is_file():
        msg = (
            f"The package pydicom of this Slicer has no file {_PYDICOM_FILE.as_posix()}; versions from 3.0 on bring "
            "it along. Take the simulated clip, or load a clip of yours."
        )
        raise ReadError(msg)
    return read_clip(file)


SAMPLES = (
    SampleClip("Simulated heart", "SampleSimulatedHeart.png", simulatedClip),
    SampleClip("Cine of pydicom", "SamplePydicomCine.png", pydicomClip),
)
