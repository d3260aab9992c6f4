"""`measure_biplane`: volumes and strain of one heart from its apical views together."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.curves import StrainCurve
from PointSegLib.measurement.left_atrium import AtrialVolume, atrial_volume
from PointSegLib.measurement.measurements import Measurements
from PointSegLib.measurement.strain import dyssynchrony
from PointSegLib.measurement.volumes import Ejection, Phases, biplane_simpson

# PointSeg's own limit: hearts at rates farther apart, relative, are in different states or not the same.
_RATES_ALIKE = 0.10


@dataclass(frozen=True, eq=False)
class BiplaneMeasurements:
    """What several views tell together. What is None could not be measured: `warnings` says why.

    Attributes:
        views: the measurements that were put together, A4C first.
        ejection: by the biplane method of disks, from the beat of each view that is to be quoted.
        atrial_volume: by the area-length method in two views.
        gls: mean of the views' GLS in percent, negative for shortening (Voigt et al. 2015).
        dispersion_ms: mechanical dispersion over the segments of all views.
        warnings: of the combination, one sentence each.
    """

    views: tuple[Measurements, ...]
    ejection: Ejection | None
    atrial_volume: AtrialVolume | None
    gls: float | None
    dispersion_ms: float | None
    warnings: tuple[str, ...] = field(default=())


def measure_biplane(a4c: Measurements, a2c: Measurements, a3c: Measurements | None = None) -> BiplaneMeasurements:
    """Put the apical views of one heart together (Lang et al. 2015, doi 10.1016/j.echo.2014.10.003).

    Clips do not say whose heart they show: that they are of one patient and one examination is for the caller to know.
    What speaks against it, unlike heart rates or lengths of the ventricle, is said.

    Args:
        a4c: the apical four-chamber view.
        a2c: the apical two-chamber view.
        a3c: the apical long-axis view, which adds to strain only.

    Returns:
        What can be computed.

    Raises:
        MeasurementError: when a clip was measured as another view, or the same one was given twice.
    """
    views = (a4c, a2c) if a3c is None else (a4c, a2c, a3c)
    _check(views)
    said: list[str] = []
    rates_alike = _compare_rates(views, said)
    ejection = _ejection(a4c, a2c, said)
    return BiplaneMeasurements(
        views=views,
        ejection=ejection,
        atrial_volume=_atrium(a4c, a2c, said),
        gls=_mean_gls(views, said),
        dispersion_ms=dyssynchrony(_segments(views)) if rates_alike else None,
        warnings=tuple(dict.fromkeys(said)),
    )


def _check(views: tuple[Measurements, ...]) -> None:
    for view, wanted in zip(views, ("A4C", "A2C", "A3C"), strict=False):
        if view.view not in (wanted, None):
            msg = f"{view.source or 'a clip'} was measured as {view.view} but is given as {wanted}; exchange the views."
            raise MeasurementError(msg)
    for first, second in combinations(views, 2):
        if first is second or (first.source and first.source == second.source):
            msg = f"{first.source or 'the same clip'} was given as two views; give a clip of each."
            raise MeasurementError(msg)


def _compare_rates(views: tuple[Measurements, ...], said: list[str]) -> bool:
    """Whether all heart rates are known and alike; when they are not, it is said what that forbids."""
    rates = [view.cycle.heart_rate_bpm for view in views]
    known = [rate for rate in rates if rate is not None]
    if len(known) < len(rates):
        said.append("The heart rate of a view is unknown: whether the views match is not known, nor their dispersion.")
        return False
    if max(known) - min(known) <= _RATES_ALIKE * max(known):
        return True
    listed = " and ".join(f"{rate:.0f}" for rate in known)
    said.append(
        f"The views have heart rates of {listed} per minute: they may not show the same state or the same heart. "
        "Biplane volumes and mean GLS are doubtful, and times to peak cannot be put together."
    )
    return False


def _ejection(a4c: Measurements, a2c: Measurements, said: list[str]) -> Ejection | None:
    phases = []
    for name, view in (("A4C", a4c), ("A2C", a2c)):
        cavity = view.best.cavity if view.best else None
        if cavity is None or cavity.ed is None or cavity.es is None:
            said.append(
                f"The {name} view has no end-diastole and end-systole with a cavity: there is no biplane volume."
            )
            return None
        phases.append(Phases(cavity.ed, cavity.es))
    try:
        ejection = biplane_simpson(*phases)
    except MeasurementError as error:
        said.append(f"There is no biplane volume: {error}")
        return None
    said.extend(ejection.warnings)
    return ejection


def _atrium(a4c: Measurements, a2c: Measurements, said: list[str]) -> AtrialVolume | None:
    atria = [view.best.cavity.atrium if view.best else None for view in (a4c, a2c)]
    if atria[0] is None or atria[1] is None:
        said.append("The left atrium was not measured in both views: there is no biplane atrial volume.")
        return None
    try:
        volume = atrial_volume(atria[0], atria[1])
    except MeasurementError as error:
        said.append(f"There is no biplane atrial volume: {error}")
        return None
    said.extend(volume.warnings)
    return volume


def _mean_gls(views: tuple[Measurements, ...], said: list[str]) -> float | None:
    each = [view.best.wall.gls if view.best and view.best.wall else None for view in views]
    known = [gls for gls in each if gls is not None]
    if len(known) < len(each):
        said.append(f"{len(each) - len(known)} of {len(each)} views have no GLS: there is no mean GLS of the views.")
        return None
    return float(np.mean(known))


def _segments(views: tuple[Measurements, ...]) -> list[StrainCurve]:
    """Longitudinal strain of the segments of all views that count in GLS."""
    return [
        curve
        for view in views
        if view.best and view.best.wall
        for curve, name in zip(view.best.wall.strain.longitudinal, view.best.wall.strain.names, strict=True)
        if name not in view.best.wall.strain.left_out
    ]
