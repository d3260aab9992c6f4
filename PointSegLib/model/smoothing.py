"""Smoothing of masks over time, frame by frame as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

# so many standard deviations away a frame counts nothing any more
REACH = 4.0
# keeps the logit of a smoothed probability finite
LEAST_PROBABILITY = 1e-6


def smoothed_over_time(frames: Iterable[Tensor], width: float) -> Iterator[Tensor]:
    """Logits of class probabilities after a Gaussian over time; the first and last frame are repeated beyond the ends.

    A frame is given as soon as the last one that counts for it is there, `REACH` times `width` frames later.

    Args:
        frames: logits of one frame after the other, all of one shape.
        width: standard deviation in frames; 0 gives the frames as they are.
    """
    reach = int(REACH * width + 0.5)
    if reach == 0:
        yield from frames
        return
    offsets = torch.arange(-reach, reach + 1)
    weights = (-(offsets / width).square() / 2).exp()
    weights = weights / weights.sum()
    near: deque[Tensor] = deque(maxlen=len(weights))

    def middle() -> Iterator[Tensor]:
        if len(near) == len(weights):
            around = torch.stack(tuple(near))
            yield torch.tensordot(weights.to(around), around, 1).logit(LEAST_PROBABILITY)

    for logits in frames:
        near.extend([logits.sigmoid()] * (1 if near else reach + 1))
        yield from middle()
    for _ in range(reach if near else 0):
        near.append(near[-1])
        yield from middle()
