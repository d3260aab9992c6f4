"""The self-test that runs inside Slicer also passes here, and the module keeps to what PythonQt allows."""

from __future__ import annotations

import ast

import pytest
from widget.slicer_application import MODULE_FILE

SOURCES = sorted([MODULE_FILE, *(MODULE_FILE.parent / "PointSegModule").glob("*.py")])


def test_slicers_own_self_test_passes(application, capsys):
    import PointSeg

    PointSeg.PointSegTest().runTest()
    printed = capsys.readouterr().out
    assert "Every frame has its segmentation" in printed
    assert "Cancelling left the scene as it was" in printed


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_keyword_arguments_go_to_qt(path):
    """PythonQt takes none, PySide6 does: nothing else here would notice."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id in ("qt", "ctk"):
                assert not node.keywords, f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_nothing_heavy_is_imported_when_slicer_starts(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not {name.split(".")[0] for name in names} & {"torch", "qt", "ctk", "safetensors", "pydicom"}


@pytest.mark.parametrize("attempt", ["misspelt", "called", "overwritten", "wrong type"])
def test_the_stand_in_for_qt_is_as_strict_as_pythonqt(panel, attempt):
    button, bar = panel.ui.applyButton, panel.ui.progressBar
    attempts = {
        "misspelt": lambda: setattr(button, "txet", "x"),
        "called": lambda: button.text(),
        "overwritten": lambda: setattr(button, "setText", 1),
        "wrong type": lambda: setattr(bar, "value", "many"),
    }
    with pytest.raises((AttributeError, TypeError)):
        attempts[attempt]()
