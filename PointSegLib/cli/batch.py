"""`pointseg batch FOLDER -o OUT`: segment all files under a folder, go on after a bad one, report each."""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PointSegLib.cli.files import make_folder, one_line, output_stems
from PointSegLib.cli.options import (
    add_command,
    add_model_options,
    add_output_options,
    add_segment_options,
    load_predictor,
    segment_options,
)
from PointSegLib.cli.segment import result_files, segment_file
from PointSegLib.errors import PointSegError, ReadError, WriteError

if TYPE_CHECKING:
    from PointSegLib import PointSegPredictor

SOME_FAILED = 1
# results of an earlier run, annotations and notes that lie beside clips
NO_CLIPS = (
    "_labels.nrrd",
    "_labels.nii.gz",
    "_overlay.mp4",
    "_gt.nii.gz",
    "_gt.mhd",
    ".csv",
    ".npz",
    ".cfg",
    ".txt",
    ".md",
)


@dataclass(frozen=True)
class ReportLine:
    """One line of `report.csv`; `status` is done, skipped or failed, `message` the error or the warnings."""

    file: str
    status: str
    frames: int | str = ""
    seconds: float | str = ""
    message: str = ""


def add(commands: Any) -> None:
    """Add the command's parser."""
    command = add_command(commands, "batch", _run, "Segment all files under a folder; go on after a bad one.")
    command.add_argument("folder", type=Path, metavar="FOLDER")
    command.add_argument("--pattern", default="*", help="file names to take, such as '*.dcm' (default: all)")
    command.add_argument("--redo", action="store_true", help="also files whose results are there already")
    add_segment_options(command)
    add_output_options(command)
    add_model_options(command)


def _run(options: argparse.Namespace) -> int:
    segment_options(options)  # what is wrong with them is said once, not of every file
    files = _files(options.folder, options.pattern, options.out)
    stems = output_stems(files, options.out, options.folder)
    finished = [_is_finished(stem, options) for stem in stems]
    make_folder(options.out)
    predictor = None if all(finished) else load_predictor(options)
    report: list[ReportLine] = []
    for file, stem, skip in zip(files, stems, finished, strict=True):
        name = file.relative_to(options.folder).as_posix()
        if skip or predictor is None:
            line = ReportLine(name, "skipped", message="its results are there already; --redo makes them anew")
        else:
            line = _segmented(predictor, file, stem, name, options)
        report.append(line)
        _write_report(options.out / "report.csv", report)
        print(f"[{len(report)}/{len(files)}] {name}: {line.status}. {line.message}".rstrip())
    counts = Counter(line.status for line in report)
    print(f"{counts['done']} done, {counts['skipped']} skipped, {counts['failed']} failed")
    return SOME_FAILED if counts["failed"] else 0


def _is_finished(stem: Path, options: argparse.Namespace) -> bool:
    return not options.redo and all(path.exists() for path in result_files(stem, options).values())


def _segmented(
    predictor: PointSegPredictor, file: Path, stem: Path, name: str, options: argparse.Namespace
) -> ReportLine:
    try:
        done = segment_file(predictor, file, stem, options)
    except Exception as error:  # whatever is wrong with one file, the others are still worth their night
        if options.debug:
            raise
        kind = "" if isinstance(error, PointSegError) else f"{type(error).__name__}: "
        return ReportLine(name, "failed", message=kind + one_line(error))
    return ReportLine(name, "done", done.frames, round(done.seconds, 2), " ".join(done.warnings))


def _files(folder: Path, pattern: str, out: Path) -> list[Path]:
    if not folder.is_dir():
        msg = f"{folder} is not a folder; for single files use pointseg segment."
        raise ReadError(msg)
    results = out.resolve()
    if results == folder.resolve():
        msg = f"{out}: results would lie among the clips of {folder}; give another folder with --out."
        raise WriteError(msg)
    files = sorted(
        path
        for path in folder.rglob(pattern)
        if path.is_file()
        and (results not in path.resolve().parents or results in folder.resolve().parents)
        and not path.name.endswith(NO_CLIPS)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not files:
        msg = f"{folder} holds no file that matches {pattern!r}; check the folder and --pattern."
        raise ReadError(msg)
    return files


def _write_report(path: Path, lines: list[ReportLine]) -> None:
    from PointSegLib.atomic import atomic_path

    header = tuple(field.name for field in fields(ReportLine))
    with atomic_path(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *map(astuple, lines)])
