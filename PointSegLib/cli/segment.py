"""`pointseg segment CLIP... -o OUT`: labels, tracks and, on request, overlay and probabilities."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PointSegLib.cli.files import make_folder, one_line, output_stems, read_points
from PointSegLib.cli.options import (
    add_command,
    add_model_options,
    add_output_options,
    add_segment_options,
    chosen_progress,
    load_predictor,
    segment_options,
)
from PointSegLib.errors import PointError

if TYPE_CHECKING:
    import numpy as np

    from PointSegLib import CineClip, PointSegPredictor, PointSegResult


def add(commands: Any) -> None:
    """Add the command's parser."""
    command = add_command(commands, "segment", _run, "Segment clips and follow their tissue points.")
    command.add_argument("clips", nargs="+", type=Path, metavar="CLIP", help="DICOM, NRRD, NIfTI, MHD or video file")
    command.add_argument("--points", type=Path, metavar="CSV", help="your points: rows frame,x,y[,hint] in pixels")
    add_segment_options(command)
    add_output_options(command)
    add_model_options(command)


def _run(options: argparse.Namespace) -> int:
    if options.points and len(options.clips) > 1:
        msg = f"--points belongs to one clip, but {len(options.clips)} were given; run pointseg segment once for each."
        raise PointError(msg)
    points = read_points(options.points) if options.points else None
    segment_options(options)  # what is wrong with them is said before the network is loaded
    stems = output_stems(options.clips, options.out)
    predictor = load_predictor(options)
    for path, stem in zip(options.clips, stems, strict=True):
        done = segment_file(predictor, path, stem, options, points)
        for warning in done.warnings:
            print(f"pointseg: warning: {path}: {warning}", file=sys.stderr)
        speed = done.frames / done.seconds
        print(f"{path}: {done.frames} frames in {done.seconds:.1f} s ({speed:.1f} frames/s, {done.device}) -> {stem}_*")
    return 0


@dataclass(frozen=True)
class SegmentedFile:
    """What is worth telling of one file: its frames, the seconds the network took and where, one-line warnings."""

    frames: int
    seconds: float
    device: str
    warnings: tuple[str, ...]


def segment_file(
    predictor: PointSegPredictor,
    path: Path,
    stem: Path,
    options: argparse.Namespace,
    points: tuple[np.ndarray, list[str | None]] | None = None,
) -> SegmentedFile:
    """Read, segment and write one clip.

    Args:
        predictor: the network.
        path: the clip.
        stem: where results go, see `output_stems`.
        options: `grid`, `smoothing`, `format`, `overlay`, `probabilities`, `verbose`.
        points: `[M, 3]` rows (frame, x, y) in pixels and the hint of each, or None.

    Raises:
        PointSegError: when the clip cannot be read or segmented or the results cannot be written.
    """
    from PointSegLib import read_clip

    clip = read_clip(path)
    make_folder(stem.parent)
    started = time.perf_counter()
    rows, hints = points or (None, None)
    progress = chosen_progress(options)
    chosen = segment_options(options)
    result = predictor(clip, rows, progress, hints=hints, probabilities=options.probabilities, options=chosen)
    seconds = time.perf_counter() - started
    _write(clip, result, result_files(stem, options))
    warnings = dict.fromkeys((*clip.warnings, *result.warnings))
    return SegmentedFile(len(clip), seconds, result.computed_on, tuple(one_line(warning) for warning in warnings))


def result_files(stem: Path, options: argparse.Namespace) -> dict[str, Path]:
    """The files one clip gives under these options, by what they hold."""
    files = {"labels": f"labels.{options.format}", "tracks": "tracks.csv"}
    if options.overlay:
        files["overlay"] = "overlay.mp4"
    if options.probabilities:
        files["probabilities"] = "probabilities.npz"
    return {what: stem.with_name(f"{stem.name}_{name}") for what, name in files.items()}


def _write(clip: CineClip, result: PointSegResult, files: dict[str, Path]) -> None:
    from PointSegLib import write_labels, write_overlay, write_tracks

    write_labels(files["labels"], result.labels, clip)
    write_tracks(files["tracks"], result.tracks, clip)
    if "overlay" in files:
        write_overlay(files["overlay"], clip, result)
    if "probabilities" in files:
        _write_probabilities(result, files["probabilities"])


def _write_probabilities(result: PointSegResult, path: Path) -> None:
    import numpy as np

    from PointSegLib.atomic import atomic_path

    if result.probabilities is None:
        msg = f"the predictor gave no probabilities for {path}"
        raise RuntimeError(msg)
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file, probabilities=result.probabilities, class_labels=np.array(result.class_labels, np.uint8)
        )
