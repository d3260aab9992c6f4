"""A real Slicer slice view drawn off screen: slice logic, displayable managers and pictures as arrays or PNG files."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from mrml import headless_slicer
from mrml.needed_packages import APT_LINE
from mrml.window_picture import pictureOf

# The application's own order: qMRMLSliceView's six, then those the modules register.
_DISPLAYABLE_MANAGERS = (
    "vtkMRMLVolumeGlyphSliceDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLScalarBarDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLTransformsDisplayableManager2D",
    "vtkMRMLColorLegendDisplayableManager",
)

_RENDERING_PROBE = """
import vtk
window = vtk.vtkRenderWindow()
window.SetOffScreenRendering(1)
window.SetSize(8, 8)
window.AddRenderer(vtk.vtkRenderer())
window.Render()
raise SystemExit(0 if window.SupportsOpenGL() else 1)
"""


@functools.cache
def whyNoRendering() -> str:
    """Return "" where pictures can be drawn off screen, else a sentence with the remedy.

    The attempt runs in a process of its own, because VTK aborts where no OpenGL library can be loaded.
    """
    probe = subprocess.run([sys.executable, "-c", _RENDERING_PROBE], capture_output=True, timeout=120, check=False)
    if probe.returncode == 0:
        return ""
    return f"Off-screen rendering needs OpenGL through EGL; on Debian or Ubuntu: {APT_LINE}"


def skipUndrawn() -> None:
    """Skip the test where nothing can be drawn off screen."""
    import pytest

    if problem := whyNoRendering():
        pytest.skip(problem)


@functools.cache
def sessionView() -> OffscreenSliceView:
    """The one view of a test session: two of a name take each other's clicks, and a cleared scene keeps its views."""
    return OffscreenSliceView(headless_slicer.start(), size=(800, 600))


class OffscreenSliceView:
    """One slice view of the scene.

    Args:
        headless: the running scene of `headless_slicer.start()`.
        name: of the view, as in the application's layout.
        size: width and height of the picture in pixels.
    """

    def __init__(self, headless: Any, name: str = "Red", size: tuple[int, int] = (800, 600)) -> None:
        self.renderer, self._window, self._interactor = _newWindow(size)
        self._backdrop = self._newBackdrop()  # first: what is translucent blends with what was drawn before it
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(headless.applicationLogic)
        for manager in _DISPLAYABLE_MANAGERS:
            if not factory.IsDisplayableManagerRegistered(manager):
                factory.RegisterDisplayableManager(manager)
        self._managers = slicer.vtkMRMLDisplayableManagerGroup()
        self._managers.Initialize(factory, self.renderer)

        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(headless.applicationLogic)
        headless.applicationLogic.GetSliceLogics().AddItem(self.logic)
        self.logic.SetMRMLScene(headless.scene)
        self.node = self.logic.AddSliceNode(name)
        self._managers.SetMRMLDisplayableNode(self.node)
        self._style = slicer.vtkMRMLSliceViewInteractorStyle()
        self._style.SetSliceLogic(self.logic)
        self._style.SetDisplayableManagers(self._managers)
        self._style.SetInteractor(self._interactor)
        self.logic.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._connectBackdrop())
        self.logic.ResizeSliceNode(*size)

    def showVolume(self, volume: Any) -> None:
        """Put a volume into the background and fit it into the view, in the plane of its frame."""
        self.node.SetMappedInLayout(1)  # a view outside the layout, which others may have changed, shows nothing
        self.logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        self.node.SetOrientation("Axial")
        self.logic.RotateSliceToLowestVolumeAxes(False)
        self.logic.FitSliceToBackground()
        self.logic.SnapSliceOffsetToIJK()

    def zoomTo(self, positions: np.ndarray, margin: float = 1.1) -> None:
        """Show a part of the slice: that which holds the world positions `[N, 3]`, with a margin around it."""
        toSlice = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self.node.GetSliceToRAS(), toSlice)
        inPlane = np.array([toSlice.MultiplyPoint((*position, 1.0))[:2] for position in positions])
        low, high = inPlane.min(axis=0), inPlane.max(axis=0)
        middle = self.node.GetSliceToRAS().MultiplyPoint((*((low + high) / 2), 0.0, 1.0))
        self.node.JumpSliceByCentering(*middle[:3])
        windowWidth, windowHeight = self._window.GetSize()
        width = margin * max(high[0] - low[0], (high[1] - low[1]) * windowWidth / windowHeight)
        self.node.SetFieldOfView(width, width * windowHeight / windowWidth, self.node.GetFieldOfView()[2])
        self.node.UpdateMatrices()

    def render(self, path: Path | None = None) -> np.ndarray:
        """Draw and return the picture, uint8 `[H, W, 3]`, top row first; written to `path` as PNG when given."""
        self._interactor.Render()
        return pictureOf(self._window, path)

    def pixelOf(self, ras: Any) -> tuple[int, int]:
        """(row, column) in the picture of a world position in millimetres."""
        toView = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self.node.GetXYToRAS(), toView)
        x, y, _, _ = toView.MultiplyPoint((*(float(v) for v in ras), 1.0))
        return self._window.GetSize()[1] - 1 - round(y), round(x)

    def click(self, ras: Any) -> None:
        """Press and release the left mouse button at a world position in millimetres."""
        row, column = self.pixelOf(ras)
        place = (column, self._window.GetSize()[1] - 1 - row)
        for event in ("EnterEvent", "MouseMoveEvent", "LeftButtonPressEvent", "LeftButtonReleaseEvent"):
            self._interactor.SetEventInformation(*place, 0, 0, "\0", 0, None)
            self._interactor.InvokeEvent(event)

    def _newBackdrop(self) -> Any:
        """Stands for CTK's light box, which shows the blended volumes in the application."""
        mapper = vtk.vtkImageMapper()
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        actor.SetVisibility(False)
        self.renderer.AddViewProp(actor)
        return actor

    def _connectBackdrop(self) -> None:
        connection = self.logic.GetImageDataConnection()
        self._backdrop.GetMapper().SetInputConnection(connection)
        self._backdrop.SetVisibility(connection is not None)


def _newWindow(size: tuple[int, int]) -> tuple[Any, Any, Any]:
    renderer, overlay = vtk.vtkRenderer(), vtk.vtkRenderer()
    overlay.SetLayer(1)  # markups draw above the segmentation
    window = vtk.vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)
    window.SetNumberOfLayers(2)
    window.SetAlphaBitPlanes(1)
    for each in (renderer, overlay):
        each.GetActiveCamera().ParallelProjectionOn()
        window.AddRenderer(each)
    window.SetSize(*size)
    interactor = vtk.vtkRenderWindowInteractor()
    interactor.SetRenderWindow(window)
    interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
    interactor.Initialize()
    return renderer, window, interactor
