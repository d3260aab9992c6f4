"""Put a heart in motion: from one anatomy and the draws of a `MotionConfig` to a `Scene`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.errors import ClipError
from PointSegLib.result import LV_CAVITY
from PointSegLib.simulation.heart_motion import HeartPair, draw_motion
from PointSegLib.simulation.motion_config import MotionConfig
from PointSegLib.simulation.sampling import chance, pixel_grid, sample_at
from PointSegLib.simulation.scene import Scene


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A heart at end-diastole and what it contracts to.

    The fields are those of `Scene` but for `labels` `[S, S]` and `systole`, which is `[S, S]` in the raster of the
    end-systolic frame; None where there is no picture of it.
    """

    pair: HeartPair
    echogenicity: Tensor
    tissue: Tensor
    labels: Tensor
    spacing_mm: float
    source: str
    systole: Tensor | None = None


def stage(
    anatomy: Anatomy, wanted: float | None, n_frames: int, generator: torch.Generator, config: MotionConfig
) -> Scene:
    """Draw a motion, then whether the clip is reversed or mirrored.

    Args:
        anatomy: the heart.
        wanted: ejection fraction, or None for exactly the contraction of the pair.
        n_frames: number of frames T, at least 1.
        generator: source of the random numbers.
        config: ranges.

    Raises:
        ClipError: when no frame is asked for.
    """
    if n_frames < 1:
        msg = f"{n_frames} frames were asked for; a scene has at least 1."
        raise ClipError(msg)
    motion = draw_motion(anatomy.pair, wanted, n_frames, generator, config)
    labels = moved_labels(anatomy.labels, motion.inverse)
    area = (labels == LV_CAVITY).flatten(1).count_nonzero(1)
    still = not bool(motion.forward.any())
    scene = Scene(
        echogenicity=anatomy.echogenicity,
        tissue=anatomy.tissue,
        labels=labels,
        forward=motion.forward,
        inverse=motion.inverse,
        sector=anatomy.pair.sector,
        spacing_mm=anatomy.spacing_mm,
        frame_time_s=motion.frame_time_s,
        ed=0 if still else int(area.argmax()),
        es=0 if still else int(area.argmin()),
        systole=None if anatomy.systole is None else _pulled_back(anatomy.systole, motion.to_systole),
        contraction=motion.contraction,
        source=anatomy.source,
    )
    backwards, mirror = chance(generator, config.reversal_probability), chance(generator, config.mirror_probability)
    scene = time_reversed(scene) if backwards else scene
    return mirrored(scene) if mirror else scene


def moved_labels(labels: Tensor, inverse: Tensor) -> Tensor:
    """Labels uint8 `[T, S, S]` of every frame: what each pixel shows of `labels` `[S, S]`, found by `inverse`."""
    side = labels.shape[-1]
    back = F.interpolate(inverse, (side, side), mode="bilinear", align_corners=False).permute(0, 2, 3, 1)
    grid = torch.addcmul(2.0 * (pixel_grid(side, side, labels.device) + 0.5) / side - 1.0, back, torch.tensor(2 / side))
    maps = labels.float().expand(len(inverse), 1, -1, -1)
    moved = F.grid_sample(maps, grid, mode="nearest", padding_mode="border", align_corners=False)
    return moved[:, 0].to(torch.uint8)


def _pulled_back(picture: Tensor, to_systole: Tensor) -> Tensor:
    """The end-systolic picture `[S, S]` with every piece of tissue at its end-diastolic place."""
    side = len(picture)
    places = pixel_grid(side, side, picture.device)[None]
    found = places + sample_at(to_systole[None], places, (side, side))
    return sample_at(picture[None, None], found, (side, side))[0, ..., 0]


def time_reversed(scene: Scene) -> Scene:
    """The same scene played backwards; the reference frame stays the same."""
    last = len(scene) - 1
    return replace(
        scene,
        labels=scene.labels.flip(0),
        forward=scene.forward.flip(0),
        inverse=scene.inverse.flip(0),
        ed=last - scene.ed,
        es=last - scene.es,
        contraction=scene.contraction.flip(0),
    )


def mirrored(scene: Scene) -> Scene:
    """The same scene seen in a mirror, left and right exchanged."""
    apex, angles = scene.sector.apex_xy, scene.sector.angles
    sector = replace(scene.sector, apex_xy=(scene.side - 1 - apex[0], apex[1]), angles=(-angles[1], -angles[0]))
    sign = torch.tensor([-1.0, 1.0])[:, None, None]
    return replace(
        scene,
        echogenicity=scene.echogenicity.flip(-1),
        systole=None if scene.systole is None else scene.systole.flip(-1),
        tissue=scene.tissue.flip(-1),
        labels=scene.labels.flip(-1),
        forward=scene.forward.flip(-1) * sign,
        inverse=scene.inverse.flip(-1) * sign,
        sector=sector,
    )
