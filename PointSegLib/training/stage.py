"""`Stage`: what the training loop asks of anything it can train."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from PointSegLib.training.stream import Batch

# the terms to minimise the sum of, and figures only to be logged; scalars all of them
Losses = tuple[dict[str, Tensor], dict[str, Tensor]]


class Stage(nn.Module, ABC):
    """A network with the data it learns from and the loss it is judged by.

    Its parameters that require gradients are trained. The loop switches the whole stage between training and evaluation
    mode: a stage with a frozen part overrides `train` to keep that part in evaluation mode.

    Attributes:
        name: begins the names of the run's files: "tracker", "segmenter", ...
    """

    name: str

    @abstractmethod
    def draw(self, generator: torch.Generator) -> Batch:
        """Make a batch; called in worker processes, where the network's weights are not the current ones.

        Args:
            generator: the only source of chance, so that a batch is a function of its seed.

        Returns:
            CPU tensors by name, and under "names" a list of what they were made of, for the message should the loss
            not be finite.
        """

    @abstractmethod
    def forward(self, batch: Batch) -> Losses:
        """Score a batch on the network's device; runs under autocast where the settings say so."""

    def validate(self) -> dict[str, float]:
        """Figures on held-out data with the current weights, in evaluation mode, without gradients or autocast.

        Returns:
            Figures by name. The first is the one the best weights are known by; higher is better. Empty where there is
            nothing to validate on.
        """
        return {}
