"""`pointseg benchmark`: frames per second, memory and arithmetic of a network on this machine, stage by stage."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PointSegLib.cli.files import make_folder
from PointSegLib.cli.options import add_command, add_device_option, at_least, load_predictor

if TYPE_CHECKING:
    from PointSegLib import PointSegPredictor
    from PointSegLib.inference.benchmark import Memory, Speed

SEED = 0
SMALLEST_SIDE = 64


def add(commands: Any) -> None:
    """Add the command's parser."""
    summary = "Measure speed, memory and arithmetic of a network on this machine, with a simulated clip."
    command = add_command(commands, "benchmark", _run, summary)
    network = command.add_mutually_exclusive_group()
    network.add_argument("--checkpoint", type=Path, metavar="FILE", help=".safetensors (default: the built-in one)")
    network.add_argument("--preset", metavar="NAME", help="small or paper, with random weights: for its speed only")
    command.add_argument("--frames", type=at_least(1), default=48, help="of the clip [48]")
    points = "tracked in all; user points fill up the automatic grid [256]"
    command.add_argument("--points", type=at_least(1), default=256, help=points)
    command.add_argument("--size", type=at_least(SMALLEST_SIDE), default=256, help="side of the clip in pixels [256]")
    command.add_argument("--runs", type=at_least(1), default=5, help="of each job, after one that is left out [5]")
    command.add_argument("--threads", type=at_least(1), help="of the CPU [PyTorch's choice]")
    float32 = "no bfloat16, even where the CPU is fast at it: what other processors will see"
    command.add_argument("--float32", action="store_true", help=float32)
    add_device_option(command)
    command.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")


def _run(options: argparse.Namespace) -> int:
    from PointSegLib.atomic import atomic_path
    from PointSegLib.inference.benchmark import SpeedPlan, clip_of_side, measure_speed
    from PointSegLib.simulation.clips import simulate_clip

    if options.json:
        make_folder(options.json.parent)
    predictor, network = _predictor(options)
    clip = clip_of_side(simulate_clip(None, options.frames, 1, SEED)[0].frames, options.size)
    plan = SpeedPlan(options.points, options.runs, options.threads, options.float32)
    speed = measure_speed(predictor, clip, plan, network)
    print("\n".join(speed_lines(speed)))
    if options.json:
        with atomic_path(options.json) as partial:
            partial.write_text(json.dumps(speed.figures(), indent=2) + "\n", encoding="utf-8")
    return 0


def _predictor(options: argparse.Namespace) -> tuple[PointSegPredictor, str]:
    from PointSegLib import PointSegPredictor
    from PointSegLib.inference.benchmark import untrained_checkpoint
    from PointSegLib.inference.predictor import EMBEDDED

    if options.preset is None:
        return load_predictor(options), (options.checkpoint or EMBEDDED).name
    return PointSegPredictor(untrained_checkpoint(options.preset), options.device), (
        f"preset {options.preset}, random weights (the masks and tracks mean nothing)"
    )


def speed_lines(speed: Speed) -> list[str]:
    """What was measured, as lines of Markdown."""
    machine, (width, height) = speed.machine, speed.size_wh
    jobs = {"segment and track": speed.whole, "track alone": speed.tracking}
    whole_ms = 1000 / speed.whole.median_fps
    return [
        f"{speed.network}",
        f"{machine.device} ({machine.processor}), threads: {machine.threads}, {machine.arithmetic}, "
        f"torch {machine.torch}",
        f"{speed.frames} frames of {width} × {height} pixels, {speed.points} points tracked; "
        f"{len(speed.whole.seconds)} runs after one that is left out",
        "",
        "| job | frames/s, median | frames/s, best |",
        "| --- | --- | --- |",
        *(f"| {job} | {timing.median_fps:.1f} | {timing.best_fps:.1f} |" for job, timing in jobs.items()),
        "",
        "| stage of segment and track | ms per frame | parameters | GFLOP per frame |",
        "| --- | --- | --- | --- |",
        *(f"| {name} | {s.ms:.1f} | {s.parameters:,} | {s.gflop:.2f} |" for name, s in speed.stages.items()),
        f"| all | {whole_ms:.1f} | {speed.parameters:,} | {speed.gflop:.2f} |",
        "",
        _memory_line(speed.memory),
    ]


def _memory_line(memory: Memory) -> str:
    parts = []
    if memory.process is not None and memory.before is not None:
        parts.append(f"{memory.process:.0f} MiB of the process, of which {memory.before:.0f} before the first run")
    if memory.gpu is not None:
        parts.append(f"{memory.gpu:.0f} MiB on the GPU")
    return f"Peak memory: {'; '.join(parts) or 'not known on this system'}"
