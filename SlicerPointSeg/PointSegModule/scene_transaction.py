"""Writes to the scene wholly or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import slicer
import vtk


class SceneTransaction:
    """Remembers what a failed write must take back: nodes it made, and nodes it changed.

    Args:
        scene: the scene written to.
    """

    def __init__(self, scene: Any) -> None:
        self.scene = scene
        self._added: set[str] = set()
        self._originals: list[tuple[Any, Any]] = []
        self._undo: list[Any] = []

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """Nodes that appear meanwhile belong to the transaction; what others add between its steps stays theirs."""

        @vtk.calldata_type(vtk.VTK_OBJECT)
        def onAdded(_scene: Any, _event: str, node: Any) -> None:
            self._added.add(node.GetID())

        tag = self.scene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, onAdded)
        try:
            with _stillViews():
                yield
        finally:
            self.scene.RemoveObserver(tag)

    def newNode(self, className: str, name: str) -> Any:
        """Add a node."""
        return self.scene.AddNewNodeByClass(className, name)

    def protect(self, node: Any) -> None:
        """Keep a copy of a node's content that is about to be replaced."""
        copy = self.scene.CreateNodeByClass(node.GetClassName())
        copy.UnRegister(None)
        copy.CopyContent(node, True)
        self._originals.append((node, copy))

    def onRollback(self, action: Any) -> None:
        """Run `action()` before nodes are removed when the write fails."""
        self._undo.append(action)

    def rollback(self) -> None:
        """Take back what was done in the steps."""
        with self.step():  # to take an action back can make nodes, too
            for action in reversed(self._undo):
                action()
            for node, copy in self._originals:
                node.CopyContent(copy, True)
        # Browsers go first, because a browser makes a new proxy for each one that is taken from it.
        added = [node for nodeId in self._added if (node := self.scene.GetNodeByID(nodeId)) is not None]
        with _stillViews():
            for node in sorted(added, key=lambda node: not node.IsA("vtkMRMLSequenceBrowserNode")):
                if self.scene.IsNodePresent(node):  # not when it was a display node that left with its owner
                    self.scene.RemoveNode(node)


@contextlib.contextmanager
def sceneTransaction(scene: Any) -> Iterator[SceneTransaction]:
    """Write to the scene in one go; an exception takes everything back and goes on to the caller."""
    with takenBackOnFailure(scene) as transaction, transaction.step():
        yield transaction


@contextlib.contextmanager
def takenBackOnFailure(scene: Any) -> Iterator[SceneTransaction]:
    """Write to the scene in several `step`s; an exception takes them back and goes on to the caller."""
    transaction = SceneTransaction(scene)
    try:
        yield transaction
    except BaseException:
        transaction.rollback()
        raise


def _stillViews() -> Any:
    # The render blocker asks the application, which does not exist in scripts that use MRML alone.
    return slicer.util.RenderBlocker() if getattr(slicer, "app", None) else contextlib.nullcontext()
