"""The panel on screens of high resolution, with large type and in the dark; every control explains itself."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from mrml.artifacts import artifactsFolder
from widget.slicer_application import MODULE_FILE

UI_FILE = MODULE_FILE.parent / "Resources" / "UI" / "PointSeg.ui"
SPOKEN = ("text", "toolTip", "suffix", "specialValueText", "noneDisplay", "format")
CONTROLS = (
    *("QPushButton", "QCheckBox", "QSpinBox", "QDoubleSpinBox", "QComboBox", "QLineEdit", "QTableWidget"),
    *("qMRMLNodeComboBox", "ctkPathLineEdit", "ctkSliderWidget"),
)


@pytest.mark.parametrize(("scale", "typeSize"), [("1", "1"), ("1.5", "1"), ("2", "1"), ("1", "1.5")])
def test_nothing_is_cut_off_when_the_screen_or_the_type_is_scaled(sessionApplication, scale, typeSize):
    prefix = artifactsFolder() / f"panel_{scale}x_type{typeSize}"
    program = Path(__file__).with_name("render_panel.py")
    done = subprocess.run(
        [sys.executable, str(program), str(prefix), typeSize],
        env={**os.environ, "QT_SCALE_FACTOR": scale, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = [line for line in done.stdout.splitlines() if line.startswith(("light: ", "dark: "))]
    assert said == []
    assert Path(f"{prefix}_dark.png").read_bytes() != Path(f"{prefix}_light.png").read_bytes()


def test_every_control_of_the_panel_has_a_tooltip_and_no_style_of_its_own(panel, image):
    import qt

    panel.ui.inputSelector.setCurrentNode(image)
    for name, widget in vars(panel.ui).items():
        if widget.className() in CONTROLS and not name.startswith("qt_"):  # those are inside of spin boxes
            assert widget.toolTip, name
        assert not (isinstance(widget, qt.QWidget) and widget.styleSheet), name


@pytest.mark.parametrize("isChosen", [False, True])
def test_every_disabled_button_says_why(panel, image, isChosen):
    import qt

    panel.ui.inputSelector.setCurrentNode(image if isChosen else None)
    own = {
        widget.get("name"): prop.findtext("string")
        for widget in ET.parse(UI_FILE).iter("widget")
        for prop in widget.findall("property")
        if prop.get("name") == "toolTip"
    }
    for name, button in vars(panel.ui).items():
        if isinstance(button, qt.QPushButton) and not button.enabled:
            reasons = ("Select", "Segment", "Place", "Choose", "Wait", "No ", "PyTorch and", "Measure", "Track", "Open")
            assert button.toolTip.startswith(reasons), f"{name}: {button.toolTip}"
            assert button.toolTip != own[name] or name == "applyButton", name


def test_shortcuts_are_distinct_and_written_into_the_tooltips_of_their_buttons(panel):
    keys = [str(shortcut.key.toString()) for shortcut in panel._shortcuts]
    assert len(keys) == len(set(keys)) >= 6


def test_every_word_of_the_ui_file_can_be_translated():
    for widget in ET.parse(UI_FILE).iter("widget"):
        for entry in widget.findall("property"):
            if entry.get("name") in SPOKEN:
                text = entry.find("string")
                assert text is not None, f"{widget.get('name')}.{entry.get('name')}"
                assert text.get("notr") != "true", widget.get("name")


def test_every_control_is_named_for_what_it_is(panel):
    ends = {
        "QPushButton": "Button",
        "QCheckBox": "CheckBox",
        "QSpinBox": "SpinBox",
        "QDoubleSpinBox": "SpinBox",
        "QComboBox": "ComboBox",
        "qMRMLNodeComboBox": "Selector",
        "QLabel": "Label",
    }
    for widget in ET.parse(UI_FILE).iter("widget"):
        end = ends.get(widget.get("class"))
        assert end is None or widget.get("name").endswith(end), widget.get("name")
