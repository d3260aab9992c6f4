"""A made mask of a left heart for tests."""

from __future__ import annotations

import numpy as np

from PointSegLib.simulation.parametric import filled


def cup(half_width: float = 22.0, length: float = 70.0, wall: float = 10.0, tilt: float = 0.0) -> np.ndarray:
    """A mask of a cup open downwards, with an atrium below, its apex at (64, 25)."""
    angle = np.linspace(np.pi, 2 * np.pi, 90)
    endo = np.stack([half_width * np.cos(angle), length + length * np.sin(angle)], 1)
    outer = np.stack([(half_width + wall) * np.cos(angle), length + (length + wall) * np.sin(angle)], 1)
    around = np.linspace(0, 2 * np.pi, 90)
    atrium = np.stack([0.9 * half_width * np.cos(around), length + 14 + 14 * np.sin(around)], 1)
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    labels = np.zeros((128, 128), np.uint8)
    for outline, label in ((atrium, 3), (outer, 2), (endo, 1)):
        labels[filled(outline @ turn.T + np.array([64.0, 25.0]), 128)] = label
    return labels
