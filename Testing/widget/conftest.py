"""Fixtures for the panel: a scene with an application around it, and the module loaded as Slicer loads it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("slicer", reason="needs the slicer-core wheel: pip install slicer-core")
pytest.importorskip("PySide6.QtWidgets", reason="needs PySide6: pip install 'PySide6-Essentials<6.12'")

MODULE_FILE = Path(__file__).resolve().parents[2] / "SlicerPointSeg" / "PointSeg.py"


@pytest.fixture(scope="session")
def sessionApplication():
    from widget import slicer_application

    return slicer_application.start()


@pytest.fixture
def application(sessionApplication):
    """slicer.app over an empty scene; gone again afterwards, so that other tests see none."""
    import slicer

    slicer.app = sessionApplication
    slicer.mrmlScene.Clear(False)
    yield sessionApplication
    slicer.mrmlScene.Clear(False)
    sessionApplication.toolBarBrowsers.clear()
    slicer.app = None


@pytest.fixture
def panel(application):
    """The module's widget, entered."""
    from widget import slicer_application

    widget = slicer_application.loadModule(MODULE_FILE)
    slicer_application.enter(widget)
    yield widget
    slicer_application.leave(widget)
    widget.cleanup()
