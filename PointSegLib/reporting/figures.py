"""What all pictures share: matplotlib, an optional package, and one look for screen and print."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from PointSegLib.atomic import atomic_path
from PointSegLib.errors import optional_package
from PointSegLib.measurement.measurements import BeatMeasurements

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, RULE = "#1b1f24", "#6a737d", "#d0d7de"
# Dark to light from base to apex: warm on the first wall of a view, cold on the second, told apart in grey as well.
SEGMENT_COLOURS = ("#8c1d18", "#d9482b", "#f59e42", "#63b3d8", "#2b7bba", "#0b3c73")
# Strain is shown from strong shortening (red) over none (white) to lengthening (blue).
STRAIN_MAP, STRAIN_RANGE = "RdBu", 22.0
_STYLE = {
    "font.family": "sans-serif",
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#eaeef2",
    "axes.axisbelow": True,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "legend.frameon": False,
    "figure.facecolor": "white",
}


def import_matplotlib(purpose: str) -> Any:
    """Import matplotlib.

    Raises:
        DependencyError: when it is not installed; the message names `purpose` and the remedy.
    """
    with optional_package(purpose, "matplotlib", "report"):
        import matplotlib
    return matplotlib


@contextmanager
def styled(purpose: str) -> Iterator[None]:
    """Draw and render in PointSeg's look, without touching that of the caller's own figures."""
    with import_matplotlib(purpose).rc_context(_STYLE):
        yield


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure that no window and no global state knows of."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png_of(figure: Figure, dpi: int = 160) -> bytes:
    """A figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def save_figure(path: str | os.PathLike[str], figure: Figure, dpi: int = 160) -> None:
    """Write a figure as .png, .pdf or .svg, by the ending of the name.

    Raises:
        WriteError: when the file cannot be written; nothing is left behind.
    """
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dpi)


def clock_of(beat: BeatMeasurements, times_s: np.ndarray | None) -> tuple[np.ndarray, str]:
    """Positions `[K]` of the beat's frames on the horizontal axis, and what that axis is called."""
    frames = np.arange(beat.beat.start, beat.beat.end + 1)
    if times_s is None:
        return frames.astype(np.float64), "frame"
    return 1000.0 * (times_s[frames] - times_s[frames[0]]), "time from end-diastole [ms]"


def mark_end_systole(axes: Axes, at: float) -> None:
    """A thin line where the systole ends, named at its upper end."""
    axes.axvline(at, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    axes.annotate(
        "ES", (at, 1.0), xycoords=("data", "axes fraction"), xytext=(3, -3), textcoords="offset points",
        ha="left", va="top", fontsize=7.5, color=QUIET,
    )  # fmt: skip


def say_missing(axes: Axes, reason: str) -> None:
    """An empty panel that says why it is empty."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, reason, ha="center", va="center", color=QUIET, wrap=True, transform=axes.transAxes)


def percent(value: float, places: int = 0) -> str:
    """A percentage with a true minus sign."""
    return f"{value:.{places}f} %".replace("-", "−")
