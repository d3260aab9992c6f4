"""The displacement of the whole wall from the displacements of scattered points in and beside it.

The field is an affine map plus two smooth parts, one along and one across the wall, that vary along the wall by
B-splines and linearly through it. The affine map is free, so that rigid motion and uniform stretch are recovered
exactly; the rest is penalised for bending. How much is told by the points themselves: restricted maximum likelihood
(Wood 2011, doi 10.1111/j.1467-9868.2010.00749.x) follows clean points closely and averages noisy ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import linalg, ndimage
from scipy.interpolate import BSpline

from PointSegLib.measurement.geometry import WallGeometry
from PointSegLib.measurement.outline import arc_length

# How far outside the wall, in thicknesses of it, points are of use; how far the mid-wall line is drawn on beyond its
# ends to place them, in lengths of it.
MARGIN, OVERHANG = 0.75, 0.06
_OUTSIDE_WEIGHT = 0.5
_SPLINES, _DEGREE = 14, 3
_AFFINE = 6
_SMOOTHNESS = 10.0 ** np.arange(-3.5, 1.6, 0.5)
# Keeps the affine map and the splines apart, and what varies through the wall, where points are few, nearly constant.
_RIDGE, _THROUGH, _THROUGH_ALONG = 1e-3, 0.03, 0.4
_REWEIGHTINGS = 2
# Residuals are outliers beyond this many standard deviations, but never below this share of the wall's length.
_OUTLIER, _LEAST_RESIDUAL = 3.0, 0.004
_RAYLEIGH_MEDIAN = 1.1774


class Places(NamedTuple):
    """Where N points lie in the wall.

    Attributes:
        share: float `[N]`, share of the mid-wall line; below 0 or above 1 beyond the annulus.
        depth: float `[N]`, 0 on the endocardium, 1 on the epicardium.
        xy: float `[N, 2]`, the same places in units.
    """

    share: np.ndarray
    depth: np.ndarray
    xy: np.ndarray


@dataclass(frozen=True, eq=False)
class WallField:
    """A fitted displacement field.

    Attributes:
        basis: what its coefficients multiply.
        coefficients: float64 `[T, P]`.
        covariance: float64 `[T, P, P]` of the coefficients.
        smoothness: the weight of bending that was chosen.
    """

    basis: WallBasis
    coefficients: np.ndarray
    covariance: np.ndarray
    smoothness: float

    def displacement(self, places: Places) -> np.ndarray:
        """Displacement float64 `[T, N, 2]` of places, in units."""
        columns = self.basis.columns(places)
        return np.stack([self.coefficients @ columns[axis].T for axis in (0, 1)], -1)

    def error(self, places: Places) -> np.ndarray:
        """Standard error float64 `[T, N]` of the position of places, in units: the root of both axes' variances."""
        columns = self.basis.columns(places)
        variance = sum(((c @ self.covariance) * c).sum(-1) for c in columns)
        return np.sqrt(np.maximum(variance, 0.0))


class WallBasis:
    """Coordinates and functions that belong to one wall.

    Args:
        geometry: the wall in the frame in which material is named.
    """

    def __init__(self, geometry: WallGeometry) -> None:
        endo, mid, epi = (geometry.scale.to_units(line) for line in (geometry.endo, geometry.mid, geometry.epi))
        self.length = float(arc_length(mid)[-1])
        self._centre, self._share = mid.mean(0), geometry.share
        self._thickness = np.linalg.norm(epi - endo, axis=1)
        tangent = ndimage.gaussian_filter1d(np.gradient(mid, axis=0), 2.0, axis=0, mode="nearest")
        self._tangent = tangent / np.linalg.norm(tangent, axis=1, keepdims=True)
        across = np.stack([-self._tangent[:, 1], self._tangent[:, 0]], 1)
        self._outward = across * np.sign((across * (epi - endo)).sum())
        reach = OVERHANG * self.length
        ends = mid[0] - reach * self._tangent[0], mid[-1] + reach * self._tangent[-1]
        self._line = np.concatenate([ends[:1], mid, ends[1:]])
        self._line_share = np.concatenate([[-OVERHANG], self._share, [1.0 + OVERHANG]])
        inner = np.linspace(-OVERHANG, 1.0 + OVERHANG, _SPLINES - _DEGREE + 1)
        self._knots = np.concatenate([inner[:1].repeat(_DEGREE), inner, inner[-1:].repeat(_DEGREE)])

    def locate(self, xy: np.ndarray) -> Places:
        """Places of positions `[N, 2]` in units, by the nearest point of the mid-wall line and its extensions."""
        start, step = self._line[:-1], np.diff(self._line, axis=0)
        part = ((xy[:, None] - start) * step).sum(-1) / (step * step).sum(-1)
        foot = start + np.clip(part, 0.0, 1.0)[..., None] * step
        nearest = np.linalg.norm(xy[:, None] - foot, axis=-1).argmin(1)
        rows = np.arange(len(xy))
        part = np.clip(part[rows, nearest], 0.0, 1.0)
        share = self._line_share[nearest] * (1.0 - part) + self._line_share[nearest + 1] * part
        away = xy - foot[rows, nearest]
        outward = self._along_wall(self._outward, share)
        distance = np.linalg.norm(away, axis=1) * np.where((away * outward).sum(1) < 0, -1.0, 1.0)
        return Places(share, 0.5 + distance / np.interp(share, self._share, self._thickness), xy)

    def usefulness(self, places: Places) -> np.ndarray:
        """Weight float64 `[N]` of points for the wall's motion: 1 inside it, less beside it, 0 away from it."""
        beside = np.maximum(np.abs(places.depth - 0.5) - 0.5, 0.0)
        beyond = np.maximum(np.maximum(-places.share, places.share - 1.0), 0.0) * self.length
        outside = np.hypot(beside, beyond / np.interp(places.share, self._share, self._thickness))
        near = _OUTSIDE_WEIGHT * np.exp(-0.5 * (2.0 * outside / MARGIN) ** 2)
        return np.where(outside > 0, near, 1.0) * (outside < MARGIN)

    def columns(self, places: Places) -> np.ndarray:
        """Values float64 `[2, N, P]` of all functions at places, for displacement along x and along y."""
        spline = BSpline.design_matrix(
            np.clip(places.share, self._knots[0], self._knots[-1]), self._knots, _DEGREE
        ).toarray()
        through = spline * (np.clip(places.depth, -MARGIN, 1.0 + MARGIN) - 0.5)[:, None]
        along, across = (self._along_wall(field, places.share) for field in (self._tangent, self._outward))
        columns = np.zeros((2, len(places.xy), _AFFINE + 4 * _SPLINES))
        for axis in (0, 1):
            columns[axis, :, 3 * axis] = 1.0
            columns[axis, :, 3 * axis + 1 : 3 * axis + 3] = (places.xy - self._centre) / self.length
            parts = [part * field[:, axis, None] for part in (spline, through) for field in (along, across)]
            columns[axis, :, _AFFINE:] = np.concatenate(parts, 1)
        return columns

    def _along_wall(self, vectors: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Unit vectors `[N, 2]` between those `[M, 2]` at the points of the lines."""
        between = np.stack([np.interp(share, self._share, component) for component in vectors.T], 1)
        return between / np.linalg.norm(between, axis=1, keepdims=True)


def fit_field(basis: WallBasis, places: Places, moves: np.ndarray, weight: np.ndarray) -> WallField:
    """Fit the displacement of a wall to that of points.

    Args:
        basis: of the wall.
        places: of the N points in it.
        moves: float `[N, T, 2]`, their displacements in units.
        weight: float `[N, T]` >= 0; in each frame at least three points that are not on one line need a weight.

    Returns:
        The field; outlying points have been given little weight.
    """
    columns = basis.columns(places)
    scatter = np.einsum("knp,knq->npq", columns, columns)
    least = _LEAST_RESIDUAL * basis.length
    robust = weight
    for _ in range(_REWEIGHTINGS):
        smoothness = _chosen_smoothness(columns, moves, robust)
        coefficients, _ = _solved(columns, scatter, moves, robust, _penalty(smoothness))
        residual = _residual(columns, moves, coefficients)
        spread = 1.4826 / _RAYLEIGH_MEDIAN * float(np.median(residual[weight > 0]))
        robust = weight / (1.0 + (residual / (_OUTLIER * max(spread, least))) ** 2)
    smoothness = _chosen_smoothness(columns, moves, robust)
    coefficients, inverse = _solved(columns, scatter, moves, robust, _penalty(smoothness))
    squares = robust * _residual(columns, moves, coefficients) ** 2
    shared = np.einsum("nt,npq,tqp->t", robust, scatter, inverse, optimize=True)
    freedom = max(2.0 * float((weight > 0).sum()) - float(shared.sum()), 1.0)
    return WallField(basis, coefficients, inverse * float(squares.sum()) / freedom, smoothness)


def _penalty(smoothness: float) -> np.ndarray:
    """Quadratic form `[P, P]`: bending along the wall, and any change through it beyond the affine map."""
    bend, change = (np.diff(np.eye(_SPLINES), order, axis=0) for order in (2, 1))
    level = smoothness * bend.T @ bend + _RIDGE * np.eye(_SPLINES)
    slope = _THROUGH * np.eye(_SPLINES) + _THROUGH_ALONG * change.T @ change
    return linalg.block_diag(np.zeros((_AFFINE, _AFFINE)), level, level, slope, slope)


def _solved(
    columns: np.ndarray, scatter: np.ndarray, moves: np.ndarray, weight: np.ndarray, penalty: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients `[T, P]` of the penalised least squares, and the inverse `[T, P, P]` of its matrix."""
    size = len(penalty)
    matrix = (weight.T @ scatter.reshape(len(scatter), -1)).reshape(-1, size, size) + penalty
    right = sum((weight * moves[..., axis]).T @ columns[axis] for axis in (0, 1))
    inverse = np.linalg.inv(matrix)
    return (inverse @ right[..., None])[..., 0], inverse


def _residual(columns: np.ndarray, moves: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Distance `[N, T]` of each point from where the field puts it."""
    missed = [moves[..., axis] - columns[axis] @ coefficients.T for axis in (0, 1)]
    return np.hypot(*missed)


def _chosen_smoothness(columns: np.ndarray, moves: np.ndarray, weight: np.ndarray) -> float:
    """The weight of bending under which the displacements of all frames together are most likely."""
    root = np.sqrt(weight.mean(1))
    design = (columns * root[:, None]).reshape(-1, columns.shape[2])
    wanted = (moves * root[:, None, None]).transpose(2, 0, 1).reshape(len(design), -1)
    gram, right, total = design.T @ design, design.T @ wanted, float((wanted * wanted).sum())
    if total == 0.0:
        return float(_SMOOTHNESS[-1])
    scores = []
    for smoothness in _SMOOTHNESS:
        penalty = _penalty(smoothness)
        factor = linalg.cholesky(gram + penalty, lower=True)
        explained = linalg.solve_triangular(factor, right, lower=True)
        # the penalised squares that are left; rounding must not make them vanish
        left = max(total - float((explained * explained).sum()), 1e-9 * total)
        prior = np.linalg.slogdet(penalty[_AFFINE:, _AFFINE:])[1]
        fitted = 2.0 * float(np.log(np.diag(factor)).sum())
        scores.append((len(design) - _AFFINE) * np.log(left) + fitted - prior)
    return float(_SMOOTHNESS[int(np.argmin(scores))])
