"""`pointseg track CLIP --points CSV -o FILE`: the tracker alone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from PointSegLib.cli.files import make_folder, read_points
from PointSegLib.cli.options import add_command, add_model_options, chosen_progress, load_predictor
from PointSegLib.errors import WriteError

TABLES = (".csv", ".npz")


def add(commands: Any) -> None:
    """Add the command's parser."""
    command = add_command(commands, "track", _run, "Follow given points through a clip, without segmenting.")
    command.add_argument("clip", type=Path, metavar="CLIP", help="DICOM, NRRD, NIfTI, MHD or video file")
    command.add_argument("--points", type=Path, metavar="CSV", required=True, help="rows frame,x,y in pixels")
    command.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="tracks, .csv or .npz")
    add_model_options(command)


def _run(options: argparse.Namespace) -> int:
    from PointSegLib import read_clip, write_tracks

    if options.out.suffix not in TABLES:
        msg = f"{options.out}: tracks are written as {' or '.join(TABLES)}; give such a name with --out."
        raise WriteError(msg)
    make_folder(options.out.parent)
    points, _ = read_points(options.points)
    clip = read_clip(options.clip)
    tracks = load_predictor(options).track(clip, points, progress=chosen_progress(options))
    write_tracks(options.out, tracks, clip)
    print(f"{options.clip}: {len(tracks)} points through {len(clip)} frames -> {options.out}")
    return 0
