"""A stage that trains in milliseconds, and can be told to meet with an accident; run as a program it trains itself."""

from __future__ import annotations

import csv
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from PointSegLib.errors import WriteError
from PointSegLib.training import Launch, TrainingSettings, loop
from PointSegLib.training.run_state import Trained
from PointSegLib.training.stage import Losses, Stage
from PointSegLib.training.stream import Batch

SETTINGS = TrainingSettings(preset="small", steps=8, accumulate=2, learning_rate=0.05, ema_decay=0.9)


def nothing(_batch: Batch) -> None:
    """No accident."""


class TinyStage(Stage):
    """Regression with batch normalisation and dropout, so that buffers and chance in the forward pass count.

    Args:
        accident: called with each batch before it is scored; `number` of the batch counts forward passes from 0.
        in_worker: called with each batch where it is drawn.
        validate_s: time one validation takes.
    """

    name = "tiny"

    def __init__(
        self,
        accident: Callable[[Batch], None] = nothing,
        in_worker: Callable[[Batch], None] = nothing,
        validate_s: float = 0.0,
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1))
        self.accident, self.in_worker, self.validate_s = accident, in_worker, validate_s
        self.passes = 0
        self.validated: list[torch.Tensor] = []

    def draw(self, generator: torch.Generator) -> Batch:
        x = torch.randn(16, 4, generator=generator)
        batch = {"x": x, "y": x.sum(1, keepdim=True), "names": [f"case_{generator.initial_seed() % 1000}"]}
        self.in_worker(batch)
        return batch

    def forward(self, batch: Batch) -> Losses:
        self.accident({**batch, "number": self.passes, "stage": self})
        self.passes += 1
        error = (self.layers(batch["x"]) - batch["y"]).square().mean() * batch.get("factor", 1.0)
        return {"square": error}, {"bias": self.layers[3].bias.detach().mean()}

    def validate(self) -> dict[str, float]:
        assert not self.training
        assert not torch.is_grad_enabled()
        time.sleep(self.validate_s)
        self.validated.append(self.layers[0].weight.clone())
        return {"score": float(self.layers[0].weight.sum()), "other": 1.0}


def send(number: int, at: int) -> Callable[[Batch], None]:
    """An accident: a signal to this process at a forward pass."""

    def accident(batch: Batch) -> None:
        if batch["number"] == at:
            os.kill(os.getpid(), number)

    return accident


class Kept:
    """Notes what a run hands over, with the weights the stage has at that time.

    Args:
        stage: that is trained.
        failures: so many first calls find no room.
    """

    def __init__(self, stage: TinyStage, failures: int = 0) -> None:
        self.stage, self.failures = stage, failures
        self.ends: list[Trained] = []
        self.weights: list[torch.Tensor] = []

    def __call__(self, trained: Trained) -> None:
        self.ends.append(trained)
        if len(self.ends) <= self.failures:
            raise WriteError("No space left on device")
        self.weights.append(self.stage.layers[0].weight.detach().clone())


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    """Weights are equal to the last bit."""
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, atol=0, rtol=0, msg=name)


def main() -> None:
    """Train in a folder on so many processes; a third argument names the forward pass at which to be killed."""
    folder, devices, killed_at = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    loop.SAVE_EVERY_S = -1.0
    stage = TinyStage(send(signal.SIGKILL, killed_at))
    rank = os.environ.get("LOCAL_RANK", "0")
    loop.train(stage, SETTINGS, folder, Launch(devices=devices), keep=lambda _: (folder / f"kept_{rank}").touch())
    torch.save(stage.state_dict(), folder / f"weights_{rank}.pt")


if __name__ == "__main__":
    main()
