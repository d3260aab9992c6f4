"""Claims about the tables a run leaves."""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager

import pytest
from lib.tiny_stage import rows_of

from PointSegLib.errors import WriteError
from PointSegLib.training.run_log import RunLog, Table


def test_a_figure_that_turns_up_late_gets_its_column(tmp_path):
    table = Table(tmp_path / "log.csv")
    table.add({"step": 1, "loss": 2.0})
    table.add({"step": 2, "loss": 1.0, "clicks": 0.5})
    table.add({"step": 3, "clicks": 0.25})
    assert rows_of(table.path) == [
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
    assert [(row["step"], row["loss"]) for row in rows_of(tmp_path / "tiny_log.csv")] == [
        ("20", "1.0"),
        ("40", "1.0"),
        ("60", "2.0"),
    ]


@contextmanager
def _largest_file(size):
    """Let files grow to so many bytes, as if the disk were full then."""
    resource = pytest.importorskip("resource", reason="limits of a process are Unix's")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_row_that_finds_no_room_leaves_no_part_of_itself(tmp_path):
    table = Table(tmp_path / "log.csv")
    table.add({"step": 1, "loss": 0.25})
    with _largest_file(table.path.stat().st_size + 4), pytest.raises(WriteError, match=r"log\.csv cannot take"):
        table.add({"step": 2, "loss": 0.125})
    table.add({"step": 3, "loss": 0.5})
    assert rows_of(table.path) == [{"step": "1", "loss": "0.25"}, {"step": "3", "loss": "0.5"}]


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
