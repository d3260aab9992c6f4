"""What becomes of measurements: tables, plots, a movie, a report.

Names are imported on first use: tables need none of the optional packages that pictures need.
"""

from __future__ import annotations

from PointSegLib.lazy import lazy_names

_HOME = {
    "Agreement": "agreement_plot",
    "MeasuredClip": "measured_clip",
    "SEGMENT_COLOURS": "figures",
    "agreement_figure": "agreement_plot",
    "as_json": "tables",
    "beat_rows": "rows",
    "bulls_eye_figure": "bulls_eye",
    "curve_rows": "rows",
    "biplane_row": "rows",
    "frame_rows": "rows",
    "m_mode_figure": "m_mode_plot",
    "report_html": "report",
    "save_figure": "figures",
    "segment_rows": "rows",
    "strain_figure": "curve_plots",
    "volume_figure": "curve_plots",
    "wall_figure": "wall_plot",
    "write_dicom_report": "dicom_report",
    "write_json": "tables",
    "write_report": "report",
    "write_strain_movie": "strain_movie",
    "write_table": "tables",
    "write_tables": "tables",
}

__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
