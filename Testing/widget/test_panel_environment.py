"""The section Environment: versions, devices, the smoke test, the installation, and the licence of the weights."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from mrml.fake_engine import FakeEngine
from widget.pumping import pump

from PointSegLib.errors import WorkerError
from PointSegLib.inference.messages import Died


@pytest.fixture
def unasked(application):
    """The user has not seen the licence yet."""
    import qt

    from PointSegModule.panel_license import SETTINGS_KEY

    qt.QSettings().remove(SETTINGS_KEY)


@pytest.fixture
def questions(monkeypatch, application, unasked):
    """What the user is asked, and what is answered: True unless `answer` says otherwise."""
    import slicer

    class Questions(list):
        answer = True

        def ask(self, text, *_more, **_others):
            self.append(text)
            return self.answer

    asked = Questions()
    monkeypatch.setattr(type(application), "testingEnabled", lambda self: False)
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", asked.ask)
    return asked


@pytest.fixture
def engine(panel, monkeypatch):
    made = FakeEngine()
    monkeypatch.setattr(panel.logic.engines, "of", lambda *_device: made)
    return made


def test_versions_are_told_without_importing_what_is_big(panel):
    text = panel.ui.versionsLabel.text
    for name in ("Slicer", "Python", "PyTorch", "PointSegLib", "pointseg-small"):
        assert name in text


def test_the_smoke_test_segments_in_the_background_and_says_how_long_it_took(panel, application, engine, questions):
    panel.ui.smokeTestButton.click()
    pump(application, lambda: len(engine.requests) == 2)
    assert panel.ui.smokeTestButton.toolTip == "Wait for the run to end."
    engine.finish(np.zeros(engine.requests[0].clip.frames.shape, np.uint8))
    pump(application, lambda: panel.runs.current is None)
    assert panel.ui.smokeTestLabel.text.startswith("Passed: 8 frames and 1 points in ")
    assert panel.ui.statusLabel.text == panel.ui.smokeTestLabel.text


def test_a_smoke_test_that_fails_says_what_the_engine_says(panel, application, engine, questions):
    panel.ui.smokeTestButton.click()
    pump(application, lambda: len(engine.requests) == 2)
    engine.tell(Died(2, WorkerError("The worker was killed.")))
    pump(application, lambda: panel.runs.current is None)
    assert panel.ui.smokeTestLabel.text == "Failed: The worker was killed."


def test_the_engine_reopens_the_users_clip_after_the_smoke_test(panel, application, engine):
    from types import SimpleNamespace

    panel.logic.opened = SimpleNamespace(engine=engine, isOpen=True)
    run = panel.logic.testEngine("cpu", waitForCompletion=False)
    assert not panel.logic.opened.isOpen
    run.abandon()


def test_the_licence_is_shown_once_and_its_acceptance_remembered(questions, panel, application, engine):
    assert panel.ui.licenseStateLabel.text == "You are asked when they are used first."
    for _ in range(2):
        asked = len(engine.requests)
        panel.ui.smokeTestButton.click()
        pump(application, lambda asked=asked: len(engine.requests) == asked + 2)
        engine.finish(np.zeros(engine.requests[-2].clip.frames.shape, np.uint8))
        pump(application, lambda: panel.runs.current is None)
    assert len(questions) == 1
    assert "CC BY-NC-SA 4.0" in questions[0]
    assert panel.ui.licenseStateLabel.text.startswith("Accepted on 2")


def test_a_licence_that_is_declined_starts_nothing_and_is_asked_for_again(panel, image, engine, questions):
    questions.answer = False
    panel.ui.inputSelector.setCurrentNode(image)
    panel.ui.applyButton.click()
    assert panel.runs.current is None
    assert "licence of the weights was declined" in panel.ui.statusLabel.text
    assert engine.requests == []
    panel.ui.smokeTestButton.click()
    assert len(questions) == 2


def test_what_is_missing_can_be_installed_and_nothing_else_done(panel, monkeypatch):
    from PointSegModule import panel_environment

    found = []
    monkeypatch.setattr(panel_environment, "isInstalled", lambda: bool(found))
    monkeypatch.setattr(panel_environment, "offerInstallation", lambda: found.append("torch"))
    panel.refresh()
    assert panel.ui.smokeTestButton.toolTip == "Install PyTorch first."
    assert not panel.ui.checkDevicesButton.enabled
    panel.ui.installButton.click()
    assert panel.ui.smokeTestButton.enabled
    assert panel.ui.installButton.toolTip == "PyTorch and safetensors are installed."


def test_the_report_tells_of_the_computer_and_of_nobody(panel, application):
    import getpass
    import platform

    import qt

    panel.ui.copyReportButton.click()
    text = qt.QApplication.clipboard().text()
    assert "PointSegLib: " in text
    assert "PyTorch: " in text
    for private in (getpass.getuser(), platform.node()):
        assert private not in text.split()
    assert panel.ui.statusLabel.text.startswith("The report was copied")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs PyTorch")
def test_the_embedded_network_passes_the_smoke_test(panel, application, questions):
    panel.ui.smokeTestButton.click()
    pump(application, lambda: panel.runs.current is None)
    assert panel.ui.smokeTestLabel.text.startswith("Passed: 8 frames")
