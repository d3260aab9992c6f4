"""What tests of the training share."""

from __future__ import annotations

import pytest

from PointSegLib.training import loop


@pytest.fixture
def save_every_step(monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", -1.0)
