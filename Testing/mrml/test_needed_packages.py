"""What the skips say where packages or system libraries are missing."""

from __future__ import annotations

import sys

import pytest
from mrml import needed_packages, slice_view

LINE = "apt-get install -y libegl1 libgl1 libgl1-mesa-dri libxkbcommon0 libdbus-1-3 libfontconfig1 libglib2.0-0"


def test_a_missing_package_names_its_wheel(monkeypatch):
    monkeypatch.setitem(sys.modules, "PySide6", None)
    assert needed_packages.whyUnusable("PySide6") == "needs PySide6: pip install 'PySide6-Essentials<6.12'"


def test_a_package_without_its_system_libraries_names_the_apt_line(monkeypatch):
    pytest.importorskip("PySide6")
    monkeypatch.setitem(sys.modules, "PySide6.QtWidgets", None)
    assert needed_packages.whyUnusable("PySide6").endswith(f"on Debian or Ubuntu: {LINE}")


def test_a_usable_package_is_not_skipped():
    assert needed_packages.whyUnusable("slicer") == ""


def test_off_screen_rendering_that_fails_names_the_same_line(monkeypatch):
    monkeypatch.setattr(slice_view, "_RENDERING_PROBE", "raise SystemExit(1)")
    assert slice_view.whyNoRendering.__wrapped__().endswith(LINE)
