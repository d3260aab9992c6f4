"""Takes the pictures of `Docs/tutorial.md`: does in the real panel, and in a slice view, what the tutorial tells.

Usage: python Testing/tutorial.py [FOLDER]

The pictures go to `Docs/images/tutorial` when no folder is named. Needs the packages of the tests, and PyTorch.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageChops

from PointSegLib.result import LV_CAVITY, MYOCARDIUM

REPOSITORY = Path(__file__).resolve().parents[1]
VIEW_SIZE = (560, 460)
PANEL_WIDTH = 440
MARGIN = 16
COLOURS = 160  # keeps each picture small
SHOWN_FRAME = 9  # of the sample: the wall has thickened
CURVE_ANGLES = np.radians(np.arange(-235, 56, 29))  # from one side of the base over the apex to the other


def main(folder: Path) -> None:
    """Follow the tutorial and take its pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    tutorial = Tutorial(folder)
    tutorial.open_sample()
    tutorial.segment()
    tutorial.correct()
    tutorial.track()
    tutorial.measure()
    tutorial.close()


class Tutorial:
    """The panel beside a slice view, and a folder for pictures of both."""

    def __init__(self, folder: Path) -> None:
        from widget import slicer_application

        self.folder = folder
        self.slicer_application = slicer_application
        self.application = slicer_application.start()
        self.application.qApplication.setStyle("Fusion")
        self.panel = slicer_application.loadModule(slicer_application.MODULE_FILE)
        from mrml import headless_slicer, slice_view

        self.view = slice_view.OffscreenSliceView(headless_slicer.start(quiet=True), size=VIEW_SIZE)

    def open_sample(self) -> None:
        from PointSegModule.clip_loading import addClip
        from PointSegModule.sample_data import simulatedClip

        self.browser = addClip(simulatedClip(), "Simulated heart")
        self.slicer_application.enter(self.panel)
        self.view.showVolume(self.panel.parameters().inputVolume)
        self.take_panel("open", "input", "segment")

    def segment(self) -> None:
        self.panel.ui.applyButton.click()
        self.wait()
        self.browser.SetSelectedItemNumber(SHOWN_FRAME)
        self.take_view("segmented")

    def correct(self) -> None:
        self.panel.ui.wallButton.click()
        self.view.render()
        x, y = self.ring(1.1)[2]
        self.view.click(self.world_of(x, y))
        self.wait()
        self.take_view("corrected")
        self.take_panel("correct", "correct")
        self.panel.ui.wallButton.click()

    def track(self) -> None:
        import slicer

        from PointSegModule.parameters import PathColor

        self.browser.SetSelectedItemNumber(0)
        self.panel.ui.drawCurveButton.click()
        curve = self.panel.parameters().trackPoints
        for x, y in self.ring(0.5):
            curve.AddControlPointWorld(*self.world_of(x, y))
        self.panel.parameters().pathColor = PathColor.STRAIN
        self.panel.ui.trackButton.click()
        self.wait()
        self.browser.SetSelectedItemNumber(SHOWN_FRAME)
        for node in (self.panel.parameters().outputPoints, *slicer.util.getNodesByClass("vtkMRMLMarkupsCurveNode")):
            node.GetDisplayNode().SetVisibility(node is self.panel.logic.tracked.points)
        self.take_view("tracked")
        self.take_panel("track", "track")

    def measure(self) -> None:
        from PointSegModule.parameters import View

        self.panel.parameters().view = View.A4C
        self.panel.ui.exportDirectoryButton.directory = "Echo"
        self.panel.ui.measureButton.click()
        self.wait()
        self.take_panel("results", "results")

    def close(self) -> None:
        self.slicer_application.leave(self.panel)
        self.panel.cleanup()

    def ring(self, depth: float) -> np.ndarray:
        """Pixels `[K, 2]` in the wall of the shown frame around the cavity; depth 0 is its inside, 1 its outside."""
        labels = self.panel.logic.opened.labels[self.browser.GetSelectedItemNumber()]
        centre = np.argwhere(labels == LV_CAVITY).mean(axis=0)[::-1]
        found = []
        for angle in CURVE_ANGLES:
            way = centre + np.arange(1, max(labels.shape))[:, None] * [np.cos(angle), np.sin(angle)]
            inside = ((way >= 0) & (way < labels.shape[::-1])).all(axis=1)
            x, y = way[inside].astype(int).T
            wall = np.flatnonzero(labels[y, x] == MYOCARDIUM)
            if len(wall):
                found.append(way[round(wall[0] + depth * (wall[-1] - wall[0]))])
        return np.array(found)

    def world_of(self, x: float, y: float) -> np.ndarray:
        from PointSegModule.geometry import CineGeometry
        from PointSegModule.scene_input import findCine

        frame = self.browser.GetSelectedItemNumber()
        return CineGeometry(findCine(self.browser)).worldPositions(frame, np.array([[x, y]]))[0]

    def wait(self) -> None:
        """Until what was started has ended."""
        self._pump(lambda: self.panel.runs.current is None)
        print(self.panel.ui.statusLabel.text, flush=True)

    def take_view(self, name: str) -> None:
        self._write(Image.fromarray(self.view.render()), name)

    def take_panel(self, name: str, *sections: str) -> None:
        """Grab the panel with these of its sections open."""
        for control, section in vars(self.panel.ui).items():
            if control.endswith("CollapsibleButton"):
                section.collapsed = control.removesuffix("CollapsibleButton") not in sections
        root = self.panel.parent
        root.show()
        self.application.processEvents()
        root.resize(PANEL_WIDTH, root.layout().totalHeightForWidth(PANEL_WIDTH))
        self.application.processEvents()
        file = self.folder / "panel.png"
        root.grab().save(str(file))
        self._write(_cropped(Image.open(file).convert("RGB")), f"panel_{name}")
        file.unlink()

    def _write(self, picture: Image.Image, name: str) -> None:
        file = self.folder / f"{name}.png"
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
        print(f"{file.name}: {file.stat().st_size // 1024} KiB", flush=True)

    def _pump(self, until: Callable[[], Any]) -> None:
        while not until():
            self.application.processEvents()
            time.sleep(0.01)


def _cropped(picture: Image.Image) -> Image.Image:
    """Without what is empty below the last section."""
    empty = Image.new("RGB", picture.size, picture.getpixel((0, picture.height - 1)))
    bottom = ImageChops.difference(picture, empty).getbbox()[3]
    return picture.crop((0, 0, picture.width, min(bottom + MARGIN, picture.height)))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "Docs" / "images" / "tutorial")
