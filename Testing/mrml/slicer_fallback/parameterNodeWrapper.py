"""Stands for Slicer's typed parameter nodes: nodes, enumerations, numbers, texts, yes or no, bound both ways.

Not covered, so that a test over this file says nothing about it: other parameter types (lists, packs,
validators), Slicer's own defaults and parameter names in saved scenes, references to nodes without an ID, widgets other
than node selectors, combo, check and spin boxes, several parameter nodes of one module, and Slicer's own order of the
events that a changed parameter causes. With SLICER_SOURCE set, Slicer's own file is used instead.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import slicer
import vtk

_BINDING_PROPERTY = "SlicerParameterName"
# of each plain type: its widget's property and the signal of a change
_PLAIN = {
    bool: ("checked", "toggled(bool)"),
    int: ("value", "valueChanged(int)"),
    float: ("value", "valueChanged(double)"),
    str: ("text", "textChanged(QString)"),
}


def parameterNodeWrapper(cls: type) -> type:
    """Give a class of annotations typed properties stored in a vtkMRMLScriptedModuleNode."""
    for name, kind in cls.__annotations__.items():
        default = cls.__dict__.get(name)
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            accessor = _enumProperty(name, kind, default)
        elif isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode):
            accessor = _nodeProperty(name, kind)
        elif kind in _PLAIN:
            accessor = _plainProperty(name, kind, default)
        else:
            raise TypeError(f"parameter '{name}' of type {kind}: the fallback does not know it")
        setattr(cls, name, accessor)
    for method in (_ParameterNode.__init__, _ParameterNode.connectGui, _ParameterNode.disconnectGui):
        setattr(cls, method.__name__, method)
    cls.AddObserver = lambda self, *args: self.parameterNode.AddObserver(*args)
    cls.RemoveObserver = lambda self, tag: self.parameterNode.RemoveObserver(tag)
    return cls


class _ParameterNode:
    def __init__(self, parameterNode: Any) -> None:
        self.parameterNode = parameterNode
        self._bindings: dict[int, list[Callable[[], None]]] = {}

    def connectGui(self, ui: Any) -> int:
        undo = []
        for widget in vars(ui).values():
            name = widget.property(_BINDING_PROPERTY) if hasattr(widget, "property") else None
            if not name:
                continue
            if name not in type(self).__annotations__:
                raise ValueError(f"'{widget.name}' is bound to '{name}', which is no parameter")
            undo.append(_bind(self, name, widget))
        tag = max(self._bindings, default=0) + 1
        self._bindings[tag] = undo
        return tag

    def disconnectGui(self, tag: int) -> None:
        for undo in self._bindings.pop(tag):
            undo()


def _nodeProperty(name: str, kind: type) -> property:
    def read(self: Any) -> Any:
        return self.parameterNode.GetNodeReference(name)

    def write(self: Any, node: Any) -> None:
        if node is not None and not isinstance(node, kind):
            raise TypeError(f"parameter '{name}' takes a {kind.__name__}, not {node!r}")
        if read(self) is not node:
            self.parameterNode.SetNodeReferenceID(name, node.GetID() if node is not None else None)

    return property(read, write)


def _enumProperty(name: str, kind: type[enum.Enum], default: enum.Enum) -> property:
    def read(self: Any) -> enum.Enum:
        stored = self.parameterNode.GetParameter(name)
        return kind[stored] if stored else default

    def write(self: Any, value: enum.Enum) -> None:
        if read(self) is not value:
            self.parameterNode.SetParameter(name, kind(value).name)

    return property(read, write)


def _plainProperty(name: str, kind: type, default: Any) -> property:
    def read(self: Any) -> Any:
        stored = self.parameterNode.GetParameter(name)
        return default if not stored else stored == "True" if kind is bool else kind(stored)

    def write(self: Any, value: Any) -> None:
        if not isinstance(value, kind):
            raise TypeError(f"parameter '{name}' takes a {kind.__name__}, not {value!r}")
        if read(self) != value:
            self.parameterNode.SetParameter(name, str(value))

    return property(read, write)


def _bind(node: Any, name: str, widget: Any) -> Callable[[], None]:
    """Bind a widget both ways and return what undoes it."""
    kind = type(node).__annotations__[name]
    if issubclass(kind, enum.Enum):
        values = list(kind)
        widget.clear()
        for value in values:
            widget.addItem(value.label())
        signal, fromWidget = "currentIndexChanged(int)", values.__getitem__

        def toWidget(value: enum.Enum) -> None:
            widget.currentIndex = values.index(value)
    elif kind in _PLAIN:
        shown, signal = _PLAIN[kind]
        fromWidget = kind

        def toWidget(value: Any) -> None:
            setattr(widget, shown, value)
    else:
        signal, fromWidget, toWidget = "currentNodeChanged(vtkMRMLNode*)", lambda chosen: chosen, widget.setCurrentNode

    def onWidget(value: Any) -> None:
        setattr(node, name, fromWidget(value))

    def onNode(*_event: Any) -> None:
        toWidget(getattr(node, name))

    onNode()
    widget.connect(signal, onWidget)
    tag = node.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, onNode)

    def undo() -> None:
        widget.disconnect(signal, onWidget)
        node.parameterNode.RemoveObserver(tag)

    return undo
