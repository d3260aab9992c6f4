"""M-modes show the annulus where it was tracked, and plots of agreement say bias and limits as they are."""

from __future__ import annotations

import numpy as np
import pytest
from lib.measurement.beating import SHRINK, beating

pytest.importorskip("matplotlib", reason="pictures need matplotlib: pip install .[report]")

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement import measure
from PointSegLib.reporting import Agreement, MeasuredClip, agreement_figure, m_mode_figure, report_html

FRAMES = 24


def m_modes(**known):
    result, clip = beating(FRAMES, **known)
    one = MeasuredClip(clip, measure(result, clip, "A4C"))
    return one, m_mode_figure(one).axes


def test_speckle_along_the_tracked_wall_runs_level():
    _, (wall, *_) = m_modes()
    grey = wall.images[0].get_array()
    change_in_time = np.abs(np.diff(grey, axis=1)).mean()
    assert change_in_time < 0.35 * np.abs(np.diff(grey, axis=0)).mean()


def test_annulus_moves_towards_the_apex_by_its_excursion():
    one, (_, *annuli) = m_modes()
    wall = one.measurements.best.wall
    for axes, mapse in zip(annuli, (wall.annulus.mapse_left, wall.annulus.mapse_right), strict=True):
        _, tracked = axes.lines[0].get_data()
        assert tracked.max() == pytest.approx(mapse, abs=0.5)
        assert mapse > SHRINK * 10.0


def test_axes_are_named_with_their_units():
    def labels(**known):
        return [(axes.get_xlabel(), axes.get_ylabel()) for axes in m_modes(**known)[1]]

    assert labels()[1:] == [("time [s]", "towards the apex [mm]")] * 2
    assert labels(spacing_mm=None, times_s=None)[0] == ("frame", "along the wall at ED [px]")


def test_m_modes_are_in_the_report():
    one, _ = m_modes()
    assert "M-mode along the wall" in report_html([one])


def test_bias_and_limits_are_those_of_bland_and_altman():
    reference = np.array([50.0, 60.0, 40.0, 55.0])
    one = Agreement("EF", reference, reference + np.array([1.0, 3.0, -1.0, 5.0]))
    assert (one.bias, one.mean_absolute) == (2.0, 2.5)
    assert one.limits == pytest.approx((2.0 - 1.96 * np.sqrt(20 / 3), 2.0 + 1.96 * np.sqrt(20 / 3)))
    figure = agreement_figure([one, one], "EF", "%")
    assert len(figure.axes) == 2
    assert "+2.0" in {text.get_text() for text in figure.axes[0].texts}
    dots = figure.axes[0].lines[1].get_xydata()
    assert dots[0] == pytest.approx([50.5, 1.0])


@pytest.mark.parametrize("measured_values", [[1.0], [1.0, np.nan], [1.0, 2.0, 3.0]])
def test_pairs_that_do_not_match_are_refused(measured_values):
    with pytest.raises(MeasurementError, match="EF: "):
        Agreement("EF", np.array([1.0, 2.0]), np.array(measured_values))
