"""`pointseg train stills|tracker|segmenter`: a warm-up and the two stages of the training."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from PointSegLib.cli.options import add_command, add_device_option, at_least


def add(commands: Any) -> None:
    """Add the command's parser."""
    command = add_command(commands, "train", _run, "Train the tracker, then the segmenter on top of it.")
    command.add_argument("stage", choices=("stills", "tracker", "segmenter"))
    command.add_argument("--data", type=Path, metavar="FOLDER", help="CAMUS folder of annotated frames")
    command.add_argument("--packed", type=Path, nargs="*", default=[], metavar="NPZ", help="further annotated frames")
    clips = "clips with motion truth, made by `pointseg simulate` or laid out like processed SynUS"
    command.add_argument("--clips", type=Path, metavar="FOLDER", help=clips)
    command.add_argument("--tracker", type=Path, metavar="FILE", help="stage one's checkpoint [in OUT]")
    command.add_argument("--start", type=Path, metavar="FILE", help="begin from this checkpoint's weights")
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="log, state and checkpoint go here")
    command.add_argument("--recipe", default="small-cpu", help="a recipe's name or .toml file [small-cpu]")
    command.add_argument("--minutes", type=float, help="wall-clock budget instead of the recipe's")
    command.add_argument("--steps", type=at_least(1), help="optimiser steps instead of the recipe's")
    command.add_argument("--seed", type=int, help="seed instead of the recipe's")
    add_device_option(command)
    command.add_argument("--devices", type=at_least(1), default=1, help="GPUs (or CPU processes) of each machine [1]")
    command.add_argument("--nodes", type=at_least(1), default=1, help="machines; start this command on each [1]")
    command.add_argument("--resume", action="store_true", help="go on from the state in OUT")


def _run(options: argparse.Namespace) -> int:
    from PointSegLib.inference.device import choose_device
    from PointSegLib.training import Launch, TrainingData, load_settings, train_segmenter, train_tracker

    changes = {name: getattr(options, name) for name in ("minutes", "steps", "seed")}
    settings = load_settings(options.recipe, options.stage, **changes)
    data = TrainingData(options.data, options.packed, options.clips)
    launch = Launch(choose_device(options.device).type, options.devices, options.nodes)
    if options.stage == "tracker":
        path = train_tracker(data, options.out, settings, options.resume, launch, options.start)
    else:
        # stills need no tracker
        tracker = None if options.stage == "stills" else options.tracker or options.out / "tracker.safetensors"
        path = train_segmenter(data, tracker, options.out, settings, options.resume, launch, options.start)
    print(f"{path}: written; judge it with pointseg evaluate --checkpoint {path}")
    return 0
