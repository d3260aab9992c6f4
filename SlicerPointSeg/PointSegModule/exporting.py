"""Writes results to files: all that were chosen, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer

from PointSegLib.atomic import atomic_path
from PointSegLib.clip import CineClip
from PointSegLib.errors import WriteError
from PointSegLib.result import PointSegResult
from PointSegModule.background_run import onThread
from PointSegModule.engines import Steps
from PointSegModule.geometry import CineGeometry
from PointSegModule.measuring import checksum
from PointSegModule.open_cine import OpenCine
from PointSegModule.points_input import RESULT_POINTS_REFERENCE, trackSteps
from PointSegModule.results_output import SceneResults, rowsOf

MEASURED_TABLES = ("beats", "segments", "frames", "together")


@dataclass(frozen=True)
class ExportChoice:
    """What to write.

    Attributes:
        labels: suffixes of the masks of all frames: "seq.nrrd", "nrrd", "nii.gz", "nii" or "mha".
        frames: of the cine, whose segmentation (.seg.nrrd) and tracked points (.mrk.json) are written.
        tables: whether to write trajectories, and the tables of what was measured, as .csv.
        movie: whether to write the cine with its result drawn over it, as .mp4.
    """

    labels: tuple[str, ...] = ("seq.nrrd",)
    frames: tuple[int, ...] = ()
    tables: bool = True
    movie: bool = False


@dataclass(frozen=True)
class _Content:
    """What is written, as it was in the scene when the export began."""

    opened: OpenCine
    clip: CineClip
    result: PointSegResult


@dataclass(frozen=True)
class _File:
    """One file: its name after the cine's, what writes it, and whether that needs the scene and so the main thread."""

    ending: str
    write: Callable[[Path, _Content], None]
    needsScene: bool = False


def filesOf(opened: OpenCine, folder: Path, choice: ExportChoice) -> tuple[Path, ...]:
    """The files that an export would write.

    Raises:
        PointError: when a chosen frame was not segmented.
    """
    return tuple(folder / f"{_stem(opened)} {file.ending}" for file in _plan(opened, choice))


def exportSteps(opened: OpenCine, folder: Path, choice: ExportChoice) -> Steps:
    """Write files under other names, and give them theirs when all are whole; gives their paths.

    Raises:
        WriteError: when the folder cannot be written, or the masks are no longer those that were measured.
        DependencyError: for a movie without the package PyAV.
    """
    plan = tuple(_plan(opened, choice))
    paths = tuple(folder / f"{_stem(opened)} {file.ending}" for file in plan)
    with ExitStack() as files:
        temporary = [files.enter_context(atomic_path(path)) for path in paths]
        content = yield from _contentSteps(opened, choice)
        for file, path in zip(plan, temporary, strict=True):
            if file.needsScene:
                file.write(path, content)
                yield False
            else:
                yield from onThread(lambda file=file, path=path: file.write(path, content))
    return paths


def _plan(opened: OpenCine, choice: ExportChoice) -> Iterator[_File]:
    if choice.movie:  # first, because it needs a package that may be missing
        yield _File("overlay.mp4", _writeMovie)
    for suffix in choice.labels:
        yield _File(f"labels.{suffix}", _writeSequence if suffix == "seq.nrrd" else _writeStack)
    points = opened.sequence.GetNodeReference(RESULT_POINTS_REFERENCE)
    for frame in choice.frames:
        opened.requireFrame(frame)
        yield _File(f"frame {frame}.seg.nrrd", lambda path, content, frame=frame: _writeItem(path, opened, frame), True)
        if points is not None:
            ending = f"frame {frame} points.mrk.json"
            yield _File(ending, lambda path, content, frame=frame: _writePoints(path, opened, points, frame), True)
    if choice.tables and (points is not None or (opened.tracks is not None and len(opened.tracks))):
        yield _File("tracks.csv", _writeTracks)
    results = SceneResults.of(opened.segmentation) if choice.tables else None
    for what in MEASURED_TABLES if results is not None else ():
        table = getattr(results, what)
        if table is not None:
            yield _File(f"{what}.csv", lambda path, content, table=table: _writeTable(path, table), True)


def _contentSteps(opened: OpenCine, choice: ExportChoice) -> Steps:
    yield from opened.readSteps()
    labels = yield from opened.labelSteps()
    tracks = opened.tracks
    if tracks is None:
        points = opened.sequence.GetNodeReference(RESULT_POINTS_REFERENCE)
        tracks = yield from trackSteps(opened.source, points, opened.frames)
    results = SceneResults.of(opened.segmentation) if choice.tables else None
    if results is not None and results.checksum != (yield from onThread(lambda: checksum(labels))):
        msg = f"'{opened.source.name}' was changed since it was measured; measure it again, or export without tables."
        raise WriteError(msg)
    return _Content(opened, opened.clip, PointSegResult(labels, tracks))


def _writeMovie(path: Path, content: _Content) -> None:
    from PointSegLib import write_overlay

    write_overlay(path, content.clip, content.result)


def _writeSequence(path: Path, content: _Content) -> None:
    from PointSegLib import write_label_sequence

    matrix = CineGeometry(content.opened.source).matrix(content.opened.frames.start)
    write_label_sequence(path, content.result.labels, content.clip, matrix)


def _writeStack(path: Path, content: _Content) -> None:
    from PointSegLib import write_labels

    write_labels(path, content.result.labels, content.clip)


def _writeTracks(path: Path, content: _Content) -> None:
    from PointSegLib import write_tracks

    write_tracks(path, content.result.tracks, content.clip)


def _writeTable(path: Path, table: Any) -> None:
    from PointSegLib import write_table

    write_table(path, rowsOf(table))


def _writeItem(path: Path, opened: OpenCine, frame: int) -> None:
    isShown = opened.shownFrame == frame
    node = opened.segmentation if isShown else opened.sequence.GetDataNodeAtValue(opened.source.indexValues[frame])
    _store(slicer.vtkMRMLSegmentationStorageNode(), node, path)


def _writePoints(path: Path, opened: OpenCine, points: Any, frame: int) -> None:
    sequence = opened.source.browser.GetSequenceNode(points)
    _store(
        slicer.vtkMRMLMarkupsJsonStorageNode(),
        sequence.GetDataNodeAtValue(opened.source.indexValues[frame]) if sequence is not None else points,
        path,
    )


def _store(storage: Any, node: Any, path: Path) -> None:
    storage.SetFileName(str(path))
    if not storage.WriteData(node):
        msg = f"{path.name} cannot be written; choose a folder you may write to that has room."
        raise WriteError(msg)


def _stem(opened: OpenCine) -> str:
    """The cine's name as part of a file's."""
    return "".join(c if c.isalnum() or c in " -_" else "_" for c in opened.source.name)
