"""PySide6 made to behave like the `qt` module of Slicer, where a scripted module notices the difference.

Slicer wraps Qt with PythonQt, whose rules (PythonQtInstanceWrapper.cpp) are kept here: properties are attributes and
not callables, signals are connected by their signature, surplus signal arguments are dropped, children and dynamic
properties are attributes, and a misspelt attribute is an error. `install()` registers the result as module `qt`.
"""

from __future__ import annotations

import inspect
import sys
import types
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets
from PySide6.QtCore import QObject

# Virtual methods stay methods (PySide would take an attribute for an override); QTimer.singleShot in PythonQt too.
_METHODS = {"sizeHint", "minimumSizeHint", "singleShot"}
_MODULES = (QtCore, QtGui, QtWidgets, QtUiTools)
_connect, _disconnect, _getattribute = QObject.connect, QObject.disconnect, QObject.__getattribute__


def install() -> types.ModuleType:
    """Patch the PySide6 classes (once per process) and return the module `qt`."""
    if "qt" in sys.modules:
        return sys.modules["qt"]
    module = types.ModuleType("qt", __doc__)
    for source in _MODULES:
        for name in dir(source):  # not vars(): PySide makes a class when it is first asked for
            if name.startswith("_"):
                continue
            item = getattr(source, name)
            module.__dict__.setdefault(name, item)
            if isinstance(item, type) and issubclass(item, QObject):
                _applyRules(item)
    QObject.name = _QtProperty("objectName", True)
    QObject.className = lambda self: self.metaObject().className()
    QObject.__getattribute__ = _getAttribute
    sys.modules["qt"] = module
    return module


class _QtProperty:
    """A Qt property as a Python attribute, with PythonQt's lax conversions."""

    def __init__(self, name: str, writable: bool) -> None:
        self._name, self._writable = name, writable

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else instance.property(self._name)

    def __set__(self, instance: Any, value: Any) -> None:
        if not self._writable:
            raise AttributeError(f"Property '{self._name}' of {type(instance).__name__} object is not writable")
        instance.setProperty(self._name, self._converted(instance.property(self._name), value))

    def _converted(self, current: Any, value: Any) -> Any:
        if isinstance(current, bool):
            return bool(value)
        if isinstance(current, str):
            return str(value)
        if isinstance(current, (int, float)) and isinstance(value, str):
            msg = f"Property '{self._name}' of type '{type(current).__name__}' does not accept {value!r}"
            raise AttributeError(msg)
        return type(current)(value) if isinstance(current, (int, float)) else value


def _applyRules(cls: type) -> None:
    cls.__setattr__ = _setAttribute  # every class of PySide has one of its own
    metaObject = cls.__dict__.get("staticMetaObject")
    if metaObject is None:
        return
    for index in range(metaObject.propertyOffset(), metaObject.propertyCount()):
        description = metaObject.property(index)
        if description.name() not in _METHODS:
            setattr(cls, description.name(), _QtProperty(description.name(), description.isWritable()))


def _getAttribute(self: QObject, name: str) -> Any:
    if name in ("connect", "disconnect"):  # PySide answers these from C, whatever the class says
        return types.MethodType(_connectBySignature if name == "connect" else _disconnectBySignature, self)
    try:
        return _getattribute(self, name)
    except AttributeError:
        if name.startswith("_"):
            raise
    value = self.property(name)
    if value is not None:
        return value
    for child in QObject.children(self):
        if child.property("objectName") == name:
            return child
    raise AttributeError(f"{type(self).__name__} has no attribute named '{name}'")


def _setAttribute(self: QObject, name: str, value: Any) -> None:
    cls = type(self)
    attribute = next((base.__dict__[name] for base in cls.__mro__ if name in base.__dict__), None)
    if attribute is not None and hasattr(type(attribute), "__set__"):
        attribute.__set__(self, value)
    elif isinstance(attribute, QtCore.Property):  # PySide's own properties lack __set__
        attribute.fset(self, value)
    elif isinstance(value, QtCore.SignalInstance) or name.startswith("_") or getattr(cls, "derivedInPython", False):
        self.__dict__[name] = value
    elif attribute is not None:
        raise AttributeError(f"Slot or signal '{name}' can not be overwritten on {cls.__name__} object")
    elif name.encode() in [bytes(known) for known in self.dynamicPropertyNames()]:
        self.setProperty(name, value)
    else:
        msg = f"'{name}' does not exist on {cls.__name__} and creating new attributes on C++ objects is not allowed"
        raise AttributeError(msg)


def _connectBySignature(self: QObject, signature: Any, slot: Any, *more: Any) -> Any:
    if not isinstance(signature, str):
        return _connect(self, signature, slot, *more)
    name, _, arguments = signature.partition("(")
    signal = getattr(self, name.strip(), None)
    if not hasattr(signal, "connect"):
        raise ValueError(f"QObject::connect: no such signal {type(self).__name__}::{signature}")
    count = len(arguments.rstrip(") ").split(",")) if arguments.rstrip(") ") else 0

    def receiver(*values: Any) -> None:
        slot(*_accepted(slot, values[:count]))

    self.__dict__.setdefault("_connections", []).append((signature, slot, signal, receiver))
    signal.connect(receiver)
    return True


def _disconnectBySignature(self: QObject, signature: Any = None, slot: Any = None, *more: Any) -> Any:
    if not isinstance(signature, str):
        return _disconnect(self, signature, slot, *more)
    connections = self.__dict__.get("_connections", [])
    leaving = [entry for entry in connections if entry[0] == signature and slot in (None, entry[1])]
    for entry in leaving:
        entry[2].disconnect(entry[3])
        connections.remove(entry)
    return bool(leaving)


def _accepted(slot: Callable[..., Any], values: tuple[Any, ...]) -> tuple[Any, ...]:
    """As many arguments as the slot takes."""
    try:
        parameters = inspect.signature(slot).parameters.values()
    except (TypeError, ValueError):
        return values
    if any(parameter.kind == parameter.VAR_POSITIONAL for parameter in parameters):
        return values
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return values[: sum(parameter.kind in positional for parameter in parameters)]


class UiLoader(QtUiTools.QUiLoader):
    """Loads .ui files with custom widgets by class name, and makes their <connections> in Python."""

    customWidgets: dict[str, type] = {}  # noqa: RUF012  (filled by the stand-ins)

    def createWidget(self, className: str, parent: Any = None, name: str = "") -> Any:
        if className[:3] in ("ctk", "qMR", "qSl") and className not in self.customWidgets:
            raise RuntimeError(f"the .ui file names {className}, which has no stand-in in slicer_widgets.py")
        if className not in self.customWidgets:
            return super().createWidget(className, parent, name)
        widget = self.customWidgets[className](parent)
        widget.setObjectName(name)
        return widget

    def load(self, device: Any, parent: Any = None) -> Any:
        root = ET.fromstring(bytes(device.readAll().data()))
        connections = root.find("connections")
        if connections is not None:
            root.remove(connections)
        buffer = QtCore.QBuffer()
        buffer.setData(ET.tostring(root))
        buffer.open(QtCore.QIODevice.ReadOnly)
        widget = super().load(buffer, parent)
        for entry in connections if connections is not None else ():
            _connectFromFile(widget, {part.tag: (part.text or "").strip() for part in entry})
        return widget


def _connectFromFile(root: Any, connection: dict[str, str]) -> None:
    def find(name: str) -> Any:
        found = root if root.property("objectName") == name else root.findChild(QObject, name)
        if found is None:
            raise RuntimeError(f"the .ui file connects '{name}', which does not exist")
        return found

    receiver = getattr(find(connection["receiver"]), connection["slot"].partition("(")[0])
    find(connection["sender"]).connect(connection["signal"], receiver)
