"""A button that lets the user place points of a markups node in the views, and stays pressed meanwhile."""

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
        isPersistent: whether to go on placing after a whole markup was placed.
        onPlaced: called with (node, control point) after a point was placed or moved.
    """

    def __init__(
        self,
        button: Any,
        nodeToPlace: Callable[[], Any],
        isPersistent: bool,
        onPlaced: Callable[[Any, int], None] = lambda node, index: None,
    ) -> None:
        VTKObservationMixin.__init__(self)
        self._button, self._nodeToPlace, self._onPlaced = button, nodeToPlace, onPlaced
        self._isPersistent = isPersistent
        self._node: Any = None
        button.connect("toggled(bool)", self.onToggled)

    def onToggled(self, isOn: bool) -> None:
        if isOn:
            self._begin(self._nodeToPlace())
        else:
            self.stop()

    def stop(self) -> None:
        """Give the mouse back, if it is this button that has it."""
        isMine, self._node = self._isPlacing(), None
        self.removeObservers(self.onModeChanged)
        self._button.checked = False
        if isMine:
            _interaction().SetCurrentInteractionMode(_interaction().ViewTransform)

    def follow(self, node: Any) -> None:
        """Hear of points of a node, or None, that are placed or moved by whatever means."""
        self.removeObservers(self.onPointPlaced)
        self.removeObservers(self.onPointMoved)
        if node is not None:
            self.addObserver(node, node.PointPositionDefinedEvent, self.onPointPlaced)
            self.addObserver(node, node.PointEndInteractionEvent, self.onPointMoved)

    @vtk.calldata_type(vtk.VTK_INT)
    def onPointPlaced(self, node: Any, event: Any, index: int) -> None:
        self._onPlaced(node, index)

    @vtk.calldata_type(vtk.VTK_INT)
    def onPointMoved(self, node: Any, event: Any, index: int) -> None:
        self._onPlaced(node, index)

    def onModeChanged(self, caller: Any = None, event: Any = None) -> None:
        """Placing was ended by the toolbar or the Escape key, or goes on with another node."""
        if not self._isPlacing():
            self.stop()

    def _begin(self, node: Any) -> None:
        application = slicer.app.applicationLogic()
        selection, interaction = application.GetSelectionNode(), _interaction()
        self._node = node
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetVisibility(True)
        selection.SetReferenceActivePlaceNodeClassName(node.GetClassName())
        selection.SetActivePlaceNodeID(node.GetID())
        interaction.SetPlaceModePersistence(int(self._isPersistent))
        interaction.SetCurrentInteractionMode(interaction.Place)
        self.addObserver(interaction, interaction.InteractionModeChangedEvent, self.onModeChanged)
        self.addObserver(selection, selection.ActivePlaceNodeIDChangedEvent, self.onModeChanged)

    def _isPlacing(self) -> bool:
        interaction, selection = _interaction(), slicer.app.applicationLogic().GetSelectionNode()
        isPlacing = interaction.GetCurrentInteractionMode() == interaction.Place
        return isPlacing and self._node is not None and selection.GetActivePlaceNodeID() == self._node.GetID()


def _interaction() -> Any:
    return slicer.app.applicationLogic().GetInteractionNode()
