"""What the panel and the tables say of a measurement."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from PointSegModule.beat_marks import BeatMarks
from PointSegModule.measuring import MeasuredCine


def describeResults(measured: MeasuredCine) -> str:
    """The figures of the beat that is quoted in one line, and what limits them in others."""
    return "\n".join([_figures(measured), *map(_bothViews, measured.together), *measured.warnings])


def describeMarks(marks: BeatMarks) -> str:
    """The frames of end-diastole and end-systole in order, as links that carry the frame's number."""
    if not marks.ed and not marks.es:
        return _("none yet")
    frames = sorted([(frame, _("ED")) for frame in marks.ed] + [(frame, _("ES")) for frame in marks.es])
    origin = _("set by you") if marks.byUser else _("found")
    return ", ".join(f'{phase} <a href="{frame}">{frame}</a>' for frame, phase in frames) + f" ({origin})"


def _figures(measured: MeasuredCine) -> str:
    row = next((row for row in measured.beats if row["quoted"]), None)
    if row is None:
        return _("No beat was found: nothing of a beat was measured.")
    gls = _("GLS {0:.1f} % (not to be trusted)") if row["gls_contradicted"] else _("GLS {0:.1f} %")
    parts = [
        _said(row, "ef_simpson_percent", _("EF {0:.0f} % (one view)"), _("no EF")),
        _said(row, "gls_mid_es_percent", gls, _("no GLS")),
        _said(row, "edv_simpson_ml", _("EDV {0:.0f} ml")),
        _said(row, "esv_simpson_ml", _("ESV {0:.0f} ml")),
        _said(row, "heart_rate_bpm", _("{0:.0f} beats per minute")),
    ]
    return ", ".join(part for part in parts if part)


def _bothViews(row: dict[str, Any]) -> str:
    parts = [
        _said(row, "ef_biplane_percent", _("EF {0:.0f} % (biplane)"), _("no biplane EF")),
        _said(row, "gls_mean_percent", _("GLS {0:.1f} % (mean)"), _("no mean GLS")),
        _said(row, "edv_biplane_ml", _("EDV {0:.0f} ml")),
        _said(row, "esv_biplane_ml", _("ESV {0:.0f} ml")),
    ]
    return _("A4C and A2C together: {figures}").format(figures=", ".join(part for part in parts if part))


def _said(row: dict[str, Any], name: str, text: str, missing: str = "") -> str:
    value = row.get(name)
    return missing if value is None else text.format(value).replace("-", "\N{MINUS SIGN}")
