"""Measurements as coded findings: what a DICOM report says, one number at a time.

Only what was measured and is trusted is told: whoever reads such a report by machine reads numbers, not comments.
Lengths, areas and volumes need a calibrated clip. Suggested wall-motion scores are not told, since nobody scored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PointSegLib.measurement.curves import StrainCurve
from PointSegLib.measurement.measurements import BeatMeasurements, CavityMeasurements, Measurements, WallMeasurements
from PointSegLib.measurement.two_views import BiplaneMeasurements
from PointSegLib.measurement.volumes import Ejection
from PointSegLib.reporting import dicom_codes as code
from PointSegLib.reporting.dicom_codes import Code

# The sides of the mitral annulus by the wall they belong to, where they have a code of their own.
_ANNULUS = {"inferoseptal": code.MEDIAL_ANNULUS, "anterolateral": code.LATERAL_ANNULUS}


@dataclass(frozen=True)
class Finding:
    """One number.

    Attributes:
        concept: what was measured.
        value: in `unit`.
        unit: a UCUM code.
        section: the structure under which it is told.
        frames: those it was read in, counted from 0; empty for all.
        method: how, or None where the concept says it.
        site: where, if not in the whole of the section's structure.
        phase: when, where the concept does not say it.
        error: standard error in `unit`, or None when unknown.
        comment: what else must be known, or empty.
    """

    concept: Code
    value: float
    unit: Code
    section: Code = code.LEFT_VENTRICLE
    frames: tuple[int, ...] = ()
    method: Code | None = None
    site: Code | None = None
    phase: Code | None = None
    error: float | None = None
    comment: str = ""


def findings_of(view: Measurements) -> list[Finding]:
    """What one view tells: the beat to be quoted; nothing where there is none."""
    beat = view.best
    if beat is None:
        return []
    found = list(_ejections(beat))
    if view.scale.calibrated:
        found += [*_sizes(beat.cavity, beat), *_atrium(view, beat)]
    if beat.cavity.fractional_area_change is not None:
        both = (beat.beat.start, beat.beat.es)
        found.append(Finding(code.AREA_CHANGE, beat.cavity.fractional_area_change, code.PERCENT, frames=both))
    if view.cycle.heart_rate_bpm is not None:
        found.append(Finding(code.HEART_RATE, view.cycle.heart_rate_bpm, code.BEATS_PER_MINUTE))
    if beat.wall is not None:
        found += [*_strain(view, beat, beat.wall), *_annulus(view, beat, beat.wall)]
    return found


def findings_together(biplane: BiplaneMeasurements) -> list[Finding]:
    """What several views tell together."""
    found: list[Finding] = []
    if biplane.ejection is not None:
        found += _volumes(biplane.ejection, code.BIPLANE_DISKS, ())
    if biplane.atrial_volume is not None and biplane.atrial_volume.volume_ml is not None:
        volume = biplane.atrial_volume.volume_ml
        found.append(
            Finding(
                code.ATRIAL_VOLUME, volume, code.MILLILITRE, code.LEFT_ATRIUM, method=code.BIPLANE_AREA_LENGTH
            )
        )  # fmt: skip
    if biplane.gls is not None:
        said = f"Global, mean of {len(biplane.views)} views."
        found.append(
            Finding(
                code.STRAIN, biplane.gls, code.PERCENT, method=code.MIDLAYER, phase=code.END_SYSTOLE, comment=said
            )
        )  # fmt: skip
    if biplane.dispersion_ms is not None:
        found.append(Finding(code.DISPERSION, biplane.dispersion_ms, code.MILLISECOND))
    return found


def _ejections(beat: BeatMeasurements) -> Iterator[Finding]:
    both = (beat.beat.start, beat.beat.es)
    for ejection, method in (
        (beat.cavity.simpson, code.MONOPLANE_DISKS),
        (beat.cavity.area_length, code.AREA_LENGTH),
    ):
        if ejection is not None:
            yield from _volumes(ejection, method, both)


def _volumes(ejection: Ejection, method: Code, frames: tuple[int, ...]) -> Iterator[Finding]:
    said = " ".join(ejection.warnings)
    for concept, value, unit, read in (
        (code.EDV, ejection.edv_ml, code.MILLILITRE, frames[:1]),
        (code.ESV, ejection.esv_ml, code.MILLILITRE, frames[1:]),
        (code.STROKE_VOLUME, ejection.stroke_volume_ml, code.MILLILITRE, frames),
        (code.EF, ejection.ef_percent, code.PERCENT, frames),
    ):
        if value is not None:
            yield Finding(concept, value, unit, frames=read, method=method, comment=said)


def _sizes(cavity: CavityMeasurements, beat: BeatMeasurements) -> Iterator[Finding]:
    for silhouette, frame, area, length in (
        (cavity.ed, beat.beat.start, code.DIASTOLIC_AREA, code.DIASTOLIC_LENGTH),
        (cavity.es, beat.beat.es, code.SYSTOLIC_AREA, code.SYSTOLIC_LENGTH),
    ):
        if silhouette is not None:
            yield Finding(area, silhouette.area, code.SQUARE_MILLIMETRE, frames=(frame,))
            yield Finding(length, silhouette.length, code.MILLIMETRE, frames=(frame,))


def _atrium(view: Measurements, beat: BeatMeasurements) -> Iterator[Finding]:
    atrium, volume, es = beat.cavity.atrium, beat.cavity.atrial_volume, (beat.beat.es,)
    if atrium is not None and view.view == "A4C":
        yield Finding(code.ATRIAL_AREA_A4C, atrium.area, code.SQUARE_MILLIMETRE, code.LEFT_ATRIUM, es)
    if volume is not None and volume.volume_ml is not None:
        yield Finding(
            code.ATRIAL_VOLUME, volume.volume_ml, code.MILLILITRE, code.LEFT_ATRIUM, es, code.AREA_LENGTH,
            comment=" ".join(volume.warnings),
        )  # fmt: skip


def _strain(view: Measurements, beat: BeatMeasurements, wall: WallMeasurements) -> Iterator[Finding]:
    if view.insisted or not wall.contradicted:
        yield from _global_strain(view, beat, wall)
    if wall.dispersion_ms is not None:
        yield Finding(code.DISPERSION, wall.dispersion_ms, code.MILLISECOND)
    yield from _segments(view, beat, wall)


def _global_strain(view: Measurements, beat: BeatMeasurements, wall: WallMeasurements) -> Iterator[Finding]:
    both = (beat.beat.start, beat.beat.es)
    left_out = f" Left out: {', '.join(wall.strain.left_out)}." if wall.strain.left_out else ""
    if wall.contradicted:
        left_out += f" Not trusted: the contours of the masks say {wall.contour_gls:.1f} %."
    if wall.gls is not None:
        said = f"Global, annulus to annulus.{left_out}{_drift(wall.strain.gls['mid'])}"
        yield Finding(
            code.STRAIN, wall.gls, code.PERCENT, frames=both, method=code.MIDLAYER, phase=code.END_SYSTOLE,
            comment=said,
        )  # fmt: skip
    endo = wall.strain.gls.get("endo")
    if endo is not None and endo.end_systolic is not None and view.view is not None:
        concept, said = code.ENDOCARDIAL_GLS[view.view], (left_out + _drift(endo)).strip()
        yield Finding(concept, endo.end_systolic, code.PERCENT, frames=both, comment=said)


def _segments(view: Measurements, beat: BeatMeasurements, wall: WallMeasurements) -> Iterator[Finding]:
    both = (beat.beat.start, beat.beat.es)
    for curve, verdict in zip(wall.strain.longitudinal, wall.trust, strict=True):
        site = code.SEGMENTS.get(verdict.name)
        if site is None or not (verdict.trusted or view.insisted):
            continue
        said = "" if verdict.trusted else f"Not trusted: {' '.join(verdict.reasons)}"
        if curve.end_systolic is not None:
            yield Finding(
                code.STRAIN, curve.end_systolic, code.PERCENT, frames=both, method=code.MIDLAYER, site=site,
                phase=code.END_SYSTOLE, error=verdict.strain_error, comment=(said + _drift(curve)).strip(),
            )  # fmt: skip
        if curve.time_to_peak_s is not None:
            peak = 1000.0 * curve.time_to_peak_s
            yield Finding(
                code.TIME_TO_PEAK, peak, code.MILLISECOND, method=code.MIDLAYER, site=site, comment=said
            )  # fmt: skip


def _annulus(view: Measurements, beat: BeatMeasurements, wall: WallMeasurements) -> Iterator[Finding]:
    if not view.scale.calibrated:
        return
    both, segments = (beat.beat.start, beat.beat.es), wall.lines.geometry.segments
    for excursion, segment in (
        (wall.annulus.mapse_left, segments[0]),
        (wall.annulus.mapse_right, segments[-1]),
    ):
        side = segment.name.split()[-1]
        if excursion is not None:
            yield Finding(
                code.EXCURSION, excursion, code.MILLIMETRE, frames=both,
                site=_ANNULUS.get(side, code.MITRAL_ANNULUS), comment=f"Towards the apex, {side} side.",
            )  # fmt: skip


def _drift(curve: StrainCurve) -> str:
    return f" Drift of {curve.drift:.1f} % was taken off." if curve.corrected and curve.drift is not None else ""
