"""A heart from random shape parameters: matched contours at both ends of systole, and the outlines of its neighbours.

Shapes are drawn in heart coordinates (across, along): pixels of depth, the apex of the cavity at the origin, `along`
towards the base, the septum at negative `across`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from PointSegLib.simulation.contours import ATRIUM_POINTS, Contours, by_arc_length
from PointSegLib.simulation.sampling import uniform

_FINE = 241


@dataclass(frozen=True)
class HeartShape:
    """Shape of one heart at end-diastole and how far it contracts. Lengths in units of the cavity's length.

    Attributes:
        half_width: (septal, lateral) greatest half-width of the cavity.
        blunt: exponent of the apex; 2 is an ellipse, more is blunter.
        cut: where the base cuts the ellipse, in half-lengths from its apex; 1 is the middle.
        bend: sideways bow of the long axis.
        slant: slope of the mitral plane.
        wall: (septal, apical, lateral) wall thickness.
        atrium: height of the left atrium.
        atrium_width: half-width of the left atrium relative to that of the annulus.
        right: width of the right ventricle.
        shortening: relative shortening of the long axis at end-systole.
        narrowing: relative narrowing of the cavity at end-systole.
    """

    half_width: tuple[float, float]
    blunt: float
    cut: float
    bend: float
    slant: float
    wall: tuple[float, float, float]
    atrium: float
    atrium_width: float
    right: float
    shortening: float
    narrowing: float


@dataclass(frozen=True, eq=False)
class Heart:
    """Contours at both ends of systole and outlines `[N, 2]` of what lies around the left heart at end-diastole."""

    ed: Contours
    es: Contours
    right_ventricle: np.ndarray
    right_atrium: np.ndarray
    bright: tuple[np.ndarray, ...]


def draw_shape(ejection_fraction: float, generator: torch.Generator) -> HeartShape:
    """Draw a heart that ejects the given share of its volume: narrowing and shortening share the work."""
    wide = uniform(generator, 0.20, 0.34)
    wall = uniform(generator, 0.09, 0.16)
    left = 1.0 - ejection_fraction
    by_length = uniform(generator, 0.15, 0.30)
    return HeartShape(
        half_width=(wide * uniform(generator, 0.85, 1.1), wide * uniform(generator, 0.9, 1.15)),
        blunt=uniform(generator, 1.8, 2.7),
        cut=uniform(generator, 1.45, 1.8),
        bend=uniform(generator, -0.06, 0.06),
        slant=uniform(generator, -0.25, 0.25),
        wall=(
            wall * uniform(generator, 0.85, 1.3),
            wall * uniform(generator, 0.6, 0.95),
            wall * uniform(generator, 0.85, 1.15),
        ),
        atrium=uniform(generator, 0.38, 0.7),
        atrium_width=uniform(generator, 0.95, 1.3),
        right=uniform(generator, 0.2, 0.42),
        shortening=1.0 - left**by_length,
        narrowing=1.0 - left ** ((1.0 - by_length) / 2.0),
    )


def build_heart(shape: HeartShape, length_px: float) -> Heart:
    """The heart of a shape.

    Args:
        shape: the heart.
        length_px: length of its cavity at end-diastole in pixels of depth.

    Returns:
        Its curves in heart coordinates. Each stretch of wall has the same area at both ends of systole.
    """
    length = 1.0 - shape.shortening
    ed_endo, es_endo = _endocardium(shape, 1.0, 0.0), _endocardium(shape, length, shape.narrowing)
    thickness = _thickness(shape)
    area = _wall_area(ed_endo, thickness)
    es_thickness = ndimage.gaussian_filter1d(_thickness_of(es_endo, area), 2.0, mode="nearest")
    body = shape.atrium_width * float(np.linalg.norm(ed_endo[-1] - ed_endo[0])) / 2.0
    curves = []
    for endo, thick, along in ((ed_endo, thickness, 1.0), (es_endo, es_thickness, length)):
        epi = endo + thick[:, None] * _normals(endo)
        # The atrium fills while the ventricle empties: it grows longer and a little wider.
        curves.append((endo, epi, _atrium(shape, endo, along, body * (1.0 + 0.3 * (1.0 - along)))))
    apex = (_FINE - 1) / 2
    contours = []
    # Both are counted by the arc length at end-diastole, so that equal indices stay the same material.
    for endo, epi, atrium in curves:
        wall = by_arc_length(ed_endo, np.concatenate([endo, epi], 1), apex) * length_px
        contours.append(Contours(wall[:, :2], wall[:, 2:], atrium * length_px))
    right_ventricle, right_atrium = _right_heart(shape, curves[0][0], curves[0][1])
    bright = _bright_structures(shape, curves[0][0], curves[0][1], right_ventricle)
    return Heart(
        contours[0],
        contours[1],
        right_ventricle * length_px,
        right_atrium * length_px,
        tuple(outline * length_px for outline in bright),
    )


def _endocardium(shape: HeartShape, length: float, narrowing: float) -> np.ndarray:
    """`[_FINE, 2]` from the septal annulus over the apex to the lateral one, of the given length and narrowing."""
    # Equal steps of this angle crowd at the apex, where the curve turns.
    steep = np.linspace(-1.0, 1.0, _FINE)
    along = shape.cut * steep**2
    height = np.abs(1.0 - along)
    half = np.maximum(1.0 - height**shape.blunt, 0.0) ** 0.5
    scale = np.where(steep < 0, -shape.half_width[0], shape.half_width[1])
    # The two halves would meet at the apex with different curvature.
    scale = np.where(steep < 0, -1.0, 1.0) * ndimage.gaussian_filter1d(np.abs(scale), 12.0, mode="nearest")
    # The annulus is stiffer than the body of the ventricle.
    local = narrowing * (1.08 - 0.45 * np.clip((steep**2 - 0.6) / 0.4, 0.0, 1.0) ** 2)
    return _formed(shape, np.stack([scale * half * (1.0 - local), along / shape.cut * length], 1))


def _formed(shape: HeartShape, points: np.ndarray) -> np.ndarray:
    """Bow the long axis and slant the base: positions (across, along) in units of the length, apex at the origin."""
    across, along = points.T
    bowed = across + shape.bend * np.sin(math.pi * np.clip(along, 0.0, 1.2))
    return np.stack([bowed, along + shape.slant * across * np.clip(along, 0.0, 1.0) ** 2], 1)


def _thickness(shape: HeartShape) -> np.ndarray:
    septal, apical, lateral = shape.wall
    at = np.linspace(-1.0, 1.0, _FINE)
    body = np.where(at < 0, septal, lateral)
    weight = np.exp(-((at / 0.35) ** 2))
    return ndimage.gaussian_filter1d(body * (1.0 - weight) + apical * weight, 8.0, mode="nearest")


def _steps(endo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Arc length and turn (radians, positive where the wall widens outwards) that belong to each point."""
    tangent = np.gradient(endo, axis=0)
    direction = np.unwrap(np.arctan2(tangent[:, 1], tangent[:, 0]))
    return np.linalg.norm(tangent, axis=1), np.gradient(ndimage.gaussian_filter1d(direction, 2.0, mode="nearest"))


def _normals(endo: np.ndarray) -> np.ndarray:
    tangent = ndimage.gaussian_filter1d(np.gradient(endo, axis=0), 3.0, axis=0, mode="nearest")
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], 1)
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def _wall_area(endo: np.ndarray, thickness: np.ndarray) -> np.ndarray:
    step, turn = _steps(endo)
    return thickness * step + thickness**2 * turn / 2.0


def _thickness_of(endo: np.ndarray, area: np.ndarray) -> np.ndarray:
    """The thickness that gives each point of an endocardium its area: the root of `_wall_area`."""
    step, turn = _steps(endo)
    return 2.0 * area / (step + np.sqrt(np.maximum(step**2 + 2.0 * turn * area, 0.0)))


def _atrium(shape: HeartShape, endo: np.ndarray, length: float, body: float) -> np.ndarray:
    """Outline from annulus to annulus: an ellipse of half-width `body` between a moving base and a resting roof."""
    start, end = endo[0], endo[-1]
    middle, half = (start + end) / 2.0, float(np.linalg.norm(end - start)) / 2.0
    height = shape.atrium + 1.0 - length
    low = math.asin(0.55)
    angle = np.linspace(math.pi + low, -low, ATRIUM_POINTS)
    x, y = np.cos(angle) / math.cos(low), (np.sin(angle) + 0.55) / 1.55 * height
    width = half + (body - half) * np.clip(y / (0.4 * height), 0.0, 1.0)
    across = (end - start) / (2.0 * half)
    return middle + (x * width)[:, None] * across + y[:, None] * np.array([0.0, 1.0])


def _right_heart(shape: HeartShape, endo: np.ndarray, epi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    septum = epi[: int(0.40 * _FINE)]
    outward = (epi - endo)[: len(septum)]
    outward = outward / np.linalg.norm(outward, axis=1, keepdims=True)
    rest = np.linspace(1.0, 0.0, len(septum)) ** 0.7
    ventricle = np.concatenate([septum, (septum + shape.right * rest[:, None] * outward)[::-1]])
    corner = septum[0] + np.array([0.0, 0.03])
    angle = np.linspace(0.0, 2.0 * math.pi, 48, endpoint=False)
    half = np.array([0.5 * shape.right + 0.02, 0.45 * shape.atrium])
    centre = corner + np.array([-half[0], half[1]])
    return ventricle, centre + half * np.stack([np.cos(angle), np.sin(angle)], 1)


def _bright_structures(
    shape: HeartShape, endo: np.ndarray, epi: np.ndarray, right_ventricle: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Closed mitral and tricuspid leaflets and the pericardium outside the lateral wall, as thin outlines."""
    mitral = _leaflets(endo[0], endo[-1], -0.08)
    tricuspid = _leaflets(right_ventricle[-1], right_ventricle[0], -0.05)
    free = slice(int(0.58 * _FINE), int(0.97 * _FINE))
    outer = epi[free] + 0.25 * (epi - endo)[free]
    return mitral, tricuspid, np.concatenate([epi[free], outer[::-1]])


def _leaflets(start: np.ndarray, end: np.ndarray, depth: float) -> np.ndarray:
    share = np.linspace(0.0, 1.0, 17)
    line = start + share[:, None] * (end - start)
    line[:, 1] += depth * (1.0 - np.abs(2.0 * share - 1.0))
    return np.concatenate([line, (line + np.array([0.0, 0.016]))[::-1]])
