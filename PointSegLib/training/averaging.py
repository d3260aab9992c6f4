"""`WeightAverage`: the exponential moving average of the weights, which is what is validated and kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class WeightAverage:
    """Averages the trained parameters of a module; frozen ones and buffers are the module's own.

    Buffers, such as the running statistics of batch normalisation, are averages already. The decay grows with the
    number of updates, `(1 + n) / (10 + n)` at most, so that short runs forget their random start.

    Args:
        module: its parameters that require gradients are averaged, on their device.
        decay: of a long run.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay, self.updates = decay, 0
        self._current = [p for p in module.parameters() if p.requires_grad]
        self._mean = [p.detach().clone() for p in self._current]

    @torch.no_grad()
    def update(self) -> None:
        """Take the current weights in."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        get_ema_multi_avg_fn(decay)(self._mean, self._current, self.updates)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the averages into the module for the time of the block."""
        trained = [p.detach().clone() for p in self._current]
        self.apply()
        try:
            yield
        finally:
            _copy(trained, self._current)

    def apply(self) -> None:
        """Put the averages into the module for good."""
        _copy(self._mean, self._current)

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on."""
        return {"updates": self.updates, "mean": self._mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved average."""
        self.updates = state["updates"]
        _copy(state["mean"], self._mean)


@torch.no_grad()
def _copy(source: Sequence[torch.Tensor], target: Sequence[torch.Tensor]) -> None:
    for new, old in zip(source, target, strict=True):
        old.copy_(new)
