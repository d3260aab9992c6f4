"""How a clip of any length is cut into overlapping windows, and how neighbouring windows are blended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor


def window_ranges(n_frames: int, window: int, overlap: int) -> list[tuple[int, int]]:
    """Half-open frame ranges that cover a clip; the last one is as short as what is left.

    Args:
        n_frames: frames of the clip.
        window: frames of a window.
        overlap: frames a window shares with the one before.
    """
    if n_frames <= window:
        return [(0, n_frames)]
    starts = range(0, n_frames - overlap, window - overlap)
    return [(start, min(start + window, n_frames)) for start in starts]


def window_holding(frame: int, windows: list[tuple[int, int]]) -> int:
    """Index of the first window that holds a frame."""
    return next(index for index, (first, last) in enumerate(windows) if first <= frame < last)


def frame_by_frame(windows: list[tuple[int, int]], parts: Iterable[Tensor]) -> Iterator[Tensor]:
    """The value of each frame in order, from the values `[T, ...]` of each window; blended where two know a frame."""
    pending: Tensor | None = None
    for index, ((first, last), values) in enumerate(zip(windows, parts, strict=True)):
        if pending is not None:
            shared = len(pending)
            values = torch.cat([blend(pending, values[:shared]), values[shared:]])
        end = windows[index + 1][0] if index + 1 < len(windows) else last
        pending = values[end - first :]
        yield from values[: end - first]


def blend(older: Tensor, newer: Tensor) -> Tensor:
    """Fade from one window to the next over the frames both know.

    Args:
        older: `[O, ...]` of the window that ends here.
        newer: `[O, ...]` of the window that begins here.
    """
    weight = torch.arange(1, len(older) + 1, device=older.device) / (len(older) + 1)
    weight = weight.view(-1, *[1] * (older.ndim - 1))
    return older + weight * (newer - older)
