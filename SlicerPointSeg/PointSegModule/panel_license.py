"""The licence of the embedded weights: shown before they are used first, and its acceptance remembered for the user."""

from __future__ import annotations

import datetime

import slicer
from slicer.i18n import tr as _

from PointSegLib.errors import PointSegError

LICENSE = "CC BY-NC-SA 4.0"
SETTINGS_KEY = "PointSeg/WeightsLicense"  # "<license>, <date>"; a new license is shown again


def notice() -> str:
    """What the user is asked to accept."""
    return _(
        "The weights that PointSeg comes with were trained on the CAMUS data set and share its licence, {license}: "
        "free for non-commercial research, with the names of their authors, and passed on under the same terms. They "
        "are not for diagnosis."
    ).format(license=LICENSE)


def acceptedOn() -> str:
    """The date on which the user accepted this licence; empty when he has not."""
    accepted, _comma, date = str(slicer.util.settingsValue(SETTINGS_KEY, "")).partition(", ")
    return date if accepted == LICENSE else ""


def requireAcceptance() -> None:
    """Show the licence, unless it was accepted before or Slicer runs tests, which nobody answers.

    Raises:
        PointSegError: when the user declines.
    """
    import qt

    if acceptedOn() or slicer.app.testingEnabled():
        return
    if not slicer.util.confirmOkCancelDisplay(notice(), _("Licence of the weights")):
        raise PointSegError(_("The licence of the weights was declined; press the button to read it again."))
    qt.QSettings().setValue(SETTINGS_KEY, f"{LICENSE}, {datetime.date.today().isoformat()}")
