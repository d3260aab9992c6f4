"""Fixtures over a real MRML scene: one per process, emptied for every test."""

from __future__ import annotations

import pytest
from mrml.needed_packages import moduleUnlessMissing


def pytest_pycollect_makemodule(module_path, parent):
    return moduleUnlessMissing(module_path, parent, "slicer")


@pytest.fixture(scope="session")
def headless():
    from mrml import headless_slicer

    return headless_slicer.start()


@pytest.fixture
def scene(headless):
    headless.scene.Clear(False)
    yield headless.scene
    headless.scene.Clear(False)


@pytest.fixture
def processor(scene):
    from PointSegModule.logic import CineProcessor

    return CineProcessor()


@pytest.fixture
def browser(scene):
    """Shows a sequence of six speckled frames, named Echo."""
    from mrml import cines
    from mrml.headless_slicer import newSequenceBrowser

    return newSequenceBrowser(cines.imageSequence(cines.speckle()))


@pytest.fixture(scope="session")
def sliceView(headless):
    """One for the session: views stay in the scene when it is cleared."""
    from mrml import slice_view

    slice_view.skipUndrawn()
    return slice_view.sessionView()
