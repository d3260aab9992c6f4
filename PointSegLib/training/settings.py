"""`TrainingSettings`: everything a training run depends on beside its data; stored with its checkpoint."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PointSegLib.errors import PointSegError
from PointSegLib.model import PRESETS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
SCHEDULES = ("cosine", "step")
BUDGET = ("steps", "minutes")
# these change neither batches nor steps, so that a run may go on with others
UNBOUND = ("workers", "validate_every")


@dataclass(frozen=True)
class TrainingSettings:
    """One stage of the training. The defaults are the paper's; recipes override them.

    Attributes:
        preset: "small" or "paper".
        class_labels: label values of the K classes; empty takes the preset's.
        steps: optimiser steps of the whole run.
        minutes: wall-clock budget, 0 for none; training ends when steps or minutes are used up, whichever comes first.
        validation_share: of `minutes`, kept for the validation at the end.
        validate_every: minutes between validations on the way, 0 for none but the last.
        precision: one of `PRECISIONS`; the mixed ones run the forward pass in 16 bits.
        workers: processes of each device that draw batches ahead; 0 draws them between the steps.
        clips: clips per forward pass; where masks are learnt, frames, so that a clip of 12 counts as 12.
        frames: frames per clip at most.
        kind_shares: stage two: shares of the steps with stills, with real ED/ES pairs and with simulated clips. Stills
            make the most of a step for the masks, since frames of a clip teach little beside each other; clips teach
            the attention over time.
        click_share: stage two: share of the steps in which a simulated user corrects the prediction.
        points: trajectories per clip.
        geometry: strength of the geometric augmentation, 1 for its full ranges.
        accumulate: forward passes per optimiser step.
        learning_rate: peak rate of AdamW.
        schedule: one of `SCHEDULES`: half a cosine to zero, or a tenth at each of `rate_drops`.
        rate_drops: progress of the run, 0..1, at which the rate of the schedule "step" drops.
        weight_decay: of AdamW.
        clip_gradient: greatest norm of the gradient.
        ema_decay: of the averaged weights that are saved and evaluated.
        weight_position: w_L of Eq. 2.
        weight_visibility: w_V of Eq. 2.
        weight_matching: of `losses.matching_loss`; 0 as in the paper.
        weight_gain: of `losses.gain_loss`; 0 as in the paper.
        layer_weights: w_M^n and w_T^n of Eq. 3 and 4.
        weight_temporal: of Eq. 4, normalised as `losses.temporal_loss` says.
        weight_bce: cross-entropy beside Dice.
        seed: of weights, data and simulation.
    """

    preset: str = "small"
    class_labels: tuple[int, ...] = ()
    steps: int = 100_000
    minutes: float = 0.0
    validation_share: float = 0.05
    validate_every: float = 0.0
    precision: str = "32-true"
    workers: int = 0
    clips: int = 1
    frames: int = 8
    kind_shares: tuple[float, ...] = (0.0, 0.5, 0.5)
    click_share: float = 0.0
    points: int = 256
    geometry: float = 1.0
    accumulate: int = 4
    learning_rate: float = 2e-4
    schedule: str = "cosine"
    rate_drops: tuple[float, ...] = (0.6, 0.9)
    weight_decay: float = 1e-4
    clip_gradient: float = 1.0
    ema_decay: float = 0.999
    weight_position: float = 5.0
    weight_visibility: float = 1.0
    weight_matching: float = 0.0
    weight_gain: float = 0.0
    layer_weights: tuple[float, ...] = (0.25, 0.5, 1.0)
    weight_temporal: float = 100.0
    weight_bce: float = 0.0
    seed: int = 0


def refuse_changes(state_file: Path, before: dict[str, Any], now: TrainingSettings) -> None:
    """Let a run go on only with the settings it was started with, but for a longer budget and how it is watched.

    Args:
        state_file: of the run, for the message.
        before: settings of the run; those it does not know had their defaults.
        now: settings it is to go on with.

    Raises:
        PointSegError: when they differ; it names all that do.
    """
    then = {**dataclasses.asdict(TrainingSettings()), **before}
    changed = [
        f"{name} {then[name]!r} (now {value!r})"
        for name, value in dataclasses.asdict(now).items()
        if value != then[name] and name not in UNBOUND and not (name in BUDGET and _longer(value, then[name]))
    ]
    if changed:
        msg = f"{state_file}: the run was started with other settings: {', '.join(changed)}. Go on with those of the "
        msg += "run, of which only steps and minutes may grow, or choose another folder."
        raise PointSegError(msg)


def _longer(now: float, before: float) -> bool:
    """Whether a budget grows; 0 is none."""
    return bool(before) and (not now or now > before)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def load_settings(recipe: str | Path, stage: str, **changes: Any) -> TrainingSettings:
    """Read a recipe: a TOML file with a `[common]` table and one per stage.

    Args:
        recipe: path of a file, or the name of one that comes with PointSeg ("small-cpu").
        stage: "stills", "tracker" or "segmenter".
        changes: values that override the recipe's; None is ignored.

    Raises:
        PointSegError: when the recipe is missing or names an unknown setting.
    """
    path = Path(recipe)
    if not path.suffix:
        path = Path(__file__).parent / "recipes" / f"{recipe}.toml"
    if not path.is_file():
        msg = f"{path}: there is no such recipe."
        raise PointSegError(msg)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{path}: the recipe cannot be read ({error})."
        raise PointSegError(msg) from error
    values = {**tables.get("common", {}), **tables.get(stage, {})}
    values.update({name: value for name, value in changes.items() if value is not None})
    known = {f.name for f in dataclasses.fields(TrainingSettings)}
    unknown = sorted(set(values) - known)
    if unknown:
        msg = f"{path}: unknown setting {unknown[0]!r} for the stage {stage!r}; known are {', '.join(sorted(known))}."
        raise PointSegError(msg)
    settings = dataclasses.replace(TrainingSettings(), **{name: _frozen(value) for name, value in values.items()})
    _check(settings, path)
    return settings


def _check(settings: TrainingSettings, path: Path) -> None:
    choices = {"preset": tuple(PRESETS), "precision": PRECISIONS, "schedule": SCHEDULES}
    for name, known in choices.items():
        if getattr(settings, name) not in known:
            msg = f"{path}: {name} is {getattr(settings, name)!r}, but must be one of {', '.join(known)}."
            raise PointSegError(msg)
    least = {"steps": 1, "accumulate": 1, "workers": 0, "minutes": 0, "validate_every": 0}
    for name, lowest in least.items():
        if getattr(settings, name) < lowest:
            msg = f"{path}: {name} is {getattr(settings, name)}, but must be at least {lowest}."
            raise PointSegError(msg)
    if not 0 <= settings.validation_share < 1:
        msg = f"{path}: validation_share is {settings.validation_share}, but must be at least 0 and below 1."
        raise PointSegError(msg)
