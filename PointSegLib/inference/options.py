"""`SegmentOptions`: what a user may choose about how a clip is segmented; plain data that knows no torch."""

from __future__ import annotations

from dataclasses import dataclass

from PointSegLib.errors import OptionError

GRID_SIZES = range(2, 65)
WIDEST_SMOOTHING_FRAMES = 10.0


@dataclass(frozen=True)
class SegmentOptions:
    """How a clip is segmented.

    Attributes:
        grid_size: rows and columns of the grid of automatic points over the sector; None takes those that the network
            was trained with.
        smoothing_frames: standard deviation, in frames, of the Gaussian over time that class probabilities are smoothed
            with; 0 leaves every frame as the network drew it.

    Raises:
        OptionError: for a number out of its range.
    """

    grid_size: int | None = None
    smoothing_frames: float = 0.0

    def __post_init__(self) -> None:
        if self.grid_size is not None and self.grid_size not in GRID_SIZES:
            msg = (
                f"a grid of {self.grid_size} x {self.grid_size} points was asked for; choose from {GRID_SIZES[0]} to "
                f"{GRID_SIZES[-1]} in each direction, or None for the network's own."
            )
            raise OptionError(msg)
        if not 0 <= self.smoothing_frames <= WIDEST_SMOOTHING_FRAMES:
            msg = (
                f"masks were to be smoothed over {self.smoothing_frames} frames; choose a standard deviation from 0, "
                f"which is none, to {WIDEST_SMOOTHING_FRAMES:g} frames."
            )
            raise OptionError(msg)


AS_TRAINED = SegmentOptions()
