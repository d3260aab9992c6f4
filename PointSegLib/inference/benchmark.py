"""`measure_speed`: how fast a network is on this machine, what it holds in memory, and where the time goes."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.clip import CineClip
from PointSegLib.errors import PointSegError
from PointSegLib.inference.clip_view import ClipView
from PointSegLib.inference.device import arithmetic, only_float32
from PointSegLib.inference.memory import forget_peaks, gpu_peak_mib, process_peak_mib
from PointSegLib.inference.predictor import PointSegPredictor
from PointSegLib.inference.stages import STAGES, count_flop, spent_by_stage, stage_parameters
from PointSegLib.model import PRESETS, Checkpoint, PointSeg


@dataclass(frozen=True)
class SpeedPlan:
    """How a network is measured.

    Attributes:
        points: tracked in all: the automatic grid, filled up with points of a user. The grid is never thinned.
        runs: of each job, after one that is left out.
        threads: of the CPU; None leaves PyTorch's choice.
        float32: keep to float32 where a CPU offers shorter numbers.
    """

    points: int = 256
    runs: int = 5
    threads: int | None = None
    float32: bool = False


@dataclass(frozen=True)
class Timing:
    """Wall-clock time of one job.

    Attributes:
        seconds: of each run that counts.
        median_fps: frames per second of the median run.
        best_fps: frames per second of the fastest run.
    """

    seconds: tuple[float, ...]
    median_fps: float
    best_fps: float

    @classmethod
    def of(cls, seconds: list[float], frames: int) -> Timing:
        """The timing of runs over a clip of so many frames."""
        return cls(tuple(seconds), frames / statistics.median(seconds), frames / min(seconds))


@dataclass(frozen=True)
class StageCost:
    """What one stage takes.

    Attributes:
        ms: milliseconds per frame of the clip, median over the runs.
        parameters: their number.
        gflop: 10^9 floating-point operations per frame of the clip, a multiplication with its addition as two.
    """

    ms: float
    parameters: int
    gflop: float


@dataclass(frozen=True)
class Machine:
    """What the network ran on: device, processor, number of CPU threads, arithmetic, and PyTorch's version."""

    device: str
    processor: str
    threads: int
    arithmetic: str
    torch: str


@dataclass(frozen=True)
class Memory:
    """Peak memory while the clip was segmented, in MiB; None where it cannot be told.

    Attributes:
        process: resident memory of the whole process, PyTorch included.
        before: the same right before the first run, so that the difference is the network's.
        gpu: of the tensors on a CUDA device.
    """

    process: float | None
    before: float | None
    gpu: float | None


@dataclass(frozen=True)
class Speed:
    """What was measured.

    Attributes:
        network: which weights ran.
        machine: on what.
        frames: of the clip.
        size_wh: of the clip in pixels.
        points: tracked in all.
        whole: segmenting and tracking together.
        tracking: tracking alone, the same points.
        stages: of segmenting and tracking together; the frames that windows share are worked on twice.
        memory: of segmenting and tracking together.
    """

    network: str
    machine: Machine
    frames: int
    size_wh: tuple[int, int]
    points: int
    whole: Timing
    tracking: Timing
    stages: dict[str, StageCost]
    memory: Memory

    def figures(self) -> dict[str, Any]:
        """All of it as plain JSON types, with the totals of the stages."""
        totals = {"parameters": self.parameters, "gflop": self.gflop}
        return {**asdict(self), "size_wh": list(self.size_wh), **totals}

    @property
    def parameters(self) -> int:
        """Of the whole network."""
        return sum(stage.parameters for stage in self.stages.values())

    @property
    def gflop(self) -> float:
        """Of all stages, per frame."""
        return sum(stage.gflop for stage in self.stages.values())


def measure_speed(predictor: PointSegPredictor, clip: CineClip, plan: SpeedPlan, network: str) -> Speed:
    """Segment and track a clip several times, then track alone, then count operations.

    Args:
        predictor: the network on its device.
        clip: what it works on.
        plan: how to measure.
        network: which weights these are, in words.

    Raises:
        ClipError: when the clip shows nothing.
    """
    with _threads(plan.threads), only_float32() if plan.float32 else nullcontext():
        points = filling_points(predictor.model, clip, plan.points)
        forget_peaks(predictor.device)
        before = process_peak_mib()
        tracked = len(predictor(clip, points).tracks)
        whole, milliseconds = _time_whole(predictor, clip, points, plan.runs)
        memory = Memory(process_peak_mib(), before, gpu_peak_mib(predictor.device))
        clock = _clock(predictor.device)
        tracking = Timing.of(_seconds(lambda: predictor.track(clip, points), clock, plan.runs), len(clip))
        gflop = _gflop(predictor, clip, points)
        parameters = stage_parameters(predictor.model)
        stages = {stage: StageCost(milliseconds[stage], parameters[stage], gflop[stage]) for stage in STAGES}
        machine = _machine(predictor.device)
    return Speed(network, machine, len(clip), clip.size_wh, tracked, whole, tracking, stages, memory)


def untrained_checkpoint(preset: str) -> Checkpoint:
    """A network of a preset's shape with random weights: good for its speed, and for nothing else.

    Raises:
        PointSegError: for an unknown preset.
    """
    if preset not in PRESETS:
        msg = f"there is no preset {preset!r}; choose one of {', '.join(PRESETS)}."
        raise PointSegError(msg)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Checkpoint(PointSeg(PRESETS[preset]()), {})


def clip_of_side(frames: Tensor, side: int) -> CineClip:
    """A square clip of another size.

    Args:
        frames: float32 `[T, H, W]` in 0..1.
        side: of the clip's frames in pixels.
    """
    size = (side, side)
    resized = F.interpolate(frames[:, None], size, mode="bilinear", align_corners=False, antialias=True)[:, 0]
    return CineClip((resized * 255).round().to(torch.uint8).numpy())


def filling_points(model: PointSeg, clip: CineClip, count: int) -> np.ndarray:
    """User points that make the automatic grid up to `count` points.

    Returns:
        float64 `[M, 3]` rows (frame, x, y) on the first frame, spread over the sector; M is 0 where the grid is enough.
    """
    view = ClipView(clip, model.config)
    missing = max(0, count - len(view.grid(0)))
    y, x = np.nonzero(view.sector.mask)
    chosen = np.linspace(0, len(y) - 1, missing).round().astype(int)
    return np.stack([np.zeros(missing), x[chosen], y[chosen]], 1)


def _time_whole(
    predictor: PointSegPredictor, clip: CineClip, points: np.ndarray, runs: int
) -> tuple[Timing, dict[str, float]]:
    """The timing of whole runs and the milliseconds per frame of each stage, median over the runs."""
    clock = _clock(predictor.device)
    parts = []
    for _ in range(runs):
        with spent_by_stage(predictor.model, clock) as spent:
            predictor(clip, points)
        parts.append(spent)
    timing = Timing.of([sum(part.values()) for part in parts], len(clip))
    return timing, {stage: 1000 * statistics.median(part[stage] for part in parts) / len(clip) for stage in STAGES}


def _seconds(job: Callable[[], object], clock: Callable[[], float], runs: int) -> list[float]:
    """Wall-clock times of a few runs after one that is not counted."""
    job()
    times = []
    for _ in range(runs):
        started = clock()
        job()
        times.append(clock() - started)
    return times


def _gflop(predictor: PointSegPredictor, clip: CineClip, points: np.ndarray) -> dict[str, float]:
    with count_flop() as counter, spent_by_stage(predictor.model, counter.get_total_flops) as spent:
        predictor(clip, points)
    return {stage: spent[stage] / len(clip) / 1e9 for stage in STAGES}


def _clock(device: torch.device) -> Callable[[], float]:
    """Seconds, read when the device has done what it was told so far."""

    def read() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        elif device.type == "mps":
            torch.mps.synchronize()
        return time.perf_counter()

    return read


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _machine(device: torch.device) -> Machine:
    if device.type == "cuda":
        processor = torch.cuda.get_device_name(device)
    else:
        processor = f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"
    return Machine(str(device), processor, torch.get_num_threads(), arithmetic(device), torch.__version__)
