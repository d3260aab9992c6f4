"""`WallLines`: endocardium, mid-wall and epicardium in every frame, carried by tracked points or read from masks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.displacement import Places, WallBasis, WallField, fit_field
from PointSegLib.measurement.geometry import WallGeometry, find_wall
from PointSegLib.measurement.scale import Scale
from PointSegLib.measurement.segments import UNKNOWN_VIEW, Naming
from PointSegLib.result import PointTracks

LAYERS = ("endo", "mid", "epi")
_DEPTHS = {"endo": 0.0, "mid": 0.5, "epi": 1.0}
# Three points fix the affine part of the motion; with fewer than twice as many, one outlier would rule it.
_FEWEST_POINTS = 6


@dataclass(frozen=True, eq=False)
class WallLines:
    """The wall's three lines over T frames; index m of a tracked line is the same material in every frame.

    Attributes:
        geometry: the wall in its own frame, where the lines start from.
        endo: float64 `[T, M, 2]`, pixel positions (x, y); NaN in frames that are not `known`.
        mid: float64 `[T, M, 2]`, likewise.
        epi: float64 `[T, M, 2]`, likewise.
        known: bool `[T]`, False where the lines could not be found; `warnings` says why.
        error: float64 `[T, M]`, standard error of the mid-wall line's position in units of the scale, as far as the
            scatter of the points about the field tells; None for lines read from masks.
        n_points: how many points carried the lines; 0 for lines read from masks.
        warnings: what limits them, one sentence each.
    """

    geometry: WallGeometry
    endo: np.ndarray
    mid: np.ndarray
    epi: np.ndarray
    known: np.ndarray
    error: np.ndarray | None = None
    n_points: int = 0
    warnings: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.mid)

    def layer(self, name: str) -> np.ndarray:
        """One of the lines by its name in `LAYERS`, in pixels: float64 `[T, M, 2]`.

        Raises:
            MeasurementError: for another name.
        """
        if name not in LAYERS:
            msg = f"there is no layer {name!r}; give one of {', '.join(LAYERS)}."
            raise MeasurementError(msg)
        return {"endo": self.endo, "mid": self.mid, "epi": self.epi}[name]


def follow_wall(geometry: WallGeometry, tracks: PointTracks) -> WallLines:
    """Carry the wall's lines through the clip by the points that were tracked in it and close beside it.

    A smooth displacement field is fitted to the points of each frame (`displacement.fit_field`), weighted by their
    confidence and by their distance from the wall; points that are not visible, in this frame or in that of the
    geometry, count nothing. It is material that is followed (Voigt et al. 2015, doi 10.1093/ehjci/jeu184), not the
    border of the mask.

    Args:
        geometry: the wall in its frame.
        tracks: of the same clip.

    Returns:
        The lines of all frames, exactly those of `geometry` in its own.

    Raises:
        MeasurementError: when too few points lie in the wall, or the frame is not one of the tracks'.
    """
    if not 0 <= geometry.frame < tracks.xy.shape[1]:
        msg = f"the wall was found in frame {geometry.frame}, but the tracks have {tracks.xy.shape[1]} frames."
        raise MeasurementError(msg)
    basis, scale = WallBasis(geometry), geometry.scale
    xy = scale.to_units(tracks.xy)
    places = basis.locate(xy[:, geometry.frame])
    seen = tracks.visible & tracks.visible[:, geometry.frame, None]
    weight = basis.usefulness(places)[:, None] * seen * tracks.confidence * tracks.confidence[:, geometry.frame, None]
    kept, known = weight.any(1), _enough(weight, geometry.frame)
    moves = xy - xy[:, geometry.frame, None]
    fitted = fit_field(
        basis,
        Places(*(part[kept] for part in places)),
        moves[kept][:, known],
        weight[kept][:, known].astype(np.float64),
    )
    lines = {layer: _carried(geometry, layer, fitted, known) for layer in LAYERS}
    error = np.full((len(known), len(geometry.share)), np.nan)
    error[known] = fitted.error(_on_layer(geometry, "mid"))
    lost = _named_frames(~known, "have too few visible points in the wall: the lines are unknown there.")
    return WallLines(geometry, lines["endo"], lines["mid"], lines["epi"], known, error, int(kept.sum()), lost)


def _on_layer(geometry: WallGeometry, layer: str) -> Places:
    xy = geometry.scale.to_units(getattr(geometry, layer))
    return Places(geometry.share, np.full(len(xy), _DEPTHS[layer]), xy)


def _carried(geometry: WallGeometry, layer: str, fitted: WallField, known: np.ndarray) -> np.ndarray:
    """One line in all frames `[T, M, 2]`, in pixels; NaN where unknown."""
    start = _on_layer(geometry, layer)
    moved = np.full((len(known), *start.xy.shape), np.nan)
    moved[known] = start.xy + fitted.displacement(start)
    return geometry.scale.to_pixels(moved)


def contour_lines(labels: np.ndarray, scale: Scale, frame: int = 0, naming: Naming = UNKNOWN_VIEW) -> WallLines:
    """Read the wall's lines from the mask of every frame: the baseline that tracked lines are compared with.

    Equal indices are equal shares of the line, not the same material: motion along the wall cannot be seen.

    Args:
        labels: uint8 `[T, H, W]`, CAMUS labels.
        scale: of the clip.
        frame: whose wall names the segments, as a rule end-diastole.
        naming: view and mirroring.

    Returns:
        The lines; frames without a usable wall are not `known`.

    Raises:
        MeasurementError: when `frame` itself has no usable wall.
    """
    home = find_wall(labels[frame], scale, frame, naming)
    walls = [home if index == frame else _wall_if_any(mask, scale, index) for index, mask in enumerate(labels)]
    known = np.array([wall is not None for wall in walls])
    missing = np.full(home.mid.shape, np.nan)
    lines = {name: np.stack([missing if w is None else getattr(w, name) for w in walls]) for name in LAYERS}
    lost = _named_frames(~known, "show no usable wall: the contours are unknown there.")
    return WallLines(home, lines["endo"], lines["mid"], lines["epi"], known, warnings=lost)


def _wall_if_any(labels: np.ndarray, scale: Scale, frame: int) -> WallGeometry | None:
    try:
        return find_wall(labels, scale, frame)
    except MeasurementError:
        return None


def _enough(weight: np.ndarray, home: int) -> np.ndarray:
    """Bool `[T]`: frames in which the wall holds points enough."""
    count = (weight > 0).sum(0)
    known = count >= _FEWEST_POINTS
    if known.sum() < 2 or not known[home]:
        msg = (
            f"{int(count[home])} tracked points lie in or beside the wall in frame {home}, and no more than "
            f"{int(count.max())} in any: at least {_FEWEST_POINTS} are needed. Put query points on the wall."
        )
        raise MeasurementError(msg)
    return known


def _named_frames(chosen: np.ndarray, what: str) -> tuple[str, ...]:
    frames = np.flatnonzero(chosen)
    if not len(frames):
        return ()
    named = ", ".join(map(str, frames[:8])) + (" and others" if len(frames) > 8 else "")
    return (f"{len(frames)} of {len(chosen)} frames ({named}) {what}",)
