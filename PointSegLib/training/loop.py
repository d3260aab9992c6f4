"""The training loop both stages share: budget, schedule, averaging, log, checkpoints that survive a kill."""

from __future__ import annotations

import csv
import dataclasses
import pickle
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from PointSegLib.atomic import atomic_path
from PointSegLib.errors import PointSegError
from PointSegLib.training.settings import TrainingSettings

SAVE_EVERY_S = 120.0
LOG_EVERY = 20
WARM_UP = 0.03

# the terms to minimise the sum of, and figures only to be logged
Losses = tuple[dict[str, Tensor], dict[str, float]]


class Trainer:
    """Optimises one module against a function that draws a batch and returns its loss terms.

    The state file in the run's folder holds weights, averages, optimiser, random state and the time used; `resume` goes
    on from there, having lost at most two minutes.
    """

    def __init__(self, module: nn.Module, settings: TrainingSettings, folder: Path, stage: str) -> None:
        self.module, self.settings, self.folder = module, settings, folder
        self.state_file = folder / f"{stage}_state.pt"
        self.log_file = folder / f"{stage}_log.csv"
        self.step, self.seconds_used = 0, 0.0
        self.generator = torch.Generator().manual_seed(settings.seed)
        trained = [p for p in module.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, settings.learning_rate, weight_decay=settings.weight_decay)
        self.average = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(settings.ema_decay))

    def begin(self, resume: bool) -> None:
        """Start afresh, or go on from the state file where there is one.

        Raises:
            PointSegError: when a fresh start would overwrite an earlier run, or the state cannot be used.
        """
        if not self.state_file.is_file():
            return
        if not resume:
            msg = f"{self.state_file}: a run is here already; go on with --resume, or choose another folder."
            raise PointSegError(msg)
        try:
            state = torch.load(self.state_file, weights_only=True, map_location="cpu")
        except (OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
            msg = f"{self.state_file}: the state of the run is damaged ({error}); start again in another folder."
            raise PointSegError(msg) from error
        if state["settings"]["preset"] != self.settings.preset:
            preset = state["settings"]["preset"]
            msg = f"{self.state_file}: the run was started with preset {preset!r}; use a new folder."
            raise PointSegError(msg)
        self.module.load_state_dict(state["module"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.step, self.seconds_used = state["step"], state["seconds_used"]

    def run(self, draw_loss: Callable[[torch.Generator], Losses]) -> nn.Module:
        """Train until steps or minutes are used up.

        Args:
            draw_loss: draws a batch with the given generator and returns its loss terms and figures to log.

        Returns:
            The averaged module.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        started, saved, logged = time.monotonic(), time.monotonic(), []
        before = self.seconds_used
        self.module.train()
        while (progress := self._progress()) < 1.0:
            for group in self.optimizer.param_groups:
                group["lr"] = self.settings.learning_rate * _schedule(progress)
            terms = self._optimise(draw_loss)
            self.step += 1
            self.seconds_used = before + time.monotonic() - started
            logged.append(terms)
            if self.step % LOG_EVERY == 0:
                self._log(logged)
                logged = []
            if time.monotonic() - saved > SAVE_EVERY_S:
                self.save()
                saved = time.monotonic()
        self.save()
        return self.average.module

    def save(self) -> None:
        """Write the state file; the one before stays until the new one is whole."""
        state = {
            "module": self.module.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "step": self.step,
            "seconds_used": self.seconds_used,
            "settings": dataclasses.asdict(self.settings),
        }
        with atomic_path(self.state_file) as temporary:
            torch.save(state, temporary)

    def _progress(self) -> float:
        by_steps = self.step / self.settings.steps
        by_time = self.seconds_used / (60 * self.settings.minutes) if self.settings.minutes else 0.0
        return max(by_steps, by_time)

    def _optimise(self, draw_loss: Callable[[torch.Generator], Losses]) -> dict[str, float]:
        self.optimizer.zero_grad(set_to_none=True)
        sums: dict[str, float] = {}
        for _ in range(self.settings.accumulate):
            terms, figures = draw_loss(self.generator)
            (torch.stack(list(terms.values())).sum() / self.settings.accumulate).backward()
            figures = {**{name: float(value.detach()) for name, value in terms.items()}, **figures}
            for name, value in figures.items():
                sums[name] = sums.get(name, 0.0) + value / self.settings.accumulate
        norm = nn.utils.clip_grad_norm_(self.module.parameters(), self.settings.clip_gradient)
        if torch.isfinite(norm):
            self.optimizer.step()
            self.average.update_parameters(self.module)
        return sums

    def _log(self, logged: list[dict[str, float]]) -> None:
        row: dict[str, float] = {"step": self.step, "minutes": round(self.seconds_used / 60, 2)}
        row.update({name: round(sum(terms[name] for terms in logged) / len(logged), 5) for name in logged[0]})
        row["learning_rate"] = self.optimizer.param_groups[0]["lr"]
        is_new = not self.log_file.is_file()
        with self.log_file.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            if is_new:
                writer.writeheader()
            writer.writerow(row)


def _schedule(progress: float) -> float:
    """Linear warm-up, then half a cosine to zero."""
    warm = min(1.0, (progress + 1e-3) / WARM_UP)
    return warm * 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * progress))))
