"""Fixtures for the panel: a scene with an application around it, and the module loaded as Slicer loads it."""

from __future__ import annotations

import pytest
from mrml.needed_packages import moduleUnlessMissing


def pytest_pycollect_makemodule(module_path, parent):
    return moduleUnlessMissing(module_path, parent, "slicer", "PySide6")


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

    widget = slicer_application.loadModule(slicer_application.MODULE_FILE)
    slicer_application.enter(widget)
    yield widget
    slicer_application.unload(widget)


@pytest.fixture
def image(application):
    """The proxy of a sequence of six speckled frames, named Echo."""
    from mrml import cines
    from mrml.headless_slicer import newSequenceBrowser

    browser = newSequenceBrowser(cines.imageSequence(cines.speckle()))
    return browser.GetProxyNode(browser.GetMasterSequenceNode())


@pytest.fixture(scope="session")
def sessionView(sessionApplication):
    """The slice view of the session; skips where nothing can be drawn off screen."""
    from mrml import slice_view

    slice_view.skipUndrawn()
    return slice_view.sessionView()
