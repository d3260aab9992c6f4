"""The user's clicks: points of a markups node that say what they mean and in which frame they lie."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from PointSegLib.errors import PointError
from PointSegModule.geometry import CineGeometry
from PointSegModule.subject_hierarchy import besides

_DESCRIPTION = re.compile(r"(\w+), frame (\d+)")


@dataclass(frozen=True)
class Kind:
    """What a click can say.

    Attributes:
        hint: what the engine calls it.
        label: of the point in the views.
    """

    hint: str
    label: str


# Saved in scenes by these names: renaming one loses clicks of saved scenes.
KINDS = {
    "wall": Kind("wall", "wall"),
    "cavity": Kind("cavity", "cavity"),
    "outside": Kind("outside", "not wall"),
}


def newCorrections(source: Any) -> Any:
    """A list for the clicks on a cine, beside its image."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", f"{source.name} corrections")
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetGlyphScale(2.0)
    display.SetTextScale(3.0)
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(True)
    besides(source.imageNode, node)
    return node


def addClick(node: Any, kind: str, frame: int, position: Any) -> None:
    """Put a click at a world position.

    Raises:
        PointError: for an unknown kind.
    """
    if kind not in KINDS:
        msg = f"a click cannot say {kind!r}; choose one of {', '.join(KINDS)}."
        raise PointError(msg)
    index = node.AddControlPointWorld(*(float(v) for v in position))
    nameClick(node, index, kind, frame)


def nameClick(node: Any, index: int, kind: str, frame: int) -> None:
    """Let a point that was placed say what it means."""
    node.SetNthControlPointDescription(index, f"{kind}, frame {frame}")
    node.SetNthControlPointLabel(index, _(KINDS[kind].label))
    node.SetNthControlPointLocked(index, True)


def countOf(node: Any) -> int:
    """How many clicks were made; a point that only follows the mouse is none."""
    return node.GetNumberOfDefinedControlPoints() if node is not None else 0


def takeBack(node: Any, index: int = -1) -> bool:
    """Remove a click, the last one by default; False when there is none."""
    count = countOf(node)
    if count:
        node.RemoveNthControlPoint(index % count)
    return count > 0


def showClicksOf(node: Any, frame: int) -> None:
    """Show the clicks that were made on a frame, and hide the others."""
    with slicer.util.NodeModify(node):
        for index in range(node.GetNumberOfControlPoints()):
            match = _DESCRIPTION.fullmatch(node.GetNthControlPointDescription(index) or "")
            isHere = match is None or int(match[2]) == frame
            if bool(node.GetNthControlPointVisibility(index)) != isHere:
                node.SetNthControlPointVisibility(index, isHere)


def rowsOf(node: Any, geometry: CineGeometry) -> tuple[np.ndarray, list[str]]:
    """The clicks as the engine takes them.

    Returns:
        float64 `[M, 3]` rows (frame, x, y), and what each says.

    Raises:
        PointError: when a point does not say what it means, or lies off the image plane.
    """
    rows, kinds = [], []
    for index in range(node.GetNumberOfControlPoints()):
        if node.GetNthControlPointPositionStatus(index) != slicer.vtkMRMLMarkupsNode.PositionDefined:
            continue  # the point that follows the mouse until it is placed
        match = _DESCRIPTION.fullmatch(node.GetNthControlPointDescription(index) or "")
        if match is None or match[1] not in KINDS:
            msg = (
                f"Point {index + 1} of '{node.GetName()}' does not say whether it is wall, cavity or neither; "
                "remove it, and place corrections with the buttons of PointSeg."
            )
            raise PointError(msg)
        rows.append(geometry.query(node, index, int(match[2])))
        kinds.append(match[1])
    return np.array(rows, np.float64).reshape(-1, 3), kinds
