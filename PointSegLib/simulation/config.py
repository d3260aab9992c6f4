"""`WarpConfig`: how much a simulated heart moves and how much its image changes while it does."""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class WarpConfig:
    """Ranges from which one clip of `simulate_warp` is drawn, uniformly unless stated.

    Lengths in pixels are meant for an image whose longer side is 256 and grow with the image.

    Attributes:
        radial_contraction: inward motion of the endocardium at end-systole, as a fraction of the half-width.
        radial_decay: exponent of the profile r exp((1 - r^p) / p); larger dies out faster outside the wall.
        longitudinal_shortening: motion of the base towards the apex, as a fraction of the cavity length.
        twist_deg: in-plane rocking of the ventricle at end-systole.
        regional_variation: how far wall motion may differ between regions: 0 alike, 1 some do not move.
        random_field_px: amplitude of the smooth random displacement.
        drift_px: greatest translation of the probe over the clip.
        drift_rotation_deg: greatest rotation of the probe over the clip, either way.
        drift_scale: greatest relative change of scale over the clip, either way.
        frames_per_cycle: frames in one heart cycle, drawn log-uniformly.
        monotonic_probability: share of clips that only contract or only relax (as CAMUS half sequences do).
        rest_probability: share of clips in which the heart does not move at all.
        max_step_px: no point moves further between two frames.
        max_total_px: no point moves further from its reference position.
        min_jacobian: local area is never scaled below this, so that the motion can be inverted.
        wall_fraction: share of the points that are put on or beside the myocardium.
        moving_speckle: strength of extra multiplicative speckle that moves with the tissue.
        fresh_speckle: strength of multiplicative speckle drawn anew in each frame (decorrelation).
        gain_drift: relative change of gain over the clip, either way.
        gamma_drift: change of log gamma over the clip, either way.
        haze: brightness of static, smooth haze, strongest near the probe.
        shadow_probability: share of clips with a static acoustic shadow.
        shadow_gain: what a shadow leaves of the signal.
        hidden_gain: a point where the shadow leaves less than this is not visible.
        blur_probability: share of clips blurred by a 3 x 3 binomial filter.
        blackout_probability: share of clips with one frame of nearly no signal.
    """

    radial_contraction: Range = (0.10, 0.40)
    radial_decay: Range = (2.0, 3.5)
    longitudinal_shortening: Range = (0.04, 0.20)
    twist_deg: Range = (-8.0, 8.0)
    regional_variation: float = 0.6
    random_field_px: Range = (0.0, 4.0)
    drift_px: Range = (0.0, 5.0)
    drift_rotation_deg: float = 3.0
    drift_scale: float = 0.03
    frames_per_cycle: Range = (12.0, 70.0)
    monotonic_probability: float = 0.2
    rest_probability: float = 0.07
    max_step_px: float = 8.0
    max_total_px: float = 25.0
    min_jacobian: float = 0.3
    wall_fraction: float = 0.6
    moving_speckle: Range = (0.0, 0.25)
    fresh_speckle: Range = (0.0, 0.30)
    gain_drift: float = 0.15
    gamma_drift: float = 0.12
    haze: Range = (0.0, 0.12)
    shadow_probability: float = 0.3
    shadow_gain: Range = (0.05, 0.6)
    hidden_gain: float = 0.25
    blur_probability: float = 0.25
    blackout_probability: float = 0.03
