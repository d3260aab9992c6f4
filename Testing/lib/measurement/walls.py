"""Walls whose motion is known: a half-ellipse that moves as a test says, and simulated hearts."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from PointSegLib.measurement.cycle import Beat
from PointSegLib.measurement.geometry import WallGeometry
from PointSegLib.measurement.scale import Scale
from PointSegLib.model.queries import staggered_grid
from PointSegLib.result import PointTracks
from PointSegLib.simulation.motion_config import MotionConfig
from PointSegLib.simulation.parametric import parametric_scene
from PointSegLib.simulation.sampling import sample_at
from PointSegLib.simulation.scene import Scene, follow
from PointSegLib.simulation.staging import time_reversed

# Half-width and length of the cavity of `cup`, and the thickness of its wall, for an image of 200 pixels.
WIDTH, LENGTH, THICK = 28.0, 100.0, 14.0


def cup(side: int = 200, turn: float = 0.0, atrium: bool = True) -> np.ndarray:
    """Labels uint8 `[side, side]` of a half-ellipse, apex up, turned by `turn` radians about the image's middle."""
    x, y = _upright(side, turn)
    base = 0.75 * LENGTH

    def inside(by: float) -> np.ndarray:
        return (x / (WIDTH + by)) ** 2 + (y / (0.75 * LENGTH + by)) ** 2 <= 1.0

    labels = np.zeros((side, side), np.uint8)
    labels[inside(THICK) & (y < 0.25 * LENGTH)] = 2
    labels[inside(0.0) & (y < 0.25 * LENGTH)] = 1
    if atrium:
        labels[((x / WIDTH) ** 2 + ((y - 0.25 * LENGTH) / (0.4 * base)) ** 2 <= 0.9) & (y >= 0.25 * LENGTH)] = 3
    return labels


def _upright(side: int, turn: float) -> tuple[np.ndarray, np.ndarray]:
    scale = side / 200.0
    y, x = (np.mgrid[:side, :side] - (side - 1) / 2.0) / scale
    return math.cos(turn) * x + math.sin(turn) * y, -math.sin(turn) * x + math.cos(turn) * y


def moved_grid(motion: Callable[[np.ndarray, int], np.ndarray], frames: int, side: int = 200) -> PointTracks:
    """Exact tracks of 16 x 16 points; `motion(xy, frame)` tells where places `[N, 2]` of frame 0 have gone."""
    ticks = (np.arange(16) + 0.5) / 16.0 * side - 0.5
    start = np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2)
    return as_tracks(np.stack([motion(start, frame) for frame in range(frames)], 1))


def as_tracks(xy: np.ndarray, visible: np.ndarray | None = None) -> PointTracks:
    """Tracks of positions `[N, T, 2]`, all seen unless told otherwise."""
    visible = np.ones(xy.shape[:2], bool) if visible is None else visible
    queries = np.concatenate([np.zeros((len(xy), 1)), xy[:, 0]], 1).astype(np.float32)
    confidence = np.where(visible, 0.95, 0.05).astype(np.float32)
    return PointTracks(xy.astype(np.float32), visible, confidence, np.zeros(len(xy), bool), queries)


def noisy(tracks: PointTracks, spread: float, seed: int, frames_alike: float = 8.0) -> PointTracks:
    """Tracks with errors of `spread` pixels that last for about `frames_alike` frames, each point its own."""
    random = np.random.default_rng(seed)
    count, frames, _ = tracks.xy.shape
    kept = math.exp(-1.0 / frames_alike)
    error = random.normal(size=(count, frames, 2))
    for frame in range(1, frames):
        error[:, frame] = kept * error[:, frame - 1] + math.sqrt(1.0 - kept * kept) * error[:, frame]
    return as_tracks(tracks.xy + spread * error, tracks.visible)


def heart(seed: int, frames: int = 12, side: int = 160, config: MotionConfig | None = None) -> Scene:
    """A small parametric heart whose end-diastole comes before its end-systole."""
    config = config or MotionConfig(rest_probability=0.0)
    scene = parametric_scene(frames, torch.Generator().manual_seed(seed), config, side)
    return time_reversed(scene) if scene.es < scene.ed else scene


def beat_of(scene: Scene) -> Beat:
    """End-diastole to the end of the scene, without a second end-diastole."""
    return Beat(scene.ed, scene.es, len(scene) - 1, complete=False)


def scale_of(scene: Scene) -> Scale:
    return Scale(scene.spacing_mm / scene.sector.squeeze, scene.spacing_mm, "mm")


def material(xy: np.ndarray, scene: Scene, frame: int) -> np.ndarray:
    """Where the material that lies at `xy` `[M, 2]` in a frame is in all frames: float64 `[T, M, 2]`."""
    places = torch.as_tensor(xy, dtype=torch.float32)
    back = sample_at(scene.inverse[frame : frame + 1], places[None], (scene.side, scene.side))[0]
    return follow(places + back, scene).transpose(0, 1).double().numpy()


def product_tracks(scene: Scene, size: int = 16) -> PointTracks:
    """Exact tracks of the points that the predictor puts on the fan: half on the first, half on the last frame."""
    fan = scene.sector.mask(scene.side).numpy()
    rows, columns = np.flatnonzero(fan.any(1)), np.flatnonzero(fan.any(0))
    corner, extent = np.array([columns[0], rows[0]]), np.array([np.ptp(columns), np.ptp(rows)]) + 1
    parts = []
    for cells, frame in zip(staggered_grid(size), (0, len(scene) - 1), strict=True):
        xy = cells.numpy() * extent - 0.5 + corner
        at = np.rint(xy).astype(int).clip(0, scene.side - 1)
        parts.append(material(xy[fan[at[:, 1], at[:, 0]]], scene, frame).transpose(1, 0, 2))
    xy = np.concatenate(parts)
    return as_tracks(xy, scene.sector.contains(torch.from_numpy(xy)).numpy())


def true_lines(geometry: WallGeometry, scene: Scene) -> dict[str, np.ndarray]:
    """The lines of a wall carried by the true motion of their material: `[T, M, 2]` by layer."""
    return {name: material(getattr(geometry, name), scene, geometry.frame) for name in ("endo", "mid", "epi")}
