"""`Scale`: how large a pixel is, so that every length and area is computed in one unit that says what it is."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Literal

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.errors import MeasurementError


@dataclass(frozen=True)
class Scale:
    """Distances of pixel centres. Convert positions before taking any length: pixels need not be square.

    Attributes:
        column: distance between neighbouring columns (along x), in `unit`.
        row: distance between neighbouring rows (along y), in `unit`.
        unit: "mm", or "px" where the size of a pixel is unknown; areas are then in px², and there are no millilitres.

    Raises:
        MeasurementError: when a distance is not a positive number.
    """

    column: float = 1.0
    row: float = 1.0
    unit: Literal["mm", "px"] = "px"

    def __post_init__(self) -> None:
        if not all(isfinite(value) and value > 0 for value in (self.column, self.row)):
            msg = f"pixels of {self.column} x {self.row} {self.unit} cannot be measured; give positive distances."
            raise MeasurementError(msg)

    @classmethod
    def of(cls, clip: CineClip) -> Scale:
        """The scale of a clip: millimetres where its spacing is known, else square pixels."""
        if clip.spacing_mm is None:
            return cls()
        row, column = clip.spacing_mm
        return cls(column, row, "mm")

    @property
    def calibrated(self) -> bool:
        """Whether the unit is physical."""
        return self.unit == "mm"

    @property
    def pixel_area(self) -> float:
        """Area of one pixel, in the square of `unit`."""
        return self.column * self.row

    def to_units(self, xy_px: np.ndarray) -> np.ndarray:
        """Pixel positions `[..., 2]` (x, y) as float64 positions in `unit`, with the same origin and axes."""
        return np.asarray(xy_px, np.float64) * (self.column, self.row)

    def to_pixels(self, xy: np.ndarray) -> np.ndarray:
        """Positions `[..., 2]` in `unit` as float64 pixel positions; the inverse of `to_units`."""
        return np.asarray(xy, np.float64) / (self.column, self.row)
