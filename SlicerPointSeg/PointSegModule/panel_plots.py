"""`PlotClicks`: a click on a curve in any plot view shows its frame."""

from __future__ import annotations

from typing import Any

import slicer

from PointSegModule.results_view import frameOfPoint

_SELECTED = "dataSelected(vtkStringArray*,vtkCollection*)"


class PlotClicks:
    """Listens to the plot views that the application has; views come and go with its layout."""

    def __init__(self) -> None:
        self._views: list[Any] = []

    def connect(self) -> None:
        """Listen to the views there are now."""
        self.disconnect()
        layout = slicer.app.layoutManager()
        for index in range(layout.plotViewCount if layout is not None else 0):
            view = layout.plotWidget(index).plotView()
            view.connect(_SELECTED, self.onSelected)
            self._views.append(view)

    def disconnect(self) -> None:
        """Listen no more."""
        for view in self._views:
            view.disconnect(_SELECTED, self.onSelected)
        self._views.clear()

    def onSelected(self, seriesIds: Any, selections: Any) -> None:
        """Show the frame of the first selected point that has one.

        Args:
            seriesIds: vtkStringArray of the series that have selected points.
            selections: vtkCollection of a vtkIdTypeArray of rows for each.
        """
        for index in range(min(seriesIds.GetNumberOfValues(), selections.GetNumberOfItems())):
            rows = selections.GetItemAsObject(index)
            found = frameOfPoint(slicer.mrmlScene.GetNodeByID(seriesIds.GetValue(index)), int(rows.GetValue(0)))
            if found is not None:
                browser, frame = found
                browser.SetSelectedItemNumber(frame)
                return
