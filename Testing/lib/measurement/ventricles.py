"""Masks of ventricles whose length, area and volume are known: half an ellipse inside a wall above an atrium."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from PointSegLib.measurement.scale import Scale
from PointSegLib.result import LEFT_ATRIUM, LV_CAVITY, MYOCARDIUM

SCALE = Scale(0.5, 0.5, "mm")
IMAGE_MM = (110.0, 150.0)


@dataclass(frozen=True)
class Ventricle:
    """A half ellipse, its apex up; sizes in mm.

    Attributes:
        length: from base to apex.
        radius: half of the width at the base.
        wall: thickness of the wall; 0 for none.
        atrium: height of the atrium; 0 for none.
        tilt: rotation on the screen in radians.
    """

    length: float = 80.0
    radius: float = 22.0
    wall: float = 9.0
    atrium: float = 35.0
    tilt: float = 0.0

    @property
    def area(self) -> float:
        return np.pi * self.radius * self.length / 2.0

    @property
    def volume_ml(self) -> float:
        """Of the half ellipsoid that is round across its axis."""
        return 2.0 / 3.0 * np.pi * self.radius**2 * self.length / 1000.0

    @property
    def atrium_area(self) -> float:
        return np.pi * self.radius * self.atrium / 2.0

    def labels(self, scale: Scale = SCALE) -> np.ndarray:
        """uint8 `[H, W]` of an image of 110 x 150 mm."""
        shape = round(IMAGE_MM[1] / scale.row), round(IMAGE_MM[0] / scale.column)
        y, x = np.indices(shape)
        from_base = scale.to_units(np.stack([x, y], -1)) - (IMAGE_MM[0] / 2, 100.0)
        turn = np.array([[np.cos(self.tilt), -np.sin(self.tilt)], [np.sin(self.tilt), np.cos(self.tilt)]])
        across, down = np.moveaxis(from_base @ turn, -1, 0)
        labels = np.zeros(shape, np.uint8)

        def paint(value: int, radius: float, height: float, upwards: bool) -> None:
            side = down <= 0 if upwards else down > 0
            labels[side & (np.hypot(across / radius, down / height) < 1)] = value

        if self.wall:
            paint(MYOCARDIUM, self.radius + self.wall, self.length + self.wall, upwards=True)
        paint(LV_CAVITY, self.radius, self.length, upwards=True)
        if self.atrium:
            paint(LEFT_ATRIUM, self.radius, self.atrium, upwards=False)
        return labels
