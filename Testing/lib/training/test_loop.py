"""Claims about the training loop: what a run leaves behind, whatever happens to it on the way."""

from __future__ import annotations

import csv
import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lib import tiny_stage
from lib.tiny_stage import SETTINGS, TinyStage, send

from PointSegLib.errors import DependencyError, PointSegError, WriteError
from PointSegLib.training import loop
from PointSegLib.training.launch import Launch
from PointSegLib.training.loop import train
from PointSegLib.training.run_state import read_state, write_state

STEPS = SETTINGS.steps


@pytest.fixture
def save_every_step(monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", -1.0)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _whole_run(folder: Path) -> dict[str, torch.Tensor]:
    stage = TinyStage()
    train(stage, SETTINGS, folder)
    return stage.state_dict()


def _assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, atol=0, rtol=0, msg=name)


def _in_own_process(folder: Path, devices: int, killed_at: int) -> subprocess.CompletedProcess[str]:
    repository = Path(__file__).resolve().parents[3]
    paths = os.pathsep.join(map(str, (repository, repository / "Testing")))
    return subprocess.run(
        [sys.executable, tiny_stage.__file__, str(folder), str(devices), str(killed_at)],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_training_lowers_the_loss_and_leaves_its_tables(tmp_path):
    stage = TinyStage()
    trained = train(stage, replace(SETTINGS, steps=100), tmp_path)
    rows = _rows(tmp_path / "tiny_log.csv")
    assert list(rows[0]) == ["step", "minutes", "square", "bias", "learning_rate", "skipped"]
    assert [int(row["step"]) for row in rows] == [20, 40, 60, 80, 100]
    assert float(rows[-1]["square"]) < 0.7 * float(rows[0]["square"])
    assert trained.steps == 100
    assert not stage.training


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path, number, workers, capsys):
    settings = replace(SETTINGS, workers=workers)
    with pytest.raises(KeyboardInterrupt):
        train(TinyStage(send(number, 5)), settings, tmp_path / "cut")
    assert "stopped at step 3" in capsys.readouterr().out
    assert read_state(tmp_path / "cut" / "tiny_state.pt")["counters"]["step"] == 3
    stage = TinyStage()
    assert train(stage, settings, tmp_path / "cut", resume=True).steps == STEPS
    _assert_same(_whole_run(tmp_path / "whole"), stage.state_dict())


def test_signals_are_handled_as_before_once_the_run_is_over(tmp_path):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    train(TinyStage(), SETTINGS, tmp_path)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.fixture
def one_thread():
    """As in the processes the tests start: more threads add in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_a_run_that_was_killed_goes_on_from_its_last_state(tmp_path):
    done = _in_own_process(tmp_path / "cut", 1, killed_at=9)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert read_state(tmp_path / "cut" / "tiny_state.pt")["counters"]["step"] == 4
    stage = TinyStage()
    train(stage, SETTINGS, tmp_path / "cut", resume=True)
    _assert_same(_whole_run(tmp_path / "whole"), stage.state_dict())


@pytest.mark.slow
def test_two_processes_end_with_the_same_weights_from_different_batches(tmp_path):
    done = _in_own_process(tmp_path, 2, killed_at=-1)
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"weights_{rank}.pt") for rank in (0, 1))
    for name, _ in TinyStage().named_parameters():
        torch.testing.assert_close(first[name], second[name], atol=0, rtol=0)
    assert read_state(tmp_path / "tiny_state.pt")["counters"]["drawn"] == 2 * STEPS * SETTINGS.accumulate
    alone = _whole_run(tmp_path / "alone")
    assert not torch.equal(alone["layers.0.weight"], first["layers.0.weight"])
    assert [path.name for path in tmp_path.glob("kept_*")] == ["kept_0"]


def test_resuming_a_finished_run_trains_and_validates_no_further(tmp_path):
    whole = _whole_run(tmp_path)
    stage = TinyStage()
    trained = train(stage, SETTINGS, tmp_path, resume=True)
    assert (stage.passes, stage.validated, trained.figures["other"]) == (0, [], 1.0)
    _assert_same(whole, stage.state_dict())


@pytest.mark.usefixtures("save_every_step")
def test_a_loss_that_is_not_finite_stops_the_run_and_names_its_batch(tmp_path):
    seen = []

    def accident(batch):
        seen.append(batch["names"][0])
        if batch["number"] == 6:
            batch["x"].fill_(float("nan"))

    with pytest.raises(PointSegError, match=r"tiny, step 4: the loss is not finite \(square nan\)") as error:
        train(TinyStage(accident), SETTINGS, tmp_path)
    assert seen[6] in str(error.value)
    state = read_state(tmp_path / "tiny_state.pt")
    assert state["counters"]["step"] == 3
    assert all(bool(value.isfinite().all()) for value in state["stage"].values())


def _spoil_gradient(steps):
    def accident(batch):
        stage = batch["stage"]
        if batch["number"] // SETTINGS.accumulate in steps:
            stage.layers[3].bias.register_hook(lambda gradient: gradient * float("inf"))
        else:
            stage.layers[3].bias._backward_hooks = None

    return accident


def test_a_step_whose_gradient_is_not_finite_is_left_out(tmp_path):
    stage = TinyStage(_spoil_gradient({2}))
    train(stage, SETTINGS, tmp_path)
    assert read_state(tmp_path / "tiny_state.pt")["counters"]["skipped"] == 1
    assert all(bool(value.isfinite().all()) for value in stage.state_dict().values())


def test_a_run_whose_gradients_stay_bad_stops(tmp_path):
    stage = TinyStage(_spoil_gradient(set(range(4, 100))))
    with pytest.raises(PointSegError, match="step 24: the gradient was not finite 20 times in a row"):
        train(stage, replace(SETTINGS, steps=100), tmp_path)
    assert not (tmp_path / "tiny_validation.csv").exists()


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
    _assert_same(stage.state_dict(), again.state_dict())


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


@pytest.mark.slow
def test_a_killed_data_worker_is_named_and_nothing_saved_is_lost(tmp_path):
    tested = os.getpid()

    def accident(batch):
        if os.getpid() != tested and batch["x"][0, 0] > 1:
            os.kill(os.getpid(), signal.SIGKILL)

    stage = TinyStage(in_worker=accident)
    with pytest.raises(PointSegError, match=r"the process( \d+)? that draws batches was killed.*fewer workers than 2"):
        train(stage, replace(SETTINGS, steps=1000, workers=2), tmp_path)
    assert "stage" in read_state(tmp_path / "tiny_state.pt")


def test_minutes_end_a_run_with_a_validation_within_them(tmp_path):
    settings = replace(SETTINGS, steps=10**9, minutes=0.02, validation_share=0.25)
    stage = TinyStage(validate_s=0.2)
    trained = train(stage, settings, tmp_path)
    log, validation = _rows(tmp_path / "tiny_log.csv"), _rows(tmp_path / "tiny_validation.csv")
    assert float(log[-1]["learning_rate"]) < settings.learning_rate / 10
    assert [int(row["step"]) for row in validation] == [trained.steps]
    state = read_state(tmp_path / "tiny_state.pt")["counters"]
    assert 0.9 + 0.2 <= state["seconds"] < 1.2 + 0.5


class _Kept:
    """Notes what a run hands over, with the weights the stage has at that time; the first few calls may fail."""

    def __init__(self, stage: TinyStage, failures: int = 0) -> None:
        self.stage, self.failures = stage, failures
        self.ends, self.weights = [], []

    def __call__(self, trained) -> None:
        self.ends.append(trained)
        if len(self.ends) <= self.failures:
            raise WriteError("No space left on device")
        self.weights.append(self.stage.layers[0].weight.detach().clone())


def test_every_validation_sees_the_averaged_weights_and_hands_them_over(tmp_path, capsys):
    stage = TinyStage()
    kept = _Kept(stage)
    settings = replace(SETTINGS, steps=30, validate_every=1e-9)
    trained = train(stage, settings, tmp_path, keep=kept)
    scores = [float(row["score"]) for row in _rows(tmp_path / "tiny_validation.csv")]
    assert [end.steps for end in kept.ends] == [*range(1, 31), 30]
    assert [end.figures["score"] for end in kept.ends] == [*scores, scores[-1]]
    assert kept.ends[-1] == trained
    for seen, handed in zip(stage.validated, kept.weights, strict=False):
        torch.testing.assert_close(handed, seen, atol=0, rtol=0)
    torch.testing.assert_close(kept.weights[-1], stage.layers[0].weight.detach(), atol=0, rtol=0)
    assert f"best {max(scores):.4g} at step {scores.index(max(scores)) + 1}" in capsys.readouterr().out


def test_the_last_good_weights_are_kept_when_the_loss_is_not_finite(tmp_path):
    def accident(batch):
        if batch["number"] == 6:
            batch["x"].fill_(float("nan"))

    stage = TinyStage(accident)
    kept = _Kept(stage)
    with pytest.raises(PointSegError, match="the loss is not finite"):
        train(stage, replace(SETTINGS, validate_every=1e-9), tmp_path, keep=kept)
    assert kept.ends[-1].steps == 3
    assert bool(kept.weights[-1].isfinite().all())


def test_a_checkpoint_that_finds_no_room_on_the_way_is_written_later(tmp_path):
    stage = TinyStage()
    kept = _Kept(stage, failures=2)
    with pytest.warns(UserWarning, match=r"tiny, step 2: No space left on device Training goes on"):
        train(stage, replace(SETTINGS, validate_every=1e-9), tmp_path, keep=kept)
    assert len(kept.weights) == STEPS - 2 + 1


def test_a_checkpoint_that_finds_no_room_at_the_end_is_an_error_that_resuming_mends(tmp_path):
    stage = TinyStage()
    kept = _Kept(stage, failures=1)
    with pytest.raises(WriteError, match="No space left"):
        train(stage, SETTINGS, tmp_path, keep=kept)
    train(stage, SETTINGS, tmp_path, resume=True, keep=kept)
    assert (stage.passes, len(kept.weights)) == (STEPS * SETTINGS.accumulate, 1)


def test_validating_on_the_way_does_not_change_the_training(tmp_path):
    stage = TinyStage()
    train(stage, replace(SETTINGS, validate_every=1e-9), tmp_path / "often")
    _assert_same(_whole_run(tmp_path / "once"), stage.state_dict())


def test_mixed_precision_leaves_coordinates_as_they_are(tmp_path):
    seen = []

    def look(batch):
        seen.append((batch["x"].dtype, torch.is_autocast_enabled("cpu"), batch["stage"].layers[0](batch["x"]).dtype))

    train(TinyStage(look), replace(SETTINGS, precision="bf16-mixed", steps=1), tmp_path)
    assert set(seen) == {(torch.float32, True, torch.bfloat16)}


def test_half_floats_on_the_cpu_are_refused(tmp_path):
    with pytest.raises(PointSegError, match="needs a GPU"):
        train(TinyStage(), replace(SETTINGS, precision="16-mixed"), tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
def test_devices_that_are_not_there_are_named(tmp_path):
    with pytest.raises(PointSegError, match="1 x 4 cuda devices"):
        train(TinyStage(), SETTINGS, tmp_path, Launch("cuda", devices=4))


def test_without_fabric_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "PointSegLib.training.fabric", raising=False)
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(DependencyError, match=r'pip install "pointseg\[train\]"'):
        train(TinyStage(), SETTINGS, tmp_path)
