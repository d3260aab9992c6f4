"""How long the module holds up the main thread of the application during a run on 60 frames of 800 x 600 pixels.

Usage: PYTHONPATH=Testing:SlicerPointSeg python -m Testing.benchmarks.responsiveness

The scene is a real one without an application, the engine a double that tells of its frames one by one, as a worker
process does: what is measured is what the module does with them, each call of the timer's function by itself, without
its pause. On a busy machine a call may also wait for the processor: CPU milliseconds tell what the module needs.

On two cores that a training kept busy (load 1.5 to 2.6), with 1,850 points, the longest call took 30 ms, of processor
time and by the clock (the goal is 50); streaming a frame took 6 ms and 9 ms, reading the clip 8 ms.
"""

from __future__ import annotations

import os
import time

import numpy as np
from mrml import headless_slicer

FRAMES, HEIGHT, WIDTH = 60, 600, 800


def main() -> None:
    """Print the longest turns of one run."""
    headless_slicer.start(quiet=True)
    from mrml import cines
    from mrml.fake_engine import FakeEngine
    from mrml.fake_predictor import FakePredictor, movingHeart

    from PointSegLib.clip import CineClip
    from PointSegLib.inference.messages import Done, FrameDone
    from PointSegModule.logic import CineProcessor

    class OneEngine:
        engine = FakeEngine()

        def of(self, device: str) -> FakeEngine:
            return self.engine

    speckle = np.random.default_rng(0).rayleigh(40, (FRAMES, HEIGHT, WIDTH)).clip(0, 255).astype(np.uint8)
    browser = headless_slicer.newSequenceBrowser(cines.imageSequence(speckle))
    labels = np.stack([movingHeart((WIDTH, HEIGHT), frame) for frame in range(FRAMES)])
    engine = OneEngine.engine
    turns: list[tuple[float, float, str]] = []
    run = CineProcessor(OneEngine()).process(browser, waitForCompletion=False)
    told, what = 0, "reading"
    while not run.isOver:
        wall, cpu = time.perf_counter(), time.thread_time()
        run.poll(0)
        turns.append((time.thread_time() - cpu, time.perf_counter() - wall, what))
        if len(engine.requests) == 2 and told <= FRAMES:
            what = "streaming" if told < FRAMES else "finishing"
            if told < FRAMES:
                engine.tell(FrameDone(2, told, labels[told]))
            else:
                engine.tell(Done(2, FakePredictor()(CineClip(speckle))))
            told += 1
    run.poll()
    print(
        f"{FRAMES} frames of {WIDTH} x {HEIGHT}, {len(run.output.result.tracks)} points, load {os.getloadavg()[0]:.1f}"
    )
    print("| phase | turns | longest, CPU ms | longest, wall ms | median, wall ms |\n| --- | --- | --- | --- | --- |")
    for phase in ("reading", "streaming", "finishing"):
        cpu, wall = (np.array([turn[column] for turn in turns if turn[2] == phase]) * 1e3 for column in (0, 1))
        print(f"| {phase} | {len(cpu)} | {cpu.max():.0f} | {wall.max():.0f} | {np.median(wall):.1f} |")


if __name__ == "__main__":
    main()
