"""Volumes and areas of cavity and atrium over one beat, each with its own reason when it cannot be had."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.areas import AreaCurve, fractional_area_change
from PointSegLib.measurement.cycle import Beat
from PointSegLib.measurement.left_atrium import AtrialVolume, Atrium, atrial_volume, measure_atrium
from PointSegLib.measurement.measurements import CavityMeasurements
from PointSegLib.measurement.scale import Scale
from PointSegLib.measurement.silhouette import Silhouette, measure_silhouette
from PointSegLib.measurement.volumes import Phases, area_length, monoplane_simpson
from PointSegLib.result import LEFT_ATRIUM, LV_CAVITY


def silhouette_of(labels: np.ndarray, scale: Scale) -> Silhouette | str:
    """The LV cavity in one frame's labels `[H, W]`, or why it cannot be measured."""
    try:
        return measure_silhouette(labels, scale)
    except MeasurementError as error:
        return str(error)


def measure_cavity(
    labels: np.ndarray,
    scale: Scale,
    beat: Beat,
    silhouettes: Sequence[Silhouette | str],
    areas: dict[int, AreaCurve],
) -> CavityMeasurements:
    """Measure cavity and atrium over one beat.

    Args:
        labels: uint8 `[T, H, W]`, CAMUS labels.
        scale: of the clip.
        beat: its end-diastole and end-systole are used.
        silhouettes: of each frame, see `silhouette_of`.
        areas: of each structure.

    Returns:
        What could be measured; the rest is None and named in the warnings.
    """
    ed, es = silhouettes[beat.start], silhouettes[beat.es]
    warnings = [
        f"Frame {frame} ({phase}): {found} There is no ejection fraction."
        for frame, phase, found in ((beat.start, "end-diastole", ed), (beat.es, "end-systole", es))
        if isinstance(found, str)
    ]
    warnings += [
        f"Frame {frame}: the LV cavity is cut by the edge of the sector: its volume and EF are too uncertain to use."
        for frame in (beat.start, beat.es)
        if areas[LV_CAVITY].cut[frame]
    ]
    atrium, volume = _atrium(labels[beat.es], scale, es, warnings)
    if atrium is not None and areas[LEFT_ATRIUM].cut[beat.es]:
        warnings.append(
            f"Frame {beat.es}: the left atrium is cut by the edge of the sector: it is larger than measured."
        )
    seen_ed, seen_es = (found if isinstance(found, Silhouette) else None for found in (ed, es))
    if seen_ed is None or seen_es is None:
        return CavityMeasurements(seen_ed, seen_es, atrium=atrium, atrial_volume=volume, warnings=tuple(warnings))
    phases = Phases(seen_ed, seen_es)
    simpson, by_area = monoplane_simpson(phases), area_length(phases)
    return CavityMeasurements(
        ed=seen_ed,
        es=seen_es,
        simpson=simpson,
        area_length=by_area,
        fractional_area_change=fractional_area_change(seen_ed.area, seen_es.area),
        atrium=atrium,
        atrial_volume=volume,
        warnings=tuple(dict.fromkeys((*warnings, *simpson.warnings, *by_area.warnings))),
    )


def _atrium(
    labels: np.ndarray, scale: Scale, cavity: Silhouette | str, warnings: list[str]
) -> tuple[Atrium | None, AtrialVolume | None]:
    if isinstance(cavity, str):
        return None, None
    try:
        atrium = measure_atrium(labels, scale, cavity.axis)
    except MeasurementError as error:
        warnings.append(f"The left atrium was not measured: {error}")
        return None, None
    volume = atrial_volume(atrium)
    warnings.extend(volume.warnings)
    return atrium, volume
