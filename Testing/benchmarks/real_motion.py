"""How far tracks carry real tissue from end-diastole to end-systole: the expert's masks of both say where it should be.

Usage: python -m Testing.benchmarks.real_motion CAMUS [--checkpoint FILE] [--view 4CH]

Each validation patient's two annotated frames make a clip; the expert's mask of the first is carried by the tracks of a
grid of points into the second and compared with the expert's mask there. Masks do not tell how tissue slides along the
wall, and a tracker meets half a beat in one step, which is harder than a cine: this ranks trackers on real speckle, and
shows whether they fall short of the motion, but is no error of tracks.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy import ndimage

from PointSegLib import PointSegPredictor
from PointSegLib.evaluation.masks import dice
from PointSegLib.evaluation.runs import Track, standing_still
from PointSegLib.evaluation.warping import carried
from PointSegLib.peers.flow import dis_flow, lucas_kanade
from PointSegLib.result import LV_CAVITY, MYOCARDIUM
from PointSegLib.training.cases import HeldOutPatients

POINTS_ACROSS = 24
AROUND_PX = 12


def grid_in(mask: np.ndarray) -> np.ndarray:
    """Queries float32 `[N, 3]` in frame 0: a lattice over a mask and its close surroundings."""
    wide = ndimage.binary_dilation(mask, iterations=AROUND_PX)
    step = max(round(np.sqrt(wide.sum()) / POINTS_ACROSS), 1)
    y, x = np.nonzero(wide[::step, ::step])
    return np.column_stack([np.zeros(len(x)), x * step, y * step]).astype(np.float32)


def score(track: Track, cases: HeldOutPatients) -> np.ndarray:
    """Per patient `[P, 4]`: Dice of the carried wall and cavity; change of the cavity's area, found and true."""
    rows = []
    for _, clip, labels in cases.cases([]):
        before, after = labels[0], labels[1]
        found = track(clip, grid_in((before == MYOCARDIUM) | (before == LV_CAVITY)))
        moved = {value: carried(before == value, found.xy[:, 0], found.xy[:, 1]) for value in (MYOCARDIUM, LV_CAVITY)}
        overlap = [dice(moved[value], after == value) for value in moved]
        area = float((before == LV_CAVITY).sum())
        rows.append([*overlap, moved[LV_CAVITY].sum() / area - 1, (after == LV_CAVITY).sum() / area - 1])
    return np.array(rows)


def main() -> None:
    """Print one row per method."""
    parser = argparse.ArgumentParser(description="Experts' masks carried from end-diastole to end-systole by tracks.")
    parser.add_argument("camus", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--view", default="4CH", choices=("4CH", "2CH"))
    options = parser.parse_args()
    predictor = PointSegPredictor.from_pretrained(options.checkpoint, device="cpu")
    cases = HeldOutPatients(options.camus, "validation", options.view, "pair")
    methods: dict[str, Track] = {
        "PointSeg": predictor.track,
        "DIS flow": dis_flow,
        "Lucas-Kanade": lucas_kanade,
        "standing still": standing_still,
    }
    print("| ED to ES, patients | n | wall carried, Dice | cavity carried, Dice | change of cavity area, slope |")
    print("| --- | --- | --- | --- | --- |")
    for name, track in methods.items():
        rows = score(track, cases)
        slope = (rows[:, 2] * rows[:, 3]).sum() / (rows[:, 3] ** 2).sum()
        print(f"| {name} | {len(rows)} | {rows[:, 0].mean():.3f} | {rows[:, 1].mean():.3f} | {slope:.2f} |", flush=True)


if __name__ == "__main__":
    main()
