"""What the Extensions Index checks by machine or asks its reviewers, checked here first.

The rules are those of catalog schema 1.0.2 and of the Index's own scripts, as of August 2026. What needs a network (do
the pictures download, does the repository carry its topic) is in the release checklist of Docs/slicer.md.
"""

from __future__ import annotations

import ast
import json
import re
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ENTRY = REPOSITORY / "PointSeg.json"
CMAKE = (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")
SCHEMA = (
    "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/slicer-extension-catalog-entry-schema-v1.0.2.json#"
)
REQUIRED = frozenset({"$schema", "category", "scm_url"})
TYPES: dict[str, type] = {
    "$schema": str,
    "category": str,
    "scm_url": str,
    "scm_revision": str,
    "scm_type": str,
    "build_dependencies": list,
    "dicom_support_rule": str,
    "build_subdirectory": str,
    "enabled": bool,
    "tier": int,
}
SIZE_LIMIT_MIB = 100
ICON_SIDE = 128
PNG_HEAD = b"\x89PNG\r\n\x1a\n"
FILE_SCOPE_PACKAGES = {"slicer", "vtk", "SimpleITK", "numpy", "scipy", "PointSegModule", "PointSegLib"}
MODULE_SOURCES = sorted((REPOSITORY / "SlicerPointSeg").rglob("*.py"))


def entry_faults(entry: dict[str, Any]) -> list[str]:
    """What the schema and the Index's script refuse in a catalog entry, in words."""
    faults = [f"{key} is missing" for key in sorted(REQUIRED - entry.keys())]
    faults += [f"{key} is no key of the schema" for key in sorted(entry.keys() - TYPES.keys())]
    for key, kind in TYPES.items():
        if key in entry and type(entry[key]) is not kind:
            faults.append(f"{key} must be of type {kind.__name__}")
    if faults:
        return faults
    url = re.fullmatch(r"https://github\.com/[\w.-]+/([\w.-]+)\.git", entry["scm_url"])
    if entry["$schema"] != SCHEMA:
        faults.append("$schema is not that of version 1.0.2")
    if url is None:
        faults.append("scm_url is no https address of a git repository")
    elif not re.match(r"Slicer[-_]?\w", url[1]):
        faults.append("the repository's name must start with Slicer")
    if not 1 <= entry.get("tier", 1) <= 5:
        faults.append("tier must be 1 to 5")
    if not all(isinstance(name, str) for name in entry.get("build_dependencies", [])):
        faults.append("build_dependencies must be names")
    return faults


def cmake_value(name: str) -> str:
    """The quoted value of a variable of the extension, as the Index's script looks for it."""
    found = re.search(rf'set\({name} "([^"\n]+)"\)', CMAKE)
    assert found, f"CMakeLists.txt sets no quoted {name}"
    return found[1]


@pytest.fixture(scope="module")
def entry() -> dict[str, Any]:
    return json.loads(ENTRY.read_text(encoding="utf-8"))


def test_the_entry_keeps_to_the_schema(entry):
    assert entry_faults(entry) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"category": None}, "category must be of type str"),
        ({"tier": True}, "tier must be of type int"),
        ({"tier": 6}, "tier must be 1 to 5"),
        ({"homepage": "x"}, "homepage is no key of the schema"),
        ({"$schema": SCHEMA.replace("1.0.2", "1.0.1")}, "$schema is not that of version 1.0.2"),
        ({"scm_url": "git@github.com:PointSeg/SlicerPointSeg.git"}, "scm_url is no https address of a git repository"),
        ({"scm_url": "https://github.com/PointSeg/PointSeg.git"}, "the repository's name must start with Slicer"),
        ({"build_dependencies": [1]}, "build_dependencies must be names"),
    ],
)
def test_an_entry_that_breaks_a_rule_is_found_out(entry, change, fault):
    assert entry_faults({**entry, **change}) == [fault]


def test_an_entry_without_a_needed_key_is_found_out(entry):
    assert entry_faults({k: v for k, v in entry.items() if k != "category"}) == ["category is missing"]


def test_lines_end_as_the_index_wants(entry):
    content = ENTRY.read_bytes()
    assert b"\r" not in content
    assert content.endswith(b"}\n")


def test_entry_and_cmake_say_the_same(entry):
    assert f"project({ENTRY.stem})" in CMAKE
    assert not ENTRY.stem.startswith("Slicer")
    assert cmake_value("EXTENSION_DEPENDS").split() == entry["build_dependencies"]
    assert cmake_value("EXTENSION_HOMEPAGE").partition("#")[0] == entry["scm_url"].removesuffix(".git")


def test_entry_and_module_name_the_same_category(entry):
    module = (REPOSITORY / "SlicerPointSeg" / "PointSeg.py").read_text(encoding="utf-8")
    assert f'translate("qSlicerAbstractCoreModule", "{entry["category"]}")' in module


def pictures(*names: str) -> list[str]:
    return [url for name in names for url in cmake_value(name).split()]


@pytest.mark.parametrize("url", pictures("EXTENSION_ICONURL", "EXTENSION_SCREENSHOTURLS"))
def test_each_picture_is_in_the_repository_where_its_address_says(url, entry):
    raw = entry["scm_url"].removesuffix(".git").replace("https://github.com", "https://raw.githubusercontent.com")
    prefix = f"{raw}/{entry['scm_revision']}/"
    assert url.startswith(prefix)
    file = REPOSITORY / url.removeprefix(prefix)
    assert file.read_bytes()[:8] == PNG_HEAD, "the Index takes png, jpeg and gif; this repository keeps to png"


def png_size(file: Path) -> tuple[int, int]:
    return struct.unpack(">II", file.read_bytes()[16:24])


def test_the_icon_has_the_size_that_is_asked_for():
    (url,) = pictures("EXTENSION_ICONURL")
    icon = REPOSITORY / "SlicerPointSeg" / "Resources" / "Icons" / url.rpartition("/")[2]
    assert png_size(icon) == (ICON_SIDE, ICON_SIDE)


def test_the_description_is_for_readers_who_are_no_experts():
    description = cmake_value("EXTENSION_DESCRIPTION")
    assert 40 <= len(description) <= 400
    assert description.endswith(".")


def test_keywords_are_those_that_people_search_for():
    keywords = cmake_value("EXTENSION_KEYWORDS").split()
    assert {"ultrasound", "echocardiography", "segmentation", "tracking"} <= set(keywords)
    assert len(keywords) == len(set(keywords))


def test_the_readme_has_what_reviewers_look_for():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert len(readme.split("\n\n")[1]) < 400, "a summary of one or two sentences comes first"
    assert re.search(r"^!\[.+\]\(Docs/images/\S+\.png\)", readme, re.MULTILINE)
    for heading in ("In 3D Slicer", "Licence", "Citation"):
        assert f"\n## {heading}\n" in readme
    assert "](Docs/slicer.md)" in readme, "the tutorial is found from the front page"


def test_the_eleven_questions_of_the_reviewers_are_answered():
    guide = (REPOSITORY / "Docs" / "slicer.md").read_text(encoding="utf-8")
    _, _, answers = guide.partition("\n## What reviewers of the Extensions Index ask\n")
    answered = re.findall(r"^(\d+)\. \*\*[^*]+\?\*\* \S", answers.partition("\n## ")[0], re.MULTILINE)
    assert answered == [str(number) for number in range(1, 12)]


def test_the_files_that_are_checked_out_stay_small():
    parts = [path for path in REPOSITORY.iterdir() if path.name in ("PointSegLib", "SlicerPointSeg", "Docs", "Testing")]
    size = sum(file.stat().st_size for part in parts for file in part.rglob("*") if "__pycache__" not in file.parts)
    assert size < SIZE_LIMIT_MIB / 2 * 2**20, "the Index counts the history, too: half is left for it"


def file_scope_imports(source: str) -> set[str]:
    """Packages outside Python's own library that a file imports when it is imported."""
    body = ast.parse(source).body
    names = [alias.name for node in body if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in body if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names} - sys.stdlib_module_names


@pytest.mark.parametrize("path", MODULE_SOURCES, ids=lambda path: path.name)
def test_only_packages_that_every_slicer_has_are_imported_at_file_scope(path):
    assert file_scope_imports(path.read_text(encoding="utf-8")) <= FILE_SCOPE_PACKAGES


@pytest.mark.parametrize("path", MODULE_SOURCES, ids=lambda path: path.name)
def test_importing_a_file_runs_nothing_but_definitions(path):
    """The one call: unbuilt, the package must find the engine before its files can import it."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    calls = [
        ast.unparse(node.value) for node in body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]
    assert calls == (["makeEngineImportable()"] if path.name == "__init__.py" else [])


def test_pytorch_is_never_installed_with_pip():
    source = (REPOSITORY / "SlicerPointSeg" / "PointSegModule" / "dependencies.py").read_text(encoding="utf-8")
    (packages,) = re.findall(r"^_PACKAGES = (\(.*\))$", source, re.MULTILINE)
    assert not {"torch", "torchvision"} & set(ast.literal_eval(packages))
    installing = [path.name for path in MODULE_SOURCES if "pip_install" in called_methods(path)]
    assert installing == ["dependencies.py"]


def called_methods(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {called.attr for called in calls if isinstance(called, ast.Attribute)}
