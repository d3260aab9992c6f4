"""What a trained network's masks owe to the points: its weights with points that follow, that rest, and without time.

Usage: python -m Testing.benchmarks.trajectories SIMULATED [--checkpoint FILE]

SIMULATED holds clips with a mask in every frame (`pointseg simulate --subset validation`); the split `valid` of these
is segmented. The network was trained with points that follow, so the other two are at a disadvantage; `pointseg ablate`
trains each anew.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from PointSegLib import CineClip, PointSegPredictor
from PointSegLib.evaluation.masks import dice
from PointSegLib.evaluation.runs import SegmentationCase
from PointSegLib.io.synus import read_synus_meta
from PointSegLib.model import Checkpoint, PointSeg
from PointSegLib.result import MYOCARDIUM
from PointSegLib.training.cases import StoredClips


def with_resting_points(predictor: PointSegPredictor) -> PointSegPredictor:
    """The same weights, whose fusion is told that no point moves."""
    config = predictor.config
    model = PointSeg(replace(config, segmenter=replace(config.segmenter, use_trajectories=False)))
    model.load_state_dict(predictor.model.state_dict(), strict=False)
    return PointSegPredictor(Checkpoint(model.eval(), {}), device="cpu")


def score(tracked: PointSegPredictor, resting: PointSegPredictor, case: SegmentationCase) -> list[float]:
    """Mean Dice of the myocardium over all frames: points that follow, points that rest, each frame alone."""
    _, clip, truth = case
    alone = [tracked(CineClip(frame[np.newaxis], spacing_mm=clip.spacing_mm)).labels for frame in clip.frames]
    ways = tracked(clip).labels, resting(clip).labels, np.concatenate(alone)
    return [float(np.mean([dice(found[t] == MYOCARDIUM, truth[t] == MYOCARDIUM) for t in truth])) for found in ways]


def main() -> None:
    """Print one row per quality of image."""
    parser = argparse.ArgumentParser(description="Masks with points that follow, that rest, and of each frame alone.")
    parser.add_argument("simulated", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    options = parser.parse_args()
    tracked = PointSegPredictor.from_pretrained(options.checkpoint, device="cpu")
    resting = with_resting_points(tracked)
    rows: dict[str, list[list[float]]] = defaultdict(list)
    for case in StoredClips.found(options.simulated, []).mask_cases([]):
        rows[read_synus_meta(options.simulated, case[0])["quality"]].append(score(tracked, resting, case))
    print("| clips | n | points follow | points rest | each frame alone |")
    print("| --- | --- | --- | --- | --- |")
    for quality, dices in rows.items():
        means = " | ".join(f"{mean:.3f}" for mean in np.mean(dices, 0))
        print(f"| {quality} | {len(dices)} | {means} |")


if __name__ == "__main__":
    main()
