"""Keyboard shortcuts of the panel, in use while the module is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

from PointSegModule.panel_correct import CorrectPanel
from PointSegModule.parameters import PointSegParameterNode

CLASS_KEYS = {"wall": "Ctrl+1", "cavity": "Ctrl+2", "outside": "Ctrl+3"}
UNDO_KEY = "Ctrl+0"
FRAME_KEYS = {-1: "Ctrl+Left", 1: "Ctrl+Right"}


def newShortcuts(
    widget: Any, correct: CorrectPanel, parameters: Callable[[], PointSegParameterNode | None]
) -> list[Any]:
    """Shortcuts for the point classes, for undo, and for the next and the previous frame; keys go into the tooltips.

    Args:
        widget: the panel, whose window hears the keys.
        correct: has the buttons.
        parameters: gives the parameter node, or None.
    """
    actions = {CLASS_KEYS[kind]: button.click for kind, button in correct.buttons.items()}
    actions[UNDO_KEY] = correct.undoButton.click
    for by, key in FRAME_KEYS.items():
        actions[key] = lambda by=by: _step(parameters(), by)
    return [_newShortcut(widget, key, action) for key, action in actions.items()]


def _newShortcut(widget: Any, key: str, action: Callable[[], None]) -> Any:
    import qt

    shortcut = qt.QShortcut(widget)
    shortcut.setKey(qt.QKeySequence(key))
    shortcut.connect("activated()", action)
    return shortcut


def _step(parameters: PointSegParameterNode | None, by: int) -> None:
    """Show the next or the previous frame of the chosen movie."""
    image = parameters.inputVolume if parameters is not None else None
    browser = slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(image) if image is not None else None
    if browser is not None:
        browser.SelectNextItem(by)
