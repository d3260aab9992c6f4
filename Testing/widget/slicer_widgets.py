"""Python stand-ins for the CTK and MRML widgets that PointSeg.ui names, with real MRML behind them."""

from __future__ import annotations

from typing import Any

import shiboken6
from PySide6.QtCore import Property, QObject, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QAbstractButton, QComboBox, QHBoxLayout, QLineEdit, QPushButton, QWidget


def _storedProperty(kind: Any, name: str, default: Any = None) -> Property:
    def read(self: Any) -> Any:
        value = self.__dict__.get("_" + name, default)
        return tuple(value or ()) if kind == "QStringList" else value  # PythonQt gives lists of strings as tuples

    def write(self: Any, value: Any) -> None:
        self.__dict__["_" + name] = value

    return Property(kind, read, write)


class qMRMLWidget(QWidget):  # noqa: N801  (Slicer's name)
    mrmlSceneChanged = Signal(object)

    def mrmlScene(self) -> Any:
        return self.__dict__.get("_scene")

    def setMRMLScene(self, scene: Any) -> None:
        self.__dict__["_scene"] = scene
        self.mrmlSceneChanged.emit(scene)


class qMRMLNodeComboBox(qMRMLWidget):  # noqa: N801
    """Lists the scene's nodes of given types and keeps up with the scene."""

    currentNodeChanged = Signal(object)
    nodeTypes = _storedProperty("QStringList", "nodeTypes")
    hideChildNodeTypes = _storedProperty("QStringList", "hideChildNodeTypes")
    noneEnabled = _storedProperty(bool, "noneEnabled", False)
    noneDisplay = _storedProperty(str, "noneDisplay", "None")
    addEnabled = _storedProperty(bool, "addEnabled", True)
    removeEnabled = _storedProperty(bool, "removeEnabled", True)
    renameEnabled = _storedProperty(bool, "renameEnabled", False)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.__dict__.update(_box=QComboBox(self), _ids=[], _current=None, _tags=[])
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self._box.currentIndexChanged.connect(lambda index: self._select(self._ids[index] if index >= 0 else None))

    def setMRMLScene(self, scene: Any) -> None:
        super().setMRMLScene(scene)
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndBatchProcessEvent, scene.EndCloseEvent):
            self._tags.append(scene.AddObserver(event, lambda *_: self._refresh()))
        self._refresh()

    def currentNode(self) -> Any:
        return self._scene.GetNodeByID(self._current) if self._current else None

    def setCurrentNode(self, node: Any) -> None:
        nodeId = node.GetID() if node is not None else None
        if nodeId not in self._ids:
            self._refresh()
        self._select(nodeId)

    def nodeCount(self) -> int:
        return sum(nodeId is not None for nodeId in self._ids)

    def _accepts(self, node: Any) -> bool:
        isListed = any(node.IsA(kind) for kind in self.nodeTypes)
        return isListed and not node.GetHideFromEditors() and node.GetClassName() not in self.hideChildNodeTypes

    def _refresh(self) -> None:
        if not shiboken6.isValid(self):
            while self._tags:
                self._scene.RemoveObserver(self._tags.pop())
            return
        scene = self._scene
        nodes = [scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())]
        self.__dict__["_ids"] = [None] * self.noneEnabled + [node.GetID() for node in nodes if self._accepts(node)]
        self._box.blockSignals(True)
        self._box.clear()
        for nodeId in self._ids:
            self._box.addItem(scene.GetNodeByID(nodeId).GetName() if nodeId else self.noneDisplay)
        self._box.blockSignals(False)
        self._select(self._current if self._current in self._ids else None)

    def _select(self, nodeId: str | None) -> None:
        self._box.blockSignals(True)
        self._box.setCurrentIndex(self._ids.index(nodeId) if nodeId in self._ids else -1)
        self._box.blockSignals(False)
        if nodeId != self._current:
            self.__dict__["_current"] = nodeId
            self.currentNodeChanged.emit(self.currentNode())


class ctkCollapsibleButton(QAbstractButton):  # noqa: N801
    """A titled group; collapsing hides its children."""

    HEADER = 22

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(self._show)

    def _show(self, expanded: bool) -> None:
        for child in self.findChildren(QWidget, options=Qt.FindDirectChildrenOnly):
            child.setVisible(expanded)
        self.updateGeometry()

    def _setCollapsed(self, collapsed: bool) -> None:
        self.setChecked(not collapsed)

    def sizeHint(self) -> QSize:
        layout = QWidget.layout(self)
        if not self.isChecked() or layout is None:
            return QSize(200, self.HEADER)
        layout.setContentsMargins(9, self.HEADER, 9, 4)
        return layout.sizeHint()

    def showEvent(self, _event: Any) -> None:
        self._show(self.isChecked())  # children of a .ui file come after the property `collapsed`

    def paintEvent(self, _event: Any) -> None:
        arrow = "\u25bc" if self.isChecked() else "\u25b6"
        QPainter(self).drawText(4, 15, f"{arrow} {QObject.property(self, 'text')}")

    collapsed = Property(bool, lambda self: not self.isChecked(), _setCollapsed)
    contentsCollapsed = Signal(bool)


class ctkDirectoryButton(QWidget):  # noqa: N801
    """Shows a folder, and would ask for another one when it is pressed."""

    directoryChanged = Signal(str)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.__dict__["_button"] = QPushButton(".", self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._button)

    def _setDirectory(self, folder: str) -> None:
        QPushButton.setText(self._button, folder)
        self.directoryChanged.emit(folder)

    directory = Property(str, lambda self: QObject.property(self._button, "text"), _setDirectory)


class ctkPathLineEdit(QWidget):  # noqa: N801
    """A line for a path, and the button to look for it."""

    currentPathChanged = Signal(str)
    nameFilters = _storedProperty("QStringList", "nameFilters")

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.__dict__["_line"] = QLineEdit(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._line)
        layout.addWidget(QPushButton("...", self))
        self._line.textChanged.connect(self.currentPathChanged)

    currentPath = Property(str, lambda self: self._line.text, lambda self, path: self._line.setText(path))


STAND_INS = {
    cls.__name__: cls
    for cls in (qMRMLWidget, qMRMLNodeComboBox, ctkCollapsibleButton, ctkDirectoryButton, ctkPathLineEdit)
}
