"""How fast clips are simulated on one core, as a Markdown table; the clips are parametric, so no data are needed.

Usage: python -m Testing.benchmarks.simulation [--clips N] [--pictures FOLDER]

Time is that of the processor, on one thread, so that other work on the machine counts little. With `--pictures`,
sample clips are drawn for the documentation.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from PointSegLib.simulation.clips import simulate_clip
from PointSegLib.simulation.draw_imaging import DIFFICULTY, draw_imaging
from PointSegLib.simulation.parametric import parametric_scene
from PointSegLib.simulation.render import render_scatter, render_warp

FRAMES, POINTS = 24, 512
QUALITIES = tuple(quality for quality in DIFFICULTY if quality)


def main() -> None:
    """Print the table, and draw the pictures where a folder is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"1 thread, torch {torch.__version__}, {platform.machine()}; {options.clips} clips of {FRAMES} frames of")
    print("256 × 256 pixels each\n\n| step | frames/s |\n| --- | --- |")
    generators = [torch.Generator().manual_seed(seed) for seed in range(options.clips)]
    scenes = [parametric_scene(FRAMES, generator) for generator in generators]
    filmed = [(scene, draw_imaging(g), g) for scene, g in zip(scenes, generators, strict=True)]
    jobs: dict[str, Callable[[int], object]] = {
        "render by scatterers": lambda index: render_scatter(*filmed[index]),
        "render by warping": lambda index: render_warp(*filmed[index]),
        "scene, rendering, points, visibility": lambda index: simulate_clip(None, FRAMES, POINTS, index),
    }
    for name, job in jobs.items():
        print(f"| {name} | {_frames_per_second(job, options.clips):.0f} |", flush=True)
    if options.pictures:
        draw_pictures(options.pictures)


def _frames_per_second(job: Callable[[int], object], count: int) -> float:
    job(0)
    started = time.process_time()
    for index in range(count):
        job(index)
    return count * FRAMES / (time.process_time() - started)


def draw_pictures(folder: Path) -> None:
    """Draw sample clips: three qualities side by side, and one clip in time with its points."""
    from PIL import Image

    rows = []
    for quality in QUALITIES:
        clips = [simulate_clip(None, 4, 0, seed, quality)[0] for seed in (3, 8, 21, 34)]
        rows.append(torch.cat([clip.frames[2] for clip in clips], dim=1))
    _grey(torch.cat(rows)).save(folder / "simulation_qualities.png", optimize=True)
    clip, _ = simulate_clip(None, 12, 60, 59, "medium")
    strips = [_with_points(clip.frames[t], clip.tracks[:, t], clip.visible[:, t]) for t in (0, 4, 7, 11)]
    Image.fromarray(np.hstack(strips)).save(folder / "simulation_points.png", optimize=True)


def _grey(picture: torch.Tensor):
    from PIL import Image

    return Image.fromarray((picture * 255).round().to(torch.uint8).numpy())


def _with_points(frame: torch.Tensor, xy: torch.Tensor, visible: torch.Tensor) -> np.ndarray:
    """RGB picture with visible points in green and hidden ones in red."""
    picture = np.asarray(_grey(frame).convert("RGB")).copy()
    for (x, y), seen in zip(xy.round().long().tolist(), visible.tolist(), strict=True):
        if 0 < x < picture.shape[1] - 1 and 0 < y < picture.shape[0] - 1:
            picture[y - 1 : y + 2, x - 1 : x + 2] = (60, 220, 90) if seen else (230, 60, 50)
    return picture


if __name__ == "__main__":
    main()
