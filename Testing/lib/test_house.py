"""The arrows between the rooms: who may import whom, read from the source without running it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LIBRARY = REPOSITORY / "PointSegLib"
SLICER_MODULE = REPOSITORY / "SlicerPointSeg"

# The ground floor: every room stands on it, and it knows none of them.
GROUND = frozenset({"atomic", "errors", "coordinates", "lazy"})
# What rooms hand to each other, and the fan that readers and predictors both look for.
SHARED = GROUND | {"clip", "result", "sector"}
ROOMS: dict[str, frozenset[str]] = {
    "errors": frozenset(),
    "atomic": GROUND,
    "lazy": frozenset(),
    "coordinates": GROUND,
    "clip": GROUND,
    "result": GROUND,
    "sector": GROUND | {"clip"},
    "io": SHARED,
    "model": GROUND,
    "inference": SHARED | {"model"},
    "simulation": SHARED,
    "evaluation": SHARED,
    "measurement": SHARED,
    # Tables, pictures and documents of what was measured; drawn with the pens of `io`.
    "reporting": SHARED | {"measurement", "io"},
    "training": SHARED | {"model", "simulation", "io", "evaluation"},
    # What PointSeg is compared with: trained by its loop, returning its results, so that all else is the same code.
    "peers": SHARED | {"model", "io", "evaluation", "training"},
}
NUMERIC = frozenset({"numpy", "scipy"})
PACKAGES: dict[str, frozenset[str]] = {
    "errors": frozenset(),
    "atomic": frozenset(),
    "lazy": frozenset(),
    "coordinates": NUMERIC,
    "sector": NUMERIC,
    "clip": frozenset({"numpy"}),
    "result": frozenset({"numpy"}),
    "io": NUMERIC | {"SimpleITK", "pydicom", "highdicom", "av", "openpyxl"},
    "model": frozenset({"torch", "safetensors"}),
    "inference": NUMERIC | {"torch"},
    "simulation": NUMERIC | {"torch"},
    "evaluation": NUMERIC,
    "measurement": NUMERIC,
    "reporting": NUMERIC | {"matplotlib", "pydicom"},
    "training": NUMERIC | {"torch", "safetensors", "tomli", "lightning_fabric"},
    "peers": NUMERIC | {"torch", "monai", "cv2"},
    "cli": frozenset({"numpy"}),
    "__init__": frozenset(),
}
APPLICATION = frozenset({"slicer", "qt", "ctk", "vtk"})
# What SlicerPointSeg may name besides `from PointSegLib import <public name>`.
OPEN_MODULES = GROUND - {"coordinates"} | {"clip", "result", "io", "sector", "inference.engine", "inference.messages"}


@dataclass(frozen=True)
class Arrow:
    """One import statement: the dotted module, the name taken from it ("" for `import x`), and where it stands."""

    module: str
    name: str
    line: int
    file_scope: bool


def arrows(source: str, package: str = "") -> Iterator[Arrow]:
    """All imports of a source text, and uses of `PointSegLib.name`; `package` (dotted) serves relative imports."""
    tree = ast.parse(source)
    inner = {id(child) for node in ast.walk(tree) if _is_function(node) for child in ast.walk(node)}
    for node in ast.walk(tree):
        at_file_scope = id(node) not in inner
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Arrow(alias.name, "", node.lineno, at_file_scope)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "PointSegLib":
            yield Arrow("PointSegLib", node.attr, node.lineno, at_file_scope)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                base = package.split(".")[: len(package.split(".")) - node.level + 1]
                module = ".".join([*base, *([module] if module else [])])
            for alias in node.names:
                yield Arrow(module, alias.name, node.lineno, at_file_scope)


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def library_faults(source: str, relative: Path) -> list[str]:
    """The arrows of one file of PointSegLib that the house does not allow, in words."""
    room = relative.parts[0].removesuffix(".py")
    package = ".".join(["PointSegLib", *relative.parts[:-1]])
    faults = []
    for arrow in arrows(source, package):
        top = arrow.module.split(".")[0]
        where = f"PointSegLib/{relative}:{arrow.line}"
        if top == "PointSegLib":
            target = _room_of(arrow)
            if room not in ("cli", "__init__") and target not in {room, "__init__", *ROOMS.get(room, ())}:
                faults.append(f"{where}: room {room!r} may not import from {target!r}")
        elif top not in sys.stdlib_module_names and top not in PACKAGES.get(room, ()):
            faults.append(f"{where}: room {room!r} may not import the package {top!r}")
    return faults


def _room_of(arrow: Arrow) -> str:
    """The room an import of PointSegLib reaches; public names count as the room they come from."""
    if arrow.module != "PointSegLib":
        return arrow.module.split(".")[1]
    if arrow.name in ("", "__version__", "__file__"):
        return "__init__"
    return _public_names().get(arrow.name, arrow.name).split(".")[0]


def _public_names() -> dict[str, str]:
    """Public name -> the module in PointSegLib it lives in, by the package's own table, read without importing it."""
    tree = ast.parse((LIBRARY / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "_HOME" for t in node.targets):
            return ast.literal_eval(node.value)
    pytest.fail("PointSegLib/__init__.py has no table _HOME of public names")


def module_faults(source: str, relative: Path) -> list[str]:
    """The arrows of one file of SlicerPointSeg that the house does not allow, in words."""
    public = {*_public_names(), "__version__"}
    shows_widgets = any(word in relative.name.lower() for word in ("panel", "widget")) or len(relative.parts) == 1
    faults = []
    for arrow in arrows(source):
        top = arrow.module.split(".")[0]
        where = f"SlicerPointSeg/{relative}:{arrow.line}"
        if top == "PointSegLib" and not _is_open(arrow, public):
            faults.append(f"{where}: only PointSegLib's public names may be used, not {arrow.module}.{arrow.name}")
        if top == "torch" and arrow.file_scope:
            faults.append(f"{where}: torch may not be imported at file scope, Slicer starts without it")
        if top in ("qt", "ctk") and not shows_widgets:
            faults.append(f"{where}: only the module file and files named *Panel* or *Widget* may import {top}")
    return faults


def _is_open(arrow: Arrow, public: set[str]) -> bool:
    parts = arrow.module.split(".")
    if len(parts) == 1:
        return arrow.name == "" or arrow.name in public | OPEN_MODULES
    return ".".join(parts[1:]) in OPEN_MODULES and not arrow.name.startswith("_")


def _sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


@pytest.mark.parametrize("path", _sources(LIBRARY), ids=lambda p: str(p.relative_to(LIBRARY)))
def test_library_file_keeps_to_its_rooms_arrows(path: Path) -> None:
    assert library_faults(path.read_text(encoding="utf-8"), path.relative_to(LIBRARY)) == []


def test_every_room_of_the_library_is_in_the_table() -> None:
    rooms = {path.relative_to(LIBRARY).parts[0].removesuffix(".py") for path in _sources(LIBRARY)}
    assert rooms <= PACKAGES.keys()


def test_slicer_module_uses_public_names_only() -> None:
    faults = [
        fault
        for path in _sources(SLICER_MODULE)
        for fault in module_faults(path.read_text(encoding="utf-8"), path.relative_to(SLICER_MODULE))
    ]
    assert faults == []


def test_nobody_imports_torchvision() -> None:
    folders = (LIBRARY, SLICER_MODULE, REPOSITORY / "Testing")
    guilty = [
        str(path.relative_to(REPOSITORY))
        for folder in folders
        for path in _sources(folder)
        if any(arrow.module.split(".")[0] == "torchvision" for arrow in arrows(path.read_text(encoding="utf-8")))
    ]
    assert guilty == []


def test_library_never_knows_the_application() -> None:
    allowed = frozenset().union(*PACKAGES.values())
    assert not allowed & APPLICATION


@pytest.mark.parametrize(
    ("source", "room"),
    [
        ("import vtk", "io/dicom.py"),
        ("def f():\n    import slicer", "cli.py"),
        ("from PointSegLib.io import read_clip", "inference/predictor.py"),
        ("from PointSegLib import read_clip", "inference/predictor.py"),
        ("import PointSegLib\nclip = PointSegLib.read_clip('x')", "inference/predictor.py"),
        ("from ..training import losses", "model/decoder.py"),
        ("import numpy as np", "model/decoder.py"),
        ("import torch", "clip.py"),
    ],
)
def test_forbidden_arrow_in_the_library_is_found(source: str, room: str) -> None:
    assert len(library_faults(source, Path(room))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from PointSegLib.model import PointSeg",
        "from PointSegLib.inference.predictor import PointSegPredictor",
        "from PointSegLib.io import _secret",
        "import torch",
        "import qt",
    ],
)
def test_forbidden_arrow_in_the_slicer_module_is_found(source: str) -> None:
    assert len(module_faults(source, Path("PointSegModule/Logic.py"))) == 1


def test_allowed_arrows_are_not_reported() -> None:
    assert (
        library_faults("from .decoder import A\nfrom PointSegLib.errors import E\nimport torch", Path("model/a.py"))
        == []
    )
    lazy = "from PointSegLib import PointSegPredictor\nfrom PointSegLib.io import read_clip\ndef f():\n    import torch"
    assert module_faults(lazy, Path("PointSegModule/Logic.py")) == []


def test_importing_the_library_and_reading_a_clip_needs_no_torch() -> None:
    code = "import sys, PointSegLib.cli; from PointSegLib import CineClip, read_clip; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr
