"""The buttons of the module Sample Data, as the application makes and presses them."""

from __future__ import annotations

import sys
import types

import pytest
from widget import slicer_application

from PointSegLib.errors import PointSegError


@pytest.fixture
def buttons(application, monkeypatch):
    """What the module registers when Slicer has started, by name."""
    registered = {}

    class SampleDataLogic:
        @staticmethod
        def registerCustomSampleDataSource(**source):
            registered[source["sampleName"]] = types.SimpleNamespace(**source)

    monkeypatch.setitem(sys.modules, "SampleData", types.SimpleNamespace(SampleDataLogic=SampleDataLogic))
    widget = slicer_application.loadModule(slicer_application.MODULE_FILE)
    assert registered == {}, "nothing is registered before Slicer has started"
    application.startupCompleted.emit()
    yield registered
    widget.cleanup()


def test_a_loaded_clip_is_shown_and_chosen_in_the_panel(buttons, application, monkeypatch, echo_dicom):
    import slicer

    shown = []
    monkeypatch.setattr(slicer.util, "setSliceViewerLayers", lambda **layers: shown.append(layers["background"]))
    source = buttons["Cine of pydicom"]
    (image,) = source.customDownloader(source)
    assert shown == [image]
    assert (
        application.toolBarBrowsers[-1].GetProxyNode(application.toolBarBrowsers[-1].GetMasterSequenceNode()) is image
    )
    panel = slicer_application.loadModule(slicer_application.MODULE_FILE)
    slicer_application.enter(panel)
    assert panel._parameterNode.inputVolume is image
    assert panel.ui.applyButton.enabled
    slicer_application.leave(panel)
    panel.cleanup()


def test_a_clip_that_cannot_be_had_says_why_in_a_message(buttons, application, monkeypatch):
    import slicer

    said = []
    monkeypatch.setattr(type(application), "testingEnabled", lambda self: False)
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **_more: said.append(text))
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    source = buttons["Simulated heart"]
    with pytest.raises(PointSegError):
        source.customDownloader(source)
    assert len(said) == 1
    assert said[0].startswith("Simulated heart could not be loaded.\n\nPointSeg needs PyTorch")
    assert application.qApplication.overrideCursor() is None
