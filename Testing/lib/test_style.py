"""What ruff does not check: file sizes, module docstrings, and texts that belong to one machine only."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LONGEST_FILE = 350
# Put together from pieces so that this file does not accuse itself.
MACHINE_FOLDERS = "|".join(("work", "root", "home/[a-z]+", "Users/[A-Za-z]+", "opt/wheels", "opt/pypi"))
ABSOLUTE_PATH = re.compile(rf"(?<![\w.~/-])/(?:{MACHINE_FOLDERS})/")
HOSTS = (("pypi", "org"), ("pythonhosted", "org"), ("download.pytorch", "org"), ("npmjs", "org"), ("npmjs", "com"))
REGISTRY_HOST = re.compile("|".join(re.escape(".".join(host)) for host in HOSTS))


def committed_files() -> list[Path]:
    """All files git knows; skips where the sources came without their history."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], capture_output=True, text=True, check=True, cwd=REPOSITORY
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and a checkout")
    return [REPOSITORY / name for name in listed.split("\0") if name and (REPOSITORY / name).is_file()]


def committed_texts() -> dict[str, str]:
    """Relative name -> content, of the committed files that are text."""
    texts = {}
    for path in committed_files():
        try:
            texts[path.relative_to(REPOSITORY).as_posix()] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return texts


def lines_matching(pattern: re.Pattern[str], texts: dict[str, str]) -> list[str]:
    """`file:line: text` for each line in which the pattern is found."""
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_committed_file_names_a_folder_of_one_machine() -> None:
    assert lines_matching(ABSOLUTE_PATH, committed_texts()) == []


def test_no_committed_file_names_a_package_registry() -> None:
    assert lines_matching(REGISTRY_HOST, committed_texts()) == []


def test_machine_folders_and_registries_are_recognised() -> None:
    texts = {"a": f"open('/{'work'}/main/x')\n../{'work'}/x\nindex https://{'pypi'}.org/simple"}
    assert len(lines_matching(ABSOLUTE_PATH, texts)) == 1
    assert len(lines_matching(REGISTRY_HOST, texts)) == 1


def test_no_source_file_grows_past_its_limit() -> None:
    sizes = {name: len(text.splitlines()) for name, text in committed_texts().items() if name.endswith(".py")}
    assert {name: size for name, size in sizes.items() if size > LONGEST_FILE} == {}


def test_every_module_starts_with_its_docstring() -> None:
    silent = [
        name
        for name, text in committed_texts().items()
        if name.endswith(".py") and text.strip() and ast.get_docstring(ast.parse(text)) is None
    ]
    assert silent == []


def test_no_data_of_others_is_committed() -> None:
    clips = (".dcm", ".nii", ".nii.gz", ".mhd", ".raw", ".mp4", ".avi", ".npz", ".npy")
    assert [str(path.relative_to(REPOSITORY)) for path in committed_files() if path.name.endswith(clips)] == []
