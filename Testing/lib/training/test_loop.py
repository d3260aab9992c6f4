"""Claims about the training loop: what a run leaves behind, whatever happens to it on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lib import tiny_stage
from lib.tiny_stage import SETTINGS, Kept, TinyStage, assert_same, rows_of, send

from PointSegLib.errors import DependencyError, PointSegError
from PointSegLib.training.launch import Launch
from PointSegLib.training.loop import train
from PointSegLib.training.run_state import read_state

STEPS = SETTINGS.steps


def _whole_run(folder: Path) -> dict[str, torch.Tensor]:
    stage = TinyStage()
    train(stage, SETTINGS, folder)
    return stage.state_dict()


def _in_own_process(folder: Path, devices: int, killed_at: int) -> subprocess.CompletedProcess[str]:
    repository = Path(__file__).resolve().parents[3]
    paths = os.pathsep.join(map(str, (repository, repository / "Testing")))
    return subprocess.run(
        [sys.executable, tiny_stage.__file__, str(folder), str(devices), str(killed_at)],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_training_lowers_the_loss_and_leaves_its_tables(tmp_path):
    stage = TinyStage()
    trained = train(stage, replace(SETTINGS, steps=100), tmp_path)
    rows = rows_of(tmp_path / "tiny_log.csv")
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
    assert_same(_whole_run(tmp_path / "whole"), stage.state_dict())


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
    assert_same(_whole_run(tmp_path / "whole"), stage.state_dict())


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
    assert_same(whole, stage.state_dict())


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
    log, validation = rows_of(tmp_path / "tiny_log.csv"), rows_of(tmp_path / "tiny_validation.csv")
    assert float(log[-1]["learning_rate"]) < settings.learning_rate / 10
    assert [int(row["step"]) for row in validation] == [trained.steps]
    state = read_state(tmp_path / "tiny_state.pt")["counters"]
    assert 0.9 + 0.2 <= state["seconds"] < 1.2 + 0.5


def test_every_validation_sees_the_averaged_weights_and_hands_them_over(tmp_path, capsys):
    stage = TinyStage()
    kept = Kept(stage)
    settings = replace(SETTINGS, steps=30, validate_every=1e-9)
    trained = train(stage, settings, tmp_path, keep=kept)
    scores = [float(row["score"]) for row in rows_of(tmp_path / "tiny_validation.csv")]
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
    kept = Kept(stage)
    with pytest.raises(PointSegError, match="the loss is not finite"):
        train(stage, replace(SETTINGS, validate_every=1e-9), tmp_path, keep=kept)
    assert kept.ends[-1].steps == 3
    assert bool(kept.weights[-1].isfinite().all())


def test_validating_on_the_way_does_not_change_the_training(tmp_path):
    stage = TinyStage()
    train(stage, replace(SETTINGS, validate_every=1e-9), tmp_path / "often")
    assert_same(_whole_run(tmp_path / "once"), stage.state_dict())


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
