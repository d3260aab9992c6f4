"""`SequenceWriter`: one node per frame under the image's own index values, shown by a proxy in the image's browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

from PointSegModule.scene_input import CineSource
from PointSegModule.scene_transaction import SceneTransaction
from PointSegModule.sequence_browsing import attachToBrowser, newSequence, showInBrowser


class SequenceWriter:
    """Fills one sequence; from its first frame on it can be played.

    Args:
        source: the browsed cine.
        transaction: takes everything back when the run fails.
        proxy: to show the current item; made when None.
        what: the sequence holds, for its name.
        className: of the proxy.
        transform: the image's parent transform, or None.
        style: gives a new proxy its appearance.

    Attributes:
        proxy: shows the current item, once there is one.
        sequence: holds the items.
        written: frames that have theirs; a browser may have made up others to show something.
    """

    def __init__(
        self,
        source: CineSource,
        transaction: SceneTransaction,
        proxy: Any,
        what: str,
        className: str,
        transform: Any,
        style: Callable[[Any], None],
    ) -> None:
        self.proxy = proxy
        self._source, self._transaction = source, transaction
        self._className, self._transform, self._style = className, transform, style
        self._replaced = source.browser.GetSequenceNode(proxy) if proxy is not None else None
        name = slicer.mrmlScene.GenerateUniqueName(f"{source.name} {what}")
        self._name = self._replaced.GetName() if self._replaced else name
        self.sequence = newSequence(source, self._name, transaction)
        self.written: set[int] = set()

    def write(self, frame: int, node: Any) -> None:
        """Store a copy of a node as one frame's item."""
        isFirst = not self.written
        self.written.add(frame)
        self.sequence.SetDataNodeAtValue(node, self._source.indexValues[frame])
        if isFirst:
            self._attach()
        elif frame == self._source.browser.GetSelectedItemNumber():
            slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(self._source.browser)

    @property
    def isComplete(self) -> bool:
        """Whether every frame has its item; false, too, when index values are not distinct."""
        return self.sequence.GetNumberOfDataNodes() == len(self._source)

    def removeReplaced(self) -> None:
        """Remove the sequence of an earlier run that this one has replaced; this cannot be taken back."""
        if self._replaced is not None:
            slicer.mrmlScene.RemoveNode(self._replaced)

    def _attach(self) -> None:
        browser, transaction = self._source.browser, self._transaction
        isNew = self.proxy is None
        if isNew:
            self.proxy = transaction.newNode(self._className, self._name)
        elif self._replaced is None:
            transaction.protect(self.proxy)
        else:
            replaced, proxy = self._replaced, self.proxy
            browser.RemoveSynchronizedSequenceNode(replaced.GetID())
            transaction.onRollback(lambda: _showAgain(browser, replaced, proxy))
        attachToBrowser(browser, self.sequence, self.proxy, transaction)
        self.proxy.SetAndObserveTransformNodeID(self._transform.GetID() if self._transform is not None else None)
        if isNew or self.proxy.GetDisplayNode() is None:
            self._style(self.proxy)


def _showAgain(browser: Any, sequence: Any, proxy: Any) -> None:
    if all(slicer.mrmlScene.IsNodePresent(node) for node in (browser, sequence, proxy)):
        showInBrowser(browser, sequence, proxy)
