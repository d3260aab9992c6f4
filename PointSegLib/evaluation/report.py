"""`Evaluation`: everything measured of one checkpoint, as tables per case, a summary and a report to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PointSegLib.atomic import atomic_path
from PointSegLib.evaluation.cells import TableRow
from PointSegLib.evaluation.quality import ALL, summarise_by_quality
from PointSegLib.evaluation.runs import MODEL, STANDING_STILL
from PointSegLib.evaluation.summary import Row, write_csv, write_json
from PointSegLib.evaluation.tables import ablation_row, paper_table, quality_row, tracking_row

MASK_METRICS = ("dice", "hd95_pooled_mm", "hd95_max_mm")
STEADINESS_METRICS = (
    "myo_frame_dice",
    "myo_track_warped_dice",
    "myo_hausdorff_mm",
    "error_frames",
    "consistent",
    "track_jitter_px",
)
TRACK_METRICS = (
    "average_jaccard",
    "position_accuracy",
    "occlusion_accuracy",
    "median_error_px",
    "position_accuracy_mm",
    "median_error_mm",
    "motion_gain",
)
_READING = (
    "Mean (95 % bootstrap interval over patients) [rows / patients]; a clip made of no known patient counts as one."
)
_CLICK_PREFIXES = ("dice_after_", "reached_after_", "clicks_to_90", "censored")


@dataclass(frozen=True)
class Method:
    """What was judged.

    Attributes:
        name: of the checkpoint.
        trained_on: its training data in words.
        ablation: which of Table 3's parts it has: points, point-to-patch CA, MLP, point SA, point TSA.
    """

    name: str
    trained_on: str
    ablation: tuple[bool, bool, bool, bool, bool] = (True, True, True, True, True)


def tracker_data(provenance: Mapping[str, Any]) -> str:
    """What a checkpoint says its tracker was trained on, in words, for Table 4."""
    return f"simulated motion ({provenance.get('tracker', {}).get('data', 'data not stated')})"


@dataclass(frozen=True)
class Measurement:
    """Rows of one kind with the words that name their data.

    Attributes:
        kind: "masks", "steadiness", "tracks" or "clicks": what the rows are, and the name of their table.
        data: what was scored, in words.
        rows: with the columns `patient` and `quality`.
        simulated: whether the clips were made, not acquired; kept figures say so.
    """

    kind: str
    data: str
    rows: Sequence[Row]
    simulated: bool = False

    def summary(self) -> list[dict[str, Any]]:
        """Means and intervals over patients by quality, and by structure or method where rows have one."""
        by = {"masks": ("structure",), "tracks": ("method",)}.get(self.kind, ())
        return summarise_by_quality(self.rows, by)

    def metrics(self) -> tuple[str, ...]:
        """The columns that the report shows."""
        if self.kind == "clicks":
            names = dict.fromkeys(name for row in self.rows for name in row)
            return tuple(name for name in names if name.startswith(_CLICK_PREFIXES))
        return {"masks": MASK_METRICS, "steadiness": STEADINESS_METRICS, "tracks": TRACK_METRICS}[self.kind]


@dataclass(frozen=True)
class Evaluation:
    """All measurements of one method.

    Attributes:
        method: what was judged.
        measurements: by the name of their table, such as "masks" or "simulated_masks".
        quality_source: where the image qualities come from, in words.
        failed: why each case that was left out was, by name.
    """

    method: Method
    measurements: Mapping[str, Measurement]
    quality_source: str
    failed: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """The summary as plain values: per measurement its data and the entries of `Measurement.summary`."""
        found: dict[str, Any] = {name: one.summary() for name, one in self.measurements.items()}
        found["data"] = {name: one.data for name, one in self.measurements.items()}
        found["quality_source"] = self.quality_source
        found["failed"] = [{"case": name, "reason": reason} for name, reason in self.failed.items()]
        return found

    def figures(self) -> dict[str, Any]:
        """What a checkpoint keeps: `data` by measurement, `mean` by "simulated, quality, structure or method, metric".

        The quality is left out of the name for the whole of the cases, "simulated" for acquired ones.
        """
        means = {}
        for one in self.measurements.values():
            for entry in one.summary():
                group = "" if entry["quality"] == ALL else entry["quality"]
                head = "simulated" if one.simulated else ""
                parts = (head, group, _subject(entry), entry["metric"])
                means[", ".join(part for part in parts if part)] = entry["mean"]
        return {"data": {name: one.data for name, one in self.measurements.items()}, "mean": means}

    def overview(self) -> list[list[str]]:
        """Lines for a terminal, by measurement: its data, then the means over all qualities."""
        return [[f"{_title(name)}: {one.data}", *_terminal_lines(one)] for name, one in self.measurements.items()]

    def markdown(self) -> str:
        """The report: what was scored on what, our means, then the paper's tables with ours under the published."""
        parts = [f"# Evaluation of {self.method.name}\n", f"Image quality from: {self.quality_source}.\n"]
        if self.failed:
            lines = [f"- {name}: {reason}" for name, reason in self.failed.items()]
            parts.append("\n".join([f"## {len(lines)} cases left out\n", *lines]) + "\n")
        for name, one in self.measurements.items():
            head = f"## {_title(name)}\n\n{one.data}. {_READING}\n"
            parts.extend([head, "\n".join(_summary_lines(one)) + "\n"])
        return "\n".join([*parts, *self._paper_tables()])

    def write(self, folder: Path, provenance: Mapping[str, Any]) -> None:
        """Write a CSV file per measurement, `summary.json` and `report.md`.

        Args:
            folder: takes the files; it must exist.
            provenance: of the checkpoint, kept in the summary.

        Raises:
            WriteError: when a file cannot be written.
        """
        for name, one in self.measurements.items():
            write_csv(one.rows, folder / f"{name}.csv")
        write_json({"provenance": provenance, **self.content()}, folder / "summary.json")
        with atomic_path(folder / "report.md") as temporary:
            temporary.write_text(self.markdown(), encoding="utf-8", newline="")

    def _paper_tables(self) -> list[str]:
        masks, tracks = self.measurements.get("masks"), self.measurements.get("tracks")
        tables = []
        if masks is not None and masks.rows:
            tables.append(paper_table(1, [quality_row(self.method.name, masks.data, masks.rows)]))
            tables.append(
                paper_table(3, [ablation_row(self.method.name, masks.data, masks.rows, self.method.ablation)])
            )
        if tracks is not None and tracks.rows:
            tables.append(paper_table(4, self._tracking_rows(tracks)))
        return tables

    def _tracking_rows(self, tracks: Measurement) -> list[TableRow]:
        names = {MODEL: (self.method.name, self.method.trained_on), STANDING_STILL: (STANDING_STILL, "none")}
        return [
            tracking_row(*names[method], tracks.data, [row for row in tracks.rows if row["method"] == method])
            for method in names
        ]


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _terminal_lines(one: Measurement) -> Iterable[str]:
    for entry in one.summary():
        if entry["quality"] == ALL and entry["metric"] in one.metrics() and entry["n"]:
            spread = f"{_number(entry['mean'])} (SD {_number(entry['sd'])}, n = {entry['n']})"
            yield f"  {_subject(entry) or one.kind:<16} {entry['metric']:<22} {spread}"


def _summary_lines(one: Measurement) -> Iterable[str]:
    """A Markdown table: one line per quality group and structure or method, one column per metric."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for entry in one.summary():
        if not entry["n"]:
            continue
        subject = _subject(entry) or "-"
        interval = f" ({_number(entry['low'])} to {_number(entry['high'])})" if entry["low"] is not None else ""
        text = f"{_number(entry['mean'])}{interval} [{entry['n']} / {entry['cases']}]"
        found.setdefault((entry["quality"], subject), {})[entry["metric"]] = text
    metrics = [metric for metric in one.metrics() if any(metric in cells for cells in found.values())]
    yield f"| quality | of | {' | '.join(metrics)} |"
    yield f"| --- | --- |{' --- |' * len(metrics)}"
    for (quality, subject), cells in found.items():
        yield f"| {quality} | {subject} | {' | '.join(cells.get(metric, '-') for metric in metrics)} |"


def _subject(entry: Mapping[str, Any]) -> str:
    return str(entry.get("structure") or entry.get("method") or "")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
