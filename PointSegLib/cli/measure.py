"""`pointseg measure CLIP... -o OUT`: volumes, ejection fraction, strain and motion as tables and a report."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PointSegLib.cli.files import make_folder, one_line, output_stems
from PointSegLib.cli.options import add_command, add_model_options, at_least, chosen_progress, load_predictor
from PointSegLib.errors import MeasurementError

if TYPE_CHECKING:
    from PointSegLib import PointSegPredictor, PointSegResult
    from PointSegLib.measurement.measurements import Measurements, WallMeasurements
    from PointSegLib.measurement.two_views import BiplaneMeasurements
    from PointSegLib.reporting import MeasuredClip

VIEWS = ("A4C", "A2C", "A3C")


@dataclass(frozen=True, eq=False)
class _Done:
    """One clip: its file, what the network made of it, and what was measured in that."""

    path: Path
    result: PointSegResult
    measured: MeasuredClip


def add(commands: Any) -> None:
    """Add the command's parser."""
    command = add_command(commands, "measure", _run, "Measure volumes, ejection fraction, strain and wall motion.")
    command.add_argument("clips", nargs="+", type=Path, metavar="CLIP", help="DICOM, NRRD, NIfTI, MHD or video file")
    command.add_argument("--view", choices=VIEWS, help="of the clips; names the segments (default: unknown)")
    command.add_argument("--a2c", type=Path, metavar="FILE", help="the same heart's A2C: biplane; CLIP is then its A4C")
    command.add_argument("--a3c", type=Path, metavar="FILE", help="beside --a2c, its A3C: strain of all 18 segments")
    command.add_argument("--mirrored", action="store_true", help="the display shows left and right exchanged")
    command.add_argument("-o", "--out", type=Path, required=True, metavar="OUT", help="folder for the results")
    command.add_argument("--report", action="store_true", help="also write NAME_report.html, with pictures")
    command.add_argument("--dicom", action="store_true", help="also write a DICOM report and Segmentation (from DICOM)")
    command.add_argument("--movie", action="store_true", help="also write NAME_strain.mp4, the wall in colours")
    command.add_argument(
        "--ed", type=at_least(0), nargs="+", metavar="FRAME", help="end-diastoles, the first frame is 0"
    )
    command.add_argument("--es", type=at_least(0), nargs="+", metavar="FRAME", help="end-systoles between them")
    command.add_argument("--keep-drift", action="store_true", help="do not correct strain for drift")
    command.add_argument("--insist", action="store_true", help="let badly tracked segments count in GLS")
    add_model_options(command)


def _run(options: argparse.Namespace) -> int:
    _check(options)
    stems = output_stems(options.clips, options.out)
    make_folder(options.out)
    predictor = load_predictor(options)
    for path, stem in zip(options.clips, stems, strict=True):
        files = [path] + [other for other in (options.a2c, options.a3c) if other]
        views = VIEWS if options.a2c else (options.view,)
        done = [_measured(predictor, file, view, options) for file, view in zip(files, views, strict=False)]
        _write(done, stem, options)
    return 0


def _check(options: argparse.Namespace) -> None:
    single = [name for name in ("a2c", "a3c", "ed", "es") if getattr(options, name)]
    if single and len(options.clips) > 1:
        msg = f"--{single[0]} belongs to one clip, but {len(options.clips)} were given; run pointseg measure for each."
        raise MeasurementError(msg)
    if options.a3c and not options.a2c:
        msg = "--a3c stands beside --a2c; for an A3C clip alone give it as CLIP with --view A3C."
        raise MeasurementError(msg)
    if options.a2c and options.view not in (None, "A4C"):
        msg = f"with --a2c the CLIP is the A4C view, but --view says {options.view}; leave --view out."
        raise MeasurementError(msg)
    if bool(options.ed) != bool(options.es) or (options.ed and options.a2c):
        msg = "--ed and --es name the beats of one clip together; give both, without --a2c."
        raise MeasurementError(msg)
    others = [file for file in (options.a2c, options.a3c) if file]
    if options.a2c:
        from PointSegLib.io.identity import check_same_patient

        check_same_patient([options.clips[0], *others])
    if options.dicom:
        from PointSegLib.io.dicom_segmentation import import_highdicom
        from PointSegLib.io.identity import read_source

        import_highdicom("--dicom")
        for file in (*options.clips, *others):
            read_source(file)


def _measured(predictor: PointSegPredictor, path: Path, view: str | None, options: argparse.Namespace) -> _Done:
    from PointSegLib import read_clip
    from PointSegLib.measurement import Naming, beats_from_frames, follow_wall_points, measure
    from PointSegLib.reporting import MeasuredClip

    clip = read_clip(path)
    beats = beats_from_frames(options.ed, options.es, len(clip), clip.times_s) if options.ed else None
    session = predictor.open(clip)
    segmented = session.segment(chosen_progress(options))
    followed = follow_wall_points(segmented, clip, partial(session.track, closely=True), beats)
    done = measure(
        followed.result,
        clip,
        Naming(view, options.mirrored),
        beats=beats,
        correct_drift=not options.keep_drift,
        insist=options.insist,
        return_error_px=followed.return_error_px,
    )
    for warning in done.warnings:
        print(f"pointseg: warning: {path}: {one_line(warning)}", file=sys.stderr)
    print(f"{path}: {summary(done)}")
    return _Done(path, followed.result, MeasuredClip(clip, done))


def _write(done: list[_Done], stem: Path, options: argparse.Namespace) -> None:
    from PointSegLib.measurement import measure_biplane
    from PointSegLib.reporting import write_report, write_strain_movie, write_tables

    measured = [one.measured for one in done]
    biplane = measure_biplane(*(one.measurements for one in measured)) if len(measured) > 1 else None
    if biplane is not None:
        for warning in biplane.warnings:
            print(f"pointseg: warning: {one_line(warning)}", file=sys.stderr)
        print(f"together: {biplane_summary(biplane)}")
    write_tables(stem.parent, stem.name, [one.measurements for one in measured], biplane)
    if options.report:
        write_report(stem.with_name(f"{stem.name}_report.html"), measured, biplane)
    stems = [stem.with_name(f"{stem.name}_{one.measurements.view}") if biplane else stem for one in measured]
    if options.movie:
        for one, name in zip(measured, stems, strict=True):
            write_strain_movie(name.with_name(f"{name.name}_strain.mp4"), one)
    if options.dicom:
        _write_dicom(done, stem, stems, biplane)
    print(f"-> {stem}_*")


def _write_dicom(done: list[_Done], stem: Path, stems: list[Path], biplane: BiplaneMeasurements | None) -> None:
    from PointSegLib.io.dicom_segmentation import write_dicom_segmentation
    from PointSegLib.io.identity import read_source
    from PointSegLib.reporting import write_dicom_report

    sources = [read_source(one.path) for one in done]
    for one, source, name in zip(done, sources, stems, strict=True):
        write_dicom_segmentation(name.with_name(f"{name.name}_segmentation.dcm"), one.result, source)
    views = [one.measured.measurements for one in done]
    write_dicom_report(stem.with_name(f"{stem.name}_report.dcm"), views, sources, biplane)


def summary(done: Measurements) -> str:
    """The figures of one view in one line; what is missing is named as missing."""
    beat = done.best
    if beat is None:
        return "no beat was found, nothing of the beat was measured"
    ejection = beat.cavity.simpson
    parts = [
        "no EF" if ejection is None else f"EF {ejection.ef_percent:.0f} % (one view)",
        _gls(beat.wall),
    ]
    if ejection is not None and ejection.edv_ml is not None and ejection.esv_ml is not None:
        parts.append(f"EDV {ejection.edv_ml:.0f} ml, ESV {ejection.esv_ml:.0f} ml")
    if done.cycle.heart_rate_bpm is not None:
        parts.append(f"{done.cycle.heart_rate_bpm:.0f} beats per minute")
    return ", ".join(parts)


def _gls(wall: WallMeasurements | None) -> str:
    if wall is None or wall.gls is None:
        return "no GLS"
    return f"GLS {wall.gls:.1f} %" + (" (not to be trusted)" if wall.contradicted else "")


def biplane_summary(done: BiplaneMeasurements) -> str:
    """The figures of all views in one line."""
    ejection = done.ejection
    return ", ".join(
        [
            "no biplane EF" if ejection is None else f"EF {ejection.ef_percent:.0f} % (biplane)",
            "no mean GLS" if done.gls is None else f"GLS {done.gls:.1f} % (mean of {len(done.views)} views)",
        ]
    )
