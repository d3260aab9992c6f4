"""How steady masks and points are on real clips, which have no truth.

Usage: python -m Testing.benchmarks.steadiness [CLIP...]

Without clips, the cine that comes with pydicom is taken. Each clip is segmented as a whole and frame by frame, with the
same weights: the difference is what points and neighbouring frames bring. A steady mask is not yet a right one.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from pydicom import examples

from PointSegLib import CineClip, PointSegPredictor, read_clip
from PointSegLib.evaluation.temporal import frame_to_frame_dice, jitter
from PointSegLib.result import MYOCARDIUM


def main(paths: list[Path]) -> None:
    """Print one row per clip."""
    predictor = PointSegPredictor.from_pretrained(device="cpu")
    print("| clip | frames | frame-to-frame Dice, whole clip | the same, each frame alone | point jitter, % of width |")
    print("| --- | --- | --- | --- | --- |")
    for path in paths:
        clip = read_clip(path)
        whole = predictor(clip)
        alone = np.concatenate([predictor(CineClip(frame[np.newaxis])).labels for frame in clip.frames])
        dices = [f"{frame_to_frame_dice(labels, MYOCARDIUM):.3f}" for labels in (whole.labels, alone)]
        shake = 100 * jitter(whole.tracks.xy, whole.tracks.visible) / clip.size_wh[0]
        print(f"| {path.name} | {len(clip)} | {' | '.join(dices)} | {shake:.2f} |", flush=True)


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]] or [Path(examples.get_path("ybr_color"))])
