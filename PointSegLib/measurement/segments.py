"""The segments of the left ventricle's wall in an apical view, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from PointSegLib.errors import MeasurementError

# Names of the walls on the left and on the right of the usual display, apex up (Lang et al. 2015).
VIEWS = {
    "A4C": ("inferoseptal", "anterolateral"),
    "A2C": ("inferior", "anterior"),
    "A3C": ("inferolateral", "anteroseptal"),
}
LEVELS = ("basal", "mid", "apical")
_LEVEL_ENDS = (0.35, 0.70)


@dataclass(frozen=True)
class Segment:
    """One segment of the wall.

    Attributes:
        name: level and wall, for example "basal inferoseptal", or "basal left" in an unknown view.
        start: share of the mid-wall line where it starts, counted from the annulus on the image's left.
        end: share where it ends.
    """

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class Naming:
    """How the two walls are called.

    Attributes:
        view: a key of `VIEWS`, or None when unknown: the walls are then "left" and "right" in the image.
        mirrored: True when the display shows left and right exchanged.
    """

    view: str | None = None
    mirrored: bool = False

    def __post_init__(self) -> None:
        if self.view is not None and self.view not in VIEWS:
            msg = f"the view {self.view!r} is not known; give one of {', '.join(VIEWS)}, or None if it is unknown."
            raise MeasurementError(msg)

    @property
    def walls(self) -> tuple[str, str]:
        """Names of the wall on the image's left and of that on its right."""
        if self.view is None:
            return "left", "right"
        first, second = VIEWS[self.view]
        return (second, first) if self.mirrored else (first, second)


UNKNOWN_VIEW = Naming()


def divided(mid: np.ndarray, axis: np.ndarray, apex: float, walls: tuple[str, str]) -> tuple[Segment, ...]:
    """Divide a wall into six segments.

    Each wall is cut at 35 % and 70 % of the way from its end of the annulus to the apex, counted along the long axis:
    35, 35 and 30 % are the shares of the muscle that the 17-segment model gives to the basal, mid and apical level
    (Cerqueira et al. 2002, doi 10.1161/hc0402.102975). The apical segment of each wall reaches to the apex, as in the
    18-segment model (Lang et al. 2015, doi 10.1016/j.echo.2014.10.003).

    Args:
        mid: float `[M, 2]`, the mid-wall line in units, at equal steps.
        axis: float `[2]`, from the middle of the annulus to the apex.
        apex: share of the line at which the apex lies.
        walls: names of the wall where the line starts and of that where it ends.

    Returns:
        The segments in the order of the line.
    """
    height = mid @ axis
    share = np.linspace(0.0, 1.0, len(mid))
    top = float(np.interp(apex, share, height))
    left = share <= apex
    bounds = []
    for at, rise in ((share[left], height[left]), (share[~left][::-1], height[~left][::-1])):
        climbed = np.maximum.accumulate((rise - rise[0]) / (top - rise[0]))
        bounds.append(np.interp(_LEVEL_ENDS, climbed, at))
    edges = [0.0, *bounds[0], apex, *bounds[1][::-1], 1.0]
    names = [f"{level} {walls[0]}" for level in LEVELS] + [f"{level} {walls[1]}" for level in LEVELS[::-1]]
    return tuple(Segment(name, float(a), float(b)) for name, a, b in zip(names, edges, edges[1:], strict=False))
