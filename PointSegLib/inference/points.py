"""The user's query points: checked against the clip they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.errors import PointError
from PointSegLib.model.config import HINT_CAVITY, HINT_NONE, HINT_OUTSIDE, HINT_WALL

HINTS: dict[str | None, int] = {None: HINT_NONE, "wall": HINT_WALL, "cavity": HINT_CAVITY, "outside": HINT_OUTSIDE}


@dataclass(frozen=True, eq=False)
class UserPoints:
    """Points of the user, checked.

    Attributes:
        rows: float64 `[M, 3]` rows (frame, x, y).
        hints: int64 `[M]`, `HINT_NONE` for points that are only to be followed.
    """

    rows: np.ndarray
    hints: np.ndarray

    @classmethod
    def checked(cls, points: np.ndarray | None, hints: Sequence[str | None] | None, clip: CineClip) -> UserPoints:
        """Check points and hints against the clip and each other.

        Raises:
            PointError: as `checked_points`, for another number of hints than of points, or for an unknown hint.
        """
        rows = checked_points(points, clip)
        named = [None] * len(rows) if hints is None else list(hints)
        if len(named) != len(rows):
            msg = f"{len(named)} hints were given for {len(rows)} points; give one each, None where there is none."
            raise PointError(msg)
        for index, hint in enumerate(named):
            if hint not in HINTS:
                msg = f"the hint of point {index} is {hint!r}; it must be 'wall', 'cavity', 'outside' or None."
                raise PointError(msg)
        return cls(rows, np.array([HINTS[hint] for hint in named], np.int64))


def checked_points(points: np.ndarray | None, clip: CineClip) -> np.ndarray:
    """Query points as float64 `[M, 3]` rows (frame, x, y); M is 0 for None.

    Raises:
        PointError: for another shape, values that are not finite, a frame that does not exist or a position outside
            the image; the row is named.
    """
    if points is None:
        return np.zeros((0, 3))
    try:
        rows = np.asarray(points, np.float64)
    except (TypeError, ValueError) as error:
        msg = f"points must be numbers in rows (frame, x, y): {error}."
        raise PointError(msg) from error
    if rows.size == 0:
        return np.zeros((0, 3))
    if rows.ndim != 2 or rows.shape[1] != 3:
        msg = f"points must have the shape [M, 3] with rows (frame, x, y), not {list(rows.shape)}."
        raise PointError(msg)
    width, height = clip.size_wh
    for index, (frame, x, y) in enumerate(rows):
        if not np.isfinite(rows[index]).all():
            msg = f"point {index} holds a value that is not a finite number; correct or remove it."
            raise PointError(msg)
        if frame != int(frame) or not 0 <= frame < len(clip):
            msg = f"point {index} is in frame {frame:g}, but the clip has frames 0 to {len(clip) - 1}."
            raise PointError(msg)
        if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
            msg = f"point {index} at ({x:g}, {y:g}) lies outside the image of {width} x {height} pixels."
            raise PointError(msg)
    return rows
