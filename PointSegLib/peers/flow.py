"""Points carried from frame to frame by OpenCV's optical flow: what tracking needs no learning for.

Each point starts in its query frame and is followed forwards and backwards, one neighbouring frame at a time, so that
errors add up as they do for any frame-to-frame method. Flow is computed on the clip's own 8-bit frames.

Settings are the best of a few tried on 12 clips of 24 frames simulated from CAMUS validation patients at 256 x 256, so
that the comparison is with optical flow at its best: speckle asks for larger windows than photographs.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.errors import optional_package
from PointSegLib.result import PointTracks

# AJ by window: 0.54 for 21, 0.65 for 31, 0.70 for 45, 0.71 for 61
LK_WINDOW = 61
LK_LEVELS = 3
# a round trip to the next frame that ends farther away than this has lost the tissue
ROUND_TRIP_PX = 2.0
# AJ by patch: 0.69 for the preset's 8, 0.73 for 16, 0.73 for 24; refined to full size, 0.56
DIS_PATCH = 16

# from one frame uint8 [H, W] to another: where positions float32 [M, 2] are then, and whether they are seen
Step = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def lucas_kanade(clip: CineClip, points: np.ndarray) -> PointTracks:
    """Pyramidal Lucas-Kanade (Bouguet 2000).

    A point counts as seen where the flow there and back returns to within two pixels of it; one that the method gives
    up stays where it is.

    Args:
        clip: the frames.
        points: `[N, 3]`, rows (frame, x, y) in pixels.

    Returns:
        Trajectories in the order of the points.

    Raises:
        DependencyError: when OpenCV is not installed.
    """
    cv2 = _import_cv2()
    how = {"winSize": (LK_WINDOW, LK_WINDOW), "maxLevel": LK_LEVELS}

    def step(here: np.ndarray, there: np.ndarray, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        moved, found, _ = cv2.calcOpticalFlowPyrLK(here, there, xy[:, None], None, **how)
        back, returned, _ = cv2.calcOpticalFlowPyrLK(there, here, moved, None, **how)
        followed = found[:, 0].astype(bool) & np.isfinite(moved[:, 0]).all(1)
        near = np.linalg.norm(back[:, 0] - xy, axis=1) < ROUND_TRIP_PX
        return np.where(followed[:, None], moved[:, 0], xy), followed & returned[:, 0].astype(bool) & near

    return _chained(clip, points, step)


def dis_flow(clip: CineClip, points: np.ndarray) -> PointTracks:
    """Dense inverse search flow (Kroeger et al. 2016), read bilinearly at each point.

    OpenCV's medium preset with larger patches. A point counts as seen as long as it is inside the image. Arguments,
    result and errors are those of `lucas_kanade`.
    """
    cv2 = _import_cv2()
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow.setPatchSize(DIS_PATCH)

    def step(here: np.ndarray, there: np.ndarray, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return xy + _bilinear(flow.calc(here, there, None), xy), np.ones(len(xy), bool)

    return _chained(clip, points, step)


def _import_cv2() -> Any:
    with optional_package("comparing with optical flow", "opencv-python-headless", "peers"):
        import cv2
    return cv2


def _chained(clip: CineClip, points: np.ndarray, step: Step) -> PointTracks:
    queries = np.asarray(points, np.float32).reshape(-1, 3)
    start = queries[:, 0].astype(int)
    xy = np.repeat(queries[:, None, 1:], len(clip), axis=1)
    seen = np.ones(xy.shape[:2], bool)
    for order in (range(len(clip)), range(len(clip) - 1, -1, -1)):
        direction = order.step
        for here, there in pairwise(order):
            active = np.flatnonzero((start - here) * direction <= 0)
            if len(active):
                moved = step(clip.frames[here], clip.frames[there], xy[active, here])
                xy[active, there], seen[active, there] = moved
    width, height = clip.size_wh
    visible = seen & ((xy >= -0.5) & (xy <= np.array([width, height]) - 0.5)).all(-1)
    return PointTracks(xy, visible, visible.astype(np.float32), np.ones(len(queries), bool), queries)


def _bilinear(field: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Values `[M, 2]` of a field `[H, W, 2]` at pixel positions; beyond the border the border's hold."""
    last = np.array([field.shape[1], field.shape[0]]) - 1
    inside = np.clip(xy, 0, last)
    low = np.minimum(inside.astype(int), last - 1)
    right, down = np.hsplit(inside - low, 2)
    x, y = low.T
    upper = field[y, x] * (1 - right) + field[y, x + 1] * right
    lower = field[y + 1, x] * (1 - right) + field[y + 1, x + 1] * right
    return upper * (1 - down) + lower * down
