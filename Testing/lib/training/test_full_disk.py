"""Claims about a run whose disk is full: what was saved stays, and what could not be written is told."""

from __future__ import annotations

import errno
from dataclasses import replace

import pytest
import torch
from lib.tiny_stage import SETTINGS, Kept, TinyStage, assert_same, rows_of

from PointSegLib.errors import WriteError
from PointSegLib.training import run_log
from PointSegLib.training.loop import train
from PointSegLib.training.run_state import read_state, write_state

STEPS = SETTINGS.steps


def _fill_disk_at(monkeypatch, writes):
    """Let these writes of state files, counted from 0, meet a full disk."""
    real, count = torch.save, iter(range(1000))

    def save(state, path):
        if next(count) in writes:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(state, path)

    monkeypatch.setattr(torch, "save", save)


@pytest.mark.usefixtures("save_every_step")
def test_a_full_disk_keeps_the_last_good_state_and_the_run_goes_on(tmp_path, monkeypatch):
    _fill_disk_at(monkeypatch, range(3, 1000))
    stage = TinyStage()
    with pytest.warns(UserWarning, match="No space left on device"):
        trained = train(stage, SETTINGS, tmp_path)
    assert trained.steps == STEPS
    assert read_state(tmp_path / "tiny_state.pt")["counters"]["step"] == 2
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []
    monkeypatch.undo()
    again = TinyStage()
    train(again, SETTINGS, tmp_path, resume=True)
    assert_same(stage.state_dict(), again.state_dict())


def test_a_folder_that_cannot_be_written_is_told_before_training(tmp_path, monkeypatch):
    _fill_disk_at(monkeypatch, {0})
    stage = TinyStage()
    with pytest.raises(WriteError, match=r"tiny_state\.pt cannot be written"):
        train(stage, SETTINGS, tmp_path)
    assert stage.passes == 0


def test_a_write_that_torch_itself_gives_up_is_a_write_error(tmp_path, monkeypatch):
    def save(_state, _path):
        raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0")

    monkeypatch.setattr(torch, "save", save)
    with pytest.raises(WriteError, match="is the disk full"):
        write_state(tmp_path / "state.pt", {})


def test_a_checkpoint_that_finds_no_room_on_the_way_is_written_later(tmp_path):
    stage = TinyStage()
    kept = Kept(stage, failures=2)
    with pytest.warns(UserWarning, match=r"tiny, step 2: No space left on device Training goes on"):
        train(stage, replace(SETTINGS, validate_every=1e-9), tmp_path, keep=kept)
    assert len(kept.weights) == STEPS - 2 + 1


def test_a_checkpoint_that_finds_no_room_at_the_end_is_an_error_that_resuming_mends(tmp_path):
    stage = TinyStage()
    kept = Kept(stage, failures=1)
    with pytest.raises(WriteError, match="No space left"):
        train(stage, SETTINGS, tmp_path, keep=kept)
    train(stage, SETTINGS, tmp_path, resume=True, keep=kept)
    assert (stage.passes, len(kept.weights)) == (STEPS * SETTINGS.accumulate, 1)


class _FullBoard:
    """TensorBoard's writer on a full disk: what it is told to write, it fails to write later."""

    def __init__(self) -> None:
        self.asked = 0

    def add_scalar(self, *_figure) -> None:
        self.asked += 1
        if self.asked > 1:
            raise OSError(errno.ENOSPC, "No space left on device")

    def close(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("settings", [SETTINGS, replace(SETTINGS, validate_every=1e-9)])
def test_a_tensorboard_that_finds_no_room_costs_neither_tables_nor_checkpoint(tmp_path, monkeypatch, settings):
    board = _FullBoard()
    monkeypatch.setattr(run_log, "_tensorboard", lambda _folder, _step: board)
    stage = TinyStage()
    kept = Kept(stage)
    with pytest.warns(UserWarning, match="TensorBoard's log ends here") as warned:
        train(stage, settings, tmp_path, keep=kept)
    assert (len(warned), board.asked) == (1, 2)
    assert kept.ends[-1].steps == STEPS
    assert len(rows_of(tmp_path / "tiny_validation.csv")) == len(kept.ends) - (settings is not SETTINGS)


def test_a_tensorboard_that_fails_only_at_the_end_costs_no_checkpoint(tmp_path, monkeypatch):
    board = _FullBoard()
    board.add_scalar = lambda *_figure: None
    monkeypatch.setattr(run_log, "_tensorboard", lambda _folder, _step: board)
    stage = TinyStage()
    kept = Kept(stage)
    with pytest.warns(UserWarning, match="TensorBoard's log ends here"):
        train(stage, SETTINGS, tmp_path, keep=kept)
    assert kept.ends[-1].steps == STEPS
