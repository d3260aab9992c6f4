"""How the module finds its engine, and what it says when a package is missing."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

# A Python that has PointSegModule and its dependencies, but no PointSegLib, installed or on the path.
ISOLATED = """
import importlib.util, sys
sys.path[:] = [{module!r}, *(entry for entry in sys.path if entry not in ("", {root!r}))]
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "PointSegLib" else found(name, *a)
{code}
"""


def runIsolated(module: Path, code: str) -> subprocess.CompletedProcess:
    script = ISOLATED.format(module=str(module), root=str(REPOSITORY), code=code)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=module)


def test_an_unbuilt_module_finds_the_engine_beside_it():
    code = "import PointSegModule, PointSegLib.clip; print(PointSegLib.__file__)"
    done = runIsolated(REPOSITORY / "SlicerPointSeg", code)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == REPOSITORY / "PointSegLib" / "__init__.py"


def test_the_module_file_leaves_finding_the_engine_to_its_package():
    # Unbuilt, PointSegLib can be imported only after PointSegModule, and a sorter of imports would put it first.
    tree = ast.parse((REPOSITORY / "SlicerPointSeg" / "PointSeg.py").read_text(encoding="utf-8"))
    named = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert any(name.startswith("PointSegModule") for name in named)
    assert not any(name.startswith("PointSegLib") for name in named)


def test_a_module_without_engine_says_what_to_do(tmp_path):
    shutil.copytree(REPOSITORY / "SlicerPointSeg" / "PointSegModule", tmp_path / "Module" / "PointSegModule")
    done = runIsolated(tmp_path / "Module", "import PointSegModule")
    assert done.returncode != 0
    assert "keep the folders SlicerPointSeg and PointSegLib side by side" in done.stderr


def test_an_installed_engine_is_preferred(headless, tmp_path):
    from PointSegModule.engine_path import makeEngineImportable

    makeEngineImportable(sourceTree=tmp_path)  # would raise if it looked there


@pytest.fixture
def dependencies(headless):
    from PointSegModule import dependencies

    return dependencies


def fakeTorchUtils(torch):
    """A PyTorchUtils whose installation gives `torch` (None: the user declined), with the questions it was asked."""
    module = types.ModuleType("PyTorchUtils")
    module.asked = []

    class PyTorchUtilsLogic:
        def installTorch(self, **question):
            module.asked.append(question)
            return torch

    module.PyTorchUtilsLogic = PyTorchUtilsLogic
    return module


def test_half_installed_torch_is_recognised(dependencies, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))
    with pytest.raises(ImportError, match="only partly installed"):
        dependencies.requireTorch()


def test_missing_torch_names_the_remedy(dependencies, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="Install the extension PyTorch"):
        dependencies.requireTorch()


def test_torch_is_installed_only_with_consent(dependencies, monkeypatch):
    utilities = fakeTorchUtils(None)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", utilities)
    with pytest.raises(ImportError, match="declined"):
        dependencies.offerInstallation()
    assert utilities.asked[0]["askConfirmation"] is True


def test_nothing_is_asked_when_all_is_there(dependencies, monkeypatch):
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    utilities = fakeTorchUtils(None)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", utilities)
    dependencies.offerInstallation()
    assert utilities.asked == []


@pytest.mark.parametrize("agrees", [True, False])
def test_old_slicer_asks_before_it_installs_a_package(dependencies, monkeypatch, agrees):
    import slicer

    installed = []
    monkeypatch.setattr(dependencies, "_torchWorks", lambda: True)
    monkeypatch.setattr(dependencies, "_PACKAGES", ("no_such_package",))
    monkeypatch.setitem(sys.modules, "slicer.packaging", None)
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda question: agrees)
    monkeypatch.setattr(slicer.util, "pip_install", installed.append)
    if agrees:
        dependencies.offerInstallation()
        assert installed == [["no_such_package"]]
    else:
        with pytest.raises(ImportError, match="no_such_package; its installation was declined"):
            dependencies.offerInstallation()
        assert installed == []


def test_new_slicer_uses_its_own_packaging(dependencies, monkeypatch):
    asked = []
    packaging = types.ModuleType("slicer.packaging")
    packaging.pip_ensure = lambda packages, requester: asked.append((packages, requester))
    monkeypatch.setattr(dependencies, "_torchWorks", lambda: True)
    monkeypatch.setattr(dependencies, "_PACKAGES", ("no_such_package",))
    monkeypatch.setitem(sys.modules, "slicer.packaging", packaging)
    dependencies.offerInstallation()
    assert asked == [(["no_such_package"], "PointSeg")]
