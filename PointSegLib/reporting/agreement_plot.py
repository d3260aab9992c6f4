"""How far a measurement agrees with a reference: the plot and the figures of Bland and Altman."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from PointSegLib.errors import MeasurementError
from PointSegLib.reporting.figures import INK, QUIET, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NORMAL_95 = 1.96
_BIAS, _LIMITS = "#d9482b", "#2b7bba"


@dataclass(frozen=True, eq=False)
class Agreement:
    """Two measurements of the same N hearts (Bland and Altman 1986, doi 10.1016/S0140-6736(86)90837-8).

    Attributes:
        title: what was measured, and from what.
        reference: float `[N]`.
        measured: float `[N]`, in the same unit; a difference is positive where it is larger than the reference.

    Raises:
        MeasurementError: when there are fewer than two pairs, they do not match, or values are missing.
    """

    title: str
    reference: np.ndarray
    measured: np.ndarray

    def __post_init__(self) -> None:
        shapes = np.shape(self.reference), np.shape(self.measured)
        if shapes[0] != shapes[1] or len(shapes[0]) != 1 or shapes[0][0] < 2:
            msg = f"{self.title}: agreement needs two or more pairs of numbers, not arrays of {shapes[0]}, {shapes[1]}."
            raise MeasurementError(msg)
        if not (np.isfinite(self.reference).all() and np.isfinite(self.measured).all()):
            msg = f"{self.title}: a value is missing; leave its pair out and say so."
            raise MeasurementError(msg)

    @property
    def difference(self) -> np.ndarray:
        """Measured less reference, float64 `[N]`."""
        return np.asarray(self.measured, np.float64) - self.reference

    @property
    def bias(self) -> float:
        """The mean difference."""
        return float(self.difference.mean())

    @property
    def limits(self) -> tuple[float, float]:
        """The limits of agreement: bias less and plus 1.96 standard deviations of the differences."""
        half = _NORMAL_95 * float(self.difference.std(ddof=1))
        return self.bias - half, self.bias + half

    @property
    def mean_absolute(self) -> float:
        """The mean of the absolute differences."""
        return float(np.abs(self.difference).mean())


def agreement_figure(agreements: Sequence[Agreement], quantity: str, unit: str) -> Figure:
    """Draw differences against means, a panel for each agreement, all on one scale.

    Args:
        agreements: one or more.
        quantity: what was measured, for the axes.
        unit: of it.

    Returns:
        A matplotlib figure.

    Raises:
        DependencyError: without matplotlib.
    """
    with styled("Drawing a plot of agreement"):
        figure = new_figure(3.3 * len(agreements) + 0.4, 3.2)
        panels = figure.subplots(1, len(agreements), sharex=True, sharey=True, squeeze=False)[0]
        for axes, agreement in zip(panels, agreements, strict=True):
            _draw(axes, agreement, unit)
            axes.set_xlabel(f"mean of both {quantity} [{unit}]")
        panels[0].set_ylabel(f"measured − reference [{unit}]")
        figure.canvas.draw()
        return figure


def _draw(axes: Axes, agreement: Agreement, unit: str) -> None:
    mean = (agreement.difference + 2.0 * np.asarray(agreement.reference, np.float64)) / 2.0
    axes.axhline(0.0, color=QUIET, linewidth=0.8)
    axes.plot(mean, agreement.difference, "o", color=INK, markersize=4.0, alpha=0.6, markeredgewidth=0.0)
    low, high = agreement.limits
    dashed = (0, (5, 3))
    # the bias is named on the left, so that narrow limits leave room for all three
    for value, colour, style, side, up in (
        (agreement.bias, _BIAS, "-", 0.0, True),
        (low, _LIMITS, dashed, 1.0, False),
        (high, _LIMITS, dashed, 1.0, True),
    ):
        axes.axhline(value, color=colour, linewidth=1.4, linestyle=style)
        axes.annotate(
            f"{value:+.1f}".replace("-", "−"), (side, value), xycoords=("axes fraction", "data"),
            xytext=(3 - 6 * side, 2 if up else -2), textcoords="offset points", ha="right" if side else "left",
            va="bottom" if up else "top", fontsize=8.0, color=colour, zorder=4,
            bbox={"facecolor": "white", "alpha": 0.85, "pad": 0.6, "linewidth": 0.0},
        )  # fmt: skip
    axes.set_title(f"{agreement.title}\nmean |difference| {agreement.mean_absolute:.1f} {unit}", fontsize=8.5)
