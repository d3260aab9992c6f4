"""Measurements as tidy rows: one per beat and segment, one per beat, one per value of a curve.

The unit is part of each column's name. What could not be measured is None; there are no NaN.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Any

import numpy as np

from PointSegLib.measurement.measurements import BeatMeasurements, Measurements, WallMeasurements
from PointSegLib.measurement.strain import WallStrain
from PointSegLib.measurement.two_views import BiplaneMeasurements
from PointSegLib.measurement.wall_lines import LAYERS
from PointSegLib.result import LV_CAVITY

Row = dict[str, Any]


def segment_rows(measurements: Measurements) -> list[Row]:
    """One row for each segment of each beat in which the wall was measured."""
    return [
        {**_about(measurements, beat, number), **_segment(beat.wall, index)}
        for number, beat in enumerate(measurements.beats, start=1)
        if beat.wall is not None
        for index in range(len(beat.wall.strain.names))
    ]


def beat_rows(measurements: Measurements) -> list[Row]:
    """One row for each beat: volumes, global strain, excursion of the annulus."""
    best = measurements.best
    return [
        {
            **_about(measurements, beat, number),
            "quoted": beat is best,
            "heart_rate_bpm": _number(measurements.cycle.heart_rate_bpm),
            **_cavity(beat, measurements.scale.unit),
            **_wall(beat.wall, measurements.scale.unit),
        }
        for number, beat in enumerate(measurements.beats, start=1)
    ]


def curve_rows(measurements: Measurements) -> list[Row]:
    """One row for each known value of each curve: areas, volume, strain of the layers and of the segments."""
    unit = measurements.scale.unit
    of_clip = {f"lv_area_{unit}2": measurements.areas[LV_CAVITY].known()}
    if measurements.volume_ml is not None:
        of_clip["lv_volume_ml"] = measurements.volume_ml
    rows = [row for name, values in of_clip.items() for row in _curve(measurements, None, 0, name, "", values)]
    for number, beat in enumerate(measurements.beats, start=1):
        if beat.wall is not None:
            for name, part, values in _strain_curves(beat.wall):
                rows += _curve(measurements, number, beat.beat.start, name, part, values)
    return rows


def frame_rows(measurements: Measurements) -> list[Row]:
    """One row for each frame of the clip, every curve in a column of its own, for plots over the whole clip.

    Where two beats share a frame, it shows the beat that starts there. `phase` is "ED" or "ES" where a beat has it.
    """
    phases = {frame: "ED" for beat in measurements.cycle.beats for frame in (beat.start, *[beat.end] * beat.complete)}
    phases |= {beat.es: "ES" for beat in measurements.cycle.beats}
    times = measurements.times_s
    rows: list[Row] = [
        {"frame": frame, "time_s": None if times is None else _number(times[frame]), "phase": phases.get(frame)}
        for frame in range(len(measurements))
    ]
    for value in curve_rows(measurements):
        rows[value["frame"]][f"{value['part']} {value['quantity']}".strip()] = value["value"]
    return rows


def biplane_row(biplane: BiplaneMeasurements) -> Row:
    """What several views tell together, in one row."""
    ejection, atrium = biplane.ejection, biplane.atrial_volume
    return {
        "views": "+".join(view.view or "unknown" for view in biplane.views),
        "edv_biplane_ml": _number(value_of(ejection, "edv_ml")),
        "esv_biplane_ml": _number(value_of(ejection, "esv_ml")),
        "stroke_volume_biplane_ml": _number(value_of(ejection, "stroke_volume_ml")),
        "ef_biplane_percent": _number(value_of(ejection, "ef_percent")),
        "la_volume_biplane_ml": _number(value_of(atrium, "volume_ml")),
        "gls_mean_percent": _number(biplane.gls),
        "mechanical_dispersion_ms": _number(biplane.dispersion_ms),
    }


def _about(measurements: Measurements, beat: BeatMeasurements, number: int) -> Row:
    frames = beat.beat
    return {
        "source": measurements.source,
        "view": measurements.view,
        "beat": number,
        "ed_frame": frames.start,
        "es_frame": frames.es,
        "end_frame": frames.end,
        "complete": frames.complete,
        "at_border": frames.at_border,
    }


def _segment(wall: WallMeasurements, index: int) -> Row:
    curve, through, trust = wall.strain.longitudinal[index], wall.strain.transmural[index], wall.trust[index]
    score = wall.scores[index]
    return {
        "segment": wall.strain.names[index],
        "trusted": trust.trusted,
        "in_gls": bool(wall.strain.gls) and wall.strain.names[index] not in wall.strain.left_out,
        "longitudinal_strain_es_percent": _number(curve.end_systolic),
        "longitudinal_strain_es_endo_percent": _number(wall.layers["endo"][index].end_systolic),
        "longitudinal_strain_es_epi_percent": _number(wall.layers["epi"][index].end_systolic),
        "longitudinal_strain_peak_systolic_percent": _number(curve.peak_systolic),
        "longitudinal_strain_peak_percent": _number(curve.peak),
        "time_to_peak_ms": _number(_milliseconds(curve.time_to_peak_s)),
        "post_systolic_index_percent": _number(curve.post_systolic_index),
        "strain_rate_systolic_per_s": _number(curve.peak_systolic_rate),
        "strain_rate_diastolic_per_s": _number(curve.peak_diastolic_rate),
        "drift_percent": _number(curve.drift),
        "drift_corrected": curve.corrected,
        "transmural_strain_es_percent": _number(through.end_systolic),
        "contour_strain_es_percent": _number(wall.contours.longitudinal[index].end_systolic if wall.contours else None),
        "wall_motion_score": None if score is None else int(score),
        "wall_motion": None if score is None else score.name.lower(),
        "points": trust.points,
        "visible_share": _number(trust.visible),
        "confidence": _number(trust.confidence),
        "speckle_correlation": _number(trust.correlation),
        "strain_standard_error_percent": _number(trust.strain_error),
        "forward_backward_error_wall_thicknesses": _number(trust.return_error),
        "outside_fan_share": _number(trust.beyond_sector),
        "shadow_share": _number(trust.dark),
        "doubts": " ".join(trust.reasons),
    }


def _cavity(beat: BeatMeasurements, unit: str) -> Row:
    cavity = beat.cavity
    row: Row = {}
    for phase, silhouette in (("ed", cavity.ed), ("es", cavity.es)):
        row[f"lv_area_{phase}_{unit}2"] = _number(value_of(silhouette, "area"))
        row[f"lv_length_{phase}_{unit}"] = _number(value_of(silhouette, "length"))
    row["fractional_area_change_percent"] = _number(cavity.fractional_area_change)
    for name, ejection in (("simpson", cavity.simpson), ("area_length", cavity.area_length)):
        row[f"edv_{name}_ml"] = _number(value_of(ejection, "edv_ml"))
        row[f"esv_{name}_ml"] = _number(value_of(ejection, "esv_ml"))
        row[f"stroke_volume_{name}_ml"] = _number(value_of(ejection, "stroke_volume_ml"))
        row[f"ef_{name}_percent"] = _number(value_of(ejection, "ef_percent"))
    row[f"la_area_es_{unit}2"] = _number(value_of(cavity.atrium, "area"))
    row["la_volume_es_ml"] = _number(value_of(cavity.atrial_volume, "volume_ml"))
    return row


def _wall(wall: WallMeasurements | None, unit: str) -> Row:
    row: Row = {}
    for layer in LAYERS:
        curve = wall.strain.gls.get(layer) if wall else None
        row[f"gls_{layer}_es_percent"] = _number(value_of(curve, "end_systolic"))
    mid = wall.strain.gls.get("mid") if wall else None
    annulus = value_of(wall, "annulus")
    return {
        **row,
        "gls_mid_peak_percent": _number(value_of(mid, "peak")),
        "gls_drift_percent": _number(value_of(mid, "drift")),
        "gls_contour_es_percent": _number(value_of(wall, "contour_gls")),
        "gls_less_contour_es_percent": _number(value_of(wall, "less_contours")),
        "gls_contradicted": value_of(wall, "contradicted"),
        "segments_left_out": "; ".join(wall.strain.left_out) if wall else None,
        "mechanical_dispersion_ms": _number(value_of(wall, "dispersion_ms")),
        "ef_followed_percent": _number(value_of(value_of(wall, "ejection"), "ef_percent")),
        f"mapse_left_{unit}": _number(value_of(annulus, "mapse_left")),
        f"mapse_right_{unit}": _number(value_of(annulus, "mapse_right")),
    }


def _strain_curves(wall: WallMeasurements) -> Iterator[tuple[str, str, np.ndarray]]:
    """(quantity with its unit, layer or segment, values `[K]`)."""
    sources: list[tuple[str, WallStrain]] = [("", wall.strain)]
    if wall.contours is not None:
        sources.append(("contour_", wall.contours))
    for prefix, strain in sources:
        for layer, curve in strain.gls.items():
            yield f"{prefix}gls_percent", layer, curve.values
        for name, curve in zip(strain.names, strain.longitudinal, strict=True):
            yield f"{prefix}longitudinal_strain_percent", name, curve.values
    for name, curve in zip(wall.strain.names, wall.strain.transmural, strict=True):
        yield "transmural_strain_percent", name, curve.values


def _curve(
    measurements: Measurements, beat: int | None, start: int, quantity: str, part: str, values: np.ndarray
) -> Iterator[Row]:
    times = measurements.times_s
    for frame, value in enumerate(values, start=start):
        if np.isfinite(value):
            yield {
                "source": measurements.source,
                "view": measurements.view,
                "beat": beat,
                "frame": frame,
                "time_s": None if times is None else _number(times[frame]),
                "quantity": quantity,
                "part": part,
                "value": _number(value),
            }


def value_of(thing: object | None, name: str) -> Any:
    """An attribute of what was measured; None of what was not."""
    return None if thing is None else getattr(thing, name)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else 1000.0 * seconds


def _number(value: float | None) -> float | None:
    """A finite number to four places, else None."""
    return None if value is None or not isfinite(value) else round(float(value), 4)
