"""Claims about `pointseg compare` and `pointseg ablate`: whole runs on made hearts, budgets of a second or less."""

from __future__ import annotations

import csv
import json
from functools import cache

import numpy as np
import pytest
import torch
from lib.hearts import heart_frame
from lib.io.makers import write_camus_frame
from lib.networks import tiny_config, tiny_network

from PointSegLib.cli import main
from PointSegLib.io.synus import TrackedClip, write_synus_case, write_synus_info
from PointSegLib.model import PRESETS, load_checkpoint, save_checkpoint
from PointSegLib.peers.ablation import VARIANTS
from PointSegLib.peers.schedule import mask_schedule

pytest.importorskip("cv2")
pytest.importorskip("monai")
pytest.importorskip("lightning_fabric")

RECIPE = """
[common]
preset = "tiny"
accumulate = 1
clips = 2
frames = 2
points = 8
[stills]
minutes = 3
kind_shares = [1.0, 0.0, 0.0]
[segmenter]
minutes = 1
kind_shares = [0.5, 0.5, 0.0]
"""
SECONDS = 1.0
FRAMES = 4


@cache
def _heart(seed):
    image, labels = heart_frame(96, seed)
    return (image * 255).to(torch.uint8).numpy(), labels.numpy()


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A CAMUS folder (one patient to train on, three to score), a simulated clip, a recipe and a checkpoint."""
    monkeypatch.setitem(PRESETS, "tiny", tiny_config)
    for number in range(4):
        name = f"patient{number:04d}"
        for index, phase in enumerate(("ED", "ES")):
            write_camus_frame(tmp_path, f"{name}_4CH_{phase}", *_heart(2 * number + index))
    (tmp_path / "subgroup_training.txt").write_text("patient0000\n")
    (tmp_path / "subgroup_validation.txt").write_text("patient0001\npatient0002\npatient0003\n")
    table = "Patient,ImageQuality\npatient0001,Good\npatient0002,Poor\npatient0003,Poor\n"
    (tmp_path / "patients_info.csv").write_text(table)
    (tmp_path / "tiny.toml").write_text(RECIPE)
    _write_clip(tmp_path / "clips")
    minutes = SECONDS / 60
    save_checkpoint(tmp_path / "net.safetensors", tiny_network(), {"segmenter": {"minutes": minutes}})
    return tmp_path


def _write_clip(folder):
    """One made heart that shifts by a pixel a frame."""
    image, labels = _heart(20)
    frames = np.stack([np.roll(image, step, axis=1) for step in range(FRAMES)])
    masks = np.stack([np.roll(labels, step, axis=1) for step in range(FRAMES)])
    start = np.array([[48.0, 40.0], [40.0, 50.0]], np.float32)
    points = np.stack([start + np.array([step, 0]) for step in range(FRAMES)], axis=1).astype(np.float32)
    meta = {"spacing_mm": [0.6, 0.6], "quality": "good"}
    clip = TrackedClip("moving", frames, points, np.ones((2, FRAMES), bool), masks, masks[0] == 2, "valid", meta)
    write_synus_case(folder, clip)
    write_synus_info(folder, [("moving", "valid")])


def _run(data, command, out, *more):
    words = [command, "--data", data, "--recipe", data / "tiny.toml", "--simulated", data / "clips", "--device", "cpu"]
    return main([str(word) for word in (*words, "--out", data / out, *more)])


def _rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_compare_trains_the_unet_and_scores_all_methods_on_the_same_cases(data, capsys):
    assert _run(data, "compare", "first", "--checkpoint", data / "net.safetensors") == 0
    printed = capsys.readouterr().out
    assert "## Table 1" in printed
    assert "## Table 4" in printed
    masks = _rows(data / "first" / "masks.csv")
    scored = {
        method: {(r["data"], r["case"], r["frame"], r["structure"]) for r in masks if r["method"] == method}
        for method in {r["method"] for r in masks}
    }
    assert set(scored) == {"U-Net", "U-Net, smoothed over 1.5 frames", "PointSeg"}
    assert scored["U-Net"] == scored["PointSeg"]
    assert {case for _, case, _, _ in scored["U-Net, smoothed over 1.5 frames"]} == {"moving"}
    tracks = _rows(data / "first" / "tracks.csv")
    assert [row["method"] for row in tracks] == ["Standing still", "Lucas-Kanade", "DIS flow", "PointSeg"]
    assert all(row["case"] == "moving" for row in tracks)
    content = json.loads((data / "first" / "comparison.json").read_text())
    stages = content["provenance"]["unet"]
    assert list(stages) == ["unet_1", "unet_2"]
    assert stages["unet_1"]["settings"]["minutes"] == pytest.approx(0.75 * SECONDS / 60)
    poor = [row for row in content["paired"] if row["quality"] == "poor" and row["structure"] == "Myocardium"]
    assert {row["n"] for row in poor} == {2}


def test_compare_uses_a_unet_that_is_given_and_leaves_out_what_is_damaged(data, capsys):
    from PointSegLib.peers.unet import FrameUNet, UNetConfig, save_unet

    save_unet(data / "unet.safetensors", FrameUNet(UNetConfig(64, channels=(4, 8))), {})
    damaged = data / "patient0002" / "patient0002_4CH_ED.nii.gz"
    damaged.write_bytes(damaged.read_bytes()[:100])
    given = ("--unet", data / "unet.safetensors", "--checkpoint", data / "net.safetensors", "--clip-of", "pair")
    assert _run(data, "compare", "given", *given) == 1
    assert "left out: patient0002_4CH" in capsys.readouterr().err
    assert not (data / "given" / "unet").exists()


def test_compare_warns_of_unequal_training_data_on_stderr_and_in_the_report(data, capsys):
    from PointSegLib.peers.unet import FrameUNet, UNetConfig, save_unet

    learnt = "CAMUS, 4 annotated ED/ES frames of 2 patients"
    provenance = {"tracker": {"data": "9 clips of set"}, "segmenter": {"data": learnt}}
    save_checkpoint(data / "net.safetensors", tiny_network(), provenance)
    fewer = learnt.replace("4", "2")
    save_unet(data / "unet.safetensors", FrameUNet(UNetConfig(64, channels=(4, 8))), {"unet_1": {"data": fewer}})
    assert (
        _run(data, "compare", "odd", "--unet", data / "unet.safetensors", "--checkpoint", data / "net.safetensors") == 0
    )
    printed = capsys.readouterr()
    assert "warning: Unequal training data" in printed.err
    report = (data / "odd" / "comparison.md").read_text(encoding="utf-8")
    assert f"learnt from {learnt}; the other network's from {fewer}" in report
    assert "| PointSeg | simulated motion (9 clips of set) |" in report


def test_a_folder_without_patients_is_named_before_anything_is_trained(data, capsys):
    (data / "subgroup_validation.txt").write_text("patient0999\n")
    assert _run(data, "compare", "none", "--checkpoint", data / "net.safetensors") == 2
    assert "no annotated CAMUS frame" in capsys.readouterr().err
    assert not (data / "none" / "unet").exists()


def test_a_checkpoint_of_unknown_budget_needs_minutes(data, capsys):
    save_checkpoint(data / "net.safetensors", tiny_network(), {})
    assert _run(data, "compare", "unknown", "--checkpoint", data / "net.safetensors") == 2
    assert "--minutes" in capsys.readouterr().err


@pytest.mark.slow
def test_ablate_trains_every_row_of_table_3_and_goes_on_where_it_was(data, capsys):
    more = ("--tracker", data / "net.safetensors", "--minutes", 0.01)
    assert _run(data, "ablate", "rows", *more) == 0
    first = capsys.readouterr().out
    assert "## Table 3" in first
    assert {row["method"] for row in _rows(data / "rows" / "masks.csv")} == set(VARIANTS)
    content = json.loads((data / "rows" / "ablation.json").read_text())
    assert set(content["provenance"]) == set(VARIANTS)
    without = load_checkpoint(data / "rows" / "without_points" / "part_2" / "pointseg.safetensors")
    assert not without.model.config.segmenter.use_trajectories
    assert _run(data, "ablate", "rows", *more) == 0
    again = json.loads((data / "rows" / "ablation.json").read_text())
    assert again["masks"] == content["masks"]


def test_budget_is_divided_as_in_the_recipe(data):
    parts = mask_schedule(data / "tiny.toml", 8.0)
    assert [part.minutes for part in parts] == [6.0, 2.0]
    assert [part.kind_shares[0] for part in parts] == [1.0, 0.5]


def test_a_recipe_without_minutes_is_one_stage(tmp_path):
    (tmp_path / "steps.toml").write_text('[common]\npreset = "small"\n[segmenter]\nsteps = 7\n')
    (only,) = mask_schedule(tmp_path / "steps.toml", 5.0)
    assert only.minutes == 5.0
    assert only.steps > 7
