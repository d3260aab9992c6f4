"""`Launch`: where a training run takes place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Launch:
    """Where a run takes place; it changes how fast a run is, and with several devices how many batches a step takes.

    Attributes:
        accelerator: "cpu", "cuda" or "mps".
        devices: of each node; each has a process of its own.
        nodes: machines, which share one folder; the same command is started on each, by torchrun or SLURM.
    """

    accelerator: str = "cpu"
    devices: int = 1
    nodes: int = 1
