"""From two sets of contours to the motion of everything in the image, frame by frame.

Each wall segment moves from its end-diastolic to its end-systolic place with an amplitude and a delay of its own; the
thin-plate spline of all control points carries the cavity, the atrium and the surroundings along.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from PointSegLib.simulation.contours import ATRIUM_POINTS, WALL_POINTS, Contours
from PointSegLib.simulation.cycle import draw_rhythm
from PointSegLib.simulation.extension import area_change, inverted, spread
from PointSegLib.simulation.motion_config import MotionConfig
from PointSegLib.simulation.sampling import chance, pixel_grid, smooth_noise, uniform
from PointSegLib.simulation.scene import SectorGeometry

CELL_PX = 2
SEGMENTS = 5
_DEPTHS = (0.0, 0.5, 1.0)
_ANCHOR_STEP_PX, _ANCHOR_DISTANCE_PX = 32.0, 40.0
_WALL_SLACK, _LOOSE_SLACK = 1e-4, 3e-2
_SHRINK = 0.95


@dataclass(frozen=True, eq=False)
class HeartPair:
    """One heart at both ends of systole, its material named alike, in a raster of `side` pixels seen by a probe."""

    ed: Contours
    es: Contours
    sector: SectorGeometry
    side: int


@dataclass(frozen=True, eq=False)
class Motion:
    """What `draw_motion` draws.

    Attributes:
        forward: `[T, 2, h, w]`, as in `Scene`.
        inverse: `[T, 2, h, w]`, as in `Scene`.
        to_systole: `[2, h, w]`, displacement from the pair's first frame to its second, whatever was drawn.
        contraction: `[T]`, 0 at end-diastole and 1 at end-systole, mean over the wall.
        frame_time_s: time between frames in seconds.
    """

    forward: Tensor
    inverse: Tensor
    to_systole: Tensor
    contraction: Tensor
    frame_time_s: float


def draw_motion(
    pair: HeartPair, wanted: float | None, n_frames: int, generator: torch.Generator, config: MotionConfig
) -> Motion:
    """Draw one motion of a heart before a moving probe.

    Args:
        pair: the contours to move between.
        wanted: ejection fraction, or None where all segments are to move exactly as far as the pair does.
        n_frames: number of frames T.
        generator: source of the random numbers.
        config: ranges.

    Returns:
        The motion; without folds: local area is nowhere below `config.min_jacobian` of the reference.
    """
    rhythm = draw_rhythm(n_frames, generator, config)
    cells = math.ceil(pair.side / CELL_PX)
    if chance(generator, config.rest_probability):
        still = torch.zeros((n_frames, 2, cells, cells))
        return Motion(still, still, still[0], torch.zeros(n_frames), rhythm.frame_time_s)
    gains, lags = torch.ones(SEGMENTS), [0.0] * (SEGMENTS + 1)
    if wanted is not None:
        gains = _segment_gains(generator, config)
        gains = gains * _scale_for(pair, gains, wanted, config.max_scale)
        lags = [uniform(generator, -config.segment_lag, config.segment_lag) for _ in lags]
    frames = torch.arange(n_frames, dtype=torch.float32)
    contraction = torch.stack([rhythm.contraction(frames, lag) for lag in lags], dim=1)
    course = contraction * torch.cat([gains, torch.ones(1)])
    modes = _modes(pair, cells, generator, config)
    heart = torch.einsum("tk,kchw->tchw", course, modes)
    heart = _without_folds(heart, pair.side, config.min_jacobian)
    forward = _before_moving_probe(heart, pair, generator, config)
    to_systole, share = modes[:-1].sum(0), contraction[:, :-1].mean(1)
    return Motion(forward, inverted(forward, pair.side), to_systole, share, rhythm.frame_time_s)


def segment_weights(positions: Tensor) -> Tensor:
    """Share `[N, SEGMENTS]` of each segment in places `[N]` along the wall, 0 to 1; the shares of a place add to 1."""
    at = positions[:, None] * (SEGMENTS - 1) - torch.arange(SEGMENTS)
    return torch.where(at.abs() < 1, 0.5 + 0.5 * torch.cos(math.pi * at), torch.zeros_like(at))


def ejected_share(pair: HeartPair, gains: Tensor, scale: float) -> float:
    """Ejection fraction by the area-length formula when the segments move `scale * gains` of their way."""
    along = torch.linspace(0.0, 1.0, WALL_POINTS)
    share = (segment_weights(along) @ gains).double().numpy()[:, None] * scale
    start, end = pair.ed.endo, pair.ed.endo + share * (pair.es.endo - pair.ed.endo)
    return 1.0 - _volume(end, pair.sector.squeeze) / _volume(start, pair.sector.squeeze)


def _volume(endo: np.ndarray, squeeze: float) -> float:
    """Area squared over length of the cavity inside an endocardium `[N, 2]`: its volume up to a constant."""
    x, y = endo[:, 0] / squeeze, endo[:, 1]
    area = 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))
    length = np.hypot(x - (x[0] + x[-1]) / 2, y - (y[0] + y[-1]) / 2).max()
    return area * area / float(length)


def _scale_for(pair: HeartPair, gains: Tensor, wanted: float, most: float) -> float:
    """The smallest scale that ejects the wanted share, or the one that ejects most."""
    scales = np.linspace(0.0, most, 61)
    shares = np.maximum.accumulate([ejected_share(pair, gains, scale) for scale in scales])
    return float(np.interp(wanted, shares, scales))


def _segment_gains(generator: torch.Generator, config: MotionConfig) -> Tensor:
    gains = 1.0 + config.segment_variation * torch.randn(SEGMENTS, generator=generator)
    if chance(generator, config.disease_probability):
        first = int(uniform(generator, 0.0, SEGMENTS - 1e-3))
        count = 1 + int(uniform(generator, 0.0, 2.0 - 1e-3))
        gains[first : first + count] = uniform(generator, *config.disease_gain)
    return gains


def _modes(pair: HeartPair, cells: int, generator: torch.Generator, config: MotionConfig) -> Tensor:
    """Displacement `[SEGMENTS + 1, 2, h, w]` at end-systole due to each segment, and that of the surroundings."""
    places, moves, weights, slack = _control_points(pair)
    anchors = _anchors(places, pair.side)
    count = len(anchors)
    weights = torch.cat([weights, torch.zeros((count, SEGMENTS))])
    moves = torch.cat([moves, torch.zeros((count, 2))])
    values = (weights[:, :, None] * moves[:, None]).flatten(1)
    amplitude = uniform(generator, *config.surroundings_px) * pair.side / 256.0
    noise = smooth_noise((2, 16, 16), (4, 4), generator)
    cell = (anchors / pair.side * 10 + 3).long().clamp(0, 15)
    wander = torch.zeros((len(values), 2))
    wander[len(places) :] = amplitude * noise[:, cell[:, 1], cell[:, 0]].T
    grid = pixel_grid(cells, cells, torch.device("cpu"), (pair.side, pair.side))
    slack = torch.cat([slack, torch.full((count,), _LOOSE_SLACK)])
    field = spread(torch.cat([places, anchors]), torch.cat([values, wander], dim=1), slack, grid)
    return field.reshape(SEGMENTS + 1, 2, cells, cells)


def _control_points(pair: HeartPair) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Places `[M, 2]` at ED, their moves to ES `[M, 2]`, the share of each segment `[M, SEGMENTS]` and slack `[M]`."""
    step = 2
    along = segment_weights(torch.linspace(0.0, 1.0, WALL_POINTS)[::step])
    parts = []
    for depth in _DEPTHS:
        start, end = ((c.endo + depth * (c.epi - c.endo))[::step] for c in (pair.ed, pair.es))
        parts.append((start, end, along, _WALL_SLACK))
    # The mitral plane stays straight between the ends of the annulus.
    share = np.linspace(0.0, 1.0, 6)[1:-1]
    start, end = (c.endo[:1] + share[:, None] * (c.endo[-1:] - c.endo[:1]) for c in (pair.ed, pair.es))
    parts.append((start, end, _annular_weights(share), _LOOSE_SLACK))
    if len(pair.ed.atrium) and len(pair.es.atrium):
        around = slice(2, ATRIUM_POINTS - 2, 2)
        share = np.linspace(0.0, 1.0, ATRIUM_POINTS)[around]
        parts.append((pair.ed.atrium[around], pair.es.atrium[around], _annular_weights(share), _LOOSE_SLACK))
    places = torch.cat([torch.from_numpy(start) for start, _, _, _ in parts]).float()
    moves = torch.cat([torch.from_numpy(end - start) for start, end, _, _ in parts]).float()
    slack = torch.cat([torch.full((len(start),), value) for start, _, _, value in parts])
    return places, moves, torch.cat([weights for _, _, weights, _ in parts]), slack


def _annular_weights(share: np.ndarray) -> Tensor:
    """Weights `[N, SEGMENTS]` of what hangs between the two basal segments, `share` of the way to the second."""
    weights = torch.zeros((len(share), SEGMENTS))
    weights[:, 0], weights[:, -1] = 1.0 - torch.from_numpy(share), torch.from_numpy(share)
    return weights


def _anchors(places: Tensor, side: int) -> Tensor:
    """Resting places `[A, 2]` on a lattice around and beyond the image, away from the control points."""
    ticks = torch.arange(-_ANCHOR_STEP_PX, side + 1.5 * _ANCHOR_STEP_PX, _ANCHOR_STEP_PX)
    lattice = torch.cartesian_prod(ticks, ticks)
    return lattice[torch.cdist(lattice, places).min(1).values > _ANCHOR_DISTANCE_PX * side / 256.0]


def _without_folds(heart: Tensor, side: int, smallest: float) -> Tensor:
    while float(area_change(heart, side).min()) < smallest:
        heart = heart * _SHRINK
    return heart


def _before_moving_probe(heart: Tensor, pair: HeartPair, generator: torch.Generator, config: MotionConfig) -> Tensor:
    """Add the drift of the probe and its rocking about its tip, slow and without a lasting offset."""
    n_frames, _, cells, _ = heart.shape
    grid = pixel_grid(cells, cells, torch.device("cpu"), (pair.side, pair.side))
    time = torch.linspace(0.0, 1.0, n_frames) if n_frames > 1 else torch.zeros(1)
    angle = math.radians(uniform(generator, 0.0, config.rocking_deg)) * _sway(time, generator)
    reach = uniform(generator, *config.drift_px) * pair.side / 256.0
    shift = reach / math.sqrt(2.0) * torch.stack([_sway(time, generator), _sway(time, generator)], dim=-1)
    polar = pair.sector.polar(grid + heart.permute(0, 2, 3, 1))
    polar = torch.stack([polar[..., 0], polar[..., 1] + angle[:, None, None]], dim=-1)
    return (pair.sector.cartesian(polar) + shift[:, None, None] - grid).permute(0, 3, 1, 2).contiguous()


def _sway(time: Tensor, generator: torch.Generator) -> Tensor:
    turns, phase = uniform(generator, 0.2, 1.2), uniform(generator, 0.0, 2.0 * math.pi)
    return torch.sin(2.0 * math.pi * turns * time + phase)
