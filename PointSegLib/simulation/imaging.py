"""`Imaging`: the drawn values of one examination, from pulse to screen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pulse:
    """The probe and its beam.

    Attributes:
        frequency_mhz: carrier.
        axial_mm: width of the pulse at half height.
        lateral_deg: width of the beam at half height in its focus.
        focus: depth of the focus, 0 nearest and 1 farthest.
        defocus: how fast the beam widens away from the focus.
    """

    frequency_mhz: float = 2.5
    axial_mm: float = 1.0
    lateral_deg: float = 1.8
    focus: float = 0.6
    defocus: float = 1.0


@dataclass(frozen=True)
class Speckle:
    """The scatterers.

    Attributes:
        scatterers: their number.
        decorrelation: share of those in tissue that is replaced from one frame to the next.
        blood_decorrelation: the same in blood.
    """

    scatterers: int = 40_000
    decorrelation: float = 0.0
    blood_decorrelation: float = 0.9


@dataclass(frozen=True)
class Shadow:
    """What lies between probe and tissue and takes the signal behind it: a rib, lung, or bad contact.

    Angles are fractions of the fan, -1 its left and 1 its right edge; depths 0 nearest to 1 farthest.

    Attributes:
        angle: its middle.
        half_width: half of its width.
        depth: where it begins.
        loss_db: signal lost in its core.
        edge: width of its soft rim.
        sweep: how far it moves to either side of `angle`.
        turns: sweeps (and comings and goings) in a clip.
        phase: where in these the clip begins, in turns.
        presence: share of the time in which it is there; 1 is always.
    """

    angle: float
    half_width: float
    depth: float
    loss_db: float
    edge: float = 0.05
    sweep: float = 0.0
    turns: float = 0.5
    phase: float = 0.0
    presence: float = 1.0


@dataclass(frozen=True)
class Dropout:
    """A soft patch of lost signal, as where a wall lies along the beam.

    Attributes:
        angle: its middle, -1 to 1.
        depth: its middle, 0 to 1.
        half_angle: half of its width.
        half_depth: half of its height.
        loss_db: signal lost in its middle.
        turns: comings and goings in a clip.
        phase: where in these the clip begins, in turns.
    """

    angle: float
    depth: float
    half_angle: float
    half_depth: float
    loss_db: float
    turns: float = 0.0
    phase: float = 0.0


@dataclass(frozen=True)
class Interference:
    """What is added to the echo of the tissue; levels in dB below its brightest parts.

    Attributes:
        noise_db: electronic noise in the middle of the fan.
        noise_slope_db: how much more of it there is at the far end than in the middle.
        haze_db: haze that stands still.
        haze_slope_db: how much weaker it is at the far end than in the middle.
        near_db: near-field clutter at the probe, which stands still.
        near_depth: depth over which it dies out, 0 to 1.
    """

    noise_db: float = -60.0
    noise_slope_db: float = 6.0
    haze_db: float = -60.0
    haze_slope_db: float = 3.0
    near_db: float = -15.0
    near_depth: float = 0.06


@dataclass(frozen=True)
class Display:
    """From envelope to grey.

    Attributes:
        range_db: dynamic range.
        gain_db: added to all.
        tgc_db: added at equidistant depths, from the nearest to the farthest: sliders, attenuation, their errors.
        side_db: added at the edges of the fan, where the probe is less sensitive.
        wander_db: change of gain in the course of the clip, either way.
        gamma: exponent on grey.
        s_curve: 0 for a straight grey map, 1 for one that crushes both ends.
    """

    range_db: float = 55.0
    gain_db: float = 0.0
    tgc_db: tuple[float, ...] = (0.0, 0.0)
    side_db: float = 0.0
    wander_db: float = 0.0
    gamma: float = 1.0
    s_curve: float = 0.0


@dataclass(frozen=True)
class Machine:
    """What happens to grey pictures before they are stored.

    Attributes:
        smoothing: speckle reduction, in passes of a 3 x 3 binomial filter over depths and lines.
        sharpening: strength of edge enhancement on the screen.
        persistence: share of the last picture in the next.
        jpeg_quality: 1 to 100, or None for no compression.
        text: whether words and marks are burnt in beside the fan.
        ecg: whether an ECG runs at the bottom.
    """

    smoothing: float = 0.0
    sharpening: float = 0.0
    persistence: float = 0.0
    jpeg_quality: int | None = None
    text: bool = False
    ecg: bool = False


@dataclass(frozen=True)
class Imaging:
    """All drawn values of one clip; the defaults make a clean picture.

    Attributes:
        pulse: probe and beam.
        speckle: scatterers and how they are replaced.
        shadows: what hides tissue.
        dropouts: patches of lost signal.
        interference: noise, haze and clutter.
        display: grey map.
        machine: post-processing.
        opening: part of the scene's fan that is shown: (left, right) as fractions of its angles, each 0..1 of half.
        depth: part of the fan's depth that is shown.
        difficulty: 0 easiest to 1 hardest, which the values were drawn for.
    """

    pulse: Pulse = Pulse()
    speckle: Speckle = Speckle()
    shadows: tuple[Shadow, ...] = ()
    dropouts: tuple[Dropout, ...] = ()
    interference: Interference = Interference()
    display: Display = Display()
    machine: Machine = Machine()
    opening: tuple[float, float] = (1.0, 1.0)
    depth: float = 1.0
    difficulty: float = 0.0
