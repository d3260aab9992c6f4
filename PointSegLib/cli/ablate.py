"""`pointseg ablate`: Table 3 of the paper, every variant trained with one budget and scored on the same cases."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from PointSegLib.cli.compare import add_score_options, exit_code, make_trial
from PointSegLib.cli.files import make_folder
from PointSegLib.cli.options import add_command, add_device_option


def add(commands: Any) -> None:
    """Add the command's parser."""
    command = add_command(commands, "ablate", _run, "Train and score the segmenter without its parts, one by one.")
    add_score_options(command)
    tracker = "checkpoint whose tracker all variants share [the built-in one]"
    command.add_argument("--tracker", type=Path, metavar="FILE", help=tracker)
    command.add_argument("--minutes", type=float, required=True, help="training of each variant")
    add_device_option(command)


def _run(options: argparse.Namespace) -> int:
    from PointSegLib import PointSegPredictor
    from PointSegLib.inference.device import choose_device
    from PointSegLib.inference.predictor import EMBEDDED
    from PointSegLib.peers.ablation import VARIANTS, Ablation, train_variant
    from PointSegLib.peers.schedule import mask_schedule
    from PointSegLib.training import Launch, TrainingData

    make_folder(options.out)
    trial = make_trial(options)
    schedule = mask_schedule(options.recipe, options.minutes)
    data = TrainingData(options.data, options.packed, options.clips)
    launch = Launch(choose_device(options.device).type)
    predictors = {}
    for name in VARIANTS:
        folder = options.out / name.lower().replace(" ", "_")
        path = train_variant(name, data, options.tracker or EMBEDDED, folder, schedule, launch)
        predictors[name] = PointSegPredictor.from_pretrained(path, options.device)
    provenance = {name: predictor.provenance for name, predictor in predictors.items()}
    steps = ", ".join(f"{name} {of['segmenter']['steps']}" for name, of in provenance.items())
    notes = (
        f"Each variant was trained once, for {options.minutes:g} minutes, on top of the same tracker; far from the "
        "paper's 200 epochs, so small differences may turn round with more.",
        f"Optimiser steps: {steps}.",
    )
    ablation = Ablation(trial.masks(predictors), notes)
    ablation.write(options.out, provenance)
    print(ablation.markdown())
    return exit_code(trial)
