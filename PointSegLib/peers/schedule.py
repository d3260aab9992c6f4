"""`mask_schedule`: how a network that makes masks spends its budget, by the recipe PointSeg's own follows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PointSegLib.training import TrainingSettings, load_settings

STAGES = ("stills", "segmenter")
# the minutes end a stage, not the recipe's steps, which are counted for one network
NO_LIMIT = 10**9


def mask_schedule(recipe: str | Path, minutes: float) -> tuple[TrainingSettings, ...]:
    """The stages in which masks are learnt, one after the other.

    Args:
        recipe: name or path, see `load_settings`.
        minutes: of all stages together, divided as in the recipe; a recipe without minutes has one stage.

    Raises:
        PointSegError: when the recipe cannot be used.
    """
    stages = [load_settings(recipe, stage, steps=NO_LIMIT) for stage in STAGES]
    timed = [settings for settings in stages if settings.minutes] if stages[-1].minutes else stages[-1:]
    total = sum(settings.minutes for settings in timed)
    return tuple(replace(one, minutes=minutes * (one.minutes / total if total else 1.0)) for one in timed)
