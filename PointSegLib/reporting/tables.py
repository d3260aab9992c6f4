"""Write measurements as CSV tables and as one JSON file, whole or not at all."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PointSegLib.atomic import atomic_path
from PointSegLib.errors import WriteError
from PointSegLib.measurement.measurements import Measurements
from PointSegLib.measurement.two_views import BiplaneMeasurements
from PointSegLib.reporting.rows import Row, beat_rows, biplane_row, curve_rows, segment_rows

TABLES = {"segments": segment_rows, "beats": beat_rows, "curves": curve_rows}
CONVENTIONS = (
    "Strain is Lagrangian, in percent of the length at end-diastole; longitudinal strain is negative for shortening, "
    "transmural strain positive for thickening (Voigt et al. 2015, doi 10.1093/ehjci/jeu184). GLS is that of the "
    "mid-wall line at end-systole. Volumes: Lang et al. 2015 (doi 10.1016/j.echo.2014.10.003). Frames count from 0."
)


def write_table(path: str | os.PathLike[str], rows: Sequence[Row]) -> None:
    """Write rows as CSV: a column for every name that occurs, an empty cell for None.

    Args:
        path: the file.
        rows: of `rows.segment_rows` and the like; of several clips together if they are to be compared.

    Raises:
        WriteError: when there are no rows, or the file cannot be written; nothing is left behind.
    """
    if not rows:
        msg = f"{path}: there is nothing to write: nothing was measured; see the warnings for why."
        raise WriteError(msg)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def write_json(
    path: str | os.PathLike[str], views: Sequence[Measurements], biplane: BiplaneMeasurements | None = None
) -> None:
    """Write everything that was measured as one JSON object; null where something could not be.

    Raises:
        WriteError: when the file cannot be written; nothing is left behind.
    """
    content = as_json(views, biplane)
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def as_json(views: Sequence[Measurements], biplane: BiplaneMeasurements | None = None) -> dict[str, Any]:
    """The measurements as values JSON can hold."""
    content: dict[str, Any] = {"conventions": CONVENTIONS, "views": [_view(view) for view in views]}
    if biplane is not None:
        content["biplane"] = {**biplane_row(biplane), "warnings": list(biplane.warnings)}
    return content


def write_tables(
    folder: Path, name: str, views: Sequence[Measurements], biplane: BiplaneMeasurements | None = None
) -> list[Path]:
    """Write `NAME_segments.csv`, `NAME_beats.csv`, `NAME_curves.csv` and `NAME_measurements.json`.

    A table without rows, such as the segments of a clip without a wall, is not written.

    Returns:
        The files written.

    Raises:
        WriteError: when the folder cannot be written.
    """
    written = []
    for what, rows_of in TABLES.items():
        rows = [row for view in views for row in rows_of(view)]
        if rows:
            written.append(folder / f"{name}_{what}.csv")
            write_table(written[-1], rows)
    written.append(folder / f"{name}_measurements.json")
    write_json(written[-1], views, biplane)
    return written


def _view(view: Measurements) -> dict[str, Any]:
    return {
        "source": view.source,
        "view": view.view,
        "frames": len(view),
        "frame_rate_hz": view.trust.frame_rate_hz,
        "length_unit": view.scale.unit,
        "calibration": view.trust.calibration,
        "heart_rate_bpm": view.cycle.heart_rate_bpm,
        "end_diastole_by_r_waves": view.cycle.from_r_waves,
        "untrusted_segments_insisted_on": view.insisted,
        "warnings": list(view.warnings),
        "beats": beat_rows(view),
        "segments": segment_rows(view),
        "curves": curve_rows(view),
    }
