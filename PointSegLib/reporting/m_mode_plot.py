"""M-mode pictures: the grey of a line over time, to see whether what was tracked is what moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from PointSegLib.measurement.measurements import BeatMeasurements, WallMeasurements
from PointSegLib.measurement.motion import m_mode
from PointSegLib.measurement.outline import arc_length
from PointSegLib.reporting.figures import new_figure, say_missing, styled
from PointSegLib.reporting.measured_clip import MeasuredClip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# How far the line through the annulus reaches: below it and towards the apex, in lengths of the long axis.
_BELOW, _ABOVE, _SAMPLES = 0.2, 0.5, 160
_MARK = "#f59e42"
_SHADE = {"facecolor": "black", "alpha": 0.5, "pad": 1.0, "linewidth": 0.0}


def m_mode_figure(measured: MeasuredClip, beat: BeatMeasurements | None = None) -> Figure:
    """Three M-modes over the clip: along the tracked mid-wall, and through both sides of the mitral annulus.

    The first line moves with the tissue: where its points are followed well, the speckle runs level. The others stay
    where they are, along the long axis of end-diastole, and the tracked annulus is drawn into them.

    Args:
        measured: one view.
        beat: of its measurements; None takes the one to be quoted.

    Returns:
        A matplotlib figure.

    Raises:
        DependencyError: without matplotlib.
    """
    with styled("Drawing M-modes"):
        figure = new_figure(9.6, 3.1)
        panels = figure.subplots(1, 3, width_ratios=(1.3, 1.0, 1.0))
        beat = beat or measured.measurements.best
        if beat is None or beat.wall is None:
            for axes in panels:
                say_missing(axes, "The wall was not measured; the warnings say why.")
            return figure
        _along_wall(panels[0], measured, beat.wall)
        for axes, end in zip(panels[1:], (0, -1), strict=True):
            _through_annulus(axes, measured, beat.wall, end)
        figure.canvas.draw()
        return figure


def _along_wall(axes: Axes, measured: MeasuredClip, wall: WallMeasurements) -> None:
    geometry = wall.lines.geometry
    length = float(arc_length(geometry.scale.to_units(geometry.mid))[-1])
    _show(axes, measured, m_mode(measured.clip.frames, wall.lines.mid), (0.0, length))
    for segment in geometry.segments:
        axes.axhline(segment.start * length, color=_MARK, linewidth=0.7, alpha=0.8)
        axes.annotate(
            segment.name, (0.01, (segment.start + segment.end) / 2 * length), xycoords=("axes fraction", "data"),
            fontsize=6.5, color=_MARK, va="center", bbox=_SHADE,
        )  # fmt: skip
    axes.set(title="Along the tracked mid-wall", ylabel=f"along the wall at ED [{geometry.scale.unit}]")


def _through_annulus(axes: Axes, measured: MeasuredClip, wall: WallMeasurements, end: int) -> None:
    geometry = wall.lines.geometry
    axis, start = geometry.long_axis, geometry.scale.to_units(geometry.annulus[end])
    length = float(np.linalg.norm(axis))
    along = np.linspace(-_BELOW, _ABOVE, _SAMPLES)
    line = geometry.scale.to_pixels(start + along[:, None] * axis)
    _show(axes, measured, m_mode(measured.clip.frames, line), (-_BELOW * length, _ABOVE * length))
    tracked = (geometry.scale.to_units(wall.lines.endo[:, end]) - start) @ (axis / length)
    axes.plot(_clock(measured)[0], tracked, color=_MARK, linewidth=1.4)
    axes.set_ylim(-_BELOW * length, _ABOVE * length)
    wall_name = geometry.segments[end].name.split()[-1]
    axes.set(title=f"Annulus, {wall_name} side", ylabel=f"towards the apex [{geometry.scale.unit}]")


def _show(axes: Axes, measured: MeasuredClip, grey: np.ndarray, height: tuple[float, float]) -> None:
    clock, name = _clock(measured)
    step = (clock[-1] - clock[0]) / max(len(clock) - 1, 1) / 2.0
    box = (clock[0] - step, clock[-1] + step, *height)
    axes.imshow(grey, cmap="gray", vmin=0, vmax=255, aspect="auto", origin="lower", extent=box, interpolation="nearest")
    axes.grid(False)
    axes.set_xlabel(name)


def _clock(measured: MeasuredClip) -> tuple[np.ndarray, str]:
    """Where each frame stands on the horizontal axis, and what that axis is called."""
    times = measured.measurements.times_s
    if times is None:
        return np.arange(len(measured.clip), dtype=np.float64), "frame"
    return times - times[0], "time [s]"
