"""Where a run is, and the state file a killed one goes on from."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from PointSegLib.atomic import atomic_path
from PointSegLib.errors import PointSegError, WriteError


@dataclass
class Counters:
    """Where a run is.

    Attributes:
        step: optimiser steps taken, skipped ones included.
        drawn: batches taken from the stream by all processes together.
        seconds: time used, over all parts of a run that was cut.
        skipped: steps left out because their gradient was not finite.
        skipped_in_a_row: of those, the ones since the last good step.
        validated_step: step of the last validation, -1 before the first.
        validated_at: `seconds` at that time.
        best: highest first figure of a validation.
        best_step: its step, -1 before the first.
    """

    step: int = 0
    drawn: int = 0
    seconds: float = 0.0
    skipped: int = 0
    skipped_in_a_row: int = 0
    validated_step: int = -1
    validated_at: float = 0.0
    best: float = float("-inf")
    best_step: int = -1


@dataclass(frozen=True)
class Trained:
    """How far a run has come at a validation; the last one is its end.

    Attributes:
        steps: optimiser steps taken.
        minutes: time used, over all parts of a run that was cut.
        figures: of that validation, which is of the weights the stage has then.
    """

    steps: int
    minutes: float
    figures: dict[str, float]


Keep = Callable[[Trained], None]


def warn_unless_written(at: str, write: Callable[[], None]) -> None:
    """Write what a run can do without for now: a disk that is full may have room again before the end.

    Args:
        at: stage and step, for the warning.
        write: leaves what was there before in place where it fails.
    """
    try:
        write()
    except OSError as error:
        warnings.warn(f"{at}: {error} Training goes on.", stacklevel=3)


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values; the file before stays until the new one is whole.

    Raises:
        WriteError: when there is no room, or the folder cannot be written.
    """
    with atomic_path(path) as temporary:
        try:
            torch.save(state, temporary)
        except RuntimeError as error:
            # torch's own writer says nothing of the cause when the disk is full
            msg = f"{path} cannot be written ({str(error).splitlines()[0]}); is the disk full?"
            raise WriteError(msg) from error


def read_state(path: Path) -> dict[str, Any]:
    """Read a state file onto the CPU.

    Raises:
        PointSegError: when the file is damaged.
    """
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
        msg = f"{path}: the state of the run is damaged ({error}); start again in another folder."
        raise PointSegError(msg) from error
    return state
