"""`simulate`: from a scene to a clip with its truth. `simulate_clip`: the same from a seed alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from PointSegLib.errors import ClipError
from PointSegLib.simulation.draw_imaging import draw_imaging
from PointSegLib.simulation.imaging import Imaging, Interference
from PointSegLib.simulation.parametric import parametric_scene
from PointSegLib.simulation.render import render_scatter, render_warp
from PointSegLib.simulation.sampling import chance
from PointSegLib.simulation.scene import Scene, follow
from PointSegLib.simulation.simulated import SimulatedClip
from PointSegLib.simulation.template import TemplatePair, template_scene
from PointSegLib.simulation.visibility import choose_points, draw_points, visible

Renderer = Literal["scatter", "warp", "dissolve"]
_CANDIDATES = 3
_CUT_SHARE = 0.01
WARP_PROBABILITY = 0.2


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
        renderer: "scatter" for speckle as in life, "warp" for a bent picture, "dissolve" for one that becomes
            `scene.systole` as the heart contracts.
        picture: float32 `[S, S]`, the amplitude that "warp" and "dissolve" bend; None makes one.

    Returns:
        The clip. Its labels are those of the scene, cut to the fan that is shown where that is a narrower one.

    Raises:
        ClipError: for another renderer, for "dissolve" without a picture of systole, or fewer than no points.
    """
    if renderer not in get_args(Renderer) or n_points < 0:
        known = ", ".join(get_args(Renderer))
        msg = f"renderer {renderer!r} and {n_points} points were asked for; give one of {known}, and 0 or more."
        raise ClipError(msg)
    if renderer == "dissolve" and scene.systole is None:
        msg = f"{scene.source}: there is no picture of end-systole to dissolve into; choose another renderer."
        raise ClipError(msg)
    if renderer == "scatter":
        film = render_scatter(scene, imaging, generator)
    else:
        film = render_warp(scene, imaging, generator, picture, scene.systole if renderer == "dissolve" else None)
    tracks = follow(draw_points(scene, max(n_points, 1) * _CANDIDATES, generator), scene)
    seen = visible(tracks, film)
    kept, query_frame = choose_points(seen, n_points, generator)
    acquired, shown = scene.sector.mask(scene.side), film.raster.sector.mask(scene.side)
    # experts draw a wall on beyond the fan that was acquired; a narrower picture ends where it is cut
    is_cut = float((acquired & ~shown).sum()) > _CUT_SHARE * float(acquired.sum())
    labels = (scene.labels * shown if is_cut else scene.labels).to(film.frames.device)
    return SimulatedClip(film.frames, labels, tracks[kept], seen[kept], query_frame)


def simulate_clip(
    pair: TemplatePair | None,
    n_frames: int,
    n_points: int,
    seed: int,
    quality: str | None = None,
    dissolved: bool = False,
) -> tuple[SimulatedClip, dict[str, Any]]:
    """Draw one clip: a scene, its imaging and the renderer, most often that of scatterers.

    Args:
        pair: the real heart that is put into motion; None draws a parametric one.
        n_frames: number of frames T.
        n_points: number of trajectories N.
        seed: the same seed and pair give the same clip.
        quality: "good", "medium" or "poor"; None mixes all.
        dissolved: film a pair as its first frame that becomes its second, not by scatterers.

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
        scene = template_scene(pair if dissolved else replace(pair, es_image=None), n_frames, generator)
    imaging = draw_imaging(generator, quality=quality)
    renderer: Renderer = "warp" if chance(generator, WARP_PROBABILITY) else "scatter"
    if dissolved and pair is not None:
        renderer, imaging = "dissolve", _as_it_was(imaging)
    # A template's echogenicity still holds the speckle of its picture.
    picture = None if pair is None else scene.echogenicity
    clip = simulate(scene, n_points, imaging, generator, renderer, picture)
    return clip, _description(scene, seed, renderer, quality, imaging.difficulty)


def _as_it_was(imaging: Imaging) -> Imaging:
    """The imaging without what a real picture has of its own: noise, haze, weak parts, speckle reduction."""
    machine = replace(imaging.machine, smoothing=0.0, persistence=0.0)
    return replace(imaging, dropouts=(), interference=Interference(near_db=-60.0), machine=machine)


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
