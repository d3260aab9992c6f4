"""`pointseg evaluate`: masks against expert annotations, tracks against simulated truth."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PointSegLib.cli.files import make_folder
from PointSegLib.cli.options import add_command, add_model_options, load_predictor
from PointSegLib.errors import PointSegError

if TYPE_CHECKING:
    from PointSegLib import PointSegPredictor

SEED = 20_000


def add(commands: Any) -> None:
    """Add the command's parser."""
    command = add_command(commands, "evaluate", _run, "Score a checkpoint on patients it has not seen.")
    command.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="CAMUS folder: patient0001, ...")
    command.add_argument("--subset", default="validation", choices=("training", "validation", "testing"))
    command.add_argument("--view", default="4CH", choices=("4CH", "2CH"))
    command.add_argument("--out", type=Path, metavar="FOLDER", help="write per-case tables and the summary here")
    command.add_argument("--clips", type=_positive, default=50, help="simulated clips for the tracking scores [50]")
    command.add_argument("--frames", type=_positive, default=24, help="frames of each simulated clip [24]")
    command.add_argument("--record", action="store_true", help="keep the figures in the checkpoint's provenance")
    add_model_options(command)


def _run(options: argparse.Namespace) -> int:
    from PointSegLib.evaluation import summarise, write_csv, write_json

    if options.record and options.checkpoint is None:
        msg = "--record changes a checkpoint; name it with --checkpoint."
        raise PointSegError(msg)
    if options.out:
        make_folder(options.out)
    predictor = load_predictor(options)
    frames = _segmentation(predictor, options)
    masks = summarise(frames, by=("structure",), case="patient")
    print(f"Masks: {options.view} ED and ES of CAMUS {options.subset} patients, every frame a clip of its own")
    _print_table(masks, "structure", ("dice", "hd95_pooled_mm", "hd95_max_mm"))
    tracks = _tracking(predictor, options)
    methods = summarise(tracks, by=("method",))
    print(f"\nTracks: {options.clips} simulated clips of {options.frames} frames of the same patients")
    _print_table(methods, "method", ("average_jaccard", "position_accuracy", "occlusion_accuracy", "median_error_px"))
    if options.out:
        write_csv(frames, options.out / "masks.csv")
        write_csv(tracks, options.out / "tracks.csv")
        content = {"provenance": predictor.provenance, "masks": masks, "tracks": methods}
        write_json(content, options.out / "summary.json")
    if options.record:
        _record(predictor, options, masks + methods)
    return 0


def _record(predictor: PointSegPredictor, options: argparse.Namespace, rows: Sequence[dict[str, Any]]) -> None:
    from PointSegLib.model import save_checkpoint

    data = f"CAMUS {options.subset} patients, {options.view} ED and ES; {options.clips} simulated clips of them"
    figures = {f"{row.get('structure') or row['method']}, {row['metric']}": row["mean"] for row in rows}
    provenance = {**predictor.provenance, "evaluation": {"data": data, "mean": figures}}
    save_checkpoint(options.checkpoint, predictor.model, provenance)


def _segmentation(predictor: PointSegPredictor, options: argparse.Namespace) -> list[dict[str, Any]]:
    from PointSegLib.evaluation import evaluate_segmentation
    from PointSegLib.training.cases import camus_cases

    rows = evaluate_segmentation(predictor, camus_cases(options.data, options.subset, options.view)).frames
    # ED and ES of one patient are not independent
    return [{"patient": str(row["case"]).split("_")[0], **row} for row in rows]


def _tracking(predictor: PointSegPredictor, options: argparse.Namespace) -> list[dict[str, Any]]:
    from PointSegLib.evaluation import evaluate_tracking
    from PointSegLib.io.camus_info import list_patients
    from PointSegLib.training.cases import simulated_cases
    from PointSegLib.training.frames import read_camus_set

    patients = list_patients(options.data, options.subset)
    frames = read_camus_set(options.data, patients, predictor.config.image_size)
    cases = simulated_cases(frames, options.clips, options.frames, n_points=128, seed=SEED)
    return evaluate_tracking(predictor.track, cases, "strided")


def _print_table(rows: Sequence[dict[str, Any]], key: str, metrics: Sequence[str]) -> None:
    for row in rows:
        if row["metric"] in metrics:
            spread = f"{_number(row['mean'])} (SD {_number(row['sd'])}, n = {row['n']})"
            print(f"  {row[key]:<16} {row['metric']:<20} {spread}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _positive(text: str) -> int:
    if int(text) < 1:
        raise ValueError(text)
    return int(text)
