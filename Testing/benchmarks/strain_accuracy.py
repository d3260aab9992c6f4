"""How far strain and ejection fraction lie from those of simulated hearts whose motion is known.

Usage: python -m Testing.benchmarks.strain_accuracy CLIPS [--checkpoint FILE] [--clips N] [--threads N]

CLIPS is a folder made by `pointseg simulate --subset validation`, each clip graded good or poor. The truth of a clip is
what `measure` finds with its true masks and points; in hearts whose motion is known everywhere that strays from the
strain of the exact lines by 0.2 points of GLS in the mean. The beat is the truth's, so that errors of strain are not
those of its timing. Rows that replace only masks or only points by the true ones tell where an error is from. At rest,
one frame stands for the whole clip, with new noise in each.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from PointSegLib import CineClip, PointSegPredictor
from PointSegLib.io.synus import TrackedClip, list_synus, read_synus_case
from PointSegLib.measurement import beats_from_frames, follow_wall_points, measure
from PointSegLib.measurement.cycle import Cycle
from PointSegLib.measurement.measurements import BeatMeasurements
from PointSegLib.result import PointSegResult, PointTracks

# Of a still clip: its frames, where its end-systole is put, and the noise in each frame in grey levels.
STILL_FRAMES, STILL_ES, STILL_NOISE = 12, 6, 4.0
Errors = Iterator[tuple[str, float]]


def main() -> None:
    """Print one row per quantity and image quality."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--clips", type=int)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    predictor = PointSegPredictor.from_pretrained(options.checkpoint, device="cpu")
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for name in list_synus(options.folder, "valid")[: options.clips]:
        case = read_synus_case(options.folder, name)
        for quantity, error in errors_of(case, predictor):
            found[quantity, str(case.meta.get("quality", "unknown"))].append(error)
        print(".", end="", flush=True)
    print()
    print_table(found)


def print_table(found: Mapping[tuple[str, str], Sequence[float]]) -> None:
    """One row per (quantity, image quality) with its differences in percentage points, NaN where not measured."""
    print("| percentage points of | images | n | mean absolute error | bias | 19 of 20 below | not measured |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for (quantity, quality), errors in sorted(found.items()):
        known = np.array(errors)[np.isfinite(errors)]
        figures = "– | – | –"
        if len(known):
            size = np.abs(known)
            figures = f"{size.mean():.1f} | {known.mean():+.1f} | {np.quantile(size, 0.95):.1f}"
        print(f"| {quantity} | {quality} | {len(known)} | {figures} | {len(errors) - len(known)} |")


def errors_of(case: TrackedClip, predictor: PointSegPredictor) -> Errors:
    """(quantity, found - true) of one clip; NaN where it was not measured. Nothing where the truth shows no beat."""
    clip, true = case.cine, PointSegResult(np.asarray(case.labels), _true_tracks(case))
    best = measure(true, clip, insist=True).best
    if best is None or best.wall is None:
        return
    beats = Cycle((best.beat,), None)
    session = predictor.open(clip)
    drawn = session.segment()
    closely = partial(session.track, closely=True)
    followed = follow_wall_points(drawn, clip, closely, beats).result
    on_truth = follow_wall_points(replace(drawn, labels=true.labels), clip, closely, beats).result
    found = measure(followed, clip, beats=beats, insist=True).best
    yield "GLS", _gls(found) - _gls(best)
    on_true_masks = measure(on_truth, clip, beats=beats, insist=True).best
    yield "GLS, true masks", _gls(on_true_masks) - _gls(best)
    points = replace(drawn, tracks=true.tracks)
    yield "GLS, true points", _gls(measure(points, clip, beats=beats, insist=True).best) - _gls(best)
    yield "GLS, contours of masks", _contour_gls(found) - _gls(best)
    yield "GLS of points less GLS of contours", _gls(found) - _contour_gls(found)
    yield from (("strain of a segment", error) for error in _segments(found) - _segments(best))
    yield "EF, area-length", _ef(found) - _ef(best)
    yield "EF, followed wall", _followed_ef(found) - _ef(best)
    yield "EF, followed wall, true masks", _followed_ef(on_true_masks) - _ef(best)
    yield "EF, followed wall, true points and masks", _followed_ef(best) - _ef(best)
    yield "GLS at rest", _gls_at_rest(case, best, predictor)


def _true_tracks(case: TrackedClip) -> PointTracks:
    """The true points, which are known where they are hidden, too."""
    points = np.asarray(case.points, np.float32)
    queries = np.concatenate([np.zeros((len(points), 1), np.float32), points[:, 0]], 1)
    known = np.ones(points.shape[:2], bool)
    return PointTracks(points, known, known.astype(np.float32), np.zeros(len(points), bool), queries)


def _gls_at_rest(case: TrackedClip, best: BeatMeasurements, predictor: PointSegPredictor) -> float:
    noise = np.random.default_rng(0).normal(0.0, STILL_NOISE, (STILL_FRAMES, *case.frames.shape[1:]))
    frames = np.clip(np.rint(case.frames[best.beat.start] + noise), 0, 255).astype(np.uint8)
    clip = CineClip(frames, spacing_mm=case.cine.spacing_mm)
    beats = beats_from_frames([0], [STILL_ES], len(clip))
    session = predictor.open(clip)
    followed = follow_wall_points(session.segment(), clip, partial(session.track, closely=True), beats).result
    return _gls(measure(followed, clip, beats=beats, insist=True).best)


def _gls(beat: BeatMeasurements | None) -> float:
    return np.nan if beat is None or beat.wall is None or beat.wall.gls is None else beat.wall.gls


def _contour_gls(beat: BeatMeasurements | None) -> float:
    return np.nan if beat is None or beat.wall is None or beat.wall.contour_gls is None else beat.wall.contour_gls


def _segments(beat: BeatMeasurements | None) -> np.ndarray:
    if beat is None or beat.wall is None:
        return np.full(6, np.nan)
    values = [curve.end_systolic for curve in beat.wall.strain.longitudinal]
    return np.array([np.nan if value is None else value for value in values])


def _ef(beat: BeatMeasurements | None) -> float:
    return np.nan if beat is None or beat.cavity.area_length is None else beat.cavity.area_length.ef_percent


def _followed_ef(beat: BeatMeasurements | None) -> float:
    return np.nan if beat is None or beat.wall is None or beat.wall.ejection is None else beat.wall.ejection.ef_percent


if __name__ == "__main__":
    main()
