"""A real MRML scene with Slicer's own module logics, without the application: bootstrap over the slicer-core wheel.

`start()` makes one scene per Python process and fills `slicer.mrmlScene` and `slicer.modules`, which is what
`slicer.util` and the module's logic ask for. Where the wheel lacks a Python file of the application
(ScriptedLoadableModule, i18n, parameterNodeWrapper), it is taken from a checkout named by SLICER_SOURCE, else from
the small classes in `slicer_fallback`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# Silences the search for an X server before EGL is tried; must be set before the first render window.
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

_HERE = Path(__file__).resolve().parent
_REPOSITORY = _HERE.parents[1]

# Name in the application -> logic class; colours and units come first because the others ask them for defaults.
_MODULE_LOGICS = {
    "Colors": "vtkSlicerColorLogic",
    "Units": "vtkSlicerUnitsLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Volumes": "vtkSlicerVolumesLogic",
}


@dataclass
class HeadlessSlicer:
    """The running scene and what keeps it alive (Python owns the C++ objects here)."""

    scene: Any
    applicationLogic: Any
    logics: dict[str, Any]
    temporaryFolder: Path
    keepAlive: tuple[Any, ...]


_running: HeadlessSlicer | None = None


def start(quiet: bool = False) -> HeadlessSlicer:
    """Start the scene, or return the one that runs.

    Args:
        quiet: keep VTK's messages from the terminal. Without an application, writing a scene logs some about nodes
            that only the application makes.

    Raises:
        ImportError: when the slicer-core wheel is not installed.
    """
    global _running
    if _running is None:
        _running = _boot()
        _makeModuleFilesImportable()
    if quiet:
        _silence()
    return _running


def _silence() -> None:
    import vtk

    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
    _running.keepAlive[0].SetDisplayModeToNever()


def newSequenceBrowser(sequence: Any, name: str = "") -> Any:
    """What loading a sequence file does in the application: a browser and a visible proxy of its first frame."""
    browser = _running.scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", name or f"{sequence.GetName()} browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    _running.logics["Sequences"].UpdateProxyNodesFromSequences(browser)
    browser.GetProxyNode(sequence).CreateDefaultDisplayNodes()
    return browser


def _boot() -> HeadlessSlicer:
    import slicer
    import slicer.util
    import vtk

    outputWindow = vtk.vtkOutputWindow()
    outputWindow.SetDisplayModeToAlwaysStdErr()
    vtk.vtkOutputWindow.SetInstance(outputWindow)
    folder = Path(tempfile.mkdtemp(prefix="pointseg-headless-"))

    scene = slicer.vtkMRMLScene()
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)
    applicationLogic = _newApplicationLogic(slicer, vtk, scene, folder)
    keep = (outputWindow, *_connectDataIO(slicer, applicationLogic, scene, folder))
    logics = _newModuleLogics(slicer, applicationLogic, scene)
    slicer.mrmlScene = scene
    slicer.modules = SimpleNamespace(
        **{name.lower(): SimpleNamespace(name=name, logic=lambda logic=logic: logic) for name, logic in logics.items()}
    )
    return HeadlessSlicer(scene, applicationLogic, logics, folder, keep)


def _newApplicationLogic(slicer: Any, vtk: Any, scene: Any, folder: Path) -> Any:
    logic = slicer.vtkSlicerApplicationLogic()
    logic.SetTemporaryPath(str(folder))
    # The share directory is joined to the home directory; without both the colour logic logs errors.
    (folder / "ColorFiles").mkdir()
    logic.SetHomeDirectory(str(folder.parent))
    logic.SetShareDirectory(folder.name)
    scene.SetRootDirectory(str(folder))
    logic.SetMRMLScene(scene)
    logic.SetSliceLogics(vtk.vtkCollection())
    logic.SetViewLogics(vtk.vtkCollection())
    for factory in (
        slicer.vtkMRMLSliceViewDisplayableManagerFactory,
        slicer.vtkMRMLThreeDViewDisplayableManagerFactory,
    ):
        factory.GetInstance().SetMRMLApplicationLogic(logic)
    return logic


def _connectDataIO(slicer: Any, applicationLogic: Any, scene: Any, folder: Path) -> tuple[Any, Any]:
    """Without a remote cache every read of an .mrb fails."""
    cache = folder / "cache"
    cache.mkdir()
    remoteIO = slicer.vtkMRMLRemoteIOLogic()
    manager = remoteIO.GetCacheManager()
    if hasattr(manager, "CreateSentinelFileInDirectory"):
        manager.CreateSentinelFileInDirectory(str(cache))
    manager.SetRemoteCacheDirectory(str(cache))
    dataIO = slicer.vtkDataIOManagerLogic()
    dataIO.SetMRMLApplicationLogic(applicationLogic)
    applicationLogic.SetMRMLSceneDataIO(scene, remoteIO, dataIO)
    return remoteIO, dataIO


def _newModuleLogics(slicer: Any, applicationLogic: Any, scene: Any) -> dict[str, Any]:
    logics = {}
    for name, className in _MODULE_LOGICS.items():
        logic = getattr(slicer, className)()
        logic.SetMRMLApplicationLogic(applicationLogic)
        logic.SetMRMLScene(scene)
        applicationLogic.SetModuleLogic(name, logic)
        logics[name] = logic
    logics["Colors"].AddDefaultColorNodes()
    applicationLogic.GetColorLogic().SetMRMLScene(scene)
    return logics


def _makeModuleFilesImportable() -> None:
    import slicer

    source = os.environ.get("SLICER_SOURCE")
    package = Path(source, "Base", "Python", "slicer") if source else _HERE / "slicer_fallback"
    slicer.__path__.append(str(package))
    if source:
        _nameApplicationKits()
    module = str(_REPOSITORY / "SlicerPointSeg")
    if module not in sys.path:
        sys.path.insert(0, module)


def _nameApplicationKits() -> None:
    """Slicer's own Python files import these by the names the application gives them."""
    import slicer_core

    for kit in ("MRMLCore", "MRMLLogic", "MRMLCLI", "MRMLDisplayableManager"):
        sys.modules[f"{kit}Python"] = getattr(slicer_core, kit)
    for kit in ("vtkITK", "vtkTeem", "vtkSegmentationCore", "vtkAddonPython"):
        sys.modules[kit.replace("Python", "")] = getattr(slicer_core, kit)
