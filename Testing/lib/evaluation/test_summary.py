"""Claims about tables: means and intervals are right, files are whole or absent."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from PointSegLib.errors import WriteError
from PointSegLib.evaluation.summary import summarise, write_csv, write_json


def _rows() -> list[dict]:
    return [
        {"case": "a", "structure": "wall", "dice": 0.8, "empty": ""},
        {"case": "a", "structure": "wall", "dice": 0.6, "empty": ""},
        {"case": "b", "structure": "wall", "dice": 0.9, "empty": ""},
        {"case": "b", "structure": "wall", "dice": float("nan"), "empty": "both"},
        {"case": "a", "structure": "cavity", "dice": 0.5, "empty": ""},
    ]


def test_mean_spread_and_counts_by_group():
    wall, cavity = summarise(_rows(), by=("structure",))
    assert (wall["structure"], wall["metric"]) == ("wall", "dice")
    assert (wall["n"], wall["cases"], wall["undefined"]) == (3, 2, 1)
    assert wall["mean"] == pytest.approx(np.mean([0.8, 0.6, 0.9]))
    assert wall["sd"] == pytest.approx(np.std([0.8, 0.6, 0.9], ddof=1))
    # Two cases can only be drawn as aa, ab or bb.
    assert (wall["low"], wall["high"]) == pytest.approx((0.7, 0.9))
    assert (cavity["n"], cavity["sd"], cavity["low"]) == (1, None, None)


def test_interval_covers_the_mean_and_shrinks_with_more_cases():
    rng = np.random.default_rng(1)
    few, many = (summarise([{"case": i, "score": v} for i, v in enumerate(rng.normal(0, 1, n))])[0] for n in (20, 500))
    for entry in (few, many):
        assert entry["low"] < entry["mean"] < entry["high"]
    assert many["high"] - many["low"] == pytest.approx(2 * 1.96 / np.sqrt(500), rel=0.15)
    assert many["high"] - many["low"] < few["high"] - few["low"]


def test_frames_of_one_patient_do_not_shrink_the_interval():
    rng = np.random.default_rng(2)
    values = rng.normal(0, 1, 30)
    once = summarise([{"case": i, "score": v} for i, v in enumerate(values)])[0]
    often = summarise([{"case": i, "score": v} for i, v in enumerate(values) for _ in range(10)])[0]
    assert often["high"] - often["low"] == pytest.approx(once["high"] - once["low"])


def test_same_seed_gives_same_interval():
    rows = [{"case": i, "score": i**1.7} for i in range(30)]
    assert summarise(rows, seed=3) == summarise(rows, seed=3)
    assert summarise(rows, seed=3)[0]["low"] != summarise(rows, seed=4)[0]["low"]


def test_csv_and_json_come_back_as_written(tmp_path):
    write_csv(_rows(), tmp_path / "rows.csv")
    with open(tmp_path / "rows.csv", encoding="utf-8", newline="") as file:
        back = list(csv.DictReader(file))
    assert [row["dice"] for row in back] == ["0.8", "0.6", "0.9", "", "0.5"]
    write_json({"summary": summarise(_rows(), ("structure",)), "x": np.float32("nan")}, tmp_path / "summary.json")
    content = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert content["summary"][0]["n"] == 3
    assert content["x"] is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv", "summary.json"]


def test_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path, monkeypatch):
    target = tmp_path / "rows.csv"
    target.write_text("old", encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("PointSegLib.atomic.os.replace", full)
    with pytest.raises(WriteError, match=r"rows\.csv.*No space left"):
        write_csv(_rows(), target)
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(WriteError, match="nowhere does not exist; create it first"):
        write_json({}, tmp_path / "nowhere" / "summary.json")


def test_the_number_of_a_frame_is_not_summarised():
    entries = summarise([{"case": "a", "frame": 0, "dice": 0.5}, {"case": "b", "frame": 1, "dice": 0.7}])
    assert [entry["metric"] for entry in entries] == ["dice"]
