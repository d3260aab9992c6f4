"""The section Environment: what PointSeg works with here, whether it works, and under which licence."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from PointSegLib.errors import PointSegError
from PointSegModule.background_run import BackgroundRun
from PointSegModule.dependencies import isInstalled, offerInstallation
from PointSegModule.device_probe import deviceSteps
from PointSegModule.environment import SmokeOutcome, report, versions
from PointSegModule.panel_license import acceptedOn, notice, requireAcceptance
from PointSegModule.panel_rules import enableUnless
from PointSegModule.panel_section import PanelSection


class EnvironmentPanel(PanelSection):
    """Tells what is installed, installs it, and tries it."""

    def setup(self, ui: Any) -> None:
        ui.licenseLabel.toolTip = notice()
        self._showVersions()
        ui.installButton.connect("clicked(bool)", self.onInstall)
        ui.deviceLabel.visible = False
        for button in (ui.findDeviceButton, ui.checkDevicesButton):
            button.connect("clicked(bool)", self.onFindDevices)
        ui.smokeTestButton.connect("clicked(bool)", self.onSmokeTest)
        ui.copyReportButton.connect("clicked(bool)", self.onCopyReport)

    def refresh(self) -> None:
        """Show what is installed, and what can be done."""
        busy = self._runs.whyBusy
        isThere = _("PyTorch and safetensors are installed.") if isInstalled() else ""
        missing = "" if isThere else _("Install PyTorch first.")
        enableUnless(self._ui.installButton, isThere or busy)
        for button in (self._ui.findDeviceButton, self._ui.checkDevicesButton, self._ui.smokeTestButton):
            enableUnless(button, missing or busy)
        date = acceptedOn()
        self._ui.licenseStateLabel.text = (
            _("Accepted on {date}.").format(date=date) if date else _("You are asked when they are used first.")
        )

    def onInstall(self, checked: bool = False) -> None:
        try:
            offerInstallation()
        except PointSegError as error:
            self._runs.explain(error)
        self._showVersions()
        self.refresh()

    def onFindDevices(self, checked: bool = False) -> None:
        self._runs.start(lambda: BackgroundRun(deviceSteps()), self._showDevices, _("Starting PyTorch..."))

    def onSmokeTest(self, checked: bool = False) -> None:
        device = self._parameters().device.value if self._parameters() is not None else "auto"

        def begin() -> BackgroundRun:
            requireAcceptance()
            return self._logic.testEngine(device, waitForCompletion=False)

        self._ui.smokeTestLabel.text = ""
        self._runs.start(begin, self._showOutcome, _("Testing the engine..."))

    def onCopyReport(self, checked: bool = False) -> None:
        import qt

        found = {_("Devices"): str(self._ui.devicesLabel.text), _("Smoke test"): str(self._ui.smokeTestLabel.text)}
        qt.QApplication.clipboard().setText(report(found))
        self._runs.say(_("The report was copied; paste it into your message."))

    def _showVersions(self) -> None:
        self._ui.versionsLabel.text = "\n".join(f"{name} {version}" for name, version in versions().items())

    def _showDevices(self, found: str) -> str:
        self._ui.deviceLabel.visible = True
        for label in (self._ui.deviceLabel, self._ui.devicesLabel):
            label.text = found
        return found

    def _showOutcome(self, outcome: SmokeOutcome) -> str:
        self._ui.smokeTestLabel.text = outcome.message
        return outcome.message
