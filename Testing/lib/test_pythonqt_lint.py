"""The Slicer module keeps to what PythonQt accepts, and each rule that says so can fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from lib import pythonqt_lint

MODULE = Path(__file__).resolve().parents[2] / "SlicerPointSeg"
SOURCES = sorted(MODULE.rglob("*.py"))

REFUSED = {
    "a constructor": ("qt.QLabel(text='a')", "keyword arguments (text)"),
    "a constructor of CTK": ("ctk.ctkSliderWidget(parent=w)", "keyword arguments (parent)"),
    "a static method": ("qt.QTimer.singleShot(0, f, timerType=1)", "keyword arguments (timerType)"),
    "unpacked": ("qt.QLabel(**options)", "keyword arguments (**)"),
    "a widget of the panel": ("self.ui.bar.setRange(minimum=0, maximum=1)", "keyword arguments (minimum, maximum)"),
    "a widget of MRML": ("slicer.qMRMLNodeComboBox(parent=w)", "keyword arguments (parent)"),
    "an object in a variable": ("timer = qt.QTimer()\ntimer.start(msec=3)", "2: PythonQt takes no keyword"),
    "an object in an attribute": ("self.t = qt.QTimer(p)\nself.t.start(msec=3)", "2: PythonQt takes no keyword"),
    "an object of an object": ("b = qt.QDialog()\nl = b.layout()\nl.addWidget(w, stretch=1)", "3: PythonQt takes no"),
    "an imported name": ("from qt import QTimer\nQTimer(parent=p)", "2: PythonQt takes no keyword"),
    "PySide": ("import PySide6.QtCore", "PySide6.QtCore does not exist in Slicer"),
    "PyQt": ("from PyQt5 import QtCore", "PyQt5 does not exist in Slicer"),
    "a declared signal": ("class A(qt.QObject):\n    done = qt.Signal(int)", "2: qt.Signal is PySide's"),
    "a submodule": ("qt.QtWidgets.QLabel('a')", "qt.QtWidgets is PySide's"),
    "a class of Qt 5": ("qt.QRegExp('a')", "QRegExp exists in Qt 5 but not in Qt 6; use QRegularExpression"),
    "a method of Qt 5": ("s = qt.QTextStream(f)\ns.setCodec('UTF-8')", "2: setCodec exists in Qt 5"),
    "a method of Qt 6": ("self.ui.box.checkStateChanged.connect(f)", "checkStateChanged exists in Qt 6"),
    "a lost overload": ("self.ui.box.connect('currentIndexChanged(QString)', f)", "does not exist in Qt 6"),
    "a lost overload in full": ("w.connect('valueChanged(const QString &)', f)", "does not exist in Qt 6"),
    "exec": ("dialog = qt.QDialog()\ndialog.exec()", "2: dialog.exec() is not in every Slicer"),
    "a scoped enumeration": ("x = qt.Qt.AlignmentFlag.AlignLeft", "PythonQt has Qt.AlignLeft, without AlignmentFlag"),
}

ACCEPTED = {
    "positions": "qt.QLabel('a', parent)",
    "keywords of Python's own functions": "f(x=1)\nnumpy.zeros(3, dtype=int)\nslicer.util.plot(a, show=False)",
    "keywords of what is no Qt object": "run = Run()\nrun.start(msec=3)",
    "enumerations": "x = qt.Qt.AlignLeft | qt.QSizePolicy.Expanding",
    "exec_": "qt.QDialog().exec_()",
    "an overload of both versions": "self.ui.box.connect('currentIndexChanged(int)', f)",
    "a name of Qt 6 on something else": "event.globalPosition()",
    "a method of something else that Qt 5 has, too": "writer.setCodec('h264')",
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_the_module_keeps_to_pythonqt(path):
    assert pythonqt_lint.faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_pythonqt_refuses_is_found(name):
    source, expected = REFUSED[name]
    (fault,) = pythonqt_lint.faults(source)
    assert expected in fault


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_pythonqt_accepts_is_not_reported(name):
    assert pythonqt_lint.faults(ACCEPTED[name]) == []


def test_each_rule_has_a_case_that_it_alone_finds():
    for rule in pythonqt_lint.RULES:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pythonqt_lint, "RULES", tuple(other for other in pythonqt_lint.RULES if other is not rule))
            unseen = [name for name, (source, _) in REFUSED.items() if not pythonqt_lint.faults(source)]
        assert unseen, rule.__name__
