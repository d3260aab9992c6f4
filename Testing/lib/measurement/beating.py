"""A heart that beats as told: a cup that shrinks and widens evenly, with speckle and points that go along."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from lib.measurement.walls import as_tracks, cup, moved_grid
from scipy import ndimage

from PointSegLib.clip import CineClip
from PointSegLib.measurement.measurements import Measurements
from PointSegLib.measurement.one_view import measure
from PointSegLib.result import PointSegResult, PointTracks

# A beat of 20 frames of 25 ms; the shortest lines are 0.85 of their length at end-diastole, so EF is 1 - 0.85 ** 3.
PERIOD, FRAME_S, SHRINK, SIDE = 20, 0.025, 0.15, 160
GLS, EF = -100.0 * SHRINK, 100.0 * (1.0 - (1.0 - SHRINK) ** 3)
CENTRE = np.array([(SIDE - 1) / 2.0, (SIDE - 1) / 2.0])


def size(frame: int, start: int = 1) -> float:
    """Lengths in a frame, relative to end-diastole, which is frame `start` and every `PERIOD` frames after it."""
    return 1.0 - 0.5 * SHRINK * (1.0 - np.cos(2.0 * np.pi * (frame - start) / PERIOD))


def beating(frames: int = 44, start: int = 1, **known: Any) -> tuple[PointSegResult, CineClip]:
    """The segmentation and the clip, with pixels of 1 mm unless `known` (arguments of CineClip) says otherwise."""
    texture = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(SIDE, SIDE)), 1.2)
    picture = np.clip(110.0 + 160.0 * texture, 20, 250)
    still = cup(SIDE)
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)

    def moved(image: np.ndarray, frame: int, order: int) -> np.ndarray:
        places = [(axis - CENTRE[0]) / size(frame, start) + CENTRE[0] for axis in (y, x)]
        return ndimage.map_coordinates(image, places, order=order, mode="nearest")

    labels = np.stack([moved(still, frame, 0) for frame in range(frames)])
    pictures = np.stack([moved(picture, frame, 1) for frame in range(frames)]).astype(np.uint8)
    reference = size(0, start)
    tracks = moved_grid(lambda xy, frame: CENTRE + (xy - CENTRE) * size(frame, start) / reference, frames, SIDE)
    facts: dict[str, Any] = {"spacing_mm": (1.0, 1.0), "times_s": FRAME_S * np.arange(frames), "source": "cup.dcm"}
    return PointSegResult(labels, tracks), CineClip(pictures, **{**facts, **known})


def followed(rows: np.ndarray, frames: int = 44, start: int = 1) -> PointTracks:
    """What a perfect tracker makes of points, rows (frame, x, y), in such a heart."""
    homes = rows[:, 0].astype(int)
    sizes = np.array([size(frame, start) for frame in range(frames)])
    grown = sizes[None, :, None] / sizes[homes, None, None]
    xy = CENTRE + (rows[:, None, 1:] - CENTRE) * grown
    return replace(as_tracks(xy), is_prompt=np.ones(len(rows), bool), queries=rows.astype(np.float32))


def hidden(result: PointSegResult, where: np.ndarray) -> PointSegResult:
    """The result with the points chosen by bool `[N]` seen in few frames."""
    visible = result.tracks.visible.copy()
    visible[where, 2::3] = False
    visible[where, 3::3] = False
    return replace(result, tracks=replace(result.tracks, visible=visible))


def measured(view: str | None = "A4C", frames: int = 44, **known: Any) -> Measurements:
    """The measurements of such a heart."""
    return measure(*beating(frames, **known), view)
