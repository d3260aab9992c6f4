"""Film a scene: `render_scatter` as a probe would see it, `render_warp` as a picture that is bent, or two of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from PointSegLib.simulation.artefacts import draw_interference, gain_profile, signal_share
from PointSegLib.simulation.imaging import Imaging
from PointSegLib.simulation.overlays import burn_in_text, run_ecg
from PointSegLib.simulation.point_spread import point_spread
from PointSegLib.simulation.polar import PolarRaster, polar_raster
from PointSegLib.simulation.postprocess import jpeg, log_compress, persist, sharpen, smooth
from PointSegLib.simulation.sampling import sample_at
from PointSegLib.simulation.scatterers import scatter_fields
from PointSegLib.simulation.scene import Scene, SectorGeometry

# The share of the fan's samples that a sonographer leaves below white.
_WHITE_QUANTILE = 0.99
# A picture to be bent continues beyond the fan, so that motion brings no black into it.
_RIM, _RIM_RAD = 0.12, 0.2
# A filmed fan is told from the black around it.
_DARKEST = 1.0 / 255.0


@dataclass(frozen=True, eq=False)
class Filmed:
    """A rendered movie.

    Attributes:
        frames: float32 `[T, S, S]` in 0..1, 0 outside the fan but for text and ECG.
        share: float32 `[T, D, L]`, what shadow and drop-out leave of the signal, on `raster`.
        raster: depths and lines; its sector is the fan that is shown.
    """

    frames: Tensor
    share: Tensor
    raster: PolarRaster


def shown_sector(sector: SectorGeometry, imaging: Imaging) -> SectorGeometry:
    """The part of a scene's fan that the imaging shows."""
    left, right = (angle * part for angle, part in zip(sector.angles, imaging.opening, strict=True))
    near, far = sector.depths
    return replace(sector, angles=(left, right), depths=(near, near + (far - near) * imaging.depth))


def render_scatter(scene: Scene, imaging: Imaging, generator: torch.Generator) -> Filmed:
    """Film a scene by moving scatterers, so that speckle moves, deforms and decorrelates as in life.

    Args:
        scene: what is seen and how it moves.
        imaging: how.
        generator: source of the random numbers; the same state gives the same frames.

    Returns:
        The movie.
    """
    raster = polar_raster(shown_sector(scene.sector, imaging), scene.side)
    share = signal_share(raster, imaging, len(scene), generator.device)
    fields = scatter_fields(scene, raster, imaging.pulse, imaging.speckle, generator).mul_(share)
    level = _white_level(point_spread(fields[:1], raster, imaging.pulse, scene.spacing_mm).abs())
    fields += draw_interference(raster, imaging.interference, len(scene), generator) * level
    fields *= gain_profile(raster, imaging.display, len(scene), generator)
    envelope = point_spread(fields, raster, imaging.pulse, scene.spacing_mm).abs()
    return Filmed(_develop(envelope, scene, raster, imaging, generator), share, raster)


def render_warp(
    scene: Scene,
    imaging: Imaging,
    generator: torch.Generator,
    picture: Tensor | None = None,
    systole: Tensor | None = None,
) -> Filmed:
    """Film a scene by bending a picture of its reference frame: speckle moves, but does not change.

    With a second picture the first dissolves into it as the heart contracts, so that the clip begins and ends with real
    tissue, whose speckle changes as much as it does in life.

    Args:
        scene: how the picture moves.
        imaging: what is added to it, and how it is shown.
        generator: source of the random numbers.
        picture: float32 `[S, S]`, amplitude with its speckle before log compression, which the echogenicity of a
            template is; None makes one by scatterers.
        systole: float32 `[S, S]`, the same of a full contraction, at the places of the reference.

    Returns:
        The movie.
    """
    raster = polar_raster(shown_sector(scene.sector, imaging), scene.side)
    still = _still_picture(scene, imaging, generator) if picture is None else picture.to(generator.device)
    places = raster.pixels(generator.device).flatten(0, 1).expand(len(scene), -1, -1)
    size = (scene.side, scene.side)
    origin = places + sample_at(scene.inverse, places, size)
    amplitude = sample_at(still[None, None], origin.reshape(1, -1, 2), size).reshape(len(scene), *raster.shape)
    if systole is not None:
        contracted = systole.to(generator.device)[None, None]
        contracted = sample_at(contracted, origin.reshape(1, -1, 2), size).reshape_as(amplitude)
        amplitude = amplitude.lerp(contracted, scene.contraction.to(generator.device).clamp(0, 1)[:, None, None])
    share = signal_share(raster, imaging, len(scene), generator.device)
    added = draw_interference(raster, imaging.interference, len(scene), generator) * _white_level(amplitude[:1])
    added = point_spread(added, raster, imaging.pulse, scene.spacing_mm).abs()
    # The picture has lost its phase: powers add.
    envelope = torch.hypot(amplitude * share, added) * gain_profile(raster, imaging.display, len(scene), generator)
    return Filmed(_develop(envelope, scene, raster, imaging, generator), share, raster)


def _still_picture(scene: Scene, imaging: Imaging, generator: torch.Generator) -> Tensor:
    """Envelope `[S, S]` of the reference frame, in the fan and a rim around it."""
    (left, right), (near, far) = scene.sector.angles, scene.sector.depths
    wide = replace(
        scene.sector, angles=(left - _RIM_RAD, right + _RIM_RAD), depths=(0.5 * near, far + _RIM * scene.side)
    )
    raster = polar_raster(wide, scene.side)
    rest = torch.zeros_like(scene.forward[:1])
    fields = scatter_fields(
        replace(scene, forward=rest, inverse=rest), raster, imaging.pulse, imaging.speckle, generator
    )
    return raster.to_screen(point_spread(fields, raster, imaging.pulse, scene.spacing_mm).abs())[0]


def _white_level(envelope: Tensor) -> Tensor:
    """The envelope of the brightest tissue, from about ten thousand of its samples."""
    values = envelope.flatten()
    values = values[:: max(len(values) // 10_000, 1)]
    return torch.quantile(values, _WHITE_QUANTILE).clamp_min(1e-12)


def _develop(
    envelope: Tensor, scene: Scene, raster: PolarRaster, imaging: Imaging, generator: torch.Generator
) -> Tensor:
    """Envelope `[T, D, L]` to frames `[T, S, S]`."""
    machine = imaging.machine
    # Averaged before the logarithm, as compounding does: after it the dark pits of speckle would spread.
    envelope = smooth(envelope, machine.smoothing)
    frames = raster.to_screen(log_compress(envelope, float(_white_level(envelope)), imaging.display))
    frames = persist(sharpen(frames, machine.sharpening), machine.persistence)
    frames = torch.where(raster.sector.mask(scene.side).to(frames.device), frames.clamp_min(_DARKEST), 0.0)
    if machine.text:
        frames = burn_in_text(frames, raster.sector, generator)
    if machine.ecg:
        frames = run_ecg(frames, 2.0 * max(abs(scene.es - scene.ed), 4), generator)
    return jpeg(frames, machine.jpeg_quality)
