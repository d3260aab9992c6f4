"""Views of one heart together, and what is said when they do not match."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lib.measurement.beating import EF, GLS, measured

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement import Measurements, measure_biplane


@pytest.fixture(scope="module")
def a4c() -> Measurements:
    return measured("A4C")


@pytest.fixture(scope="module")
def a2c(a4c) -> Measurements:
    return replace(a4c, view="A2C", source="other.dcm")


def test_two_equal_views_give_what_one_gives(a4c, a2c):
    together = measure_biplane(a4c, a2c)
    alone = a4c.best.cavity.simpson
    assert together.ejection.edv_ml == pytest.approx(alone.edv_ml)
    assert together.ejection.ef_percent == pytest.approx(EF, abs=1.5)
    assert together.gls == pytest.approx(GLS, abs=0.3)
    assert together.atrial_volume.volume_ml == pytest.approx(a4c.best.cavity.atrial_volume.volume_ml)
    assert together.warnings == ()


def test_third_view_adds_to_strain_only(a4c, a2c):
    a3c = replace(a4c, view="A3C", source="third.dcm")
    together = measure_biplane(a4c, a2c, a3c)
    assert len(together.views) == 3
    assert together.ejection == measure_biplane(a4c, a2c).ejection


def test_unlike_heart_rates_are_said_and_times_are_not_compared(a4c, a2c):
    faster = replace(a2c, cycle=replace(a2c.cycle, heart_rate_bpm=1.3 * a2c.cycle.heart_rate_bpm))
    together = measure_biplane(a4c, faster)
    assert together.dispersion_ms is None
    assert any("heart rates" in warning for warning in together.warnings)
    unknown = replace(a2c, cycle=replace(a2c.cycle, heart_rate_bpm=None))
    assert any("unknown" in warning for warning in measure_biplane(a4c, unknown).warnings)


def test_view_without_millimetres_gives_no_biplane_volume(a4c):
    together = measure_biplane(a4c, measured("A2C", 24, spacing_mm=None, source="pixels.mp4"))
    assert together.ejection is None
    assert together.atrial_volume is None
    assert together.gls == pytest.approx(GLS, abs=0.5)
    assert sum("give the spacing of both" in warning for warning in together.warnings) == 2


def test_view_without_a_beat_leaves_out_what_needs_it(a4c, a2c):
    together = measure_biplane(a4c, replace(a2c, beats=()))
    assert (together.ejection, together.gls, together.atrial_volume) == (None, None, None)
    assert any("no mean GLS" in warning for warning in together.warnings)


def test_exchanged_or_equal_views_are_refused(a4c, a2c):
    with pytest.raises(MeasurementError, match="exchange the views"):
        measure_biplane(a2c, a4c)
    with pytest.raises(MeasurementError, match="given as two views"):
        measure_biplane(a4c, replace(a2c, source=a4c.source))
