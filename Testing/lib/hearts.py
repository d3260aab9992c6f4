"""Hearts that were made, not acquired: licence-free frames and clips for tests, well filmed and of any size."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from PointSegLib.simulation.clips import simulate
from PointSegLib.simulation.draw_imaging import draw_imaging
from PointSegLib.simulation.motion_config import MotionConfig
from PointSegLib.simulation.parametric import parametric_scene
from PointSegLib.simulation.simulated import SimulatedClip
from PointSegLib.training.frames import FrameSet


def heart_clip(side: int, frames: int, points: int, seed: int) -> SimulatedClip:
    """A parametric heart, beating; the same seed gives the same clip."""
    generator = torch.Generator().manual_seed(seed)
    scene = parametric_scene(frames, generator, MotionConfig(), side)
    return simulate(scene, points, draw_imaging(generator, quality="good"), generator)


def heart_frame(side: int, seed: int) -> tuple[Tensor, Tensor]:
    """float32 image `[S, S]` in 0..1 and uint8 labels of one frame."""
    clip = heart_clip(side, 1, 1, seed)
    return clip.frames[0], clip.labels[0]


def heart_frames(patients: int = 2, size: int = 64) -> FrameSet:
    """ED and ES of some patients, both with the same anatomy."""
    made = [heart_frame(size, i) for i in range(patients)]
    images = np.stack([(image * 255).to(torch.uint8).numpy() for image, _ in made for _ in range(2)])
    labels = np.stack([labels.numpy() for _, labels in made for _ in range(2)])
    return FrameSet(images, labels, [f"patient{i:04d}_4CH_{phase}" for i in range(patients) for phase in ("ED", "ES")])
