"""Python packages the engine needs at run time: found, or installed with the user's consent. Never called at import."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
from typing import Any

from PointSegLib.errors import DependencyError

_PACKAGES = ("safetensors",)
_TORCH_REQUIREMENT = ">=2.2"
_REMEDY = (
    "Install the extension PyTorch with the Extensions Manager, restart Slicer, then press 'Install PyTorch' in its "
    "module PyTorchUtils."
)
_PARTLY_INSTALLED = (
    "PyTorch is only partly installed. Uninstall it in PyTorchUtils, restart Slicer, and install it again."
)


def requirePackages() -> None:
    """Check that the packages the network needs can be used, without asking or installing anything.

    Raises:
        DependencyError: when one is missing or its installation is broken, with what to do.
    """
    requireTorch()
    for package in _PACKAGES:
        _requirePackage(package)


def requireTorch() -> None:
    """Check that PyTorch can be used, without asking or installing anything.

    Raises:
        DependencyError: when it is missing or its installation is broken, with what to do.
    """
    try:
        version = importlib.import_module("torch").__version__
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise DependencyError(_unloadableTorch(error)) from error
        raise DependencyError(f"PointSeg needs PyTorch, which is not installed. {_REMEDY}") from error
    except (ImportError, OSError) as error:  # OSError: one of its libraries cannot be loaded on Windows
        raise DependencyError(_unloadableTorch(error)) from error
    except AttributeError as error:
        raise DependencyError(_PARTLY_INSTALLED) from error
    if not version:
        raise DependencyError(f"PyTorch tells no version. {_REMEDY}")


def offerInstallation() -> None:
    """Install what is missing, after asking the user; to be called when the user wants a result, not before.

    PyTorch is looked for but not imported: that takes seconds, which the worker thread spends.

    Raises:
        DependencyError: when something is missing and cannot be installed from here, or the user declines.
    """
    _ensureTorch()
    missing = [package for package in _PACKAGES if not _isFound(package)]
    if missing:
        _installPackages(missing)
    for package in missing:
        _checkInstalled(package)


def isInstalled() -> bool:
    """Whether all packages are there; that they can be loaded is seen when they are used."""
    return all(map(_isFound, ("torch", *_PACKAGES)))


def _ensureTorch() -> None:
    spec = importlib.util.find_spec("torch")
    if spec is None:
        _installTorch()
        _checkInstalled("torch")
    elif spec.origin is None:  # a folder that an uninstallation left behind
        raise DependencyError(_PARTLY_INSTALLED)


def _requirePackage(package: str) -> None:
    try:
        importlib.import_module(package)
    except ModuleNotFoundError as error:
        msg = (
            f"PointSeg needs the Python package {package}, which is not installed. Press Apply in the module PointSeg "
            f"to install it, or run slicer.util.pip_install('{package}') in the Python console."
        )
        raise DependencyError(msg) from error
    except (ImportError, OSError) as error:
        msg = (
            f"The Python package {package} is installed but cannot be loaded ({error}). Run "
            f"slicer.util.pip_install('--force-reinstall {package}') in the Python console and restart Slicer."
        )
        raise DependencyError(msg) from error


def _unloadableTorch(error: BaseException) -> str:
    return (
        f"PyTorch is installed but cannot be loaded ({error}). Uninstall it in PyTorchUtils, restart Slicer, and "
        "install it again; on Windows, install the Microsoft Visual C++ Redistributable first."
    )


def _isFound(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _checkInstalled(package: str) -> None:
    importlib.invalidate_caches()  # Python remembers folders as they were before the installation
    if not _isFound(package):
        raise DependencyError(f"{package} was to be installed but is still not found. Restart Slicer and press Apply.")


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

    names = ", ".join(packages)
    try:
        packaging: Any = importlib.import_module("slicer.packaging")
    except ImportError:  # Slicer before 5.12
        packaging = None
    if packaging is None and not slicer.util.confirmOkCancelDisplay(
        f"PointSeg needs the Python package {names}. Install it now?"
    ):
        raise DependencyError(f"PointSeg needs {names}; its installation was declined.")
    try:
        if packaging is None:
            slicer.util.pip_install(packages)
        else:
            packaging.pip_ensure(packages, requester="PointSeg")
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        raise DependencyError(f"PointSeg needs {names}, which could not be installed: {error}") from error
