"""The ablation of the paper's Table 3: the segmenter without one part or several, each trained with the same budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from PointSegLib.evaluation.cells import TableRow
from PointSegLib.evaluation.tables import WALL, ablation_row, paper_table
from PointSegLib.model import PointSeg, load_checkpoint, save_checkpoint
from PointSegLib.peers.comparison import Comparison
from PointSegLib.peers.report import OURS, comparison_table, p_words
from PointSegLib.training import Launch, TrainingData, TrainingSettings, train_segmenter

Marks = tuple[bool, bool, bool, bool, bool]
# which of points, point-to-patch attention, MLP, point and temporal self-attention there are: the rows of Table 3
VARIANTS: Mapping[str, Marks] = {
    "without points": (False, True, True, True, True),
    "point-to-patch only": (True, True, False, False, False),
    "and MLP": (True, True, True, False, False),
    "and point attention": (True, True, True, True, False),
    OURS: (True, True, True, True, True),
}
SWITCHES = ("use_trajectories", "point_to_patch", "mlp", "point_attention", "temporal_attention")


def train_variant(
    name: str,
    data: TrainingData,
    tracker: Path,
    folder: Path,
    schedule: Sequence[TrainingSettings],
    launch: Launch | None = None,
) -> Path:
    """Train one row of Table 3, or go on where an earlier call was cut; one that is finished is only written again.

    Args:
        name: a key of `VARIANTS`.
        data: annotated frames, and clips where `kind_shares` asks for them.
        tracker: checkpoint whose tracker all variants share; its segmenter is not used.
        folder: of this variant; receives a folder per stage with log, state and checkpoint.
        schedule: settings of the stages, the same for all variants.
        launch: where it is trained; None takes one process on the CPU.

    Returns:
        The path of the trained checkpoint.

    Raises:
        CheckpointError: when the tracker's checkpoint cannot be used.
        PointSegError: when the recipe is not for this tracker's network.
    """
    folder.mkdir(parents=True, exist_ok=True)
    loaded = load_checkpoint(tracker)
    config = loaded.model.config
    switches: dict[str, Any] = dict(zip(SWITCHES, VARIANTS[name], strict=True))
    torch.manual_seed(schedule[0].seed)
    model = PointSeg(replace(config, segmenter=replace(config.segmenter, **switches)))
    model.tracker.load_state_dict(loaded.model.tracker.state_dict())
    untrained = folder / "tracker.safetensors"
    save_checkpoint(untrained, model, {"tracker": loaded.provenance.get("tracker", {})})
    path = untrained
    for number, settings in enumerate(schedule, start=1):
        part = folder / f"part_{number}"
        path = train_segmenter(data, untrained, part, settings, resume=True, launch=launch, start=path)
    return path


@dataclass(frozen=True)
class Ablation(Comparison):
    """The scores of all variants by their names in `VARIANTS`; the full model is compared with each of the others."""

    name: str = "ablation"

    def markdown(self) -> str:
        """Table 3 with the published figures above ours, then all paired comparisons."""
        notes = "\n".join(f"- {note}" for note in self.notes) + "\n"
        rows = [row for data in self.masks for row in self._rows(data)]
        return "\n".join([notes, paper_table(3, rows), comparison_table(self.paired)])

    def _rows(self, data: str) -> list[TableRow]:
        wall = {"data": data, "structure": WALL, "quality": "all", "metric": "dice"}
        tests = {row["baseline"]: row for row in self.paired if wall.items() <= row.items()}
        p_values = {name: p_words(row["t_p_holm"]) for name, row in tests.items()}
        frames = self.masks[data].frames
        return [
            ablation_row(name, data, frames[name], marks, p_values.get(name, "-"))
            for name, marks in VARIANTS.items()
            if name in frames
        ]
