"""How long a click takes on an open clip, against the first segmentation in the same run.

Usage: python -m Testing.benchmarks.interaction [--preset NAME] [--threads N] [CLIP]

Without a clip, the cine that comes with pydicom is played to and fro and enlarged to 60 frames of 800 x 600 pixels.
`--preset` takes a network of that shape with random weights: as fast, and good for nothing else. CPU seconds are of all
threads together; on a machine that is busy with other things they and the ratio say more than the wall-clock.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from pydicom import examples

from PointSegLib import CineClip, PointSegPredictor, read_clip
from PointSegLib.inference.benchmark import untrained_checkpoint
from PointSegLib.result import PointSegResult

FRAMES, SIZE_HW = 60, (600, 800)


def default_clip() -> CineClip:
    """60 frames of 800 x 600 pixels of a real heart."""
    frames = read_clip(examples.get_path("ybr_color")).frames
    frames = torch.from_numpy(np.concatenate([frames, frames[::-1]])[:FRAMES])
    enlarged = torch.nn.functional.interpolate(frames[:, None].float(), SIZE_HW, mode="bilinear")[:, 0]
    return CineClip(enlarged.round().to(torch.uint8).numpy())


class Stopwatch:
    """Prints what each job takes, and its share of the first."""

    def __init__(self) -> None:
        self.first: float | None = None

    def time(self, what: str, job: Callable[[], PointSegResult]) -> PointSegResult:
        """Do a job and print a row."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = job()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        self.first = self.first or cpu
        print(f"| {what} | {wall:.2f} | {cpu:.2f} | {cpu / self.first:.2f} |", flush=True)
        return result


def spread_clicks(clip: CineClip, labels: np.ndarray) -> np.ndarray:
    """Clicks `[3, 3]` inside what was found: on the first frame, in the middle and at the end."""
    frames = (0, len(clip) // 2, len(clip) - 1)
    places = [np.argwhere(labels[frame] > 0 if labels[frame].any() else labels[frame] == 0) for frame in frames]
    return np.array([[frame, *found[len(found) // 2][::-1]] for frame, found in zip(frames, places, strict=True)])


def main() -> None:
    """Print one row per job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", nargs="?", type=Path)
    parser.add_argument("--preset", help="random weights of this shape in place of the embedded network")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    checkpoint = untrained_checkpoint(options.preset) if options.preset else None
    predictor = PointSegPredictor(checkpoint, "cpu") if checkpoint else PointSegPredictor.from_pretrained(device="cpu")
    clip = read_clip(options.clip) if options.clip else default_clip()
    width, height = clip.size_wh
    print(f"{len(clip)} frames of {width} x {height}, {options.threads} threads, load {os.getloadavg()[0]:.1f}")
    print("| job | wall s | CPU s | of the first |\n| --- | --- | --- | --- |")
    predictor(CineClip(clip.frames[:2]))
    session, watch = predictor.open(clip), Stopwatch()
    labels = watch.time("first segmentation", session.segment).labels
    clicks = spread_clicks(clip, labels)
    for count in (1, 2, 3):
        hints = ["wall"] * count
        watch.time(f"click {count}, frame {clicks[count - 1, 0]}", partial(session.correct, clicks[:count], hints))
    mended = watch.time("undo of one click", lambda: session.correct(clicks[:2], ["wall"] * 2)).labels
    drawn = mended[len(clip) // 2].copy()
    drawn[: height // 2, : width // 2] = 0
    watch.time("propagating a frame over 10", lambda: session.propagate(len(clip) // 2, drawn, 10))
    print(f"\n{session.bytes_per_frame / 1e6:.1f} MB are held for each frame.")
    asked = predictor(clip, clicks, hints=["wall"] * 3)
    session.propagate(len(clip) // 2, None)
    answered = session.correct(clicks, ["wall"] * 3)
    apart = np.linalg.norm(asked.tracks.xy - answered.tracks.xy, axis=-1)
    print(f"Against the predictor's answer to the same clicks: {(asked.labels == answered.labels).mean():.5f} of the")
    print(f"pixels agree; clicks are {apart[:3].mean():.2f} and grid points {apart[3:].mean():.3f} pixels apart.")


if __name__ == "__main__":
    main()
