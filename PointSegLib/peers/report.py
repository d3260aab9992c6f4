"""What a comparison says: paired statistics of PointSeg against every other method, and the paper's tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from PointSegLib.evaluation.cells import TableRow
from PointSegLib.evaluation.quality import GOOD_MEDIUM, POOR, by_quality
from PointSegLib.evaluation.statistics import compare_with_baselines
from PointSegLib.evaluation.summary import Row
from PointSegLib.evaluation.tables import WALL, quality_row, tracking_row
from PointSegLib.peers.scoring import MaskScores, Rows

OURS = "PointSeg"
FRAME_METRICS = ("dice", "hd95_pooled_mm", "hd95_max_mm")
CLIP_METRICS = ("myo_frame_dice", "error_frames")
TRACK_METRICS = ("average_jaccard", "position_accuracy", "occlusion_accuracy", "median_error_px")
LOWER_IS_BETTER = {"hd95_pooled_mm", "hd95_max_mm", "error_frames", "median_error_px"}


def mask_comparisons(scores: MaskScores, data: str) -> Rows:
    """PointSeg against the others, per patient, for every structure, image quality and metric of the masks.

    Returns:
        Rows of `compare_with_baselines` after the columns data, structure, quality; steadiness over time has the
        structure "".
    """
    structures = dict.fromkeys(row["structure"] for row in scores.frames[OURS])
    found = []
    for structure in structures:
        rows = {name: [row for row in of if row["structure"] == structure] for name, of in scores.frames.items()}
        found += _comparisons(rows, FRAME_METRICS, {"data": data, "structure": structure})
    return found + _comparisons(scores.clips, CLIP_METRICS, {"data": data, "structure": ""})


def track_comparisons(tracks: Mapping[str, Rows], data: str) -> Rows:
    """PointSeg against the other trackers, per clip, for every image quality and metric; rows as `mask_comparisons`."""
    return _comparisons(tracks, TRACK_METRICS, {"data": data, "structure": "tracks"})


def _comparisons(methods: Mapping[str, Rows], metrics: Iterable[str], head: dict[str, str]) -> Rows:
    groups = {name: by_quality(rows) for name, rows in methods.items()}
    found = []
    for quality, ours in groups[OURS].items():
        others = {name: of.get(quality, []) for name, of in groups.items() if name != OURS}
        for metric in metrics:
            if any(metric in row for row in ours):
                compared = compare_with_baselines(ours, others, metric)
                found += [{**head, "quality": quality, **row} for row in compared]
    return found


def mask_table_rows(scores: MaskScores, comparisons: Sequence[Row], data: str) -> list[TableRow]:
    """Rows of Table 1: each method, then p of the t-test against the best of the others after Holm."""
    keys = [(group, metric) for group in (GOOD_MEDIUM, POOR) for metric in ("dice", "hd95_pooled_mm")]
    walls = [row for row in comparisons if row["structure"] == WALL]
    cells = tuple(_p_against_best([r for r in walls if (r["quality"], r["metric"]) == key]) for key in keys)
    rows = [quality_row(name, data, frames) for name, frames in scores.frames.items()]
    return [*rows, TableRow(P_ROW, data, cells)]


def track_table_rows(
    tracks: Mapping[str, Rows], comparisons: Sequence[Row], data: str, trained_on: Mapping[str, str]
) -> list[TableRow]:
    """Rows of Table 4, ended like those of Table 1; `trained_on` names the training data of the methods that learn."""
    every = [row for row in comparisons if row["quality"] == "all"]
    cells = tuple(_p_against_best([row for row in every if row["metric"] == metric]) for metric in TRACK_METRICS[:3])
    rows = [tracking_row(name, trained_on.get(name, "nothing learnt"), data, of) for name, of in tracks.items()]
    return [*rows, TableRow(P_ROW, data, cells)]


P_ROW = f"p, paired t-test, {OURS} against the best other, Holm"


def p_words(p: float) -> str:
    """A p value as tables print it; "-" when there was no test."""
    if p != p:
        return "-"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _p_against_best(rows: Sequence[Row]) -> str:
    tested = [row for row in rows if row["n"] > 0]
    if not tested:
        return "-"
    sign = -1 if tested[0]["metric"] in LOWER_IS_BETTER else 1
    return p_words(max(tested, key=lambda row: sign * row["mean_b"])["t_p_holm"])


def comparison_table(comparisons: Sequence[Row]) -> str:
    """The paired comparisons as Markdown, ending in a line break: differences are PointSeg minus the other."""
    heading = ("Data", "What", "Quality", "Metric", "Against", "n", OURS, "Other", "Difference [95 %]", "p t", "p W")
    lines = ["## Paired comparisons, each patient or clip once", ""]
    lines += ["Two-sided p of the paired t-test and of Wilcoxon's test, corrected after Holm over the methods.", ""]
    lines += [_line(heading), _line(["---"] * len(heading))]
    for row in comparisons:
        gain = f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
        what = row["structure"] or "steadiness"
        values = (f"{row['mean_a']:.3f}", f"{row['mean_b']:.3f}", gain)
        tests = (p_words(row["t_p_holm"]), p_words(row["wilcoxon_p_holm"]))
        names = (row["data"], what, row["quality"], row["metric"], row["baseline"], str(row["n"]))
        lines.append(_line([*names, *values, *tests]))
    return "\n".join(lines) + "\n"


def _line(fields: Sequence[str]) -> str:
    return f"| {' | '.join(fields)} |"
