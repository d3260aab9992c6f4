"""What becomes of measurements: tables, plots, a movie, a report.

Names are imported on first use: tables need none of the optional packages that pictures need.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "MeasuredClip": "measured_clip",
    "as_json": "tables",
    "beat_rows": "rows",
    "bulls_eye_figure": "bulls_eye",
    "curve_rows": "rows",
    "report_html": "report",
    "save_figure": "figures",
    "segment_rows": "rows",
    "strain_figure": "curve_plots",
    "volume_figure": "curve_plots",
    "wall_figure": "wall_plot",
    "write_json": "tables",
    "write_report": "report",
    "write_strain_movie": "strain_movie",
    "write_table": "tables",
    "write_tables": "tables",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        msg = f"module 'PointSegLib.reporting' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"PointSegLib.reporting.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
