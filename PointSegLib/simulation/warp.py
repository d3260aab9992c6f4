"""Simple motion supervision: one frame and its masks, moved like a heart, with exact trajectories.

The source frame is the reference configuration, at a random phase of the motion. Material points move forward,
y = X + u(X, t) (`motion`); the frames come from sampling the source at the inverse of that map. The fan and what is
static in an image (haze, shadow) stay where they are.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.errors import ClipError
from PointSegLib.result import MYOCARDIUM
from PointSegLib.simulation.appearance import Scenery, draw_scenery, fill_outside, film, sector_mask
from PointSegLib.simulation.config import WarpConfig
from PointSegLib.simulation.motion import follow, inverse_displacement, simulate_displacement
from PointSegLib.simulation.sampling import pixel_grid, sample_at, speckle_noise
from PointSegLib.simulation.simulated import SimulatedClip, time_reversed

__all__ = ["SimulatedClip", "WarpConfig", "simulate_warp", "time_reversed"]

_DEFAULT = WarpConfig()
_CANDIDATES = 3


def simulate_warp(
    image: Tensor,
    labels: Tensor,
    n_frames: int,
    n_points: int,
    generator: torch.Generator,
    config: WarpConfig = _DEFAULT,
) -> SimulatedClip:
    """Make a moving clip of one frame.

    Args:
        image: float32 `[H, W]` in 0..1.
        labels: uint8 `[H, W]`, CAMUS labels.
        n_frames: number of frames T, at least 1.
        n_points: number of trajectories N; 0 where only masks are wanted.
        generator: source of the random numbers, on the device of `image`; the same state gives the same clip.
        config: ranges of motion and appearance.

    Returns:
        The clip, on the device of `image`.

    Raises:
        ClipError: when image and labels differ in shape, no frame is asked for, or the image is black.
    """
    _check(image, labels, n_frames, n_points)
    size_wh = (image.shape[1], image.shape[0])
    sector = sector_mask(image)
    forward = simulate_displacement(labels, n_frames, generator, config)
    source = torch.stack([fill_outside(image, sector, generator), speckle_noise(tuple(image.shape), generator)])
    inverse = inverse_displacement(forward, size_wh)
    moved, moved_labels = _warp(source, labels, inverse)
    scenery = draw_scenery(sector, n_frames, generator, config)
    frames = film(moved[:, 0], moved[:, 1], scenery, generator, config)

    points = _reference_points(labels, sector, max(n_points, 1) * _CANDIDATES, generator, config)
    tracks = follow(points, forward, inverse)
    visible = _visibility(tracks, scenery, config)
    chosen, query_frame = _choose(visible, n_points, generator)
    return SimulatedClip(frames, moved_labels, tracks[chosen], visible[chosen], query_frame)


def _check(image: Tensor, labels: Tensor, n_frames: int, n_points: int) -> None:
    if image.ndim != 2 or image.shape != labels.shape:
        msg = f"image {list(image.shape)} and labels {list(labels.shape)} must both be [H, W] and of one size."
        raise ClipError(msg)
    if n_frames < 1 or n_points < 0:
        msg = f"{n_frames} frames and {n_points} points were asked for; at least 1 and 0 are needed."
        raise ClipError(msg)
    if not bool((image > 0).any()):
        msg = "the image to be warped is black; there is no tissue to follow. Give a frame with signal."
        raise ClipError(msg)


def _warp(source: Tensor, labels: Tensor, inverse: Tensor) -> tuple[Tensor, Tensor]:
    """Sample `source` `[C, H, W]` and `labels` at y + v(y); returns `[T, C, H, W]` and uint8 `[T, H, W]`."""
    height, width = labels.shape
    n_frames = len(inverse)
    size = torch.tensor([width, height], dtype=torch.float32, device=labels.device)
    here = 2.0 * (pixel_grid(height, width, labels.device) + 0.5) / size - 1.0
    grid = torch.addcmul(here, inverse.permute(0, 2, 3, 1), 2.0 / size)
    maps = source.expand(n_frames, -1, -1, -1)
    moved = F.grid_sample(maps, grid, mode="bilinear", padding_mode="border", align_corners=False)
    masks = labels.float().expand(n_frames, 1, -1, -1)
    moved_labels = F.grid_sample(masks, grid, mode="nearest", padding_mode="zeros", align_corners=False)
    return moved, moved_labels[:, 0].to(torch.uint8)


def _reference_points(
    labels: Tensor, sector: Tensor, count: int, generator: torch.Generator, config: WarpConfig
) -> Tensor:
    """`[count, 2]` positions in the source frame: most on or beside the wall, the others anywhere in the sector."""
    wall = (labels == MYOCARDIUM).float()
    near = F.avg_pool2d(wall[None, None], 9, stride=1, padding=4)[0, 0]
    weight = sector / sector.sum()
    crowd = (wall + 0.5 * near) * sector
    if float(crowd.sum()) > 0:
        weight = torch.lerp(weight, crowd / crowd.sum(), config.wall_fraction)
    index = torch.multinomial(weight.flatten(), count, replacement=True, generator=generator)
    cells = torch.stack([index % labels.shape[1], index // labels.shape[1]], dim=1).float()
    return cells + torch.rand(cells.shape, generator=generator, device=cells.device) - 0.5


def _visibility(tracks: Tensor, scenery: Scenery, config: WarpConfig) -> Tensor:
    """bool `[N, T]`: inside the image and the sector and not in deep shadow."""
    height, width = scenery.sector.shape
    maps = torch.stack([scenery.sector.float(), scenery.shadow])[None]
    inside, signal = sample_at(maps, tracks[None], (width, height))[0].unbind(-1)
    x, y = tracks.unbind(-1)
    in_image = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    return in_image & (inside > 0.5) & (signal >= config.hidden_gain)


def _choose(visible: Tensor, n_points: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Keep `n_points` candidates that are seen at least once, and a query frame among those that see each.

    Should a shadow hide every candidate in every frame, hidden points are returned rather than none.
    """
    usable = torch.nonzero(visible.any(1)).flatten()
    if len(usable) == 0:
        usable = torch.zeros(1, dtype=torch.long, device=visible.device)
    chosen = usable[torch.arange(n_points, device=visible.device) % len(usable)]
    weight = visible[chosen].float()
    weight = weight + (weight.sum(1, keepdim=True) == 0).float()
    if n_points == 0:
        return chosen, chosen
    return chosen, torch.multinomial(weight, 1, generator=generator)[:, 0]
