"""How the module finds its engine, and what it says when a package is missing."""

from __future__ import annotations

import ast
import importlib.machinery
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

from PointSegLib.errors import DependencyError

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


class BrokenFinder:
    """Finds a package whose import fails as `error`, as one whose libraries cannot be loaded does."""

    def __init__(self, package, error):
        self._package, self._error = package, error

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self, origin="broken") if name == self._package else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        raise self._error


def breakPackage(monkeypatch, package, error):
    monkeypatch.delitem(sys.modules, package, raising=False)
    monkeypatch.setattr(sys, "meta_path", [BrokenFinder(package, error), *sys.meta_path])


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
    with pytest.raises(DependencyError, match="only partly installed"):
        dependencies.requireTorch()


def test_missing_torch_names_the_remedy(dependencies, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DependencyError, match="Install the extension PyTorch"):
        dependencies.requireTorch()


@pytest.mark.parametrize(
    "error",
    [
        OSError("[WinError 126] c10.dll"),
        ImportError("libtorch_cpu.so: cannot open shared object file"),
        ModuleNotFoundError("No module named 'typing_extensions'", name="typing_extensions"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_torch_that_cannot_be_loaded_is_not_called_missing(dependencies, monkeypatch, error):
    breakPackage(monkeypatch, "torch", error)
    with pytest.raises(DependencyError) as caught:
        dependencies.requireTorch()
    assert str(error) in str(caught.value)
    assert "installed but cannot be loaded" in str(caught.value)
    assert "Uninstall it in PyTorchUtils" in str(caught.value)


def test_missing_safetensors_names_the_remedy(dependencies, monkeypatch):
    monkeypatch.setattr(dependencies, "requireTorch", lambda: None)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(DependencyError, match=r"safetensors, which is not installed.*pip_install\('safetensors'\)"):
        dependencies.requirePackages()


def test_safetensors_that_cannot_be_loaded_names_the_remedy(dependencies, monkeypatch):
    monkeypatch.setattr(dependencies, "requireTorch", lambda: None)
    breakPackage(monkeypatch, "safetensors", OSError("DLL load failed"))
    with pytest.raises(DependencyError, match=r"safetensors is installed but cannot be loaded \(DLL load failed\)"):
        dependencies.requirePackages()


def test_loading_the_network_checks_its_packages_first(dependencies, monkeypatch):
    from PointSegModule.engines import Engines

    monkeypatch.setattr(dependencies, "requireTorch", lambda: None)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(DependencyError, match="safetensors, which is not installed"):
        Engines().of("cpu")


def test_torch_is_installed_only_with_consent(dependencies, monkeypatch):
    utilities = fakeTorchUtils(None)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", utilities)
    with pytest.raises(DependencyError, match="declined"):
        dependencies.offerInstallation()
    assert utilities.asked[0]["askConfirmation"] is True


def test_torch_that_is_not_there_after_its_installation_is_said_so(dependencies, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", fakeTorchUtils(types.ModuleType("torch")))
    with pytest.raises(DependencyError, match="torch was to be installed but is still not found"):
        dependencies.offerInstallation()


def test_torch_that_is_half_there_is_not_installed_over(dependencies, monkeypatch, tmp_path):
    (tmp_path / "torch" / "lib").mkdir(parents=True)  # what an uninstallation that failed leaves behind
    utilities = fakeTorchUtils(types.ModuleType("torch"))
    monkeypatch.setitem(sys.modules, "PyTorchUtils", utilities)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(DependencyError, match="partly installed"):
        dependencies.offerInstallation()
    assert utilities.asked == []


def test_asking_for_torch_does_not_import_it(dependencies, monkeypatch):
    breakPackage(monkeypatch, "torch", AssertionError("imported"))
    monkeypatch.setattr(dependencies, "_PACKAGES", ())
    dependencies.offerInstallation()


def test_nothing_is_asked_when_all_is_there(dependencies, monkeypatch):
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    utilities = fakeTorchUtils(None)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", utilities)
    dependencies.offerInstallation()
    assert utilities.asked == []


@pytest.fixture
def install(dependencies, monkeypatch, tmp_path):
    """Installs the package `pointseg_test_package`, which is all the module needs in this test."""
    monkeypatch.setattr(dependencies, "_PACKAGES", ("pointseg_test_package",))
    monkeypatch.setattr(dependencies, "_ensureTorch", lambda: None)
    monkeypatch.syspath_prepend(str(tmp_path))
    times = tmp_path.stat()

    def install():
        (tmp_path / "pointseg_test_package.py").write_text("")
        os.utime(tmp_path, ns=(times.st_atime_ns, times.st_mtime_ns))  # as when the clock is too coarse to tell

    yield install
    sys.modules.pop("pointseg_test_package", None)


@pytest.fixture
def oldSlicer(monkeypatch):
    """Slicer before 5.12; call it with the user's answer and what pip does."""
    import slicer

    def answer(agrees, pip):
        monkeypatch.setitem(sys.modules, "slicer.packaging", None)
        monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda question: agrees)
        monkeypatch.setattr(slicer.util, "pip_install", pip)

    return answer


def test_old_slicer_installs_a_package_with_consent(dependencies, install, oldSlicer):
    installed = []

    def pip(packages):
        installed.extend(packages)
        install()

    oldSlicer(True, pip)
    dependencies.offerInstallation()
    assert installed == ["pointseg_test_package"]
    dependencies.offerInstallation()
    assert installed == ["pointseg_test_package"], "it is found now"


def test_old_slicer_installs_nothing_without_consent(dependencies, install, oldSlicer):
    oldSlicer(False, lambda packages: pytest.fail("installed without consent"))
    with pytest.raises(DependencyError, match="pointseg_test_package; its installation was declined"):
        dependencies.offerInstallation()


def test_an_installation_that_fails_is_explained(dependencies, install, oldSlicer):
    def pip(packages):
        raise subprocess.CalledProcessError(1, "pip")

    oldSlicer(True, pip)
    with pytest.raises(DependencyError, match="pointseg_test_package, which could not be installed: Command 'pip'"):
        dependencies.offerInstallation()


def newSlicer(monkeypatch, pip):
    """Slicer from 5.12, which has packaging of its own."""
    packaging = types.ModuleType("slicer.packaging")
    packaging.pip_ensure = pip
    monkeypatch.setitem(sys.modules, "slicer.packaging", packaging)


def test_new_slicer_uses_its_own_packaging(dependencies, install, monkeypatch):
    asked = []

    def pip(packages, requester):
        asked.append((packages, requester))
        install()

    newSlicer(monkeypatch, pip)
    dependencies.offerInstallation()
    assert asked == [(["pointseg_test_package"], "PointSeg")]


def test_an_installation_that_did_nothing_is_not_taken_for_one(dependencies, install, monkeypatch):
    newSlicer(monkeypatch, lambda packages, requester: None)  # as in Slicer's testing mode
    with pytest.raises(DependencyError, match="pointseg_test_package was to be installed but is still not found"):
        dependencies.offerInstallation()


def inApplication(monkeypatch, home):
    import slicer

    monkeypatch.setattr(sys, "executable", "/opt/Slicer/bin/SlicerApp-real")
    monkeypatch.setattr(slicer, "app", types.SimpleNamespace(slicerHome=str(home)), raising=False)
    monkeypatch.setenv("PATH", "")


def test_the_worker_runs_in_slicers_own_python(headless, monkeypatch, tmp_path):
    from PointSegModule.engines import pythonInterpreter

    inApplication(monkeypatch, tmp_path)
    interpreter = tmp_path / "bin" / "PythonSlicer"
    interpreter.parent.mkdir()
    interpreter.touch(0o755)
    assert pythonInterpreter() == str(interpreter)


def test_a_slicer_without_its_python_says_what_to_do(headless, monkeypatch, tmp_path):
    from PointSegLib.errors import WorkerError
    from PointSegModule.engines import pythonInterpreter

    inApplication(monkeypatch, tmp_path)
    with pytest.raises(WorkerError, match="PythonSlicer was not found; reinstall Slicer"):
        pythonInterpreter()
