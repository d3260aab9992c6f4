"""Small scenes made by hand, for tests of rendering that need no anatomy."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from PointSegLib.simulation.sampling import pixel_grid
from PointSegLib.simulation.scene import LV_BLOOD, OTHER, WALL, Scene, SectorGeometry


def fan(side: int) -> SectorGeometry:
    return SectorGeometry((side / 2 - 0.5, 0.0), (-math.radians(38), math.radians(38)), (0.03 * side, 0.97 * side))


def still_scene(side: int = 96, n_frames: int = 3, homogeneous: bool = False) -> Scene:
    """A ring of wall about a dark cavity, or one tissue everywhere; nothing moves."""
    offset = pixel_grid(side, side, torch.device("cpu")) - torch.tensor([side / 2, 0.55 * side])
    radius = offset.norm(dim=-1) / side
    tissue = torch.full((side, side), OTHER, dtype=torch.uint8)
    echo = torch.full((side, side), 0.1)
    if homogeneous:
        echo[:] = 1.0
    else:
        tissue[radius < 0.26], echo[radius < 0.26] = WALL, 1.0
        tissue[radius < 0.18], echo[radius < 0.18] = LV_BLOOD, 0.01
    labels = torch.zeros((side, side), dtype=torch.uint8)
    labels[tissue == WALL], labels[tissue == LV_BLOOD] = 2, 1
    rest = torch.zeros((n_frames, 2, side // 4, side // 4))
    return Scene(
        echogenicity=echo,
        tissue=tissue,
        labels=labels.expand(n_frames, -1, -1).contiguous(),
        forward=rest,
        inverse=rest.clone(),
        sector=fan(side),
        spacing_mm=0.6,
        frame_time_s=0.02,
        ed=0,
        es=0,
        systole=None,
        contraction=torch.zeros(n_frames),
        source="a test",
    )


def shifted_scene(step: tuple[float, float], side: int = 96, n_frames: int = 3, homogeneous: bool = False) -> Scene:
    """`still_scene`, moved by `step` pixels (x, y) from frame to frame."""
    scene = still_scene(side, n_frames, homogeneous)
    frames = torch.arange(len(scene), dtype=torch.float32)[:, None, None, None]
    shift = (torch.tensor(step)[None, :, None, None] * frames).expand_as(scene.forward)
    return replace(scene, forward=shift.contiguous(), inverse=(-shift).contiguous())
