"""`write_report`: all measurements of one heart in one HTML file with its pictures inside, ready for print."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from html import escape

from PointSegLib import __version__
from PointSegLib.atomic import atomic_path
from PointSegLib.measurement.measurements import BeatMeasurements, Measurements, WallMeasurements
from PointSegLib.measurement.two_views import BiplaneMeasurements
from PointSegLib.reporting.bulls_eye import bulls_eye_figure
from PointSegLib.reporting.curve_plots import strain_figure, volume_figure
from PointSegLib.reporting.figures import import_matplotlib, percent, png_of
from PointSegLib.reporting.m_mode_plot import m_mode_figure
from PointSegLib.reporting.measured_clip import MeasuredClip
from PointSegLib.reporting.page import cards, limits, page, picture, table
from PointSegLib.reporting.rows import value_of
from PointSegLib.reporting.tables import CONVENTIONS
from PointSegLib.reporting.wall_plot import wall_figure

MISSING = "–"
_SEGMENT_HEADER = (
    "Segment",
    "Strain ES",
    "Peak",
    "Time to peak",
    "Post-systolic",
    "Thickening ES",
    "Contours ES",
    "Suggested score",
    "Trust",
)
NOT_A_DEVICE = (
    "For research. Not a medical device: no figure in it may be used for a diagnosis without a reader who has seen "
    "the images. Wall-motion scores are suggestions from strain; their limits are PointSeg's own."
)


def write_report(
    path: str | os.PathLike[str], measured: Sequence[MeasuredClip], biplane: BiplaneMeasurements | None = None
) -> None:
    """Write the report.

    Args:
        path: an .html file.
        measured: one or more views of one heart, A4C first.
        biplane: what they tell together, or None.

    Raises:
        DependencyError: without matplotlib.
        WriteError: when the file cannot be written; nothing is left behind.
    """
    import_matplotlib(f"Writing the report {os.fspath(path)}")
    content = report_html(measured, biplane)
    with atomic_path(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


def report_html(measured: Sequence[MeasuredClip], biplane: BiplaneMeasurements | None = None) -> str:
    """The report as one HTML document."""
    views = " + ".join(one.title for one in measured)
    files = ", ".join(one.measurements.source or "a clip without a name" for one in measured)
    parts = [
        f"<header><h1>Left heart, {escape(views)}</h1>"
        f'<p class="quiet">{escape(files)} · PointSeg {__version__} · {date.today().isoformat()}</p></header>'
    ]
    if biplane is not None:
        parts += ["<section><h2>All views together</h2>", cards(_biplane_cards(biplane))]
        parts.append(limits("What limits the combination", biplane.warnings))
        eye = bulls_eye_figure([one.measurements for one in measured], biplane.gls)
        parts += [picture(png_of(eye), "Bull's eye of longitudinal strain", narrow=True), "</section>"]
    parts += [_view(one, alone=biplane is None) for one in measured]
    parts.append(f"<footer><p>{escape(CONVENTIONS)}</p><p>{escape(NOT_A_DEVICE)}</p></footer>")
    return page(f"Left heart, {views}", "\n".join(parts))


def _view(one: MeasuredClip, alone: bool) -> str:
    measurements, beat = one.measurements, one.measurements.best
    about = (
        f"{len(measurements)} frames"
        + (f", {rate:.0f} per second" if (rate := measurements.trust.frame_rate_hz) else ", frame rate unknown")
        + f"; calibration: {measurements.trust.calibration or ('given' if measurements.scale.calibrated else 'none')}"
    )
    parts = [f'<section class="{"" if alone else "view"}"><h2>{escape(one.title)}</h2>']
    parts.append(f'<p class="quiet">{escape(about)}. {escape(_beat_text(measurements))}</p>')
    parts.append(cards(_view_cards(one)))
    parts.append(limits("What limits these figures", measurements.warnings))
    if beat is not None and beat.wall is not None:
        parts.append(picture(png_of(wall_figure(one)), f"{one.title}: the wall at end-diastole and end-systole"))
        parts.append(picture(png_of(strain_figure(measurements)), f"{one.title}: longitudinal strain"))
        parts.append(table(_SEGMENT_HEADER, _segment_rows(beat)))
        parts.append(picture(png_of(m_mode_figure(one)), f"{one.title}: M-mode along the wall and through the annulus"))
    curve, meaning = png_of(volume_figure(measurements)), f"{one.title}: volume or area over time"
    if alone and measurements.view is not None and beat is not None and beat.wall is not None:
        eye = picture(png_of(bulls_eye_figure([measurements], beat.wall.gls)), "Bull's eye of longitudinal strain")
        volume = f'<div class="pair">{picture(curve, meaning)}{eye}</div>'
    else:
        volume = picture(curve, meaning, narrow=True)
    return "\n".join([*parts, volume, "</section>"])


def _beat_text(measurements: Measurements) -> str:
    beat, count = measurements.best, len(measurements.beats)
    if beat is None:
        return "No beat was found."
    frames = beat.beat
    whole = "complete" if frames.complete else "incomplete"
    guess = ", one end of it guessed" if frames.at_border else ""
    clock = " End-diastole is the R wave of the ECG." if measurements.cycle.from_r_waves else ""
    return (
        f"Quoted is the {whole} beat of frames {frames.start} to {frames.end}{guess}, end-systole at frame "
        f"{frames.es}, of {count} found.{clock}"
    )


def _view_cards(one: MeasuredClip) -> list[tuple[str, str, str]]:
    measurements, beat = one.measurements, one.measurements.best
    cavity = beat.cavity if beat else None
    wall = beat.wall if beat else None
    simpson, unit = value_of(cavity, "simpson"), measurements.scale.unit
    area_length = value_of(value_of(cavity, "area_length"), "ef_percent")
    followed = value_of(value_of(wall, "ejection"), "ef_percent")
    ends = [wall.annulus.mapse_left, wall.annulus.mapse_right] if wall else [None, None]
    return [
        (
            "EF, one view",
            _percent(value_of(simpson, "ef_percent")),
            f"area-length {_percent(area_length)}; followed wall {_percent(followed)}",
        ),
        ("EDV / ESV", _both(value_of(simpson, "edv_ml"), value_of(simpson, "esv_ml"), "ml"), "Simpson, one view"),
        ("GLS", _percent(value_of(wall, "gls"), 1), _beside_gls(wall)),
        ("MAPSE", _both(ends[0], ends[1], unit), "left / right in the image"),
        ("Heart rate", _with_unit(measurements.cycle.heart_rate_bpm, "/min"), ""),
        (
            "LA volume",
            _with_unit(value_of(value_of(cavity, "atrial_volume"), "volume_ml"), "ml"),
            "area-length",
        ),
        ("Dispersion", _with_unit(value_of(wall, "dispersion_ms"), "ms"), "SD of time to peak"),
    ]


def _beside_gls(wall: WallMeasurements | None) -> str:
    """What GLS is to be read with: that of the contours, whether the two contradict each other, what was left out."""
    if wall is None:
        return ""
    left_out = len(wall.strain.left_out)
    return "; ".join(
        [
            f"contours {_percent(wall.contour_gls, 1)}",
            *(["not to be trusted"] if wall.contradicted else []),
            *([f"{left_out} segment{'s' if left_out > 1 else ''} left out"] if left_out else []),
        ]
    )


def _biplane_cards(biplane: BiplaneMeasurements) -> list[tuple[str, str, str]]:
    ejection = biplane.ejection
    return [
        ("EF, biplane", _percent(value_of(ejection, "ef_percent")), "Simpson, A4C and A2C"),
        ("EDV / ESV", _both(value_of(ejection, "edv_ml"), value_of(ejection, "esv_ml"), "ml"), "biplane Simpson"),
        ("Stroke volume", _with_unit(value_of(ejection, "stroke_volume_ml"), "ml"), ""),
        ("GLS", _percent(biplane.gls, 1), f"mean of {len(biplane.views)} views"),
        (
            "LA volume",
            _with_unit(value_of(biplane.atrial_volume, "volume_ml"), "ml"),
            "biplane area-length",
        ),
        ("Dispersion", _with_unit(biplane.dispersion_ms, "ms"), "SD of time to peak"),
    ]


def _segment_rows(beat: BeatMeasurements) -> list[tuple[tuple[str, ...], bool]]:
    wall = beat.wall
    if wall is None:
        return []
    rows: list[tuple[tuple[str, ...], bool]] = []
    for index, (curve, trust) in enumerate(zip(wall.strain.longitudinal, wall.trust, strict=True)):
        peak_ms = None if curve.time_to_peak_s is None else 1000.0 * curve.time_to_peak_s
        contour = wall.contours.longitudinal[index].end_systolic if wall.contours else None
        score = wall.scores[index]
        cells = (
            trust.name,
            _percent(curve.end_systolic, 1),
            _percent(curve.peak, 1),
            _with_unit(peak_ms, "ms"),
            _percent(curve.post_systolic_index),
            _percent(wall.strain.transmural[index].end_systolic),
            _percent(contour, 1),
            MISSING if score is None else f"{int(score)} {score.name.lower()}",
            "trusted" if trust.trusted else " ".join(trust.reasons),
        )
        rows.append((cells, not trust.trusted))
    return rows


def _percent(value: float | None, places: int = 0) -> str:
    return MISSING if value is None else percent(value, places)


def _with_unit(value: float | None, unit: str) -> str:
    return MISSING if value is None else f"{value:.0f} {unit}"


def _both(first: float | None, second: float | None, unit: str) -> str:
    if first is None and second is None:
        return MISSING
    return " / ".join(MISSING if value is None else f"{value:.0f}" for value in (first, second)) + f" {unit}"
