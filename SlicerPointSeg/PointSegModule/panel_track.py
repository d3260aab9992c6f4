"""The section Track: points or a curve that the user places, and how their trails are drawn."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from PointSegLib.errors import PointSegError
from PointSegModule.background_run import BackgroundRun
from PointSegModule.panel_placing import PlaceButton
from PointSegModule.panel_rules import enableUnless, whyNotSegmented
from PointSegModule.panel_section import PanelSection
from PointSegModule.point_tracking import TrackedPoints, TrackSettings, checkTracking
from PointSegModule.status_text import settingsOf
from PointSegModule.track_input import isLine, noteFrame

_POINTS, _CURVE = "vtkMRMLMarkupsFiducialNode", "vtkMRMLMarkupsCurveNode"


class TrackPanel(PanelSection):
    """Follows what the user has placed through the movie that was segmented."""

    def setup(self, ui: Any) -> None:
        self._drawnWith: TrackSettings | None = None
        self._placing = (
            PlaceButton(ui.placePointsButton, lambda: self._nodeToPlace(_POINTS), self.onPlaced),
            PlaceButton(ui.drawCurveButton, lambda: self._nodeToPlace(_CURVE), self.onPlaced),
        )
        ui.trackButton.connect("clicked(bool)", self.onTrack)

    def refresh(self) -> None:
        """Enable what can be done, and say why the rest cannot; draw trails anew when they are to look otherwise."""
        parameters = self._parameters()
        problem = whyNotSegmented(parameters)
        chosen = parameters.trackPoints if parameters is not None else None
        self._placing[0].follow(chosen)
        for button in (self._ui.placePointsButton, self._ui.drawCurveButton):
            enableUnless(button, problem)
        isCurve = chosen is not None and isLine(chosen)
        noCurve = "" if isCurve else _("Choose or draw a curve first.")
        enableUnless(self._ui.curvePointsSpinBox, noCurve)
        enableUnless(self._ui.trackButton, problem or self._whyNotTracked(chosen))
        if problem:
            self.stopPlacing()
        else:
            self._redraw()

    def stopPlacing(self) -> None:
        """Give the mouse back."""
        for placing in self._placing:
            placing.stop()

    def onRest(self) -> None:
        """Draw trails as they were asked for while a run was at work."""
        if not whyNotSegmented(self._parameters()):
            self._redraw()

    def forget(self) -> None:
        """The scene is about to close."""
        self.stopPlacing()
        self._placing[0].follow(None)
        self._logic.tracked = self._drawnWith = None

    def onPlaced(self, node: Any, index: int) -> None:
        """Note the frame in which a point was placed, or to which it was moved."""
        browser = slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(self._parameters().inputVolume)
        if browser is not None:
            noteFrame(node, index, browser.GetSelectedItemNumber())

    def onTrack(self, checked: bool = False) -> None:
        parameters, settings = self._parameters(), self._settings()
        self.stopPlacing()

        def begin() -> BackgroundRun:
            self._openedCine()
            return self._logic.trackPoints(
                parameters.trackPoints, settings=settings, progress=self._runs.showProgress, waitForCompletion=False
            )

        self._drawnWith = settings
        self._runs.start(begin, self._describe, _("Following the points..."))

    def _whyNotTracked(self, chosen: Any) -> str:
        if chosen is None:
            return _("Place points or draw a curve first.")
        try:
            checkTracking(chosen, self._settings())
        except PointSegError as error:
            return str(error)
        return self._runs.whyBusy

    def _settings(self) -> TrackSettings:
        parameters = self._parameters()
        return TrackSettings(
            curvePoints=parameters.curvePoints,
            trailFrames=parameters.trailFrames,
            colorBy=parameters.pathColor.value,
            spacingMm=settingsOf(parameters).spacingMm,
        )

    def _nodeToPlace(self, className: str) -> Any:
        """The chosen node, or a new one where it is of another kind."""
        parameters = self._parameters()
        if parameters.trackPoints is None or parameters.trackPoints.GetClassName() != className:
            what = _("points") if className == _POINTS else _("curve")
            name = slicer.mrmlScene.GenerateUniqueName(f"{parameters.inputVolume.GetName()} {what}")
            parameters.trackPoints = slicer.mrmlScene.AddNewNodeByClass(className, name)
        return parameters.trackPoints

    def _redraw(self) -> None:
        tracked = self._logic.tracked
        if self._runs.isBusy or tracked is None or not tracked.isStillThere():
            return
        try:
            settings = self._settings()
            checkTracking(tracked.given, settings)
        except PointSegError:
            return  # the tooltip of the button says so
        if settings == self._drawnWith:
            return
        self._drawnWith = settings
        self._runs.start(
            lambda: self._logic.redrawTrails(settings, waitForCompletion=False), self._describe, _("Drawing...")
        )

    @staticmethod
    def _describe(found: TrackedPoints) -> str:
        hidden = int((~found.tracks.visible).any(axis=1).sum())
        return _("{count} points followed through {frames} frames; {hidden} are hidden in some of them.").format(
            count=len(found.tracks), frames=found.tracks.xy.shape[1], hidden=hidden
        )
