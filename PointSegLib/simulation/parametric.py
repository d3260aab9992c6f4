"""`parametric_scene`: a heart made from random shape parameters and no data at all."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from PointSegLib.errors import ClipError
from PointSegLib.result import LEFT_ATRIUM, LV_CAVITY, MYOCARDIUM
from PointSegLib.simulation.anatomy import Heart, build_heart, draw_shape
from PointSegLib.simulation.contours import Contours
from PointSegLib.simulation.heart_motion import HeartPair
from PointSegLib.simulation.motion_config import MotionConfig
from PointSegLib.simulation.sampling import pixel_grid, smooth_noise, uniform
from PointSegLib.simulation.scene import (
    ATRIAL_BLOOD,
    BRIGHT,
    LV_BLOOD,
    OTHER,
    OTHER_BLOOD,
    WALL,
    Scene,
    SectorGeometry,
)
from PointSegLib.simulation.staging import Anatomy, stage

MIN_SIDE = 64
# Mean backscatter of each tissue and how far it varies from scene to scene, in dB.
_LEVELS_DB = {
    OTHER: (-17.0, 4.0),
    LV_BLOOD: (-40.0, 4.0),
    WALL: (-12.0, 3.0),
    ATRIAL_BLOOD: (-41.0, 4.0),
    OTHER_BLOOD: (-39.0, 4.0),
    BRIGHT: (-2.0, 3.0),
}
_LABELS = {LV_BLOOD: LV_CAVITY, WALL: MYOCARDIUM, ATRIAL_BLOOD: LEFT_ATRIUM}
_DEFAULT = MotionConfig()


def parametric_scene(
    n_frames: int, generator: torch.Generator, config: MotionConfig = _DEFAULT, side: int = 256
) -> Scene:
    """Make a scene without data.

    Args:
        n_frames: number of frames T.
        generator: source of the random numbers, on the CPU; the same state gives the same scene.
        config: ranges of the motion.
        side: side of the raster in pixels, at least 64.

    Returns:
        The scene; `source` names the seed of the generator.

    Raises:
        ClipError: when the side is under 64 pixels or no frame is asked for.
    """
    if side < MIN_SIDE:
        msg = f"a heart of {side} x {side} pixels cannot show a wall; give a side of at least {MIN_SIDE}."
        raise ClipError(msg)
    source = f"parametric seed {generator.initial_seed()}"
    wanted = uniform(generator, *config.ejection_fraction)
    sector = _draw_sector(side, generator)
    length_px = side * uniform(generator, 0.38, 0.56)
    heart = _placed(build_heart(draw_shape(wanted, generator), length_px), sector, generator)
    tissue = _painted(heart, side)
    labels = torch.zeros_like(tissue)
    for kind, label in _LABELS.items():
        labels[tissue == kind] = label
    tissue = _with_bright(tissue, heart)
    anatomy = Anatomy(
        pair=HeartPair(heart.ed, heart.es, sector, side),
        echogenicity=_echogenicity(tissue, sector, generator),
        tissue=tissue,
        labels=labels,
        spacing_mm=uniform(generator, 65.0, 100.0) / length_px,
        source=source,
    )
    return stage(anatomy, wanted, n_frames, generator, config)


def _draw_sector(side: int, generator: torch.Generator) -> SectorGeometry:
    """A fan that fills the square as CAMUS frames do: cut to its box and squeezed."""
    half_angle = uniform(generator, math.radians(32.0), math.radians(46.0))
    tip = uniform(generator, 0.0, 0.03) * side
    depth = side - 0.5 + tip
    squeeze = side / (2.0 * depth * math.sin(half_angle))
    return SectorGeometry(((side - 1) / 2.0, -tip), (-half_angle, half_angle), (tip + 0.01 * side, depth), squeeze)


def _placed(heart: Heart, sector: SectorGeometry, generator: torch.Generator) -> Heart:
    """The heart with its curves in pixels of the image, its apex below the probe."""
    reach = sector.depths[1]
    tilt = uniform(generator, -0.22, 0.16)
    apex = np.array([uniform(generator, -0.04, 0.04), uniform(generator, 0.09, 0.17)]) * reach
    rotation = np.array([[math.cos(tilt), -math.sin(tilt)], [math.sin(tilt), math.cos(tilt)]])
    scale, origin = np.array([sector.squeeze, 1.0]), np.array(sector.apex_xy)

    def place(points: np.ndarray) -> np.ndarray:
        return origin + (points @ rotation.T + apex) * scale

    return replace(
        heart,
        ed=Contours(place(heart.ed.endo), place(heart.ed.epi), place(heart.ed.atrium)),
        es=Contours(place(heart.es.endo), place(heart.es.epi), place(heart.es.atrium)),
        right_ventricle=place(heart.right_ventricle),
        right_atrium=place(heart.right_atrium),
        bright=tuple(place(outline) for outline in heart.bright),
    )


def _painted(heart: Heart, side: int) -> Tensor:
    """Tissue classes uint8 `[side, side]` without the bright structures."""
    tissue = np.full((side, side), OTHER, np.uint8)
    for outline, kind in (
        (heart.right_ventricle, OTHER_BLOOD),
        (heart.right_atrium, OTHER_BLOOD),
        (heart.ed.atrium, ATRIAL_BLOOD),
        (np.concatenate([heart.ed.endo, heart.ed.epi[::-1]]), WALL),
        (heart.ed.endo, LV_BLOOD),
    ):
        tissue[filled(outline, side)] = kind
    return torch.from_numpy(tissue)


def _with_bright(tissue: Tensor, heart: Heart) -> Tensor:
    """The classes with leaflets and pericardium drawn over blood and surroundings, but not over the wall."""
    painted = tissue.clone()
    for outline in heart.bright:
        painted[torch.from_numpy(filled(outline, len(tissue))) & (tissue != WALL)] = BRIGHT
    return painted


def filled(outline: np.ndarray, side: int) -> np.ndarray:
    """Bool `[side, side]`: pixels whose centres lie inside a closed polygon `[N, 2]`, by the even-odd rule."""
    x0, y0 = outline.T
    x1, y1 = np.roll(outline, -1, axis=0).T
    rows = np.arange(side)[:, None]
    row, edge = np.nonzero((y0 <= rows) != (y1 <= rows))
    crossing = x0[edge] + (row - y0[edge]) / (y1[edge] - y0[edge]) * (x1[edge] - x0[edge])
    crossings = np.zeros((side, side + 1), np.int64)
    np.add.at(crossings, (row, np.clip(np.ceil(crossing), 0, side).astype(int)), 1)
    return crossings[:, :side].cumsum(1) % 2 == 1


def _echogenicity(tissue: Tensor, sector: SectorGeometry, generator: torch.Generator) -> Tensor:
    """Amplitude of each place: a level per tissue, regional variation, walls along the beam weaker."""
    side = len(tissue)
    level = torch.zeros(tissue.shape)
    for kind, (mean, spread) in _LEVELS_DB.items():
        level[tissue == kind] = mean + spread * float(torch.randn((), generator=generator))
    level = level + uniform(generator, 1.0, 4.0) * smooth_noise((side, side), (6, 6), generator)
    coarse = uniform(generator, 2.0, 7.0) * smooth_noise((side, side), (14, 14), generator)
    level = torch.where(tissue == OTHER, level + coarse, level)
    along = _along_beam(tissue, sector)
    level = torch.where(tissue == WALL, level - uniform(generator, 0.0, 12.0) * along, level)
    amplitude = ndimage.gaussian_filter((10.0 ** (level / 20.0)).numpy(), 0.6 * side / 256.0)
    return torch.from_numpy(amplitude)


def _along_beam(tissue: Tensor, sector: SectorGeometry) -> Tensor:
    """How far the wall at each place runs along the beam `[S, S]`: 0 across it, where it reflects most, to 1.

    The septum lies nearer to the middle of the fan than the free wall and is spared half of the loss.
    """
    side = len(tissue)
    smooth = ndimage.gaussian_filter(((tissue == WALL) | (tissue == LV_BLOOD)).float().numpy(), 8.0 * side / 256.0)
    slope_y, slope_x = np.gradient(smooth)
    grid = pixel_grid(side, side, torch.device("cpu"))
    angle = sector.polar(grid)[..., 1].numpy()
    normal_x = slope_x * sector.squeeze
    across = np.abs(normal_x * np.sin(angle) + slope_y * np.cos(angle)) / np.maximum(np.hypot(normal_x, slope_y), 1e-6)
    septal = normal_x > 0
    return torch.from_numpy(((1.0 - across) * np.where(septal, 0.5, 1.0)).astype(np.float32))
