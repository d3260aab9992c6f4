"""`Comparison`: all methods scored on all data, as files and as the paper's Tables 1 and 4."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from PointSegLib.atomic import atomic_path
from PointSegLib.evaluation.summary import summarise, write_csv, write_json
from PointSegLib.evaluation.tables import paper_table
from PointSegLib.peers.report import (
    comparison_table,
    mask_comparisons,
    mask_table_rows,
    track_comparisons,
    track_table_rows,
)
from PointSegLib.peers.scoring import MaskScores, Rows


@dataclass(frozen=True)
class Comparison:
    """What was measured.

    Attributes:
        masks: scores by the words that name their data.
        notes: a sentence each on budget, data and what differs from the paper's protocol.
        tracks: rows by method, by the words that name their data.
        trained_on: training data of the trackers that learn, for Table 4.
        name: of the summary's files.
    """

    masks: Mapping[str, MaskScores]
    notes: tuple[str, ...]
    tracks: Mapping[str, Mapping[str, Rows]] = field(default_factory=dict)
    trained_on: Mapping[str, str] = field(default_factory=dict)
    name: str = "comparison"

    @cached_property
    def paired(self) -> Rows:
        """PointSeg against every other method on all data: rows of `report.mask_comparisons`."""
        masks = [row for data, scores in self.masks.items() for row in mask_comparisons(scores, data)]
        return masks + [row for data, tracks in self.tracks.items() for row in track_comparisons(tracks, data)]

    def markdown(self) -> str:
        """Tables 1 and 4 with the published figures above ours, then all paired comparisons."""
        parts = ["\n".join(f"- {note}" for note in self.notes) + "\n"]
        on = {data: [row for row in self.paired if row["data"] == data] for data in (*self.masks, *self.tracks)}
        if self.masks:
            rows = [row for data, scores in self.masks.items() for row in mask_table_rows(scores, on[data], data)]
            parts.append(paper_table(1, rows))
        for data, tracks in self.tracks.items():
            mine = [row for row in on[data] if row["structure"] == "tracks"]
            parts.append(paper_table(4, track_table_rows(tracks, mine, data, self.trained_on)))
        return "\n".join([*parts, comparison_table(self.paired)])

    def write(self, folder: Path, provenance: Mapping[str, Any]) -> None:
        """Write `masks.csv`, `clips.csv`, `tracks.csv`, `paired.csv`, `<name>.json` and `<name>.md`.

        Args:
            folder: takes the files; it must exist.
            provenance: of the networks, kept in the JSON file.

        Raises:
            WriteError: when a file cannot be written.
        """
        frames = _flat({data: scores.frames for data, scores in self.masks.items()})
        clips = _flat({data: scores.clips for data, scores in self.masks.items()})
        tracks = _flat(self.tracks)
        for name, rows in (("masks", frames), ("clips", clips), ("tracks", tracks), ("paired", self.paired)):
            if rows:
                write_csv(rows, folder / f"{name}.csv")
        by_method = ("data", "method")
        content = {
            "notes": self.notes,
            "provenance": provenance,
            "masks": summarise(frames, (*by_method, "structure"), "patient"),
            "clips": summarise(clips, by_method, "patient"),
            "tracks": summarise(tracks, by_method, "patient"),
            "paired": self.paired,
        }
        write_json(content, folder / f"{self.name}.json")
        with atomic_path(folder / f"{self.name}.md") as temporary:
            temporary.write_text(self.markdown(), encoding="utf-8")


def _flat(by_data: Mapping[str, Mapping[str, Rows]]) -> Rows:
    """One list of rows that name their data and method."""
    return [
        {"data": data, **row, "method": method}
        for data, methods in by_data.items()
        for method, rows in methods.items()
        for row in rows
    ]
