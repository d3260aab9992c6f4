"""The bull's eye of the left ventricle: 18 segments, base outside, apex in the middle, from one to three views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from PointSegLib.measurement.measurements import Measurements
from PointSegLib.measurement.segments import LEVELS
from PointSegLib.reporting.figures import INK, QUIET, STRAIN_MAP, STRAIN_RANGE, new_figure, percent, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Where the walls lie, in degrees anticlockwise from the right, seen from the apex (Lang et al. 2015).
WALL_ANGLES = {
    "anterior": 90.0,
    "anteroseptal": 150.0,
    "inferoseptal": 210.0,
    "inferior": 270.0,
    "inferolateral": 330.0,
    "anterolateral": 30.0,
}
_RADII = {"basal": (0.70, 1.0), "mid": (0.40, 0.70), "apical": (0.0, 0.40)}
_DARK_FROM = 0.62


class SegmentValue(NamedTuple):
    """Strain of one segment in percent, None where there is none, and whether it is trusted."""

    strain: float | None
    trusted: bool


def segment_values(views: Sequence[Measurements]) -> dict[str, SegmentValue]:
    """Segment name -> its end-systolic longitudinal strain in the beat to be quoted of its view.

    Views that are unknown have no place in the bull's eye and are left out.
    """
    return {
        name: SegmentValue(curve.end_systolic, verdict.trusted or view.insisted)
        for view in views
        if view.view is not None and view.best is not None and view.best.wall is not None
        for name, curve, verdict in zip(
            view.best.wall.strain.names, view.best.wall.strain.longitudinal, view.best.wall.trust, strict=True
        )
    }


def bulls_eye_figure(views: Sequence[Measurements], gls: float | None = None) -> Figure:
    """Draw the bull's eye of end-systolic longitudinal strain (18 segments, Lang et al. 2015).

    Args:
        views: measurements of one to three different views.
        gls: the global value written below; None writes none.

    Returns:
        A matplotlib figure. Segments without a view are grey, those that are not trusted hatched.

    Raises:
        DependencyError: without matplotlib.
    """
    values = segment_values(views)
    with styled("Drawing a bull's eye"):
        figure = new_figure(4.6, 4.4)
        axes = figure.subplots()
        for wall, angle in WALL_ANGLES.items():
            for level in LEVELS:
                _draw_segment(axes, level, angle, values.get(f"{level} {wall}"))
            _name_wall(axes, wall, angle)
        axes.set(xlim=(-1.22, 1.22), ylim=(-1.2, 1.2), aspect="equal")
        axes.set_axis_off()
        shown = " + ".join(view.view for view in views if view.view) or "no known view"
        figure.suptitle(f"End-systolic longitudinal strain, {shown}", fontsize=10, fontweight="bold", x=0.03, ha="left")
        if gls is not None:
            axes.text(0.0, -1.2, f"GLS {percent(gls, 1)}", ha="center", va="top", fontsize=11, fontweight="bold")
        draw_scale(figure, axes)
        figure.canvas.draw()
        return figure


def strain_colour(strain: float) -> tuple[float, float, float, float]:
    """Colour of a strain in percent as RGBA in 0..1: red for shortening, white for none, blue for lengthening."""
    from matplotlib import colormaps

    red, green, blue, alpha = colormaps[STRAIN_MAP](0.5 + 0.5 * strain / STRAIN_RANGE)
    return float(red), float(green), float(blue), float(alpha)


def draw_scale(figure: Figure, axes: Axes | list[Axes]) -> None:
    """Draw what the colours of strain mean beside the axes."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    mappable = ScalarMappable(Normalize(-STRAIN_RANGE, STRAIN_RANGE), STRAIN_MAP)
    bar = figure.colorbar(mappable, ax=axes, shrink=0.6, aspect=22, pad=0.02)
    bar.set_label("shortening  ←  strain [%]  →  lengthening", fontsize=7.5)
    bar.ax.tick_params(labelsize=7.5)
    bar.outline.set_visible(False)


def _draw_segment(axes: Axes, level: str, angle: float, value: SegmentValue | None) -> None:
    from matplotlib.patches import Wedge

    inner, outer = _RADII[level]
    known = value is not None and value.strain is not None
    strain = value.strain if value is not None and value.strain is not None else 0.0
    doubted = value is not None and not value.trusted
    axes.add_patch(
        Wedge(
            (0.0, 0.0), outer, angle - 30.0, angle + 30.0, width=outer - inner, linewidth=1.2,
            facecolor=strain_colour(strain) if known else "#eef1f4", edgecolor="white",
        )
    )  # fmt: skip
    if doubted:
        axes.add_patch(
            Wedge(
                (0.0, 0.0), outer, angle - 30.0, angle + 30.0, width=outer - inner, linewidth=0.0,
                facecolor="none", edgecolor=QUIET, hatch="////",
            )
        )  # fmt: skip
    radius = 0.5 * (inner + outer) if level != "apical" else 0.27
    at = radius * np.cos(np.radians(angle)), radius * np.sin(np.radians(angle))
    text, size = percent(strain)[:-2] if known else "·", 9.5 if level != "apical" else 8.5
    light = known and abs(strain) > _DARK_FROM * STRAIN_RANGE
    axes.text(
        *at, text, ha="center", va="center", fontsize=size,
        color="white" if light and not doubted else INK if known else QUIET,
        bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"} if doubted else None,
    )  # fmt: skip


def _name_wall(axes: Axes, wall: str, angle: float) -> None:
    at = 1.09 * np.cos(np.radians(angle)), 1.09 * np.sin(np.radians(angle))
    turn = angle - 90.0 if angle < 180.0 else angle + 90.0
    axes.text(*at, wall, ha="center", va="center", rotation=turn, fontsize=8.5, color=INK)
