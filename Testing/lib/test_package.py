"""The extension as CMake packs it: configured with stand-ins for Slicer's macros, installed, and run from elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lib.test_cmake_lists import LISTS, listed_files

REPOSITORY = Path(__file__).resolve().parents[2]
STUB = REPOSITORY / "Testing" / "slicer_stub"
MODULES = Path("lib", "Slicer-5.12", "qt-scripted-modules")

WHERE_FROM = """
import sys
homes = {name: module.__file__ for name, module in sys.modules.items() if name.startswith("PointSeg")}
strangers = {name: home for name, home in homes.items() if not home.startswith(sys.argv[1])}
assert homes and not strangers, strangers
"""
SEGMENT = """
import numpy as np
from PointSegLib import CineClip, PointSegPredictor
frames = np.random.default_rng(0).integers(0, 255, (2, 64, 64)).astype(np.uint8)
result = PointSegPredictor.from_pretrained(device="cpu")(CineClip(frames), np.array([[0, 30.0, 20.0]]))
print(result.labels.shape, result.tracks.is_prompt.sum())
"""
SELF_TEST = """
import sys
from mrml import headless_slicer
headless_slicer.start(quiet=True)
sys.path[:] = [entry for entry in sys.path if entry != sys.argv[2]]
import PointSeg
assert not {"torch", "safetensors", "pydicom", "SimpleITK"} & set(sys.modules), "Slicer starts without them"
from PointSegModule.sample_data import SAMPLES, THUMBNAILS
PointSeg.PointSegTest().runTest()
assert all((THUMBNAILS / sample.thumbnail).is_file() for sample in SAMPLES)
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """(what CMake said, the folder of modules in the installed extension)."""
    cmake = shutil.which("cmake")
    if cmake is None:
        pytest.skip("needs cmake")
    folder = tmp_path_factory.mktemp("package")
    # The languages that every project names are not used: nothing is compiled.
    compilers = [f"-DCMAKE_{language}_COMPILER_WORKS=1" for language in ("C", "CXX")]
    options = [f"-DSlicer_DIR={STUB}", "-DBUILD_TESTING=ON", *compilers]
    done = run([cmake, "-S", str(REPOSITORY), "-B", str(folder / "build"), *options])
    if "No CMAKE_C" in done.stderr:
        pytest.skip("needs a C and C++ compiler: CMake looks for them in every project")
    assert done.returncode == 0, done.stderr
    installed = run([cmake, "--install", str(folder / "build"), "--prefix", str(folder / "extension")])
    assert installed.returncode == 0, installed.stderr
    return done.stdout, folder / "extension" / MODULES


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def run_elsewhere(code, modules, folder, *paths):
    """Run code with the installed extension on Python's path, outside of the repository."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (modules, *paths)))}
    arguments = [str(modules), str(REPOSITORY / "SlicerPointSeg")]
    done = run([sys.executable, "-c", code + WHERE_FROM, *arguments], cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_project_configures_and_names_both_parts(package):
    said, _ = package
    assert "module PointSegLib subdir=TRUE" in said
    assert "module PointSeg subdir=FALSE generic_tests=TRUE" in said


def test_the_self_test_is_registered(package):
    assert "unittest PointSeg.py" in package[0]


def test_the_installed_tree_holds_the_listed_files_and_no_others(package):
    listed = {
        ("PointSegLib/" if folder == "PointSegLib" else "") + name
        for folder, variables in LISTS.items()
        for variable in variables
        for name in listed_files(folder, variable)
    }
    installed = {file.relative_to(package[1]).as_posix() for file in package[1].rglob("*") if file.is_file()}
    assert {name for name in installed if "__pycache__" not in name} == listed


@pytest.mark.slow
def test_the_installed_engine_segments_from_another_folder(package, tmp_path):
    pytest.importorskip("torch")
    assert run_elsewhere(SEGMENT, package[1], tmp_path) == "(2, 64, 64) 1\n"


@pytest.mark.slow
def test_the_installed_module_passes_its_self_test_from_another_folder(package, tmp_path):
    pytest.importorskip("slicer")
    printed = run_elsewhere(SELF_TEST, package[1], tmp_path, REPOSITORY / "Testing")
    assert "Every frame has its segmentation" in printed
