"""Finds in a scripted module's source what PythonQt, the Qt of Slicer, refuses although PySide6 would take it.

Slicer 5.10 to 5.13 is built with Qt 5.15 or Qt 6, so names of only one of them are faults, too. The rules see syntax
only. A name counts as an object of Qt when it is `qt`, `ctk` or imported from them, an attribute of a panel's `ui`, or
was assigned from a call on one of these in the same file.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

WRAPPED = ("qt", "ctk")
PYSIDE = re.compile(r"(PySide\d?|PyQt\d?|shiboken\d?|qtpy|PythonQt)(\.|$)")
PYSIDE_NAMES = frozenset(
    {"Signal", "Slot", "Property", "pyqtSignal", "pyqtSlot", "pyqtProperty"}
    | {"QtCore", "QtGui", "QtWidgets", "QtUiTools", "QtNetwork"}
)

# What only one version has, with what to write instead.
ONLY_QT5 = {
    "QDesktopWidget": "QGuiApplication.screens()",
    "QTextCodec": "Python's own codecs",
    "QRegExp": "QRegularExpression",
    "QRegExpValidator": "QRegularExpressionValidator",
    "QMatrix": "QTransform",
    "QStringRef": "str",
    "QGLWidget": "QOpenGLWidget",
    "QSound": "QSoundEffect",
    "QXmlSimpleReader": "xml.etree",
    "desktop": "primaryScreen()",
    "MidButton": "MiddleButton",
    "SystemLocaleDate": "QLocale",
    "setCodec": "Python's own files",
    "setIniCodec": "nothing, as Qt 6 writes UTF-8",
}
ONLY_QT6 = {
    "QStringConverter": "Python's own codecs",
    "ColorScheme": "the palette's colours",
    "colorScheme": "the palette's colours",
    "checkStateChanged": "stateChanged(int)",
    "globalPosition": "globalPos",
}
# Overloads that Qt 6 no longer has.
REMOVED_SIGNALS = frozenset(
    {
        "activated(QString)",
        "highlighted(QString)",
        "currentIndexChanged(QString)",
        "valueChanged(QString)",
        "buttonClicked(int)",
        "buttonToggled(int,bool)",
    }
)


def faults(source: str) -> list[str]:
    """`line: what is wrong` for each fault of a file, in the order of the lines.

    Raises:
        SyntaxError: when the source cannot be parsed.
    """
    tree = ast.parse(source)
    objects = _qt_objects(tree)
    found = [(node.lineno, text) for node in ast.walk(tree) for rule in RULES for text in rule(node, objects)]
    return [f"{line}: {text}" for line, text in sorted(found)]


def keyword_arguments(node: ast.AST, objects: frozenset[str]) -> Iterator[str]:
    """PythonQt's methods and constructors take positions only."""
    if isinstance(node, ast.Call) and node.keywords and _is_qt(node.func, objects):
        names = ", ".join(keyword.arg or "**" for keyword in node.keywords)
        yield f"PythonQt takes no keyword arguments ({names}) in {ast.unparse(node.func)}()"


def other_bindings(node: ast.AST, objects: frozenset[str]) -> Iterator[str]:
    """Slicer has no PySide, and PythonQt none of its declarations and submodules."""
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    for module in modules:
        if PYSIDE.match(module):
            yield f"{module} does not exist in Slicer; import qt"
    if isinstance(node, ast.Attribute) and node.attr in PYSIDE_NAMES and _root_of(node) in WRAPPED:
        yield f"{ast.unparse(node)} is PySide's; PythonQt has no such name"


def one_version_only(node: ast.AST, objects: frozenset[str]) -> Iterator[str]:
    """Names that only Qt 5 or only Qt 6 has."""
    if not (isinstance(node, ast.Attribute) and _is_qt(node, objects)):
        return
    for version, other, table in (("5", "6", ONLY_QT5), ("6", "5", ONLY_QT6)):
        if node.attr in table:
            yield f"{node.attr} exists in Qt {version} but not in Qt {other}; use {table[node.attr]}"


def removed_overloads(node: ast.AST, objects: frozenset[str]) -> Iterator[str]:
    """Signals are chosen by their text, which nothing checks before the line runs."""
    is_connection = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    if not (is_connection and node.func.attr in ("connect", "disconnect") and node.args):
        return
    signature = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
    if isinstance(signature, str) and re.sub(r"\s|const|&", "", signature) in REMOVED_SIGNALS:
        yield f"the signal {signature} does not exist in Qt 6"


def plain_exec(node: ast.AST, objects: frozenset[str]) -> Iterator[str]:
    """`exec_` is the name that each PythonQt and PySide has had; `exec` came later."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "exec":
        yield f"{ast.unparse(node.func)}() is not in every Slicer; call exec_()"


def scoped_enumerations(node: ast.AST, objects: frozenset[str]) -> Iterator[str]:
    """PySide6 writes qt.Qt.AlignmentFlag.AlignLeft, PythonQt qt.Qt.AlignLeft."""
    if not (isinstance(node, ast.Attribute) and _root_of(node) in WRAPPED):
        return
    names = ast.unparse(node).split(".")[1:]
    if len(names) == 3 and all(name[:1].isupper() for name in names):
        yield f"PythonQt has {names[0]}.{names[2]}, without {names[1]} between"


RULES = (keyword_arguments, other_bindings, one_version_only, removed_overloads, plain_exec, scoped_enumerations)


def _qt_objects(tree: ast.AST) -> frozenset[str]:
    """Names and attributes that hold something of Qt; looked for until nothing is added."""
    known: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in WRAPPED:
            known |= {alias.asname or alias.name for alias in node.names}
    before = -1
    while before != len(known):
        before = len(known)
        for node in ast.walk(tree):
            value = getattr(node, "value", None)
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and isinstance(value, ast.Call):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if _is_qt(value.func, frozenset(known)):
                    known |= {ast.unparse(target) for target in targets}
    return frozenset(known)


def _is_qt(node: ast.AST, objects: frozenset[str]) -> bool:
    """Whether an expression like `qt.X`, `self.ui.x.y` or `timer.start` starts at an object of Qt."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Name):
        text = ast.unparse(node)
        if text in objects or text in WRAPPED or text.split(".")[-1] == "ui":
            return True
        if isinstance(node, ast.Attribute) and re.match(r"q(MRML|Slicer)[A-Z]", node.attr):
            return True
        if isinstance(node, ast.Name):
            return False
        node = node.func if isinstance(node, ast.Call) else node.value
    return False


def _root_of(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
