"""`make bench`: how fast the embedded network is on this machine, as a Markdown table.

Each case runs several times after one run to warm up; the table gives the median and the range. The clips are
simulated, so the figures need no data.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable

import torch

from PointSegLib import CineClip, PointSegPredictor
from PointSegLib.simulation.phantom import make_phantom_clip


def phantom(frames: int, side: int) -> CineClip:
    """A simulated clip."""
    made = make_phantom_clip(side, frames, 0, torch.Generator().manual_seed(0))
    return CineClip((made.frames * 255).to(torch.uint8).numpy())


def seconds(run: Callable[[], object], repeats: int) -> list[float]:
    """Wall-clock times of a few runs after one that is not counted."""
    run()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return times


def main() -> None:
    """Run all cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    predictor = PointSegPredictor.from_pretrained(device=options.device)
    print(
        f"{predictor.device}, {torch.get_num_threads()} threads, torch {torch.__version__}, {platform.machine()}, ",
        end="",
    )
    print(f"{os.cpu_count()} cores\n\n| clip | job | seconds, median (range) | frames/s |\n| --- | --- | --- | --- |")
    for frames, side in ((1, 256), (24, 256), (60, 256), (60, 800)):
        clip = phantom(frames, side)
        point = [[0, side / 2, side / 2]]
        jobs: dict[str, Callable[[], object]] = {
            "segment and track": lambda clip=clip: predictor(clip),
            "track one point": lambda clip=clip, point=point: predictor.track(clip, point),
        }
        for name, job in jobs.items():
            times = seconds(job, options.repeats)
            middle, spread = statistics.median(times), f"{min(times):.2f}–{max(times):.2f}"
            print(
                f"| {frames} × {side} × {side} | {name} | {middle:.2f} ({spread}) | {frames / middle:.1f} |", flush=True
            )


if __name__ == "__main__":
    main()
