"""The wall on the picture: its lines and segments at end-diastole and end-systole, and how it moved between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from PointSegLib.measurement.measurements import BeatMeasurements, WallMeasurements
from PointSegLib.reporting.figures import QUIET, SEGMENT_COLOURS, new_figure, say_missing, styled
from PointSegLib.reporting.measured_clip import MeasuredClip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARGIN_SHARE = 0.22
_ARROW_STEP = 6


def wall_figure(measured: MeasuredClip, beat: BeatMeasurements | None = None) -> Figure:
    """End-diastole and end-systole with the tracked lines, and the displacement of the wall between them.

    Args:
        measured: one view.
        beat: of its measurements; None takes the one to be quoted.

    Returns:
        A matplotlib figure.

    Raises:
        DependencyError: without matplotlib.
    """
    with styled("Drawing the wall"):
        figure = new_figure(9.6, 3.9)
        panels = figure.subplots(1, 3)
        beat = beat or measured.measurements.best
        if beat is None or beat.wall is None:
            for axes in panels:
                say_missing(axes, "The wall was not measured; the warnings say why.")
            return figure
        for axes, frame, phase in zip(
            panels, (beat.beat.start, beat.beat.es), ("End-diastole", "End-systole"), strict=False
        ):
            _picture(axes, measured, frame, beat.wall)
            _draw_lines(axes, beat.wall, frame)
            axes.set_title(f"{phase}, frame {frame}")
        _picture(panels[2], measured, beat.beat.start, beat.wall)
        _draw_motion(figure, panels[2], beat)
        figure.canvas.draw()
        return figure


def _picture(axes: Axes, measured: MeasuredClip, frame: int, wall: WallMeasurements) -> None:
    """The frame around the ventricle in its true proportions."""
    scale = measured.measurements.scale
    axes.imshow(measured.clip.frames[frame], cmap="gray", vmin=0, vmax=255, aspect=scale.row / scale.column)
    places = np.concatenate([wall.lines.endo, wall.lines.epi], 1)[wall.lines.known].reshape(-1, 2)
    low, high = places.min(0), places.max(0)
    margin = _MARGIN_SHARE * (high - low)
    width, height = measured.clip.size_wh
    axes.set_xlim(max(low[0] - margin[0], -0.5), min(high[0] + margin[0], width - 0.5))
    axes.set_ylim(min(high[1] + margin[1], height - 0.5), max(low[1] - margin[1], -0.5))
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_lines(axes: Axes, wall: WallMeasurements, frame: int) -> None:
    lines = wall.lines
    if not lines.known[frame]:
        axes.set_xlabel("The lines are unknown in this frame.", color=QUIET)
        return
    for name in ("endo", "epi"):
        axes.plot(*lines.layer(name)[frame].T, color="white", linewidth=0.9, alpha=0.9)
    share = lines.geometry.share
    for segment, verdict, colour in zip(lines.geometry.segments, wall.trust, SEGMENT_COLOURS, strict=True):
        inside = (share >= segment.start - 0.006) & (share <= segment.end + 0.006)
        axes.plot(*lines.mid[frame][inside].T, color=colour, linewidth=3.2, linestyle="-" if verdict.trusted else ":")
    ends = lines.endo[frame][[0, -1]]
    axes.plot(*ends.T, color="white", linewidth=0.8, linestyle=(0, (3, 3)))
    axes.plot(*ends.T, "o", color="white", markersize=4.0)
    apex = lines.endo[frame][round(lines.geometry.apex_share * (lines.endo.shape[1] - 1))]
    axes.plot(*np.stack([ends.mean(0), apex], 1), color="white", linewidth=0.8, linestyle=(0, (3, 3)))


def _draw_motion(figure: Figure, axes: Axes, beat: BeatMeasurements) -> None:
    """Arrows from where the wall was at end-diastole to where it is at end-systole."""
    if beat.wall is None:
        return
    lines, unit = beat.wall.lines, beat.wall.annulus.unit
    axes.set_title("Motion from ED to ES")
    if not lines.known[beat.beat.es]:
        axes.set_xlabel("The lines are unknown at end-systole.", color=QUIET)
        return
    start, end = (
        np.concatenate([lines.layer(name)[frame, ::_ARROW_STEP] for name in ("endo", "mid", "epi")])
        for frame in (beat.beat.start, beat.beat.es)
    )
    length = np.linalg.norm(lines.geometry.scale.to_units(end - start), axis=1)
    arrows = axes.quiver(
        *start.T, *(end - start).T, length, angles="xy", scale_units="xy", scale=1.0, cmap="plasma",
        width=0.009, headwidth=3.6, headlength=4.2, clim=(0.0, float(length.max())),
    )  # fmt: skip
    bar = figure.colorbar(arrows, ax=axes, shrink=0.75, aspect=24, pad=0.02)
    bar.set_label(f"displacement [{unit}]", fontsize=7.5)
    bar.ax.tick_params(labelsize=7.5)
    bar.outline.set_visible(False)
