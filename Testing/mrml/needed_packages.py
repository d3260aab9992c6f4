"""Skips whole test files, with the reason, where a package they are built on is not installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

PACKAGES = {
    "slicer": "the slicer-core wheel: pip install slicer-core",
    "PySide6": "PySide6: pip install 'PySide6-Essentials<6.12'",
}


class _NotRunnable(pytest.Module):
    reason = ""

    def collect(self) -> Any:
        pytest.skip(self.reason, allow_module_level=True)


def moduleUnlessMissing(modulePath: Path, parent: Any, *packages: str) -> pytest.Module | None:
    """For the hook `pytest_pycollect_makemodule`: a module that skips when one of `packages` is missing, else None."""
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if not missing:
        return None
    module = _NotRunnable.from_parent(parent, path=modulePath)
    module.reason = f"needs {PACKAGES[missing[0]]}"
    return module
