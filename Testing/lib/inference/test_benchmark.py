"""Claims about the measurement of speed and `pointseg benchmark`, with the tiny network: what is told, not how fast."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from lib.networks import tiny_checkpoint, tiny_config

from PointSegLib import CineClip, PointSegPredictor
from PointSegLib.cli import USER_ERROR, main
from PointSegLib.errors import PointSegError
from PointSegLib.inference.benchmark import SpeedPlan, Timing, clip_of_side, measure_speed, untrained_checkpoint
from PointSegLib.inference.stages import STAGES
from PointSegLib.model import PRESETS, parameter_count

FRAMES, GRID = 8, 16


@pytest.fixture(scope="module")
def predictor():
    return PointSegPredictor(tiny_checkpoint(), device="cpu")


@pytest.fixture(scope="module")
def clip():
    return CineClip(np.random.default_rng(0).integers(20, 255, (FRAMES, 70, 90), dtype=np.uint8))


def test_everything_is_measured(predictor, clip):
    speed = measure_speed(predictor, clip, SpeedPlan(points=20, runs=2), "tiny")
    assert (speed.frames, speed.size_wh, speed.points) == (FRAMES, (90, 70), 20)
    assert speed.parameters == parameter_count(predictor.model)
    assert speed.gflop > 0
    assert len(speed.whole.seconds) == len(speed.tracking.seconds) == 2
    assert speed.whole.best_fps >= speed.whole.median_fps > 0
    whole_ms = 1000 * np.mean(speed.whole.seconds) / FRAMES
    assert sum(stage.ms for stage in speed.stages.values()) == pytest.approx(whole_ms)


def test_grid_is_never_thinned_and_the_count_tracked_is_told(predictor, clip):
    assert measure_speed(predictor, clip, SpeedPlan(points=5, runs=1), "tiny").points == GRID


def test_median_and_best_are_of_the_runs():
    timing = Timing.of([4.0, 1.0, 2.0], 8)
    assert (timing.median_fps, timing.best_fps) == (4.0, 8.0)


def test_threads_are_those_asked_for_and_given_back(predictor, clip):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert measure_speed(predictor, clip, SpeedPlan(points=5, runs=1, threads=1), "tiny").machine.threads == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_unknown_preset_is_named():
    with pytest.raises(PointSegError, match=r"'big'.*small, paper"):
        untrained_checkpoint("big")


def test_random_weights_are_the_same_every_time_and_leave_the_callers_numbers_alone(monkeypatch):
    monkeypatch.setitem(PRESETS, "tiny", tiny_config)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second = (untrained_checkpoint("tiny").model.state_dict() for _ in range(2))
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_clip_of_another_side_keeps_its_greys():
    clip = clip_of_side(torch.full((3, 64, 64), 0.4), 100)
    assert clip.frames.shape == (3, 100, 100)
    assert (clip.frames == 102).all()


def test_command_prints_and_writes_every_figure(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(PRESETS, "tiny", tiny_config)
    path = tmp_path / "new" / "speed.json"
    words = ("--preset", "tiny", "--frames", "3", "--points", "30", "--size", "64", "--runs", "1", "--device", "cpu")
    assert main(["benchmark", *words, "--float32", "--json", str(path)]) == 0
    said = capsys.readouterr().out
    assert "random weights" in said
    assert "3 frames of 64 × 64 pixels, 30 points tracked" in said
    assert all(f"| {stage} |" in said for stage in STAGES)
    figures = json.loads(path.read_text())
    assert figures["machine"]["arithmetic"] == "float32"
    assert (figures["frames"], figures["points"], figures["size_wh"]) == (3, 30, [64, 64])
    assert tuple(figures["stages"]) == STAGES
    assert figures.keys() >= {"network", "whole", "tracking", "memory", "parameters", "gflop"}
    assert all(stage.keys() == {"ms", "parameters", "gflop"} for stage in figures["stages"].values())
    assert figures["memory"].keys() == {"process", "before", "gpu"}


def test_command_names_an_unknown_preset(capsys):
    assert main(["benchmark", "--preset", "big"]) == USER_ERROR
    assert "'big'" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--frames", "0"), ("--size", "63"), ("--points", "many")])
def test_command_refuses_numbers_that_make_no_sense(words, capsys):
    with pytest.raises(SystemExit):
        main(["benchmark", *words])
    assert repr(words[1]) in capsys.readouterr().err
