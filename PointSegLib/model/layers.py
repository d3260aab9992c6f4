"""The small parts every room of the network uses: MLP, attention, sine encodings, normalisation."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PART_FLOATS = 6_000_000


class MLP(nn.Sequential):
    """Linear layers with GELU between them, over the last axis."""

    def __init__(self, *widths: int) -> None:
        layers: list[nn.Module] = []
        for before, after in pairwise(widths[:-1]):
            layers += [nn.Linear(before, after), nn.GELU()]
        super().__init__(*layers, nn.Linear(widths[-2], widths[-1]))

    def start_at_zero(self) -> None:
        """Make the untrained output zero."""
        for parameter in self[-1].parameters():
            nn.init.zeros_(parameter)


class Attention(nn.Module):
    """Multi-head attention from `query` `[B, N, d]` to `context` `[B, M, d]`, positions added by the caller."""

    def __init__(self, dim: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.to_query = nn.Linear(dim, dim)
        self.to_key = nn.Linear(dim, dim)
        self.to_value = nn.Linear(dim, dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attend; returns `[B, N, d]`."""
        q, k, v = (
            part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for part in (self.to_query(query), self.to_key(key), self.to_value(value))
        )
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Pre-norm residual MLP of a transformer block."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.mlp = MLP(dim, hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """`[..., d]` to `[..., d]`."""
        return x + self.mlp(self.norm(x))


def sine_encoding(values: Tensor, dim: int, temperature: float = 10.0) -> Tensor:
    """Sines and cosines of positions.

    A low temperature keeps all frequencies within a few cycles over the image, as TAPTR found best for points.

    Args:
        values: `[..., A]`, each of the A coordinates in about 0..1.
        dim: channels of the result, a multiple of 2 A.
        temperature: base of the geometric series of frequencies.

    Returns:
        `[..., dim]`.
    """
    per_axis = dim // (2 * values.shape[-1])
    exponent = torch.arange(per_axis, device=values.device, dtype=torch.float32) / per_axis
    angle = values.float().unsqueeze(-1) * (2 * math.pi) * temperature**exponent
    return torch.cat([angle.sin(), angle.cos()], -1).flatten(-2)


def grid_positions(height: int, width: int, device: torch.device | None = None) -> Tensor:
    """Normalised (x, y) centres of the cells of a map, `[height * width, 2]`, row by row."""
    y = (torch.arange(height, device=device) + 0.5) / height
    x = (torch.arange(width, device=device) + 0.5) / width
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 2)


def frame_parts(frames: int, floats_per_frame: int) -> list[slice]:
    """Slices over frames whose intermediate results stay small; one slice while gradients are kept.

    What is larger than glibc's 32 MiB is mapped anew every time; touching fresh pages costs more than the arithmetic.
    """
    step = frames if torch.is_grad_enabled() else max(1, PART_FLOATS // floats_per_frame)
    return [slice(first, first + step) for first in range(0, frames, step)]


def group_norm(channels: int) -> nn.GroupNorm:
    """GroupNorm with at most eight groups, which does not depend on the batch and so suits a batch of one."""
    return nn.GroupNorm(math.gcd(8, channels), channels)
