"""Draws the panel, all sections open, in a light and a dark palette, and tells what is cut off.

A program of its own, because Qt takes its scale factor from the environment once: `python render_panel.py PREFIX TYPE`
writes PREFIX_light.png and PREFIX_dark.png with type TYPE times as large as usual, and prints one line for each fault.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

_REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_REPOSITORY), str(_REPOSITORY / "Testing")]

WIDTH = 480  # of Slicer's module panel, in pixels of scale 1


def main(prefix: str, typeSize: float) -> None:
    from widget import slicer_application

    application = slicer_application.start()
    import qt

    application.qApplication.setStyle("Fusion")
    font = application.qApplication.font()
    font.setPointSizeF(typeSize * font.pointSizeF())
    application.qApplication.setFont(font)
    panel = slicer_application.loadModule(slicer_application.MODULE_FILE)
    slicer_application.enter(panel)
    for name, palette in (("light", _lightPalette(qt)), ("dark", _darkPalette(qt))):
        application.qApplication.setPalette(palette)
        showOpen(panel, application, round(WIDTH * typeSize))
        for fault in faults(panel.parent, round(WIDTH * typeSize)):
            print(f"{name}: {fault}")
        panel.parent.grab().save(f"{prefix}_{name}.png")
    slicer_application.leave(panel)
    panel.cleanup()


def showOpen(panel: Any, application: Any, width: int) -> None:
    """Show the panel with all its sections open, as wide as asked or as it must be, and as high as it needs."""
    for name, section in vars(panel.ui).items():
        if name.endswith("CollapsibleButton"):
            section.collapsed = False
    panel.parent.show()
    application.processEvents()
    layout = panel.parent.layout()
    width = max(width, layout.minimumSize().width())
    panel.parent.resize(width, max(layout.totalHeightForWidth(width), layout.totalSizeHint().height()))
    application.processEvents()


def faults(root: Any, width: int) -> list[str]:
    """What is cut off, or styled in a way of its own, among the widgets of a panel that is shown."""
    import qt

    found = [] if root.width <= width else [f"the panel needs {root.width} pixels of width; {width} are there"]
    for widget in root.findChildren(qt.QWidget):
        if widget.styleSheet:
            found.append(f"{widget.name} has a style of its own")
        if not widget.visible or not isinstance(widget, _textWidgets(qt)):
            continue
        needed = _neededSize(qt, widget)
        if widget.width < needed.width() or widget.height < needed.height():
            size = f"{widget.width} x {widget.height}"
            found.append(f"{widget.name} is cut off: {size} of {needed.width()} x {needed.height()} pixels")
    return found


def _textWidgets(qt: Any) -> tuple[type, ...]:
    return qt.QLabel, qt.QPushButton, qt.QCheckBox, qt.QAbstractSpinBox, qt.QComboBox


def _neededSize(qt: Any, widget: Any) -> Any:
    if isinstance(widget, qt.QLabel) and widget.wordWrap:
        return qt.QSize(0, widget.heightForWidth(widget.width))
    if isinstance(widget, (qt.QLabel, qt.QPushButton, qt.QCheckBox, qt.QAbstractSpinBox)):
        return widget.sizeHint()
    return widget.minimumSizeHint()


def _lightPalette(qt: Any) -> Any:
    return qt.QPalette(qt.QColor(239, 239, 239))


def _darkPalette(qt: Any) -> Any:
    """Colours near those of Slicer's dark style."""
    palette = qt.QPalette(qt.QColor(50, 50, 50))
    roles = qt.QPalette.ColorRole
    for role in (roles.WindowText, roles.Text, roles.ButtonText, roles.ToolTipText):
        palette.setColor(role, qt.QColor(245, 245, 245))
        palette.setColor(qt.QPalette.ColorGroup.Disabled, role, qt.QColor(130, 130, 130))
    palette.setColor(roles.Base, qt.QColor(35, 35, 35))
    palette.setColor(roles.Highlight, qt.QColor(38, 79, 120))
    return palette


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
