"""Strain and volume over one beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from PointSegLib.measurement.measurements import BeatMeasurements, Measurements
from PointSegLib.reporting.figures import (
    INK,
    QUIET,
    SEGMENT_COLOURS,
    clock_of,
    mark_end_systole,
    new_figure,
    percent,
    say_missing,
    styled,
)
from PointSegLib.result import LV_CAVITY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_LAYER_STYLE = {"endo": ("endocardial", "#d9482b"), "mid": ("mid-wall", INK), "epi": ("epicardial", "#2b7bba")}


def strain_figure(measurements: Measurements, beat: BeatMeasurements | None = None) -> Figure:
    """Longitudinal strain of one beat: the segments with GLS, and GLS by layer beside that of mask contours.

    Args:
        measurements: of one view.
        beat: of these; None takes the one to be quoted.

    Returns:
        A matplotlib figure.

    Raises:
        DependencyError: without matplotlib.
    """
    with styled("Drawing strain curves"):
        figure = new_figure(9.6, 3.5)
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.25, 1.0))
        beat = beat or measurements.best
        if beat is None or beat.wall is None:
            for axes in (left, right):
                say_missing(axes, "Strain was not measured; the warnings say why.")
            return figure
        plot_segments(left, measurements, beat)
        _plot_layers(right, measurements, beat)
        left.set_ylabel("longitudinal strain [%]")
        figure.canvas.draw()
        return figure


def volume_figure(measurements: Measurements) -> Figure:
    """The LV volume over the clip, or its area where the size of a pixel is unknown, with the beats' ED and ES.

    Raises:
        DependencyError: without matplotlib.
    """
    with styled("Drawing the volume curve"):
        figure = new_figure(4.8, 3.2)
        axes = figure.subplots()
        plot_volume(axes, measurements)
        figure.canvas.draw()
        return figure


def plot_segments(axes: Axes, measurements: Measurements, beat: BeatMeasurements) -> None:
    """Draw the strain of each segment and GLS; segments that are not trusted are dotted."""
    wall = beat.wall
    if wall is None:
        say_missing(axes, "Strain was not measured.")
        return
    clock, name = clock_of(beat, measurements.times_s)
    drawn = []
    for curve, verdict, colour in zip(wall.strain.longitudinal, wall.trust, SEGMENT_COLOURS, strict=True):
        style, width = ("-", 1.7) if verdict.trusted else (":", 1.3)
        label = verdict.name if verdict.trusted else f"{verdict.name} (not trusted)"
        drawn += axes.plot(clock, curve.values, color=colour, linewidth=width, linestyle=style, label=label)
    half = len(drawn) // 2
    drawn[half:] = drawn[: half - 1 : -1]
    gls = wall.strain.gls.get("mid")
    if gls is not None:
        axes.plot(clock, gls.values, color="white", linewidth=3.6)
        drawn += axes.plot(clock, gls.values, color=INK, linewidth=2.2, label="global")
    axes.axhline(0.0, color=QUIET, linewidth=0.8)
    mark_end_systole(axes, clock[beat.beat.es - beat.beat.start])
    axes.set(title="Segments", xlabel=name)
    axes.margins(x=0.01)
    # two empty entries give each wall its own column
    drawn += [axes.plot([], [], " ", label=" ")[0] for _ in range(3 * half - len(drawn))]
    _legend_below(axes, drawn, 3)


def plot_volume(axes: Axes, measurements: Measurements) -> np.ndarray:
    """Draw volume or area over the clip, ED and ES of every beat, and the EF of the one to be quoted.

    Returns:
        Where each frame stands on the horizontal axis, float64 `[T]`.
    """
    volume = measurements.volume_ml
    quantity, unit = ("area", "px²") if volume is None else ("volume", "ml")
    values = measurements.areas[LV_CAVITY].known() if volume is None else volume
    times = measurements.times_s
    clock = np.arange(len(values), dtype=np.float64) if times is None else 1000.0 * (times - times[0])
    axes.plot(clock, values, color=INK, linewidth=1.8)
    for kind, colour in (("start", "#8c1d18"), ("es", "#0b3c73")):
        frames = sorted({getattr(beat.beat, kind) for beat in measurements.beats})
        label = "end-diastole" if kind == "start" else "end-systole"
        axes.plot(clock[frames], values[frames], "o", color=colour, markersize=5.5, label=label, zorder=3)
    best = measurements.best
    said = f"LV {quantity} in this view"
    if best is not None:
        axes.axvspan(clock[best.beat.start], clock[best.beat.end], color="#f3f6f9", zorder=0)
        ejection = best.cavity.simpson
        if ejection is not None:
            said += f": EF {percent(ejection.ef_percent)}"
        axes.legend(fontsize=7.5, loc="best")
    axes.set(title=said, xlabel="frame" if times is None else "time [ms]", ylabel=f"LV {quantity} [{unit}]")
    axes.set_ylim(bottom=0.0)
    axes.margins(x=0.02)
    return clock


def _plot_layers(axes: Axes, measurements: Measurements, beat: BeatMeasurements) -> None:
    wall = beat.wall
    if wall is None:
        return
    clock, name = clock_of(beat, measurements.times_s)
    for layer, curve in wall.strain.gls.items():
        title, colour = _LAYER_STYLE[layer]
        label, width = _named(title, curve.end_systolic), 2.4 if layer == "mid" else 1.5
        axes.plot(clock, curve.values, color=colour, linewidth=width, label=label)
    contour = wall.contours.gls.get("mid") if wall.contours else None
    if contour is not None:
        label = _named("mask contours", contour.end_systolic)
        axes.plot(clock, contour.values, color=QUIET, linewidth=1.2, linestyle="--", label=label)
    if not wall.strain.gls:
        axes.plot([], [], " ", label="no GLS: too few segments are trusted")
    axes.axhline(0.0, color=QUIET, linewidth=0.8)
    mark_end_systole(axes, clock[beat.beat.es - beat.beat.start])
    axes.set(title="Global, with its value at end-systole", xlabel=name)
    axes.margins(x=0.01)
    _legend_below(axes, None, 2)


def _legend_below(axes: Axes, drawn: list[Line2D] | None, columns: int) -> None:
    axes.legend(
        handles=drawn, fontsize=7.0, ncols=columns, loc="upper center", bbox_to_anchor=(0.5, -0.2), columnspacing=1.2
    )


def _named(title: str, value: float | None) -> str:
    return title if value is None else f"{title}  {percent(value, 1)}"
