"""Claims about `pointseg train` and `pointseg evaluate`, on a CAMUS folder of made hearts and a tiny network."""

from __future__ import annotations

import csv
import json
import re
import warnings

import numpy as np
import pytest
import torch
from lib.hearts import heart_clip
from lib.io.makers import write_camus_frame
from lib.networks import tiny_config

from PointSegLib.cli import main
from PointSegLib.errors import ReadError
from PointSegLib.io.camus import annotated_frames
from PointSegLib.io.synus import read_synus_meta
from PointSegLib.model import PRESETS, load_checkpoint
from PointSegLib.training import TrainingData

RECIPE = """
[common]
preset = "tiny"
accumulate = 1
[tracker]
steps = 2
frames = 4
points = 16
weight_matching = 0.1
[segmenter]
steps = 2
clips = 4
frames = 4
points = 16
"""


@pytest.fixture
def camus(tmp_path):
    """Three patients: two to train on, one to validate with; ED and ES are two frames of one heart."""
    for number in range(3):
        name = f"patient{number:04d}"
        clip = heart_clip(96, 2, 1, number)
        for phase, image, labels in zip(("ED", "ES"), clip.frames, clip.labels, strict=True):
            pixels = (image * 255).to(torch.uint8).numpy()
            write_camus_frame(tmp_path, f"{name}_4CH_{phase}", pixels, labels.numpy())
    (tmp_path / "subgroup_training.txt").write_text("patient0000\npatient0001\n")
    (tmp_path / "subgroup_validation.txt").write_text("patient0002\n")
    (tmp_path / "tiny.toml").write_text(RECIPE)
    return tmp_path


def _train(camus, stage, *more):
    where = ("--data", camus, "--clips", camus / "clips", "--out", camus / "run", "--recipe", camus / "tiny.toml")
    return main([str(word) for word in ("train", stage, *where, "--device", "cpu", *more)])


def _simulate(camus, monkeypatch):
    """Clips of the tiny network's size."""
    monkeypatch.setitem(PRESETS, "tiny", tiny_config)
    assert main(["simulate", "--out", str(camus / "clips"), "--count", "2", "--frames", "6", "--points", "40"]) == 0


def test_train_both_stages_then_evaluate_and_keep_the_figures(camus, monkeypatch, capsys):
    _simulate(camus, monkeypatch)
    assert _train(camus, "tracker") == 0
    assert _train(camus, "segmenter") == 0
    path = camus / "run" / "pointseg.safetensors"
    assert "4 annotated ED/ES frames of 2 patients" in load_checkpoint(path).provenance["segmenter"]["data"]

    words = ["evaluate", "--data", camus, "--checkpoint", path, "--out", camus / "scores", "--record"]
    assert main([str(word) for word in (*words, "--clips", 2, "--frames", 4, "--device", "cpu")]) == 0
    printed = capsys.readouterr().out
    assert "Myocardium" in printed
    assert "standing still" in printed
    with (camus / "scores" / "masks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["case"] for row in rows} == {"patient0002_4CH_ED", "patient0002_4CH_ES"}
    assert json.loads((camus / "scores" / "summary.json").read_text())["tracks"]
    kept = load_checkpoint(path)
    wall = np.mean([float(row["dice"]) for row in rows if row["structure"] == "Myocardium"])
    assert kept.provenance["evaluation"]["mean"]["Myocardium, dice"] == pytest.approx(wall)
    assert kept.provenance["tracker"]["steps"] == 2


def test_resuming_a_finished_run_trains_no_further(camus, monkeypatch):
    _simulate(camus, monkeypatch)
    _train(camus, "tracker")
    first = load_checkpoint(camus / "run" / "tracker.safetensors")
    _train(camus, "tracker", "--resume")
    second = load_checkpoint(camus / "run" / "tracker.safetensors")
    assert second.provenance["tracker"]["steps"] == 2
    for name, value in first.model.tracker.state_dict().items():
        torch.testing.assert_close(second.model.tracker.state_dict()[name], value)


def test_segmenter_without_a_tracker_says_what_is_missing(camus, monkeypatch, capsys):
    monkeypatch.setitem(PRESETS, "tiny", tiny_config)
    assert _train(camus, "segmenter") == 2
    assert "tracker.safetensors" in capsys.readouterr().err


def test_absent_frames_are_left_out_but_a_damaged_one_is_named(camus):
    (camus / "patient0001" / "patient0001_4CH_ES.nii.gz").unlink()
    names = [name for name, _, _ in annotated_frames(camus, ["patient0000", "patient0001"])]
    assert names == ["patient0000_4CH_ED", "patient0000_4CH_ES", "patient0001_4CH_ED"]
    damaged = camus / "patient0001" / "patient0001_4CH_ED.nii.gz"
    damaged.write_bytes(damaged.read_bytes()[:200])
    with pytest.raises(ReadError, match="patient0001_4CH_ED"):
        list(annotated_frames(camus, ["patient0000", "patient0001"]))


def _damage(camus, *names):
    for name in names:
        path = camus / name.split("_")[0] / f"{name}.nii.gz"
        path.write_bytes(path.read_bytes()[:200])


def test_training_leaves_damaged_frames_out_names_them_and_reads_them_again_once_restored(camus):
    whole = (camus / "patient0001" / "patient0001_4CH_ED.nii.gz").read_bytes()
    _damage(camus, "patient0001_4CH_ED", "patient0000_4CH_ES")
    data, folder = TrainingData(camus), camus / "run"
    with pytest.warns(UserWarning, match=r"2 cases are left out:\n  patient0000_4CH_ES.*\n  patient0001_4CH_ED"):
        frames = data.read(64, folder)
    assert frames.names == ["patient0000_4CH_ED", "patient0001_4CH_ES"]
    (camus / "patient0001" / "patient0001_4CH_ED.nii.gz").write_bytes(whole)
    (camus / "patient0000" / "patient0000_4CH_ES.nii.gz").unlink()
    with pytest.warns(UserWarning, match="patient0000_4CH_ES"):
        assert len(data.read(64, folder)) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(data.read(64, folder)) == 3


def test_clips_are_made_of_the_hearts_whose_frames_are_whole_and_the_others_are_named(camus, capsys):
    _damage(camus, "patient0001_4CH_ED", "patient0001_4CH_ES_gt")
    words = ["simulate", "--data", camus, "--out", camus / "clips", "--count", 1, "--frames", 2, "--points", 4]
    assert main([str(word) for word in (*words, "--parametric", 0)]) == 0
    said = capsys.readouterr()
    assert re.findall("left out: (patient0001_4CH_E.)", said.err) == ["patient0001_4CH_ED", "patient0001_4CH_ES"]
    assert "of 1 pairs" in said.out
    assert read_synus_meta(camus / "clips", "train_000000")["source"].startswith("patient0000")


def test_damage_is_told_even_where_no_frame_is_left(camus):
    _damage(camus, "patient0002_4CH_ED", "patient0002_4CH_ES")
    with pytest.warns(UserWarning, match="2 cases"), pytest.raises(ReadError, match="no annotated CAMUS frame"):
        TrainingData(camus).held_out(64, camus / "run")


def test_figures_are_recorded_only_in_a_named_checkpoint(camus, capsys):
    assert main(["evaluate", "--data", str(camus), "--record"]) == 2
    assert "--checkpoint" in capsys.readouterr().err


def test_a_folder_without_camus_is_named(tmp_path, capsys):
    assert main(["evaluate", "--data", str(tmp_path), "--clips", "1", "--device", "cpu"]) == 2
    assert str(tmp_path) in capsys.readouterr().err
