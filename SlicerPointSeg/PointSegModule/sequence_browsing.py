"""Sequences, and the browsers and proxies that show them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
import slicer

from PointSegModule.scene_input import CineSource, findCine
from PointSegModule.scene_transaction import SceneTransaction


def firstImageProxy() -> Any:
    """The scene's first volume that shows a sequence, or None."""
    sequences = slicer.modules.sequences.logic()
    for volume in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        if sequences.GetFirstBrowserNodeForProxyNode(volume) is not None:
            return volume
    return None


def newSequence(source: CineSource, name: str, transaction: SceneTransaction) -> Any:
    """An empty sequence node with the index of the image's."""
    sequence = transaction.newNode("vtkMRMLSequenceNode", name)
    sequence.SetIndexName(source.indexName)
    sequence.SetIndexUnit(source.indexUnit)
    sequence.SetIndexType(source.indexType)
    sequence.SetNumericIndexValueTolerance(source.indexTolerance)
    return sequence


def attachToBrowser(browser: Any, sequence: Any, proxy: Any, transaction: SceneTransaction) -> None:
    """Show a new sequence in the browser until the transaction fails."""
    transaction.onRollback(lambda: _detach(browser, sequence, proxy))
    showInBrowser(browser, sequence, proxy)


def _detach(browser: Any, sequence: Any, proxy: Any) -> None:
    shown = browser.GetProxyNode(sequence)
    browser.RemoveSynchronizedSequenceNode(sequence.GetID())
    # a browser makes another proxy in place of one that the user removes
    if shown is not None and shown is not proxy and slicer.mrmlScene.IsNodePresent(shown):
        slicer.mrmlScene.RemoveNode(shown)


def showInBrowser(browser: Any, sequence: Any, proxy: Any) -> None:
    """Let `proxy` show a sequence's current item; edits are stored, and the proxy keeps its name."""
    browser.AddProxyNode(proxy, sequence, False)
    browser.SetSaveChanges(sequence, True)
    browser.SetOverwriteProxyName(sequence, False)
    browser.SetMissingItemMode(sequence, slicer.vtkMRMLSequenceBrowserNode.MissingItemSetToDefault)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)


def isBrowsed(source: CineSource) -> bool:
    """Whether a browser shows the cine in a proxy."""
    return source.browser is not None and source.imageNode is not None


def sliceSteps(source: CineSource, transaction: SceneTransaction) -> Generator[bool, None, Any]:
    """A sequence of the slices of a volume, one copied in each step."""
    with transaction.step():
        sequence = newSequence(source, f"{source.name} frames", transaction)
    frames = slicer.util.arrayFromVolume(source.imageNode)
    for frame, indexValue in enumerate(source.indexValues):
        node = slicer.mrmlScene.CreateNodeByClass(source.imageNode.GetClassName())
        node.UnRegister(None)
        node.SetName(f"{source.name} frame")
        node.CopyOrientation(source.imageNode)
        slicer.util.updateVolumeFromArray(node, np.ascontiguousarray(frames[frame][np.newaxis]))
        sequence.SetDataNodeAtValue(node, indexValue)
        yield False
    return sequence


def browse(source: CineSource, transaction: SceneTransaction, sequence: Any = None) -> CineSource:
    """Give a cine a browser and a proxy where it lacks them.

    Args:
        source: what `findCine` gave.
        transaction: takes back what is made here.
        sequence: of its frames, where it had none.
    """
    sequence = sequence or source.sequence
    browser = source.browser
    if browser is None:
        browser = transaction.newNode("vtkMRMLSequenceBrowserNode", f"{source.name} browser")
        browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    proxy = transaction.newNode(sequence.GetNthDataNode(0).GetClassName(), sequence.GetName())
    browser.AddProxyNode(proxy, sequence, False)
    browser.SetOverwriteProxyName(sequence, False)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    proxy.CreateDefaultDisplayNodes()
    if source.imageNode is not None:
        proxy.SetAndObserveTransformNodeID(source.imageNode.GetTransformNodeID())
        if source.imageNode.GetDisplayNode() is not None:
            proxy.GetDisplayNode().CopyContent(source.imageNode.GetDisplayNode(), True)
    return replace(findCine(proxy), name=source.name)
