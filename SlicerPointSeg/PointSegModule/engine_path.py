"""Finds PointSegLib: installed beside this module in a built extension, or next to it in a source checkout."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

ENGINE_NAME = "PointSegLib"


def makeEngineImportable(sourceTree: Path | None = None) -> None:
    """Make `import PointSegLib` work.

    A built extension holds PointSegLib on Slicer's module path already. When the module is used straight from a
    checkout, Slicer knows only the folder `SlicerPointSeg`; the engine is then loaded from the folder beside it,
    without adding the whole checkout to `sys.path`.

    Args:
        sourceTree: the checkout's root; found from this file when None.

    Raises:
        ImportError: if PointSegLib is neither installed nor in the checkout.
    """
    if ENGINE_NAME in sys.modules or importlib.util.find_spec(ENGINE_NAME) is not None:
        return
    root = sourceTree or Path(__file__).resolve().parents[2]
    package = root / ENGINE_NAME
    if not (package / "__init__.py").is_file():
        msg = (
            f"PointSeg's engine {ENGINE_NAME} was not found on Python's path nor at {package}. "
            "Reinstall the PointSeg extension, or keep the folders SlicerPointSeg and PointSegLib side by side."
        )
        raise ImportError(msg)
    spec = importlib.util.spec_from_file_location(
        ENGINE_NAME, package / "__init__.py", submodule_search_locations=[str(package)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[ENGINE_NAME] = module
    spec.loader.exec_module(module)
