"""The training loop all stages share: budget, averaging, validation, log, and a state that survives a kill."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from PointSegLib.errors import PointSegError, optional_package
from PointSegLib.training.averaging import WeightAverage
from PointSegLib.training.interruption import named_worker_deaths, stop_requests
from PointSegLib.training.launch import Launch
from PointSegLib.training.run_log import RunLog, mean_row
from PointSegLib.training.run_state import Counters, Keep, Trained, read_state, warn_unless_written, write_state
from PointSegLib.training.schedule import progress, rate_factor, training_seconds
from PointSegLib.training.settings import TrainingSettings, refuse_changes
from PointSegLib.training.stage import Stage
from PointSegLib.training.stream import Batch, Share, batch_loader, seed_of

if TYPE_CHECKING:
    from lightning_fabric import Fabric

SAVE_EVERY_S = 120.0
LOG_EVERY = 20
MOST_SKIPPED = 20
FORWARD = 1  # sets the chance of the forward pass apart from that of the batch


def train(
    stage: Stage,
    settings: TrainingSettings,
    folder: Path,
    launch: Launch | None = None,
    resume: bool = False,
    keep: Keep | None = None,
) -> Trained:
    """Train a stage until its steps or minutes are used up; it then has the averaged weights, and they are validated.

    The folder receives `<name>_log.csv`, `<name>_validation.csv` and `<name>_state.pt`, from which `resume` goes on,
    having lost at most two minutes.

    Args:
        stage: what to train, on the CPU; it ends on the device it was trained on.
        settings: of this stage.
        folder: of the run; all its processes see the same one.
        launch: where to train; None takes one process on the CPU.
        resume: go on from the state in `folder` where there is one.
        keep: writes the checkpoint. Called on the first process at every validation and at the end, while the stage has
            the averaged weights. What it cannot write on the way is warned of; at the end its error is the run's.

    Raises:
        DependencyError: when Lightning Fabric is not installed.
        PointSegError: when a fresh start would overwrite an earlier run, the state cannot be used or is of a run with
            other settings, the loss or many gradients in a row are not finite, or a process that draws batches was
            killed. What was saved stays.
        KeyboardInterrupt: after SIGINT or SIGTERM, once the state is saved.
    """
    with optional_package("training", "lightning-fabric", "train"):
        from PointSegLib.training.fabric import start_fabric
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(stage, settings, folder, start_fabric(launch or Launch(), settings.precision), keep or (lambda _: None))
    run.begin(resume)
    remedy = f"use fewer workers than {settings.workers}, then go on from {run.state_file} with --resume."
    with stop_requests() as asked, named_worker_deaths(remedy):
        return run.finish(run.optimise_until_done(asked.is_set))


class _Run:
    """One stage, its optimiser and average, and where they are."""

    def __init__(self, stage: Stage, settings: TrainingSettings, folder: Path, fabric: Fabric, keep: Keep) -> None:
        self.stage, self.settings, self.folder, self.fabric, self.keep = stage, settings, folder, fabric, keep
        self.state_file = folder / f"{stage.name}_state.pt"
        trained = [p for p in stage.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trained, settings.learning_rate, weight_decay=settings.weight_decay)
        self.wrapped, self.optimizer = fabric.setup(stage, optimizer)
        self.average = WeightAverage(stage, settings.ema_decay)
        self.counters, self.figures = Counters(), dict[str, float]()
        self._started = self._saved = 0.0

    def begin(self, resume: bool) -> None:
        """Start afresh, and learn at once whether the folder can be written; or go on from the state file."""
        exists = self.fabric.broadcast(self.state_file.is_file())
        if exists and not resume:
            msg = f"{self.state_file}: a run is here already; go on with --resume, or choose another folder."
            raise PointSegError(msg)
        if exists:
            self._load(read_state(self.state_file))
        elif self.fabric.is_global_zero:
            write_state(self.state_file, self._state())
        self.log = RunLog(self.folder, self.stage.name, self.counters.step) if self.fabric.is_global_zero else None
        self._started = time.monotonic() - self.counters.seconds
        self._saved = self.counters.seconds
        self.fabric.barrier()

    def _load(self, state: dict[str, Any]) -> None:
        refuse_changes(self.state_file, state["settings"], self.settings)
        try:
            self.stage.load_state_dict(state["stage"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            msg = f"{self.state_file}: the state is of another network ({error}); use a new folder."
            raise PointSegError(msg) from error
        self.fabric.strategy.precision.load_state_dict(state["precision"])
        self.counters, self.figures = Counters(**state["counters"]), state["figures"]

    def _state(self) -> dict[str, Any]:
        return {
            "stage": self.stage.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "precision": self.fabric.strategy.precision.state_dict(),
            "counters": dataclasses.asdict(self.counters),
            "figures": self.figures,
            "settings": dataclasses.asdict(self.settings),
        }

    def optimise_until_done(self, asked_to_stop: Callable[[], bool]) -> bool:
        """Take steps until the budget is used up; False when a stop was asked for first."""
        if self._progress() >= 1:
            return True
        batches = self._batches()
        logged: list[dict[str, Tensor]] = []
        self.wrapped.train()
        stop = False
        while not stop and self._progress() < 1:
            for group in self.optimizer.param_groups:
                group["lr"] = self.settings.learning_rate * rate_factor(self.settings, self._progress())
            logged.append(self._step(batches))
            # The first process's clock and signals count for all: they must end at the same step.
            now = (time.monotonic() - self._started, asked_to_stop())
            self.counters.seconds, stop = self.fabric.broadcast(now)
            if self.counters.step % LOG_EVERY == 0 or stop or self._progress() >= 1:
                self._log_means(logged)
                logged = []
            validate = self._validation_is_due()
            if validate or self.counters.seconds - self._saved > SAVE_EVERY_S:
                self._save()
            if validate:
                self._validate()
                self._keep_average()
        return not stop

    def finish(self, done: bool) -> Trained:
        """Validate the averaged weights and leave them in the stage; or just save where a stop was asked for."""
        self._save()
        self.fabric.barrier()
        if not done:
            self.fabric.print(f"{self.stage.name}: stopped at step {self.counters.step}; go on with --resume.")
            raise KeyboardInterrupt
        if self.counters.validated_step != self.counters.step:
            self._validate()
            self._save()
        self.average.apply()
        self.stage.eval()
        if self.log is not None:
            warn_unless_written(self._at(), self.log.close)
        trained = self._trained()
        try:
            if self.fabric.is_global_zero:
                self.keep(trained)
        finally:
            # the other processes wait here, whatever became of the checkpoint
            self.fabric.barrier()
        return trained

    def _trained(self) -> Trained:
        return Trained(self.counters.step, round(self.counters.seconds / 60, 1), self.figures)

    def _at(self) -> str:
        return f"{self.stage.name}, step {self.counters.step}"

    def _progress(self) -> float:
        return progress(self.settings, self.counters.step, self.counters.seconds)

    def _batches(self) -> Iterator[Batch]:
        share = Share(self.counters.drawn + self.fabric.global_rank, self.fabric.world_size)
        on_gpu = self.fabric.device.type == "cuda"
        loader: Any = batch_loader(self.stage.draw, self.settings.seed, share, self.settings.workers, on_gpu)
        loader = self.fabric.setup_dataloaders(loader, use_distributed_sampler=False)
        return iter(loader)

    def _step(self, batches: Iterator[Batch]) -> dict[str, Tensor]:
        """One optimiser step; returns the mean of each term and figure."""
        self.optimizer.zero_grad(set_to_none=True)
        parts: list[dict[str, Tensor]] = []
        for part in range(1, self.settings.accumulate + 1):
            batch = next(batches)
            # What chance the forward pass takes, such as dropout, is a function of the batch's number as well.
            torch.manual_seed(seed_of(self.settings.seed, self.counters.drawn + self.fabric.global_rank, FORWARD))
            with self.fabric.no_backward_sync(self.wrapped, enabled=part < self.settings.accumulate):
                terms, figures = self.wrapped(batch)
                loss = torch.stack(list(terms.values())).sum()
                self._refuse_bad_loss(loss, terms, batch)
                self.fabric.backward(loss / self.settings.accumulate)
            self.counters.drawn += self.fabric.world_size
            parts.append({name: value.detach() for name, value in {**terms, **figures}.items()})
        self._apply_gradients(batch)
        self.counters.step += 1
        return mean_row(parts)

    def _refuse_bad_loss(self, loss: Tensor, terms: dict[str, Tensor], batch: Batch) -> None:
        mine = not bool(loss.detach().isfinite())
        anywhere = self.fabric.all_reduce(torch.tensor(float(mine)), reduce_op="sum")
        if not bool(anywhere):
            return
        values = ", ".join(f"{name} {float(value.detach()):.4g}" for name, value in terms.items())
        whose = f"for the batch made of {', '.join(batch['names'])}" if mine else "in another process, which names it"
        msg = f"{self.stage.name}, step {self.counters.step + 1}: the loss is not finite ({values}) {whose}. "
        msg += self._saved_before()
        raise PointSegError(msg)

    def _saved_before(self) -> str:
        return (
            f"{self.state_file} is from before: look at these data and go on with --resume, or begin in another folder "
            "with a lower learning_rate, giving --start the last checkpoint."
        )

    def _apply_gradients(self, batch: Batch) -> None:
        clip = self.settings.clip_gradient
        norm = self.fabric.clip_gradients(self.wrapped, self.optimizer, max_norm=clip, error_if_nonfinite=False)
        finite = norm is not None and bool(norm.isfinite())
        # In float16 the scaler itself leaves the step out, and must see it to lower its scale.
        if finite or self.settings.precision == "16-mixed":
            self.optimizer.step()
        if finite:
            self.average.update()
            self.counters.skipped_in_a_row = 0
            return
        self.counters.skipped += 1
        self.counters.skipped_in_a_row += 1
        if self.counters.skipped_in_a_row >= MOST_SKIPPED:
            msg = f"{self.stage.name}, step {self.counters.step + 1}: the gradient was not finite {MOST_SKIPPED} times "
            msg += f"in a row, last for the batch made of {', '.join(batch['names'])}. {self._saved_before()}"
            raise PointSegError(msg)

    def _validation_is_due(self) -> bool:
        every, seconds = 60 * self.settings.validate_every, self.counters.seconds
        # One that starts shortly before the end would take the last one's time.
        near_end = training_seconds(self.settings) - seconds < every / 2
        return every > 0 and not near_end and seconds - self.counters.validated_at > every

    def _validate(self) -> None:
        """Validate the averaged weights on the first process, while the others wait."""
        figures: dict[str, float] = {}
        if self.fabric.is_global_zero:
            with self.average.applied(), torch.no_grad():
                self.stage.eval()
                figures = self.stage.validate()
                self._note_validation(figures)
                self.stage.train()
        self.figures = self.fabric.broadcast(figures)
        seconds = self.fabric.broadcast(time.monotonic() - self._started)
        self.counters.validated_step, self.counters.validated_at = self.counters.step, seconds
        self.counters.seconds = seconds

    def _keep_average(self) -> None:
        if self.fabric.is_global_zero:
            with self.average.applied():
                warn_unless_written(self._at(), lambda: self.keep(self._trained()))

    def _note_validation(self, figures: dict[str, float]) -> None:
        if not figures:
            return
        counters, score = self.counters, next(iter(figures.values()))
        if score > counters.best:
            counters.best, counters.best_step = score, counters.step
        self._log("validation", figures)
        shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        best = f"best {counters.best:.4g} at step {counters.best_step}"
        self.fabric.print(f"{self._at()}: {shown}; {best}")

    def _log_means(self, logged: list[dict[str, Tensor]]) -> None:
        if self.log is not None:
            means = {name: round(float(value), 5) for name, value in mean_row(logged).items()}
            rate = self.optimizer.param_groups[0]["lr"]
            self._log("log", {**means, "learning_rate": rate, "skipped": self.counters.skipped})

    def _log(self, table: str, row: dict[str, float]) -> None:
        at = {"step": self.counters.step, "minutes": round(self.counters.seconds / 60, 2)}
        log = self.log
        if log is not None:
            warn_unless_written(self._at(), lambda: log.add(table, {**at, **row}))

    def _save(self) -> None:
        """Write the state file; the one before stays until the new one is whole."""
        if self.fabric.is_global_zero:
            warn_unless_written(self._at(), lambda: write_state(self.state_file, self._state()))
        self._saved = self.counters.seconds
