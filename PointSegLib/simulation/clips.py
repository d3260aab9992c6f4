"""`simulate`: from a scene to a clip with its truth. `simulate_clip`: the same from a seed alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from PointSegLib.errors import ClipError
from PointSegLib.simulation.draw_imaging import draw_imaging
from PointSegLib.simulation.imaging import Imaging
from PointSegLib.simulation.parametric import parametric_scene
from PointSegLib.simulation.render import render_scatter, render_warp
from PointSegLib.simulation.sampling import chance
from PointSegLib.simulation.scene import Scene, follow
from PointSegLib.simulation.simulated import SimulatedClip
from PointSegLib.simulation.template import template_scene
from PointSegLib.simulation.visibility import choose_points, draw_points, visible

Renderer = Literal["scatter", "warp"]
_CANDIDATES = 3
_CUT_SHARE = 0.01
WARP_PROBABILITY = 0.2


@dataclass(frozen=True, eq=False)
class TemplatePair:
    """The two annotated frames of one heart and view, cut to their fan and resized to a square.

    Attributes:
        ed_image: uint8 `[S, S]`, end-diastole, black outside the fan.
        ed_labels: uint8 `[S, S]`, CAMUS labels of it.
        es_labels: uint8 `[S, S]`, CAMUS labels at end-systole.
        name: for example "patient0007_4CH".
    """

    ed_image: np.ndarray
    ed_labels: np.ndarray
    es_labels: np.ndarray
    name: str


def simulate(
    scene: Scene,
    n_points: int,
    imaging: Imaging,
    generator: torch.Generator,
    renderer: Renderer = "scatter",
    picture: Tensor | None = None,
) -> SimulatedClip:
    """Film a scene and follow points in it.

    Args:
        scene: what is seen and how it moves.
        n_points: number of trajectories N; 0 where only masks are wanted.
        imaging: how it is filmed.
        generator: source of the random numbers; the same state gives the same clip.
        renderer: "scatter" for speckle as in life, "warp" for a bent picture.
        picture: float32 `[S, S]`, the amplitude that "warp" bends; None makes one.

    Returns:
        The clip. Its labels are those of the scene, cut to the fan that is shown where that is a narrower one.

    Raises:
        ClipError: for another renderer, or fewer than no points.
    """
    if renderer not in ("scatter", "warp") or n_points < 0:
        msg = f"renderer {renderer!r} and {n_points} points were asked for; give 'scatter' or 'warp', and 0 or more."
        raise ClipError(msg)
    if renderer == "warp":
        film = render_warp(scene, imaging, generator, picture)
    else:
        film = render_scatter(scene, imaging, generator)
    tracks = follow(draw_points(scene, max(n_points, 1) * _CANDIDATES, generator), scene)
    seen = visible(tracks, film)
    kept, query_frame = choose_points(seen, n_points, generator)
    acquired, shown = scene.sector.mask(scene.side), film.raster.sector.mask(scene.side)
    # experts draw a wall on beyond the fan that was acquired; a narrower picture ends where it is cut
    is_cut = float((acquired & ~shown).sum()) > _CUT_SHARE * float(acquired.sum())
    labels = (scene.labels * shown if is_cut else scene.labels).to(film.frames.device)
    return SimulatedClip(film.frames, labels, tracks[kept], seen[kept], query_frame)


def simulate_clip(
    pair: TemplatePair | None, n_frames: int, n_points: int, seed: int, quality: str | None = None
) -> tuple[SimulatedClip, dict[str, Any]]:
    """Draw one clip: a scene, its imaging and the renderer, most often that of scatterers.

    Args:
        pair: the real heart that is put into motion; None draws a parametric one.
        n_frames: number of frames T.
        n_points: number of trajectories N.
        seed: the same seed and pair give the same clip.
        quality: "good", "medium" or "poor"; None mixes all.

    Returns:
        The clip, and plain values that describe it: spacing_mm (row, column), frame_time_s, ed, es, seed, source,
        renderer, quality, difficulty.

    Raises:
        ClipError: when the pair cannot be used, or the request makes no sense.
    """
    generator = torch.Generator().manual_seed(seed)
    if pair is None:
        scene = parametric_scene(n_frames, generator)
    else:
        frames = (pair.ed_image, pair.ed_labels, pair.es_labels)
        scene = template_scene(*frames, n_frames, generator, source=pair.name)
    imaging = draw_imaging(generator, quality=quality)
    renderer: Renderer = "warp" if chance(generator, WARP_PROBABILITY) else "scatter"
    # A template's echogenicity still holds the speckle of its picture.
    picture = None if pair is None else scene.echogenicity
    clip = simulate(scene, n_points, imaging, generator, renderer, picture)
    return clip, _description(scene, seed, renderer, quality, imaging.difficulty)


def _description(scene: Scene, seed: int, renderer: Renderer, quality: str | None, difficulty: float) -> dict[str, Any]:
    return {
        "spacing_mm": [scene.spacing_mm, scene.spacing_mm / scene.sector.squeeze],
        "frame_time_s": scene.frame_time_s,
        "ed": scene.ed,
        "es": scene.es,
        "seed": seed,
        "source": scene.source,
        "renderer": renderer,
        "quality": quality or "mixed",
        "difficulty": round(difficulty, 3),
    }
