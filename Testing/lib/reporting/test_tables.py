"""Tables: one row per beat and segment, units in the names, nothing silently missing."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest
from lib.measurement.beating import GLS, measured

from PointSegLib.errors import WriteError
from PointSegLib.measurement import measure_biplane
from PointSegLib.reporting import as_json, beat_rows, curve_rows, frame_rows, segment_rows, write_table, write_tables


@pytest.fixture(scope="module")
def known():
    return measured()


def test_there_is_one_row_for_each_beat_and_segment(known):
    rows = segment_rows(known)
    assert len(rows) == 6 * len(known.beats)
    assert len({(row["beat"], row["segment"]) for row in rows}) == len(rows)
    quoted = [row for row in rows if row["beat"] == 2]
    assert [row["longitudinal_strain_es_percent"] for row in quoted] == pytest.approx([GLS] * 6, abs=0.6)


def test_one_beat_is_the_quoted_one(known):
    assert [row["quoted"] for row in beat_rows(known)] == [False, True]


def test_names_of_columns_tell_the_unit(known):
    assert "lv_length_ed_mm" in beat_rows(known)[0]
    pixels = beat_rows(measured(frames=24, spacing_mm=None))[0]
    assert "lv_length_ed_px" in pixels
    assert pixels["edv_simpson_ml"] is None


def test_curves_begin_with_zero_strain(known):
    first = [row for row in curve_rows(known) if row["quantity"] == "gls_percent" and row["frame"] == 21]
    assert [row["value"] for row in first if row["beat"] == 2] == [0.0, 0.0, 0.0]


def test_every_frame_has_a_row_with_all_curves_beside_each_other(known):
    rows = frame_rows(known)
    assert [row["frame"] for row in rows] == list(range(len(known)))
    phases = {row["frame"]: row["phase"] for row in rows if row["phase"]}
    assert phases == {0: "ED", 11: "ES", 21: "ED", 31: "ES", 41: "ED"}
    tidy = {(row["frame"], row["part"]): row["value"] for row in curve_rows(known) if row["quantity"] == "gls_percent"}
    assert [row["mid gls_percent"] for row in rows[22:41]] == [tidy[frame, "mid"] for frame in range(22, 41)]
    assert rows[21]["mid gls_percent"] == 0.0, "the beat that starts here"


def test_files_hold_the_rows_and_leave_nothing_else(known, tmp_path):
    both = measure_biplane(known, replace(known, view="A2C", source="other.dcm"))
    written = write_tables(tmp_path, "heart", both.views, both)
    assert sorted(written) == sorted(tmp_path.iterdir())
    with (tmp_path / "heart_segments.csv").open(newline="", encoding="utf-8") as file:
        assert {row["view"] for row in csv.DictReader(file)} == {"A4C", "A2C"}
    content = json.loads((tmp_path / "heart_measurements.json").read_text(encoding="utf-8"))
    assert content["biplane"]["gls_mean_percent"] == pytest.approx(GLS, abs=0.3)
    assert content["views"][0]["segments"] == segment_rows(known)


def test_clip_without_a_beat_still_has_its_reasons(tmp_path):
    nothing = measured(frames=1)
    assert [path.name for path in write_tables(tmp_path, "one", [nothing])] == [
        "one_curves.csv",
        "one_measurements.json",
    ]
    assert as_json([nothing])["views"][0]["warnings"] == list(nothing.warnings)
    with pytest.raises(WriteError, match="nothing was measured"):
        write_table(tmp_path / "empty.csv", segment_rows(nothing))


def test_no_number_is_nan(known):
    json.dumps(as_json([known, measured(frames=12, times_s=None)]), allow_nan=False)
