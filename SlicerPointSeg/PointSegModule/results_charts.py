"""What the charts of a measurement show: which columns, in which colours, under which titles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _

from PointSegModule.measuring import MeasuredCine, Rows

INK, QUIET, ED_COLOR, ES_COLOR = (0.11, 0.12, 0.14), (0.55, 0.58, 0.62), (0.55, 0.11, 0.09), (0.04, 0.24, 0.45)
CURSOR_COLOR = (0.78, 0.16, 0.12)
_STRAIN = "longitudinal_strain_percent"
_GLS = "mid gls_percent"


@dataclass(frozen=True)
class Line:
    """One series of a chart; the names of styles are those of vtkMRMLPlotSeriesNode.

    Attributes:
        name: in the legend.
        table: which of the result's tables it is taken from.
        x, y: names of columns.
        color: red, green, blue in 0..1.
        style: of the line.
        width: of the line.
        marker: of the points.
        markerSize: of the points.
    """

    name: str
    table: str
    x: str
    y: str
    color: tuple[float, float, float]
    style: str = "solid"
    width: float = 2.0
    marker: str = "none"
    markerSize: float = 7.0


@dataclass(frozen=True)
class ChartPlan:
    """One chart.

    Attributes:
        kind: "volume" or "strain".
        title, xTitle, yTitle: what they say.
        lines: in the order they are drawn.
    """

    kind: str
    title: str
    xTitle: str
    yTitle: str
    lines: tuple[Line, ...]


def chartPlans(measured: MeasuredCine) -> tuple[ChartPlan, ...]:
    """The charts that can be drawn of a measurement."""
    plans = (_volumePlan(measured), _strainPlan(measured))
    return tuple(plan for plan in plans if plan is not None)


def plottedRows(measured: MeasuredCine) -> Rows:
    """The rows of the frames, with columns of their own for the curve at end-diastole and end-systole."""
    curve = _sizeColumn(measured)
    return tuple(
        {**row, **{_atPhase(curve, phase): row.get(curve) if row["phase"] == phase else None for phase in ("ED", "ES")}}
        for row in measured.frames
    )


def cursorRows(measured: MeasuredCine) -> Rows:
    """The two ends of a line over the height of each chart, at the frame that is shown."""
    shown = measured.opened.shownFrame
    at = next((row for row in measured.frames if row["frame"] == shown), measured.frames[0])
    low, high = _range(measured.frames, _strainColumns(measured))
    _low, top = _range(measured.frames, [_sizeColumn(measured)])
    x = _clock(measured)
    return (
        {x: at[x], _cursorColumn("volume"): 0.0, _cursorColumn("strain"): low},
        {x: at[x], _cursorColumn("volume"): top, _cursorColumn("strain"): high},
    )


def _volumePlan(measured: MeasuredCine) -> ChartPlan | None:
    curve = _sizeColumn(measured)
    if all(row.get(curve) is None for row in measured.frames):
        return None
    x, isVolume = _clock(measured), curve.endswith("_ml")
    unit = measured.measurements.scale.unit
    lines = [
        Line(_("LV volume") if isVolume else _("LV area"), "frames", x, curve, INK, width=2.5),
        Line(_("end-diastole"), "frames", x, _atPhase(curve, "ED"), ED_COLOR, "none", 1.0, "circle", 11.0),
        Line(_("end-systole"), "frames", x, _atPhase(curve, "ES"), ES_COLOR, "none", 1.0, "circle", 11.0),
        _cursorLine(x, "volume"),
    ]
    if not measured.beats:
        del lines[1:3]
    title, yTitle = (_("LV volume"), _("LV volume [ml]")) if isVolume else (_("LV area"), f"{_('LV area')} [{unit}²]")
    return ChartPlan("volume", title, _clockTitle(x), yTitle, tuple(lines))


def _strainPlan(measured: MeasuredCine) -> ChartPlan | None:
    from PointSegLib import SEGMENT_COLOURS

    columns = _strainColumns(measured)
    if not columns:
        return None
    x, untrusted = _clock(measured), _untrusted(measured)
    lines = []
    segments = [column for column in columns if column != _GLS]
    for column, colour in zip(segments, SEGMENT_COLOURS, strict=False):
        name = column.removesuffix(_STRAIN).strip()
        doubted = name in untrusted
        label = _("{segment} (not trusted)").format(segment=name) if doubted else name
        lines.append(Line(label, "frames", x, column, _rgb(colour), "dot" if doubted else "solid"))
    if _GLS in columns:
        lines.append(Line(_("global (GLS)"), "frames", x, _GLS, INK, width=4.0))
    lines.append(_cursorLine(x, "strain"))
    title = _("Longitudinal strain, mid-wall")
    return ChartPlan("strain", title, _clockTitle(x), _("strain [%]"), tuple(lines))


def _cursorLine(x: str, kind: str) -> Line:
    return Line(_("shown frame"), "cursor", x, _cursorColumn(kind), CURSOR_COLOR, "solid", 1.5)


def _cursorColumn(kind: str) -> str:
    return f"{kind}_axis"


def _sizeColumn(measured: MeasuredCine) -> str:
    """The volume where it is known, else the area."""
    calibrated = measured.measurements.scale.calibrated
    return "lv_volume_ml" if calibrated else f"lv_area_{measured.measurements.scale.unit}2"


def _strainColumns(measured: MeasuredCine) -> list[str]:
    """Columns of the segments' strain by the tracked points, and of GLS."""
    names = dict.fromkeys(name for row in measured.frames for name in row)
    return [name for name in names if name == _GLS or name.endswith(f" {_STRAIN}")]


def _untrusted(measured: MeasuredCine) -> set[str]:
    """Segments that are not trusted in the beat that is quoted."""
    quoted = {row["beat"] for row in measured.beats if row["quoted"]}
    return {row["segment"] for row in measured.segments if row["beat"] in quoted and not row["trusted"]}


def _clock(measured: MeasuredCine) -> str:
    return "frame" if measured.measurements.times_s is None else "time_s"


def _clockTitle(x: str) -> str:
    return _("frame") if x == "frame" else _("time [s]")


def _atPhase(curve: str, phase: str) -> str:
    return f"{phase} {curve}"


def _range(rows: Rows, columns: list[str]) -> tuple[float, float]:
    values: list[Any] = [row[name] for row in rows for name in columns if row.get(name) is not None]
    return (min(values), max(values)) if values else (0.0, 1.0)


def _rgb(colour: str) -> tuple[float, float, float]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
