"""Shapes of the `small` preset side by side: speed with random weights, and validation after a short equal training.

Usage: python -m Testing.benchmarks.shapes CAMUS OUT [--packed NPZ...] [--minutes M] [--only NAME...]

Each shape learns masks from stills for the same minutes with the recipe `small-cpu`, and is validated on the validation
patients' four-chamber frames on the network's raster. What ranks shapes in minutes need not rank them in hours.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from PointSegLib import CineClip, PointSegPredictor
from PointSegLib.inference.benchmark import SpeedPlan, measure_speed
from PointSegLib.model import PRESETS, Checkpoint, PointSeg, PointSegConfig, load_checkpoint, small_config
from PointSegLib.simulation.clips import simulate_clip
from PointSegLib.training import TrainingData, load_settings, train_segmenter


def shapes() -> dict[str, PointSegConfig]:
    """The shapes by name; the first is the preset as it is."""
    small = small_config()

    def changed(config: PointSegConfig, **segmenter: Any) -> PointSegConfig:
        return replace(config, segmenter=replace(config.segmenter, **segmenter))

    def narrow(config: PointSegConfig) -> PointSegConfig:
        backbone = replace(config.segmenter.encoder.backbone, widths=(16, 32, 64, 128, 160))
        return changed(config, encoder=replace(config.segmenter.encoder, backbone=backbone, dim=96), ffn_dim=192)

    # patches and masks of the same size on the frame
    whole_frame = replace(small.segmenter.encoder, image_stride=1)
    whole = changed(small, encoder=whole_frame, patch_stride=16, mask_stride=4)
    return {
        "small": small,
        "narrow backbone": narrow(small),
        "two fusion layers": changed(small, n_layers=2),
        "frames at full size": whole,
        "frames at full size, two fusion layers": changed(whole, n_layers=2),
        "frames at full size, narrow backbone": narrow(whole),
    }


def frames_per_second(config: PointSegConfig) -> tuple[float, float]:
    """Segmenting and tracking 256 points together; short arithmetic where the processor has it, and float32."""
    torch.manual_seed(0)
    predictor = PointSegPredictor(Checkpoint(PointSeg(config).eval(), {}), device="cpu")
    film, _ = simulate_clip(None, 48, 1, seed=0)
    clip = CineClip((film.frames * 255).to(torch.uint8).numpy())
    speeds = [measure_speed(predictor, clip, SpeedPlan(float32=plain, runs=3), "shape") for plain in (False, True)]
    return speeds[0].whole.median_fps, speeds[1].whole.median_fps


def validated(name: str, data: TrainingData, out: Path, minutes: float) -> dict[str, float]:
    """Figures of the last validation after a training of so many minutes."""
    settings = load_settings("small-cpu", "stills", preset=name, minutes=minutes, validate_every=0.0)
    path = train_segmenter(data, None, out / name.replace(" ", "_"), settings, resume=True)
    return load_checkpoint(path).provenance["stills"]["validation"]


def main() -> None:
    """Print one row per shape."""
    parser = argparse.ArgumentParser(description="Speed and validation of several shapes of the preset small.")
    parser.add_argument("camus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--packed", type=Path, nargs="*", default=[])
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--only", nargs="*", default=list(shapes()))
    options = parser.parse_args()
    known = {name: config for name, config in shapes().items() if name in options.only}
    PRESETS.update({name: partial(replace, config, preset=name) for name, config in known.items()})
    data = TrainingData(options.camus, options.packed)
    print("| shape | parameters, M | frames/s | frames/s, float32 | myocardium | LV cavity | left atrium |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, config in known.items():
        count = sum(np.prod(p.shape) for p in PointSeg(config).parameters()) / 1e6
        fast, plain = frames_per_second(config)
        figures = validated(name, data, options.out, options.minutes)
        dice = " | ".join(f"{figures[f'dice_{part}']:.3f}" for part in ("myocardium", "lv_cavity", "left_atrium"))
        print(f"| {name} | {count:.1f} | {fast:.1f} | {plain:.1f} | {dice} |", flush=True)


if __name__ == "__main__":
    main()
