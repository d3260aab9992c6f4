"""The self-test that runs inside Slicer also passes here, and the module keeps to what PythonQt allows."""

from __future__ import annotations

import ast
import re

import pytest
from widget.slicer_application import MODULE_FILE

SELF_TESTS = re.findall(r"def (\w+)\(self", (MODULE_FILE.parent / "PointSegModule" / "self_test.py").read_text("utf-8"))
SOURCES = sorted([MODULE_FILE, *(MODULE_FILE.parent / "PointSegModule").glob("*.py")])


def test_slicers_own_self_test_passes(application, capsys):
    import PointSeg

    PointSeg.PointSegTest().runTest()
    printed = capsys.readouterr().out
    assert "Every frame has its segmentation" in printed
    assert "Cancelling left the scene as it was" in printed


@pytest.mark.parametrize("name", [name for name in SELF_TESTS if name.startswith("test")])
def test_scene_self_test_passes(application, name):
    from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

    from PointSegModule.self_test import SceneSelfTests

    case = type("Case", (SceneSelfTests, ScriptedLoadableModuleTest), {})()
    case.setUp()
    getattr(case, name)()


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
