"""Placing points of a markups node in the views, and a button that stays pressed meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk
from slicer.util import VTKObservationMixin


class PlaceButton(VTKObservationMixin):
    """Begins placing when it is pressed, and is released when placing ends, here or elsewhere.

    Args:
        button: a checkable button.
        nodeToPlace: gives the node whose points are placed; it may make one.
        onPlaced: called with (node, control point) after a point was placed or moved.
        count: so many points are placed; 0 goes on until the button is pressed again.
    """

    def __init__(
        self,
        button: Any,
        nodeToPlace: Callable[[], Any],
        onPlaced: Callable[[Any, int], None],
        count: int = 0,
    ) -> None:
        VTKObservationMixin.__init__(self)
        self._button, self._nodeToPlace, self._onPlaced = button, nodeToPlace, onPlaced
        self._count = count
        self._node: Any = None
        self._followed: Any = None
        button.connect("toggled(bool)", self.onToggled)

    def onToggled(self, isOn: bool) -> None:
        if isOn:
            self._begin(self._nodeToPlace())
        else:
            self.stop()

    def stop(self) -> None:
        """Give the mouse back, if it is this button that has it."""
        node, self._node = self._node, None
        self.removeObservers(self.onModeChanged)
        self._button.checked = False
        endPlacing(node)

    def follow(self, node: Any) -> None:
        """Hear of points of a node, or None, that are placed or moved by whatever means."""
        if node is self._followed:
            return
        self.removeObservers(self.onPointPlaced)
        self.removeObservers(self.onPointMoved)
        self._followed = node
        if node is not None:
            self.addObserver(node, node.PointPositionDefinedEvent, self.onPointPlaced)
            self.addObserver(node, node.PointEndInteractionEvent, self.onPointMoved)

    @vtk.calldata_type(vtk.VTK_INT)
    def onPointPlaced(self, node: Any, event: Any, index: int) -> None:
        self._onPlaced(node, index)
        if self._count and node is self._node and node.GetNumberOfDefinedControlPoints() >= self._count:
            self.stop()

    @vtk.calldata_type(vtk.VTK_INT)
    def onPointMoved(self, node: Any, event: Any, index: int) -> None:
        self._onPlaced(node, index)

    def onModeChanged(self, caller: Any = None, event: Any = None) -> None:
        """Placing was ended by the toolbar or the Escape key, or goes on with another node."""
        if not isPlacing(self._node):
            self.stop()

    def _begin(self, node: Any) -> None:
        self._node = node
        beginPlacing(node)
        selection, interaction = _selection(), _interaction()
        self.addObserver(interaction, interaction.InteractionModeChangedEvent, self.onModeChanged)
        self.addObserver(selection, selection.ActivePlaceNodeIDChangedEvent, self.onModeChanged)


def beginPlacing(node: Any) -> None:
    """Let clicks in the views place points of a markups node, which is shown, until `endPlacing`."""
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetVisibility(True)
    _selection().SetReferenceActivePlaceNodeClassName(node.GetClassName())
    _selection().SetActivePlaceNodeID(node.GetID())
    _interaction().SetPlaceModePersistence(1)
    _interaction().SetCurrentInteractionMode(_interaction().Place)


def endPlacing(node: Any) -> None:
    """Give the mouse back, if it places points of this node."""
    if isPlacing(node):
        _interaction().SetCurrentInteractionMode(_interaction().ViewTransform)


def isPlacing(node: Any) -> bool:
    """Whether clicks in the views place points of a node, or None."""
    if node is None or _interaction().GetCurrentInteractionMode() != _interaction().Place:
        return False
    return _selection().GetActivePlaceNodeID() == node.GetID()


def _interaction() -> Any:
    return slicer.app.applicationLogic().GetInteractionNode()


def _selection() -> Any:
    return slicer.app.applicationLogic().GetSelectionNode()
