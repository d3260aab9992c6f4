"""`MotionConfig`: the ranges from which the heart beat and the probe motion of one scene are drawn."""

from __future__ import annotations

from dataclasses import dataclass

from PointSegLib.simulation.sampling import Range


@dataclass(frozen=True)
class MotionConfig:
    """Ranges of one scene's motion, drawn uniformly unless stated. Pixels are those of a raster of 256.

    Attributes:
        ejection_fraction: share of the LV volume (area-length formula) that the greatest contraction expels.
        own_motion_probability: share of template scenes that contract exactly as far as their own ES mask.
        max_scale: a template's ED to ES displacement is never scaled beyond this, since its wall would lose area.
        segment_variation: spread of the amplitude between wall segments, relative.
        segment_lag: greatest delay of a segment, in cycles, either way.
        disease_probability: share of scenes in which one or two segments move less, not, or outwards.
        disease_gain: amplitude of such a segment relative to the others; negative is dyskinesia.
        surroundings_px: amplitude of the smooth random motion of the tissue far from the ventricle.
        heart_rate_bpm: beats per minute.
        frame_rate_hz: frames per second.
        arrhythmia_probability: share of scenes whose beats differ in length and strength.
        beat_variation: how far such beats differ in length, relative, either way.
        rest_probability: share of scenes in which nothing moves, neither heart nor probe.
        reversal_probability: share of scenes played backwards.
        mirror_probability: share of scenes mirrored left to right.
        drift_px: greatest translation of the probe from its mean place.
        rocking_deg: greatest rotation of the probe about its own tip, either way.
        min_jacobian: local area is never scaled below this against the reference; larger motion is scaled down.
        depth_mm: imaged depth of a template whose spacing is unknown, and of parametric scenes.
        dynamic_range_db: log compression that is undone to recover a template's echogenicity.
    """

    ejection_fraction: Range = (0.10, 0.75)
    own_motion_probability: float = 0.25
    max_scale: float = 1.5
    segment_variation: float = 0.12
    segment_lag: float = 0.03
    disease_probability: float = 0.3
    disease_gain: Range = (-0.3, 0.4)
    surroundings_px: Range = (0.0, 4.0)
    heart_rate_bpm: Range = (45.0, 130.0)
    frame_rate_hz: Range = (20.0, 80.0)
    arrhythmia_probability: float = 0.15
    beat_variation: float = 0.4
    rest_probability: float = 0.06
    reversal_probability: float = 0.3
    mirror_probability: float = 0.3
    drift_px: Range = (0.0, 5.0)
    rocking_deg: float = 3.0
    min_jacobian: float = 0.2
    depth_mm: Range = (110.0, 190.0)
    dynamic_range_db: Range = (42.0, 60.0)
