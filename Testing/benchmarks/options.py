"""What the choices of a run do to the masks: density of the automatic grid, and smoothing over time.

Usage: python -m Testing.benchmarks.options CLIPS [--clips N] [--threads N]

CLIPS is a folder made by `pointseg simulate --subset validation`: of simulated clips of real hearts the masks are
known in every frame, so that they tell what a choice brings or costs. The cine that comes with pydicom, which has no
truth, tells what it does to the steadiness of masks on a real movie.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from pydicom import examples

from PointSegLib import PointSegPredictor, SegmentOptions, read_clip
from PointSegLib.evaluation.masks import dice
from PointSegLib.evaluation.temporal import frame_to_frame_dice
from PointSegLib.io.synus import list_synus, read_synus_case
from PointSegLib.result import MYOCARDIUM

CHOICES = (
    *(SegmentOptions(size) for size in (8, 12, 16, 24, 32)),
    *(SegmentOptions(smoothing_frames=width) for width in (0.5, 1.0, 1.5, 2.0, 3.0)),
)


def main() -> None:
    """Print one row per choice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    predictor = PointSegPredictor.from_pretrained(device="cpu")
    cases = [read_synus_case(options.folder, name) for name in list_synus(options.folder, "valid")[: options.clips]]
    real = read_clip(examples.get_path("ybr_color"))
    print("| grid | smoothing, frames | Dice, simulated | frame-to-frame Dice, simulated | the same, real | CPU ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    for choice in CHOICES:
        started = time.process_time()
        drawn = [predictor(case.cine, options=choice).labels for case in cases]
        spent = 1000 * (time.process_time() - started) / sum(map(len, drawn))
        right = [
            dice(frame == MYOCARDIUM, truth == MYOCARDIUM)
            for labels, case in zip(drawn, cases, strict=True)
            for frame, truth in zip(labels, case.labels, strict=True)
        ]
        steady = [frame_to_frame_dice(labels, MYOCARDIUM) for labels in drawn]
        real_steady = frame_to_frame_dice(predictor(real, options=choice).labels, MYOCARDIUM)
        size = choice.grid_size or predictor.config.grid_size
        figures = f"{np.mean(right):.3f} | {np.mean(steady):.3f} | {real_steady:.3f} | {spent:.0f}"
        print(f"| {size} x {size} | {choice.smoothing_frames:g} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
