"""Claims about going on with a run: only with the same settings and the same network, and never by accident."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from lib.tiny_stage import SETTINGS, TinyStage

from PointSegLib.errors import PointSegError
from PointSegLib.training.loop import train
from PointSegLib.training.run_state import write_state


def test_a_fresh_start_never_overwrites_an_earlier_run(tmp_path):
    train(TinyStage(), SETTINGS, tmp_path)
    with pytest.raises(PointSegError, match="--resume"):
        train(TinyStage(), SETTINGS, tmp_path)


def test_resuming_with_other_settings_is_refused_and_all_of_them_are_named(tmp_path):
    train(TinyStage(), SETTINGS, tmp_path)
    other = replace(SETTINGS, preset="paper", learning_rate=0.1, steps=SETTINGS.steps - 1)
    changed = r"preset 'small' \(now 'paper'\), steps 8 \(now 7\), learning_rate 0\.05 \(now 0\.1\)\. Go on"
    with pytest.raises(PointSegError, match=changed):
        train(TinyStage(), other, tmp_path, resume=True)


def test_a_run_may_go_on_for_longer_and_with_fewer_workers(tmp_path):
    train(TinyStage(), replace(SETTINGS, minutes=5.0, workers=1), tmp_path)
    assert (
        train(TinyStage(), replace(SETTINGS, steps=SETTINGS.steps + 1), tmp_path, resume=True).steps
        == SETTINGS.steps + 1
    )


def test_a_state_of_another_network_is_refused(tmp_path):
    state = {"stage": {}, "average": {}, "settings": asdict(SETTINGS)}
    write_state(tmp_path / "tiny_state.pt", state)
    with pytest.raises(PointSegError, match="another network"):
        train(TinyStage(), SETTINGS, tmp_path, resume=True)


def test_a_damaged_state_is_named(tmp_path):
    (tmp_path / "tiny_state.pt").write_bytes(b"not a state")
    with pytest.raises(PointSegError, match=r"tiny_state\.pt.*damaged"):
        train(TinyStage(), SETTINGS, tmp_path, resume=True)
