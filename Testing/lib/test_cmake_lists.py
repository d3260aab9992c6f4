"""The extension's build lists: a file that CMake is not told of is silently missing from the installed extension."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LISTS = {
    "PointSegLib": ("POINTSEGLIB_PYTHON_SCRIPTS", "POINTSEGLIB_PYTHON_RESOURCES"),
    "SlicerPointSeg": ("MODULE_PYTHON_SCRIPTS", "MODULE_PYTHON_RESOURCES"),
}
NOT_PACKAGED = {"CMakeLists.txt"}


def files_to_package(folder: str) -> set[str]:
    """Files of a folder that are tracked, or new and not ignored, by their path inside it."""
    if shutil.which("git") is None or not (REPOSITORY / ".git").exists():
        pytest.skip("needs git and a checkout: the list of files is git's")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", folder]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.splitlines()
    names = {Path(name).relative_to(folder).as_posix() for name in listed if (REPOSITORY / name).exists()}
    return names - NOT_PACKAGED


def listed_files(folder: str, variable: str) -> list[str]:
    text = (REPOSITORY / folder / "CMakeLists.txt").read_text(encoding="utf-8")
    found = re.search(rf"set\({variable}\n(.*?)\n\s*\)", text, re.DOTALL)
    assert found, f"{folder}/CMakeLists.txt sets no {variable}"
    return [line.strip() for line in found.group(1).splitlines()]


@pytest.mark.parametrize("folder", LISTS)
def test_every_file_is_packaged(folder):
    scripts, resources = LISTS[folder]
    named = {*listed_files(folder, scripts), *listed_files(folder, resources)}
    missing = sorted(files_to_package(folder) - named)
    lines = "\n".join(f"  {name}" for name in missing)
    assert not missing, (
        f"add these lines to {folder}/CMakeLists.txt ({scripts} takes .py, {resources} the rest):\n{lines}"
    )


@pytest.mark.parametrize("folder", LISTS)
def test_every_packaged_file_exists(folder):
    for variable in LISTS[folder]:
        gone = [name for name in listed_files(folder, variable) if not (REPOSITORY / folder / name).is_file()]
        assert not gone, f"remove these lines from {variable} in {folder}/CMakeLists.txt: {gone}"


@pytest.mark.parametrize("folder", LISTS)
def test_lists_are_sorted_and_hold_the_right_kinds(folder):
    scripts, resources = (listed_files(folder, variable) for variable in LISTS[folder])
    assert scripts == sorted(set(scripts))
    assert resources == sorted(set(resources))
    assert all(name.endswith(".py") for name in scripts)
    assert not any(name.endswith(".py") for name in resources)


def test_extension_metadata_is_complete():
    text = (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")
    assert "project(PointSeg)" in text
    for name in ("HOMEPAGE", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "KEYWORDS"):
        assert re.search(rf'set\(EXTENSION_{name} "[^"]+"\)', text), f"EXTENSION_{name} needs a quoted value"
    assert 'set(EXTENSION_DEPENDS "PyTorch")' in text
    for needed in ("README.md", "LICENSE"):
        assert (REPOSITORY / needed).is_file(), f"packaging needs {needed}"
