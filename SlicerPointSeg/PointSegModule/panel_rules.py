"""What the panel's sections share: when their controls can be used, and how they say why not."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from PointSegModule.parameters import PointSegParameterNode

_OWN_TIP = "PointSegToolTip"


def whyNotSegmented(parameters: PointSegParameterNode | None) -> str:
    """Why there is no segmentation to go on with; empty when there is one."""
    if parameters is None or parameters.inputVolume is None:
        return _("Select an ultrasound sequence or volume first.")
    if parameters.outputSegmentation is None:
        return _("Segment the movie first.")
    browser = slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(parameters.inputVolume)
    if browser is None or browser.GetSequenceNode(parameters.outputSegmentation) is None:
        return _("The chosen segmentation is not one of the chosen movie; segment the movie first.")
    return ""


def enableUnless(control: Any, problem: str) -> None:
    """Enable a control, or let its tooltip say why it is not; the control keeps the tooltip it first had meanwhile."""
    own = control.property(_OWN_TIP)
    if own is None:
        own = str(control.toolTip)
        control.setProperty(_OWN_TIP, own)
    control.enabled = not problem
    control.toolTip = problem or own
