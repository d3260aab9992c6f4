"""Places results beside their image in the subject hierarchy.

The application makes an item for each node it shows; scripts that use MRML alone have none until one is made here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import slicer

from PointSegModule.scene_transaction import SceneTransaction


def parentItemOf(node: Any) -> int:
    """The item that holds a node's item, or the scene's own item."""
    hierarchy = _hierarchy()
    item = hierarchy.GetItemByDataNode(node) if node is not None else 0
    return hierarchy.GetItemParent(item) if item else hierarchy.GetSceneItemID()


def folderItemOf(nodes: Iterable[Any]) -> int:
    """The folder that holds the first of `nodes`, or 0."""
    hierarchy = _hierarchy()
    for node in nodes:
        parent = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node))
        return 0 if parent == hierarchy.GetSceneItemID() else parent
    return 0


def newFolder(parent: int, name: str, transaction: SceneTransaction) -> int:
    """Make a folder under an item."""
    hierarchy = _hierarchy()
    folder = hierarchy.CreateFolderItem(parent, name)
    transaction.onRollback(lambda: hierarchy.RemoveItem(folder, False, False))
    return folder


def placeNodes(nodes: Iterable[Any], parent: int, transaction: SceneTransaction) -> None:
    """Put nodes' items under an item; items that are missing are made."""
    hierarchy = _hierarchy()
    for node in nodes:
        item = hierarchy.GetItemByDataNode(node)
        if item:
            hierarchy.SetItemParent(item, parent)
        else:
            item = hierarchy.CreateItem(parent, node)
            transaction.onRollback(lambda item=item: hierarchy.RemoveItem(item, False, False))


def besides(image: Any, node: Any) -> None:
    """Put a node's item beside an image's."""
    hierarchy = _hierarchy()
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.SetItemParent(item, parentItemOf(image))
    else:
        hierarchy.CreateItem(parentItemOf(image), node)


def _hierarchy() -> Any:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
