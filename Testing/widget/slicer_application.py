"""The application around a scripted module's panel: `slicer.app`, `qt`, `ctk`, and the loading of modules."""

from __future__ import annotations

import importlib.util
import os
import sys
import types
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import shiboken6
from mrml import headless_slicer

MODULE_FILE = Path(__file__).resolve().parents[2] / "SlicerPointSeg" / "PointSeg.py"


def start() -> Any:
    """Start the headless scene with a Qt application around it; returns `slicer.app`."""
    import slicer

    if getattr(slicer, "app", None) is not None:
        return slicer.app
    from widget import pythonqt_rules, slicer_widgets

    qt = pythonqt_rules.install()
    qApplication = qt.QApplication.instance() or qt.QApplication(["HeadlessSlicer"])
    headless = headless_slicer.start()
    _keepSettingsIn(qt, headless.temporaryFolder)
    pythonqt_rules.UiLoader.customWidgets.update(slicer_widgets.STAND_INS)
    qt.QUiLoader = pythonqt_rules.UiLoader
    ctk = types.ModuleType("ctk", "Stand-ins for CTK's widgets.")
    for name, cls in slicer_widgets.STAND_INS.items():
        setattr(ctk if name.startswith("ctk") else slicer, name, cls)
    sys.modules["ctk"] = ctk
    slicer.app = _newApplication(qt, qApplication, headless)
    slicer.modules.sequences.setToolBarActiveBrowserNode = slicer.app.toolBarBrowsers.append
    return slicer.app


def _keepSettingsIn(qt: Any, folder: Path) -> None:
    """What the module remembers for its user is forgotten after the session, and no user's own."""
    qt.QCoreApplication.setOrganizationName("PointSegTests")
    qt.QSettings.setPath(qt.QSettings.NativeFormat, qt.QSettings.UserScope, str(folder))


def stop() -> None:
    """Take the application away, so that other tests see a scene without one."""
    import slicer

    slicer.app = None


def loadModule(path: Path) -> Any:
    """Load a scripted module as Slicer does; returns its widget object, set up and not yet entered."""
    module = _execute(path)
    return _newWidget(module, path.stem)


def reloadModule(widget: Any) -> Any:
    """Reload a module in the order of `slicer.util.reloadScriptedModule`; returns the new widget object.

    The new file runs first, then the old panel is cleaned up, then the new one is set up.
    """
    widget.onReload()
    module = _execute(MODULE_FILE)
    widget.cleanup()
    return _newWidget(module, MODULE_FILE.stem)


def _execute(path: Path) -> types.ModuleType:
    import slicer

    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    description = SimpleNamespace(path=str(path), name=name)
    setattr(slicer.modules, name.lower(), description)
    description.instance = getattr(module, name)(description)
    return module


def _newWidget(module: types.ModuleType, name: str) -> Any:
    import qt
    import slicer

    class Panel(slicer.qMRMLWidget):
        derivedInPython = True

    parent = Panel()
    parent.setLayout(qt.QVBoxLayout())
    parent.setMRMLScene(slicer.mrmlScene)
    parent.isEntered = False
    widget = getattr(module, f"{name}Widget")(parent)
    widget.setup()
    return widget


def enter(widget: Any) -> None:
    """Show the module's panel."""
    widget.parent.isEntered = True
    widget.enter()


def leave(widget: Any) -> None:
    """Go to another module."""
    widget.parent.isEntered = False
    widget.exit()


def unload(widget: Any) -> None:
    """Take a panel down for good; left standing, its selectors would list every node of all later tests."""
    leave(widget)
    widget.cleanup()
    shiboken6.delete(widget.parent)


def _newApplication(qt: Any, qApplication: Any, headless: Any) -> Any:
    class Application(qt.QObject):
        derivedInPython = True
        startupCompleted = qt.Signal()
        aboutToQuit = qt.Signal()

        def __init__(self) -> None:
            super().__init__()
            self.qApplication = qApplication
            self.toolBarBrowsers: list[Any] = []
            self.shownBackgrounds: list[Any] = []
            self.pauseDepth = 0

        def applicationLogic(self) -> Any:
            return headless.applicationLogic

        def processEvents(self) -> None:
            qApplication.processEvents()

        def testingEnabled(self) -> bool:
            return True

        def pauseRender(self) -> None:
            self.pauseDepth += 1

        def resumeRender(self) -> None:
            self.pauseDepth -= 1

        def layoutManager(self) -> Any:
            return None

        def setOverrideCursor(self, cursor: Any) -> None:
            qApplication.setOverrideCursor(cursor)

        def restoreOverrideCursor(self) -> None:
            qApplication.restoreOverrideCursor()

    return Application()
