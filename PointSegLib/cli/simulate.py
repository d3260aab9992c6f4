"""`pointseg simulate`: make moving clips with exact masks and trajectories, from CAMUS frames or from nothing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PointSegLib.cli.files import make_folder
from PointSegLib.cli.options import add_command, at_least, progress_bar, share
from PointSegLib.errors import PointSegError

if TYPE_CHECKING:
    from PointSegLib.io.problems import Problem
    from PointSegLib.training.frames import FrameSet

SIDE = 256


def add(commands: Any) -> None:
    """Add the command's parser."""
    summary = "Make simulated clips in the layout of processed SynUS; run again, it goes on where it stopped."
    command = add_command(commands, "simulate", _run, summary)
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the dataset")
    command.add_argument("--count", type=at_least(1), required=True, metavar="N", help="clips in all")
    command.add_argument("--frames", type=at_least(1), default=24, help="of each clip [24]")
    command.add_argument("--points", type=at_least(1), default=512, help="trajectories of each clip [512]")
    command.add_argument("--data", type=Path, metavar="FOLDER", help="CAMUS folder whose hearts are put into motion")
    command.add_argument("--subset", choices=("training", "validation"), default="training", help="patients of --data")
    packed = "packed frames instead of those in --data, which then only says who belongs to the subset"
    command.add_argument("--packed", type=Path, nargs="*", default=[], metavar="NPZ", help=packed)
    command.add_argument("--parametric", type=share, default=0.2, help="share of clips without a real heart [0.2]")
    dissolved = "share of the clips of real hearts that begin and end with the real frames of ED and ES [0]"
    command.add_argument("--dissolved", type=share, default=0.0, help=dissolved)
    command.add_argument("--quality", choices=("good", "medium", "poor"), help="of the images (default: all)")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--workers", type=at_least(1), default=1, help="processes, each on one core [1]")


def _run(options: argparse.Namespace) -> int:
    from PointSegLib.training.simulated_set import SetPlan, template_pairs, write_simulated_set

    if options.packed and options.data is None:
        msg = "--packed needs --data: the lists in that folder say which of the packed patients belong to the subset."
        raise PointSegError(msg)
    make_folder(options.out)
    problems: list[Problem] = []
    try:
        frames = _annotated(options, problems)
    finally:
        _name(problems)
    plan = SetPlan(
        folder=options.out,
        count=options.count,
        n_frames=options.frames,
        n_points=options.points,
        seed=options.seed,
        quality=options.quality,
        parametric=options.parametric,
        dissolved=options.dissolved,
        split="valid" if options.subset == "validation" else "train",
    )
    pairs = [] if frames is None else template_pairs(frames)
    unusable = write_simulated_set(plan, pairs, options.workers, progress_bar)
    _name(unusable)
    print(f"{options.out}: {plan.count} clips; {len(unusable)} of {len(pairs)} pairs could not be used")
    return 0


def _name(problems: list[Problem]) -> None:
    for problem in problems:
        print(f"pointseg: left out: {problem}", file=sys.stderr)


def _annotated(options: argparse.Namespace, problems: list[Problem]) -> FrameSet | None:
    """The real frames of the subset's patients but those with problems; None where no folder was named."""
    from functools import reduce

    from PointSegLib.io.camus_info import list_patients
    from PointSegLib.training.frames import FrameSet, read_camus_set, read_packed

    if options.data is None:
        return None
    patients = list_patients(options.data, options.subset)
    if not options.packed:
        return read_camus_set(options.data, patients, SIDE, problems=problems)
    frames = reduce(FrameSet.joined, [read_packed(path, SIDE) for path in options.packed]).of_patients(patients)
    if not len(frames):
        msg = f"the packed frames are of none of the {options.subset} patients of {options.data}; name other ones."
        raise PointSegError(msg)
    return frames
