"""Which material points of a filmed scene are followed, and when they can be seen."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.simulation.render import Filmed
from PointSegLib.simulation.sampling import sample_at
from PointSegLib.simulation.scatterers import is_blood
from PointSegLib.simulation.scene import WALL, Scene

# Where shadow and drop-out leave less than this share of the amplitude (-18 dB), a point is hidden.
SEEN_SHARE = 0.125
_WALL_FRACTION = 0.6
# Blood is new in every frame: what is asked there can be answered by its surroundings only.
_BLOOD_WEIGHT = 0.25
_NEAR_WALL = 9


def draw_points(scene: Scene, count: int, generator: torch.Generator) -> Tensor:
    """Material points: most on or beside the wall, the others anywhere in the fan, few of them in blood.

    Returns:
        float32 `[count, 2]`, pixel positions in the reference frame.
    """
    wall = (scene.tissue == WALL).float().to(generator.device)
    near = F.avg_pool2d(wall[None, None], _NEAR_WALL, stride=1, padding=_NEAR_WALL // 2)[0, 0]
    sector = scene.sector.mask(scene.side).to(wall.device)
    anywhere = torch.where(is_blood(scene.tissue).to(wall.device), _BLOOD_WEIGHT, 1.0) * sector
    weight, crowd = anywhere / anywhere.sum().clamp_min(1e-6), (wall + 0.5 * near) * sector
    if bool(crowd.any()):
        weight = torch.lerp(weight, crowd / crowd.sum(), _WALL_FRACTION)
    index = torch.multinomial(weight.flatten(), max(count, 1), replacement=True, generator=generator)[:count]
    pixels = torch.stack([index % scene.side, index // scene.side], dim=1).float()
    return pixels + torch.rand(pixels.shape, generator=generator, device=pixels.device) - 0.5


def visible(tracks: Tensor, film: Filmed) -> Tensor:
    """Which points are seen in which frame: inside the image and the fan, and not hidden by shadow or drop-out.

    Args:
        tracks: float `[N, T, 2]` pixel positions.
        film: the movie in which they move.

    Returns:
        bool `[N, T]`.
    """
    raster, places = film.raster, tracks.transpose(0, 1)
    cells = raster.cells(raster.sector.polar(places))
    share = sample_at(film.share[:, None], cells, (raster.shape[1], raster.shape[0]))[..., 0]
    inside = ((places >= -0.5) & (places <= raster.side - 0.5)).all(-1)
    return (inside & raster.sector.contains(places) & (share >= SEEN_SHARE)).T.contiguous()


def choose_points(seen: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Keep candidates that are seen at least once, and draw for each a query frame in which it is.

    Should every candidate be hidden in every frame, hidden ones are kept rather than none.

    Args:
        seen: bool `[M, T]`, visibility of the candidates.
        count: number N of points wanted; candidates are repeated where too few are seen.
        generator: source of the random numbers.

    Returns:
        Index int64 `[N]` of the kept candidates, and their query frames int64 `[N]`.
    """
    usable = torch.nonzero(seen.any(1)).flatten()
    if len(usable) == 0:
        usable = torch.arange(len(seen), device=seen.device)
    kept = usable[torch.arange(count, device=seen.device) % max(len(usable), 1)]
    if count == 0:
        return kept, kept
    weight = seen[kept].float()
    weight = weight + (weight.sum(1, keepdim=True) == 0).float()
    return kept, torch.multinomial(weight, 1, generator=generator)[:, 0]
