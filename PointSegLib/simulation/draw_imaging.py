"""Draw the imaging of a clip: wide ranges, and artefacts that grow with its difficulty."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from PointSegLib.errors import ClipError
from PointSegLib.simulation.imaging import Display, Dropout, Imaging, Interference, Machine, Pulse, Shadow, Speckle
from PointSegLib.simulation.sampling import Range, chance, uniform

DIFFICULTY: dict[str | None, Range] = {
    "good": (0.0, 0.35),
    "medium": (0.3, 0.7),
    "poor": (0.65, 1.0),
    None: (0.0, 1.0),
}


@dataclass(frozen=True)
class ImagingConfig:
    """Ranges of `draw_imaging`. Those marked *graded* run from the easiest to the hardest clip.

    Attributes:
        frequency_mhz: carrier.
        axial_mm: length of the pulse.
        lateral_deg: width of the beam.
        scatterers: number of scatterers.
        range_db: dynamic range.
        gain_db: gain.
        tgc_db: error of the depth gain, either way.
        side_db: loss of sensitivity at the edges of the fan.
        gamma: exponent of the grey map.
        decorrelation: share of scatterers replaced a frame; graded.
        noise_db: electronic noise; graded.
        haze_db: static haze; graded.
        near_db: near-field clutter; graded.
        shadow_probability: share of clips with shadows; graded.
        shadow_db: what a shadow takes.
        dropout_probability: share of clips with drop-out; graded.
        dropout_db: what drop-out takes; graded.
        crop_probability: share of clips that show less than the whole fan.
        jpeg_probability: share of clips that went through JPEG.
        overlay_probability: share of clips with text, and share with an ECG.
    """

    frequency_mhz: Range = (1.5, 3.6)
    axial_mm: Range = (0.8, 1.9)
    lateral_deg: Range = (1.4, 3.0)
    scatterers: tuple[int, int] = (32_000, 48_000)
    range_db: Range = (40.0, 70.0)
    gain_db: Range = (-13.0, 1.0)
    tgc_db: float = 4.0
    side_db: Range = (-8.0, 0.0)
    gamma: Range = (0.75, 1.35)
    decorrelation: Range = (0.0, 0.30)
    noise_db: Range = (-60.0, -32.0)
    haze_db: Range = (-60.0, -24.0)
    near_db: Range = (-30.0, -6.0)
    shadow_probability: Range = (0.5, 0.9)
    shadow_db: Range = (22.0, 45.0)
    dropout_probability: Range = (0.3, 0.9)
    dropout_db: Range = (6.0, 30.0)
    crop_probability: float = 0.25
    jpeg_probability: float = 0.35
    overlay_probability: float = 0.3


_DEFAULT = ImagingConfig()


def draw_imaging(generator: torch.Generator, config: ImagingConfig = _DEFAULT, quality: str | None = None) -> Imaging:
    """Draw the imaging of one clip.

    Args:
        generator: source of the random numbers.
        config: ranges.
        quality: "good", "medium" or "poor" narrows the difficulty; None mixes all.

    Raises:
        ClipError: for another quality.
    """
    if quality not in DIFFICULTY:
        msg = f"there is no image quality {quality!r}; choose good, medium or poor, or none for a mixture."
        raise ClipError(msg)
    difficulty = uniform(generator, *DIFFICULTY[quality])
    draw = _Draw(generator, config, difficulty)
    cropped = chance(generator, config.crop_probability)
    return Imaging(
        pulse=draw.pulse(),
        speckle=draw.speckle(),
        shadows=draw.shadows(),
        dropouts=draw.dropouts(),
        interference=draw.interference(),
        display=draw.display(),
        machine=draw.machine(),
        opening=(draw.between((0.6, 1.0)), draw.between((0.6, 1.0))) if cropped else (1.0, 1.0),
        depth=draw.between((0.75, 1.0)) if cropped else 1.0,
        difficulty=difficulty,
    )


@dataclass(frozen=True)
class _Draw:
    """One drawing of all parts."""

    generator: torch.Generator
    config: ImagingConfig
    difficulty: float

    def between(self, bounds: Range) -> float:
        return uniform(self.generator, *bounds)

    def happens(self, probability: float) -> bool:
        return chance(self.generator, probability)

    def graded(self, bounds: Range) -> float:
        """Near `bounds[0]` in easy clips, near `bounds[1]` in hard ones, with a wide spread in both."""
        share = min(max(self.difficulty + self.between((-0.3, 0.3)), 0.0), 1.0)
        return bounds[0] + (bounds[1] - bounds[0]) * share

    def pulse(self) -> Pulse:
        return Pulse(
            frequency_mhz=self.between(self.config.frequency_mhz),
            axial_mm=self.between(self.config.axial_mm),
            lateral_deg=self.between(self.config.lateral_deg),
            focus=self.between((0.3, 0.9)),
            defocus=self.between((0.0, 2.0)),
        )

    def speckle(self) -> Speckle:
        low, high = self.config.scatterers
        return Speckle(
            scatterers=int(self.between((low, high))),
            decorrelation=self.graded(self.config.decorrelation),
            blood_decorrelation=self.between((0.25, 1.0)),
        )

    def shadows(self) -> tuple[Shadow, ...]:
        if not self.happens(self.graded(self.config.shadow_probability)):
            return ()
        made = [self._rib()] if self.happens(0.6) else [self._lung()]
        if self.happens(0.35 * self.difficulty + 0.15):
            made.append(self._lung() if self.happens(0.6) else self._rib())
        if self.happens(0.2):
            made.append(self._contact())
        return tuple(made)

    def _rib(self) -> Shadow:
        """A wedge over most depths that sweeps when the probe drifts."""
        return Shadow(
            angle=self.between((-0.85, 0.85)),
            half_width=self.between((0.08, 0.22)),
            depth=self.between((0.0, 0.35)),
            loss_db=self.between(self.config.shadow_db),
            edge=self.between((0.02, 0.07)),
            sweep=self.between((0.0, 0.35)),
            turns=self.between((0.2, 1.3)),
            phase=self.between((0.0, 1.0)),
            presence=1.0 if self.happens(0.6) else self.between((0.3, 0.8)),
        )

    def _lung(self) -> Shadow:
        """A curtain from one edge of the fan that comes and goes with the breath."""
        side = 1.0 if self.happens(0.7) else -1.0
        return Shadow(
            angle=side * self.between((0.9, 1.1)),
            half_width=self.between((0.2, 0.5)),
            depth=self.between((0.0, 0.3)),
            loss_db=self.between(self.config.shadow_db),
            edge=self.between((0.03, 0.12)),
            sweep=self.between((0.05, 0.35)),
            turns=self.between((0.3, 1.2)),
            phase=self.between((0.0, 1.0)),
            presence=self.between((0.3, 0.9)),
        )

    def _contact(self) -> Shadow:
        """The far field lost over a wide angle, as with an apex shadow or bad contact."""
        return Shadow(
            angle=self.between((-0.6, 0.6)),
            half_width=self.between((0.2, 0.5)),
            depth=self.between((0.5, 0.8)),
            loss_db=self.between(self.config.shadow_db),
            edge=self.between((0.08, 0.2)),
            sweep=self.between((0.0, 0.2)),
            turns=self.between((0.2, 1.0)),
            phase=self.between((0.0, 1.0)),
            presence=self.between((0.3, 1.0)),
        )

    def dropouts(self) -> tuple[Dropout, ...]:
        if not self.happens(self.graded(self.config.dropout_probability)):
            return ()
        count = 1 + int(self.between((0.0, 1.0 + 2.0 * self.difficulty)))
        return tuple(self._dropout() for _ in range(count))

    def _dropout(self) -> Dropout:
        # The lateral wall, on the right of an apical view, suffers most.
        lateral = self.happens(0.6)
        return Dropout(
            angle=self.between((0.25, 0.8) if lateral else (-0.8, 0.8)),
            depth=self.between((0.2, 0.8)),
            half_angle=self.between((0.15, 0.45)),
            half_depth=self.between((0.1, 0.35)),
            loss_db=self.graded(self.config.dropout_db),
            turns=self.between((0.0, 1.0)),
            phase=self.between((0.0, 1.0)),
        )

    def interference(self) -> Interference:
        return Interference(
            noise_db=self.graded(self.config.noise_db),
            noise_slope_db=self.between((0.0, 14.0)),
            haze_db=self.graded(self.config.haze_db),
            haze_slope_db=self.between((-3.0, 12.0)),
            near_db=self.graded(self.config.near_db),
            near_depth=self.between((0.03, 0.15)),
        )

    def display(self) -> Display:
        low, high = (math.log(bound) for bound in self.config.gamma)
        error = self.config.tgc_db
        return Display(
            range_db=self.between(self.config.range_db),
            gain_db=self.between(self.config.gain_db),
            tgc_db=tuple(self.between((-error, error)) for _ in range(6)),
            side_db=self.between(self.config.side_db),
            wander_db=self.between((0.0, 2.0)),
            gamma=math.exp(self.between((low, high))),
            s_curve=self.between((0.0, 0.6)) if self.happens(0.5) else 0.0,
        )

    def machine(self) -> Machine:
        return Machine(
            smoothing=self.between((0.0, 4.0)) if self.happens(0.85) else 0.0,
            sharpening=self.between((0.1, 0.8)) if self.happens(0.3) else 0.0,
            persistence=self.between((0.1, 0.45)) if self.happens(0.35) else 0.0,
            jpeg_quality=int(self.between((30.0, 90.0))) if self.happens(self.config.jpeg_probability) else None,
            text=self.happens(self.config.overlay_probability),
            ecg=self.happens(self.config.overlay_probability),
        )
