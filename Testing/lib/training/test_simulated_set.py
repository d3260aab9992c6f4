"""Claims about datasets of simulated clips: they read back, grow without loss, and name the hearts they cannot use."""

from __future__ import annotations

import dataclasses
import os

import numpy as np
import pytest

from PointSegLib.cli import main
from PointSegLib.errors import PointSegError
from PointSegLib.io.synus import list_synus, read_synus_case
from PointSegLib.simulation.template import TemplatePair
from PointSegLib.training import simulated_set
from PointSegLib.training.frames import FrameSet, write_packed
from PointSegLib.training.simulated_set import SetPlan, template_pairs, write_simulated_set


def _plan(folder, **changes) -> SetPlan:
    return dataclasses.replace(SetPlan(folder, count=2, n_frames=2, n_points=8), **changes)


def test_written_cases_read_back_with_all_they_are_worth(tmp_path):
    write_simulated_set(_plan(tmp_path), [])
    assert list_synus(tmp_path, "train") == ["train_000000", "train_000001"]
    case = read_synus_case(tmp_path, "train_000001")
    assert case.frames.shape == case.labels.shape == (2, 256, 256)
    assert case.points.shape == (8, 2, 2)
    assert case.meta["licence"].endswith("Apache-2.0")
    assert len(case.cine) == 2
    assert case.cine.spacing_mm is not None


def test_existing_cases_are_kept_and_the_rest_is_what_it_would_have_been(tmp_path):
    write_simulated_set(_plan(tmp_path / "once"), [])
    write_simulated_set(_plan(tmp_path / "twice", count=1), [])
    first = tmp_path / "twice" / "train_000000" / "video.npy"
    before = first.stat().st_mtime_ns
    counted = []
    write_simulated_set(_plan(tmp_path / "twice"), [], progress=lambda *step: counted.append(step))
    assert first.stat().st_mtime_ns == before
    assert counted == [(2, 2)]
    for name in ("train_000000", "train_000001"):
        one, two = (read_synus_case(tmp_path / folder, name) for folder in ("once", "twice"))
        assert np.array_equal(one.frames, two.frames)
        assert np.array_equal(one.points, two.points)


def test_unusable_pair_is_named_and_replaced(tmp_path):
    empty = np.zeros((64, 64), np.uint8)
    problems = write_simulated_set(
        _plan(tmp_path, parametric=0.0), [TemplatePair(empty, empty, empty, "patient0009_4CH")]
    )
    assert [problem.case for problem in problems] == ["patient0009_4CH"]
    assert len(list_synus(tmp_path)) == 2


def test_pairs_are_those_with_both_phases():
    names = ["patient0001_4CH_ED", "patient0001_4CH_ES", "patient0002_4CH_ED"]
    images = np.arange(3, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), np.uint8)
    (pair,) = template_pairs(FrameSet(images, images + 10, names))
    assert pair.name == "patient0001_4CH"
    assert (pair.ed_image[0, 0], pair.ed_labels[0, 0], pair.es_labels[0, 0]) == (0, 10, 11)


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_command_makes_a_set_over_one_process_or_two_and_says_what_was_left_out(tmp_path, capsys, workers):
    blank = np.zeros((2, 256, 256), np.uint8)
    write_packed(tmp_path / "few.npz", FrameSet(blank, blank, ["patient0001_4CH_ED", "patient0001_4CH_ES"]))
    words = ["--count", "2", "--frames", "2", "--points", "4", "--workers", workers, "--parametric", "0"]
    (tmp_path / "subgroup_validation.txt").write_text("patient0001\n")
    packed = ["--packed", str(tmp_path / "few.npz"), "--data", str(tmp_path), "--subset", "validation"]
    assert main(["simulate", "--out", str(tmp_path / "set"), *words, *packed]) == 0
    said = capsys.readouterr()
    assert "left out: patient0001_4CH" in said.err
    assert "1 of 1 pairs could not be used" in said.out
    assert list_synus(tmp_path / "set", "valid") == ["valid_000000", "valid_000001"]


@pytest.mark.slow
def test_a_killed_worker_is_told_of_and_clips_that_are_there_are_listed(tmp_path, monkeypatch):
    write_simulated_set(_plan(tmp_path, count=1), [])
    (tmp_path / "info.csv").unlink()
    monkeypatch.setattr(simulated_set, "_run_worker", os._exit)
    with pytest.raises(PointSegError, match=r"a process that makes clips was killed.*fewer than 2"):
        write_simulated_set(_plan(tmp_path, count=3), [], workers=2)
    assert list_synus(tmp_path, "train") == ["train_000000"]


def test_packed_frames_are_taken_only_of_patients_whom_a_list_puts_into_the_subset(tmp_path, capsys):
    blank = np.zeros((1, 256, 256), np.uint8)
    write_packed(tmp_path / "few.npz", FrameSet(blank, blank, ["patient0001_4CH_ED"]))
    words = ["simulate", "--out", str(tmp_path / "set"), "--count", "1", "--packed", str(tmp_path / "few.npz")]
    assert main(words) == 2
    assert "--packed needs --data" in capsys.readouterr().err
    (tmp_path / "subgroup_training.txt").write_text("patient0002\n")
    assert main([*words, "--data", str(tmp_path)]) == 2
    assert "none of the training patients" in capsys.readouterr().err
    assert not list((tmp_path / "set").glob("*"))


@pytest.mark.parametrize(
    ("option", "value"), [("--frames", "0"), ("--parametric", "20"), ("--dissolved", "-0.1"), ("--dissolved", "half")]
)
def test_nonsense_is_refused_by_name(tmp_path, capsys, option, value):
    with pytest.raises(SystemExit):
        main(["simulate", "--out", str(tmp_path), "--count", "1", f"{option}={value}"])
    assert f"{option}: '{value}'" in capsys.readouterr().err


def test_wrong_quality_is_not_taken(tmp_path):
    with pytest.raises(SystemExit):
        main(["simulate", "--out", str(tmp_path), "--count", "1", "--quality", "awful"])
