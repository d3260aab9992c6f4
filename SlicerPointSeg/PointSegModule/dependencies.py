"""Python packages the engine needs at run time: found, or installed with the user's consent. Never called at import."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from PointSegLib.errors import DependencyError

_PACKAGES = ("safetensors",)
_TORCH_REQUIREMENT = ">=2.2"
_REMEDY = (
    "Install the extension PyTorch with the Extensions Manager, restart Slicer, then press 'Install PyTorch' in its "
    "module PyTorchUtils."
)


def requireTorch() -> None:
    """Check that PyTorch can be used, without asking or installing anything.

    Raises:
        DependencyError: when it is missing or its installation is broken, with what to do.
    """
    try:
        version = importlib.import_module("torch").__version__
    except ImportError as error:
        raise DependencyError(f"PointSeg needs PyTorch, which is not installed. {_REMEDY}") from error
    except AttributeError as error:
        msg = "PyTorch is only partly installed. Uninstall it in PyTorchUtils, restart Slicer, and install it again."
        raise DependencyError(msg) from error
    if not version:
        raise DependencyError(f"PyTorch tells no version. {_REMEDY}")


def offerInstallation() -> None:
    """Install what is missing, after asking the user; to be called when the user wants a result, not before.

    Raises:
        DependencyError: when PyTorch cannot be installed from here, or the user declines.
    """
    if not _torchWorks():
        _installTorch()
    missing = [package for package in _PACKAGES if importlib.util.find_spec(package) is None]
    if missing:
        _installPackages(missing)


def _torchWorks() -> bool:
    try:
        requireTorch()
    except DependencyError:
        return False
    return True


def _installTorch() -> None:
    try:
        pyTorchUtils = importlib.import_module("PyTorchUtils")
    except ImportError as error:
        raise DependencyError(f"PointSeg needs PyTorch, which is not installed. {_REMEDY}") from error
    torch = pyTorchUtils.PyTorchUtilsLogic().installTorch(
        askConfirmation=True, torchVersionRequirement=_TORCH_REQUIREMENT
    )
    if torch is None:
        raise DependencyError("PointSeg needs PyTorch; its installation was declined. Press Apply to be asked again.")


def _installPackages(packages: list[str]) -> None:
    import slicer

    try:
        packaging: Any = importlib.import_module("slicer.packaging")
    except ImportError:  # Slicer before 5.12
        question = f"PointSeg needs the Python package {', '.join(packages)}. Install it now?"
        if not slicer.util.confirmOkCancelDisplay(question):
            raise DependencyError(f"PointSeg needs {', '.join(packages)}; its installation was declined.") from None
        slicer.util.pip_install(packages)
        return
    try:
        packaging.pip_ensure(packages, requester="PointSeg")
    except RuntimeError as error:
        raise DependencyError(f"PointSeg needs {', '.join(packages)}: {error}") from error
