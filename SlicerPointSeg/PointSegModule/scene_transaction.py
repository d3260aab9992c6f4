"""Writes to the scene wholly or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import slicer


class SceneTransaction:
    """Remembers what a failed write must take back: nodes it made, and nodes it changed.

    Args:
        scene: the scene written to.
    """

    def __init__(self, scene: Any) -> None:
        self.scene = scene
        self._before = _nodeIds(scene)
        self._originals: list[tuple[Any, Any]] = []
        self._undo: list[Any] = []

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
        """Bring the scene back to what it was when the transaction began."""
        for action in reversed(self._undo):
            action()
        for node, copy in self._originals:
            node.CopyContent(copy, True)
        # Browsers go first, because a browser makes a new proxy for each one that is taken from it.
        added = [self.scene.GetNodeByID(nodeId) for nodeId in _nodeIds(self.scene) - self._before]
        for node in sorted(added, key=lambda node: not node.IsA("vtkMRMLSequenceBrowserNode")):
            if self.scene.IsNodePresent(node):  # not when it was a display node that left with its owner
                self.scene.RemoveNode(node)


@contextlib.contextmanager
def sceneTransaction(scene: Any) -> Iterator[SceneTransaction]:
    """Write to the scene with views held still; an exception takes everything back and goes on to the caller."""
    with _stillViews(scene):
        transaction = SceneTransaction(scene)
        try:
            yield transaction
        except BaseException:
            transaction.rollback()
            raise


@contextlib.contextmanager
def _stillViews(scene: Any) -> Iterator[None]:
    # The render blocker asks the application, which does not exist in scripts that use MRML alone.
    blocker = slicer.util.RenderBlocker() if getattr(slicer, "app", None) else contextlib.nullcontext()
    with blocker:
        scene.StartState(slicer.vtkMRMLScene.BatchProcessState)
        try:
            yield
        finally:
            scene.EndState(slicer.vtkMRMLScene.BatchProcessState)


def _nodeIds(scene: Any) -> set[str]:
    return {scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())}
