"""What machines burn in beside the fan: words, a depth scale, an ECG."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from PointSegLib.simulation.sampling import chance, uniform
from PointSegLib.simulation.scene import SectorGeometry

_LETTER_H, _LETTER_W = 5, 3


def burn_in_text(frames: Tensor, sector: SectorGeometry, generator: torch.Generator) -> Tensor:
    """Burn words into the corners and a depth scale along the edge of the fan; all stand still.

    Args:
        frames: float32 `[T, S, S]` in 0..1; it is not modified.
        sector: the fan.
        generator: source of the random numbers.

    Returns:
        float32 `[T, S, S]`.
    """
    side = frames.shape[-1]
    marks = torch.zeros((side, side), device=frames.device)
    for _ in range(1 + int(uniform(generator, 0.0, 5.0))):
        _write_word(marks, generator)
    if chance(generator, 0.6):
        _draw_scale(marks, sector, generator)
    # Words lie beside the fan; only marks of the scale touch its edge.
    return torch.maximum(frames, marks * uniform(generator, 0.5, 1.0))


def run_ecg(frames: Tensor, frames_per_cycle: float, generator: torch.Generator) -> Tensor:
    """Draw an ECG along the bottom, with a mark that runs along with the time of the frames.

    Args:
        frames: float32 `[T, S, S]` in 0..1; it is not modified.
        frames_per_cycle: frames of one heart cycle.
        generator: source of the random numbers.

    Returns:
        float32 `[T, S, S]`.
    """
    side = frames.shape[-1]
    x = torch.arange(side, device=frames.device)
    cycles, start = uniform(generator, 1.0, 4.0), uniform(generator, 0.0, 1.0)
    phase = (x / side * cycles + start) % 1.0
    wave = torch.exp(-((phase - 0.3) / 0.015).square()) - 0.25 * torch.exp(-((phase - 0.34) / 0.02).square())
    wave = (
        wave + 0.15 * torch.exp(-((phase - 0.15) / 0.03).square()) + 0.3 * torch.exp(-((phase - 0.6) / 0.06).square())
    )
    bottom, height = uniform(generator, 0.93, 0.99) * side, uniform(generator, 0.04, 0.1) * side
    level = bottom - height * wave
    previous = torch.cat([level[:1], level[:-1]])
    row = torch.arange(side, device=frames.device)[:, None]
    trace = ((row >= torch.minimum(level, previous) - 0.5) & (row <= torch.maximum(level, previous) + 0.5)).float()
    out = torch.maximum(frames, trace * uniform(generator, 0.4, 1.0))
    for index in range(len(out)):
        column = int((index / max(frames_per_cycle, 1.0) / cycles + start) * side) % side
        out[index, int(bottom - height) : int(bottom) + 1, column] = 0.9
    return out


def _write_word(marks: Tensor, generator: torch.Generator) -> None:
    """A row of letter-like patterns in one of the corners."""
    side = marks.shape[-1]
    letters = 2 + int(uniform(generator, 0.0, 8.0))
    cells = torch.rand((_LETTER_H, letters, _LETTER_W + 1), generator=generator, device=marks.device) < 0.6
    cells[:, :, -1] = False
    word = cells.reshape(_LETTER_H, -1).float()[: side // 6, : side // 4]
    height, width = word.shape
    right, low = chance(generator, 0.5), chance(generator, 0.3)
    x = int(uniform(generator, 0.0, 0.08) * side)
    y = int(uniform(generator, 0.0, 0.2) * side)
    x, y = side - width - x if right else x, side - height - y if low else y
    marks[y : y + height, x : x + width] = word


def _draw_scale(marks: Tensor, sector: SectorGeometry, generator: torch.Generator) -> None:
    """Ticks at equal depths along the right edge of the fan."""
    side = marks.shape[-1]
    ticks = int(uniform(generator, 5.0, 18.0))
    for depth in torch.linspace(sector.depths[0], sector.depths[1], ticks).tolist():
        edge = sector.angles[1] + math.radians(1.0)
        x = int(sector.apex_xy[0] + sector.squeeze * depth * math.sin(edge))
        y = int(sector.apex_xy[1] + depth * math.cos(edge))
        if 0 <= y < side:
            marks[y, max(x, 0) : max(x + 4, 0)] = 1.0
