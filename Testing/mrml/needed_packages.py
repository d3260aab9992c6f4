"""Skips whole test files, with the reason, where a package they are built on is not installed."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import pytest

PACKAGES = {
    "slicer": "the slicer-core wheel: pip install slicer-core",
    "PySide6": "PySide6: pip install 'PySide6-Essentials<6.12'",
}
# What wheels of VTK and Qt leave to the system, on Debian or Ubuntu.
APT_LINE = "apt-get install -y libegl1 libgl1 libgl1-mesa-dri libxkbcommon0 libdbus-1-3 libfontconfig1 libglib2.0-0"
_LIBRARY_PROBES = {"PySide6": "PySide6.QtWidgets"}  # modules that load those libraries


class _NotRunnable(pytest.Module):
    reason = ""

    def collect(self) -> Any:
        pytest.skip(self.reason, allow_module_level=True)


def moduleUnlessMissing(modulePath: Path, parent: Any, *packages: str) -> pytest.Module | None:
    """For the hook `pytest_pycollect_makemodule`: a module that skips when one of `packages` is missing, else None."""
    reasons = [reason for reason in map(whyUnusable, packages) if reason]
    if not reasons:
        return None
    module = _NotRunnable.from_parent(parent, path=modulePath)
    module.reason = reasons[0]
    return module


def whyUnusable(package: str) -> str:
    """Return "" where a package of `PACKAGES` can be used, else what is missing, with the line that installs it."""
    if importlib.util.find_spec(package) is None:
        return f"needs {PACKAGES[package]}"
    try:
        if package in _LIBRARY_PROBES:
            importlib.import_module(_LIBRARY_PROBES[package])
    except ImportError as error:
        return f"{package} cannot be loaded ({error}); on Debian or Ubuntu: {APT_LINE}"
    return ""
