"""Claims about the tables a run leaves."""

from __future__ import annotations

import csv
import importlib.util

import pytest

from PointSegLib.training.run_log import RunLog, Table


def _rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_figure_that_turns_up_late_gets_its_column(tmp_path):
    table = Table(tmp_path / "log.csv")
    table.add({"step": 1, "loss": 2.0})
    table.add({"step": 2, "loss": 1.0, "clicks": 0.5})
    table.add({"step": 3, "clicks": 0.25})
    assert _rows(table.path) == [
        {"step": "1", "loss": "2.0", "clicks": ""},
        {"step": "2", "loss": "1.0", "clicks": "0.5"},
        {"step": "3", "loss": "", "clicks": "0.25"},
    ]


def test_a_resumed_run_drops_the_rows_it_takes_again_and_appends(tmp_path):
    log = RunLog(tmp_path, "tiny", 0)
    for step in (20, 40, 60):
        log.add("log", {"step": step, "loss": 1.0})
    with (tmp_path / "tiny_log.csv").open("a") as file:
        file.write("torn,")
    again = RunLog(tmp_path, "tiny", 40)
    again.add("log", {"step": 60, "loss": 2.0})
    assert [(row["step"], row["loss"]) for row in _rows(tmp_path / "tiny_log.csv")] == [
        ("20", "1.0"),
        ("40", "1.0"),
        ("60", "2.0"),
    ]


def test_tensorboard_is_written_where_it_is_installed(tmp_path):
    pytest.importorskip("tensorboard")
    log = RunLog(tmp_path, "tiny", 0)
    log.add("log", {"step": 1, "loss": 1.0})
    log.close()
    assert list((tmp_path / "tiny_tensorboard").iterdir())


def test_csv_needs_no_tensorboard(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    log = RunLog(tmp_path, "tiny", 0)
    log.add("validation", {"step": 1, "score": 0.5})
    log.close()
    assert [path.name for path in tmp_path.iterdir()] == ["tiny_validation.csv"]
