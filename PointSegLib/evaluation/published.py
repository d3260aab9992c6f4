"""The figures of the Point-Seg paper's Tables 1, 3 and 4, transcribed from its text, with the protocol behind them.

They were measured on data this project does not have: the paper's own split of CAMUS (350/50/100 patients, both views,
every frame of the half sequences) and SynUS. No figure of ours is comparable with them unless it says the same.
"""

from __future__ import annotations

from PointSegLib.evaluation.cells import Cell, PaperTable, TableRow

SPLIT = "CAMUS test, the paper's 350/50/100 split: 100 patients, both views, all frames of the half sequences"
_GOOD, _POOR, _ALL = "3545 frames", "322 frames", "all test frames, number not stated"
_SYNUS = "SynUS test"
_SYNUS_N = "number of clips not stated"
_YES, _NO = "✓", "✗"


def _quality_row(method: str, prompt: str, *figures: tuple[float, float]) -> TableRow:
    counts = (_GOOD, _GOOD, _POOR, _POOR)
    cells = tuple(Cell(mean, sd, n) for (mean, sd), n in zip(figures, counts, strict=True))
    return TableRow(method, SPLIT, cells, (prompt,))


def _ablation_row(marks: str, dice: float, hd95: float, p: str) -> TableRow:
    spelled = tuple(_YES if mark == "x" else _NO for mark in marks)
    return TableRow("Point-Seg", SPLIT, (Cell(dice, None, _ALL, 2), Cell(hd95, None, _ALL, 2), p), spelled)


def _tracking_row(method: str, trained_on: str, *figures: float | None) -> TableRow:
    cells = tuple("-" if value is None else Cell(value, None, _SYNUS_N, 3) for value in figures)
    return TableRow(method, _SYNUS, cells, (trained_on,))


TABLES = {
    1: PaperTable(
        number=1,
        title="Segmentation of the myocardium on CAMUS by image quality",
        marks=("Prompt",),
        columns=("Good/Medium mDice", "Good/Medium HD95 mm", "Poor mDice", "Poor HD95 mm"),
        rows=(
            _quality_row("UNet", _NO, (83.8, 6.1), (5.2, 3.9), (84.0, 5.1), (6.0, 4.4)),
            _quality_row("SwinUNet", _NO, (84.3, 5.7), (5.0, 2.2), (84.4, 5.4), (5.6, 2.6)),
            _quality_row("nnUNet", _NO, (85.7, 5.5), (4.5, 2.4), (85.4, 5.8), (4.8, 2.2)),
            _quality_row("DeformFlowNet", _NO, (84.2, 6.1), (7.5, 8.0), (82.0, 7.0), (10.1, 8.8)),
            _quality_row("MedSAM2 (click)", _YES, (77.7, 13.3), (13.6, 16.5), (74.0, 15.1), (16.7, 16.8)),
            _quality_row("MedSAM2 (bbox)", _YES, (85.2, 5.0), (4.6, 1.6), (84.2, 5.2), (5.5, 1.8)),
            _quality_row("MemSAM", _YES, (85.4, 5.7), (5.3, 4.8), (80.8, 10.9), (9.5, 9.5)),
            _quality_row("PointSeg", _NO, (85.8, 5.4), (4.4, 1.6), (86.7, 5.4), (4.7, 2.3)),
            TableRow("p-value, paired t-test, unit not stated", SPLIT, ("≥ 0.05", "≥ 0.05", "< 0.05", "≥ 0.05")),
        ),
    ),
    3: PaperTable(
        number=3,
        title="Ablation of point trajectories and mask decoder components, myocardium",
        marks=("Points", "Point-to-patch CA", "MLP", "Point SA", "Point TSA"),
        columns=("mDice", "HD95 mm", "p-value"),
        rows=(
            _ablation_row("-xxxx", 84.36, 5.12, "< 0.05"),
            _ablation_row("xx---", 84.84, 5.05, "< 0.05"),
            _ablation_row("xxx--", 85.05, 4.66, "< 0.05"),
            _ablation_row("xxxx-", 84.40, 4.81, "< 0.05"),
            _ablation_row("xxxxx", 85.85, 4.39, "-"),
        ),
    ),
    4: PaperTable(
        number=4,
        title="Point tracking on synthetic clips",
        marks=("Training data",),
        columns=("AJ", "<δavg", "OA"),
        rows=(
            _tracking_row("EchoTracker", "Private data", 0.764, 0.832, None),
            _tracking_row("EchoTracker fine-tuned", "Private data + SynUS", 0.871, 0.918, None),
            _tracking_row("CoTracker", "Kubric", 0.700, 0.887, 0.836),
            _tracking_row("CoTracker fine-tuned", "Kubric + SynUS", 0.832, 0.898, 0.985),
            _tracking_row("TAPTR", "Kubric", 0.695, 0.834, 0.894),
            _tracking_row("TAPTR fine-tuned (theirs)", "Kubric + SynUS", 0.888, 0.934, 0.992),
            TableRow("p-value, paired t-test, unit not stated", _SYNUS, ("< 0.05", "< 0.05", "< 0.05")),
        ),
    ),
}
