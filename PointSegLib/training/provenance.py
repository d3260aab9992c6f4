"""`Origin`: what a checkpoint says of the stage that made it."""

from __future__ import annotations

import dataclasses
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import torch

import PointSegLib
from PointSegLib.training.run_state import Trained
from PointSegLib.training.settings import TrainingSettings


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


@dataclass(frozen=True)
class Origin:
    """What a stage starts with; made before the run, so that it names the code the run was started from.

    Attributes:
        stage: its name.
        settings: of the stage.
        data: what it learns from, in words.
        licence: of those data.
        start: checkpoint its weights come from, where they come from one.
        known: records of the stages the network has been through, this one among them where it goes on with it.
        commit: of the code.
    """

    stage: str
    settings: TrainingSettings
    data: str
    licence: str
    start: Path | None = None
    known: Mapping[str, Any] = field(default_factory=dict)
    commit: str = field(default_factory=_commit)

    def provenance(self, trained: Trained) -> dict[str, Any]:
        """The records of all stages up to this one, as plain JSON types.

        Steps and minutes of a stage are those of all runs its weights have seen in it. `start` names the file they come
        from, and holds that file's own record of the stage where it has one.
        """
        before = self.known.get(self.stage, {})
        licences = [self.licence, before.get("licence", self.licence)]
        record = {
            "data": self.data,
            "start": {"file": self.start.name, **before} if self.start else None,
            "licence": "; ".join(dict.fromkeys(licences)),
            "settings": dataclasses.asdict(self.settings),
            "steps": before.get("steps", 0) + trained.steps,
            "minutes": round(before.get("minutes", 0.0) + trained.minutes, 1),
            "validation": trained.figures,
            "pointseg": PointSegLib.__version__,
            "commit": self.commit,
            "torch": torch.__version__,
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
            "date": date.today().isoformat(),
        }
        return {**self.known, self.stage: record}
