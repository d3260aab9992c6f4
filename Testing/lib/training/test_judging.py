"""Claims about held-out cases and their judge: who is scored as what, and that one bad case spoils nothing."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from lib.io.makers import write_camus_frame
from lib.networks import tiny_checkpoint

from PointSegLib.cli import main
from PointSegLib.clip import CineClip
from PointSegLib.errors import ClipError, ReadError
from PointSegLib.evaluation.report import Method
from PointSegLib.evaluation.runs import standing_still
from PointSegLib.inference import PointSegPredictor
from PointSegLib.io.problems import Problem
from PointSegLib.io.synus import TrackedClip, write_synus_case, write_synus_info
from PointSegLib.result import PointSegResult
from PointSegLib.simulation.clips import simulate_clip
from PointSegLib.training import cases
from PointSegLib.training.cases import HeldOutPatients, SimulatedClips, StoredClips
from PointSegLib.training.judging import Examination, Judged, judge

SIDE = 48
QUALITIES = {"patient0001": "Good", "patient0002": "Poor", "patient0003": "Medium"}


def _labels(shift: int = 0) -> np.ndarray:
    labels = np.zeros((SIDE, SIDE), np.uint8)
    labels[8:40, 8 + shift : 36 + shift] = 2
    labels[16:34, 16 + shift : 28 + shift] = 1
    labels[34:44, 16 + shift : 28 + shift] = 3
    return labels


def _image(labels: np.ndarray) -> np.ndarray:
    """Grey values that give the labels away: 60 for each step."""
    return (20 + 60 * labels).astype(np.uint8)


@pytest.fixture
def camus(tmp_path):
    root = tmp_path / "camus"
    root.mkdir()
    for name in QUALITIES:
        for shift, phase in enumerate(("ED", "ES")):
            write_camus_frame(root, f"{name}_4CH_{phase}", _image(_labels(shift)), _labels(shift), 0.5)
    (root / "subgroup_validation.txt").write_text("\n".join(QUALITIES))
    table = "\n".join(f"{name},{quality}" for name, quality in QUALITIES.items())
    (root / "patients_info.csv").write_text(f"Patient,ImageQuality\n{table}\n")
    return root


@pytest.fixture
def stored(tmp_path):
    """Two clips of the split valid, one of them poor, and one that was trained on."""
    folder = tmp_path / "synus"
    labels = np.stack([_labels(t) for t in range(4)])
    points = np.stack([np.stack([np.arange(4) + x, np.full(4, 20)], axis=-1) for x in (10, 30)]).astype(np.float32)
    for name, quality in (("a", "good"), ("b", "poor"), ("c", "good")):
        meta = {"spacing_mm": [0.5, 0.5], "quality": quality, "source": "patient0002_4CH"}
        visible = np.ones((2, 4), bool)
        clip = TrackedClip(name, _image(labels), points, visible, labels, labels[0] == 2, "valid", meta)
        write_synus_case(folder, clip)
    write_synus_info(folder, [("a", "valid"), ("b", "valid"), ("c", "train")])
    return folder


def _reads_grey_values(clip: CineClip, points: np.ndarray, hints: Sequence[str]) -> PointSegResult:
    labels = ((clip.frames.astype(int) - 20) // 60).astype(np.uint8)
    return PointSegResult(labels, standing_still(clip, np.array([[0, 5, 5]])), class_labels=(1, 2))


def _all_wall(clip: CineClip, points: np.ndarray, hints: Sequence[str]) -> PointSegResult:
    labels = np.full(clip.frames.shape, 2, np.uint8)
    return PointSegResult(labels, standing_still(clip, np.array([[0, 5, 5]])), class_labels=(1, 2))


ORACLE = Judged(Method("oracle", "nothing"), _reads_grey_values, standing_still)


def test_frames_are_clips_of_their_own_and_pairs_hold_both(camus):
    frames = list(HeldOutPatients(camus).cases())
    assert [(name, len(clip), list(truths)) for name, clip, truths in frames[:2]] == [
        ("patient0001_4CH_ED", 1, [0]),
        ("patient0001_4CH_ES", 1, [0]),
    ]
    pairs = list(HeldOutPatients(camus, clip_of="pair").cases())
    assert [name for name, _, _ in pairs] == [f"{name}_4CH" for name in QUALITIES]
    _, clip, truths = pairs[0]
    assert (len(clip), clip.spacing_mm) == (2, (0.5, 0.5))
    np.testing.assert_array_equal(truths[1], _labels(1))
    np.testing.assert_array_equal(clip.frames[1], _image(_labels(1)))


def test_a_pair_of_two_sizes_is_left_out_and_named(camus):
    small = _labels()[:40, :40]
    write_camus_frame(camus, "patient0002_4CH_ES", _image(small), small, 0.5)
    problems: list[Problem] = []
    pairs = HeldOutPatients(camus, clip_of="pair")
    assert [name for name, _, _ in pairs.cases(problems)] == ["patient0001_4CH", "patient0003_4CH"]
    assert [problem.case for problem in problems] == ["patient0002_4CH"]
    with pytest.raises(ReadError, match="differ in size"):
        list(pairs.cases())
    assert len(list(HeldOutPatients(camus).cases())) == 6


def test_rows_take_the_quality_of_their_patient_and_its_source_is_told(camus):
    patients = HeldOutPatients(camus)
    (row,) = patients.described([{"case": "patient0002_4CH_ED", "dice": 0.5}])
    assert (row["patient"], row["quality"]) == ("patient0002", "Poor")
    assert "patients_info.csv for 3 patients" in patients.quality_source
    (camus / "patient0002" / "Info_4CH.cfg").write_text("ED: 1\nES: 9\nNbFrame: 9\nImageQuality: Good\n")
    assert patients.described([{"case": "patient0002_4CH_ED"}])[0]["quality"] == "Good"
    assert "Info_4CH.cfg of 1 patients; patients_info.csv for 2" in patients.quality_source


def test_stored_clips_are_those_of_the_split_valid_with_their_quality(stored):
    clips = StoredClips.found(stored)
    assert [case.name for case in clips.tracking_cases()] == ["a", "b"]
    assert [sorted(truths) for _, _, truths in clips.mask_cases()] == [[0, 1, 2, 3]] * 2
    assert clips.described([{"case": "b"}]) == [{"patient": "patient0002", "quality": "poor", "case": "b"}]


def test_simulated_clips_are_the_same_every_time(camus):
    (first,), (second,) = (
        SimulatedClips(HeldOutPatients(camus), 64, count=1, n_frames=3).tracking_cases() for _ in range(2)
    )
    np.testing.assert_array_equal(first.clip.frames, second.clip.frames)
    np.testing.assert_array_equal(first.truth.xy, second.truth.xy)


def test_a_simulated_clip_is_rendered_once_for_masks_and_tracks(camus, monkeypatch):
    made = []
    monkeypatch.setattr(cases, "simulate_clip", lambda *given: made.append(given[3]) or simulate_clip(*given))
    clips = SimulatedClips(HeldOutPatients(camus), 64, count=2, n_frames=3)
    masks, tracks = list(clips.mask_cases()), list(clips.tracking_cases())
    assert made == [cases.SEED, cases.SEED + 1]
    assert [name for name, _, _ in masks] == [case.name for case in tracks]
    for (_, clip, truths), case in zip(masks, tracks, strict=True):
        assert clip is case.clip
        assert (len(clip), sorted(truths)) == (3, [0, 1, 2])


def test_hearts_that_cannot_be_filmed_are_named_once_and_the_rest_is_scored(camus, monkeypatch):
    damaged = camus / "patient0001" / "patient0001_4CH_ES.nii.gz"
    damaged.write_bytes(damaged.read_bytes()[:100])

    def picky(pair, *given):
        if pair.name.startswith("patient0002"):
            msg = "the wall has a gap"
            raise ClipError(msg)
        return simulate_clip(pair, *given)

    monkeypatch.setattr(cases, "simulate_clip", picky)
    clips = SimulatedClips(HeldOutPatients(camus), 64, count=3, n_frames=4)
    evaluation = judge(replace(ORACLE, predict=_all_wall), Examination(HeldOutPatients(camus), clips))
    assert set(evaluation.failed) == {"patient0001_4CH_ES", "patient0002_4CH"}
    assert "the wall has a gap" in evaluation.failed["patient0002_4CH"]
    assert {row["patient"] for row in evaluation.measurements["tracks"].rows} == {"patient0003"}
    assert {row["patient"] for row in evaluation.measurements["simulated_masks"].rows} == {"patient0003"}
    assert len({row["case"] for row in evaluation.measurements["masks"].rows}) == 5
    with pytest.raises(ReadError, match="patient0001_4CH_ES"):
        list(clips.tracking_cases())


def test_without_a_single_pair_real_frames_are_scored_all_the_same(camus):
    for name in QUALITIES:
        (camus / name / f"{name}_4CH_ES_gt.nii.gz").unlink()
    clips = SimulatedClips(HeldOutPatients(camus), 64, count=1, n_frames=4)
    evaluation = judge(ORACLE, Examination(HeldOutPatients(camus), clips))
    assert list(evaluation.measurements) == ["masks"]
    assert "no patient has both" in evaluation.failed["simulated clips"]


def test_a_stored_clip_of_no_spacing_is_named_and_the_rest_is_scored(stored, camus):
    (stored / "a" / "meta.json").write_text('{"spacing_mm": [0, 0]}')
    evaluation = judge(ORACLE, Examination(HeldOutPatients(camus), StoredClips.found(stored)))
    assert list(evaluation.failed) == ["a"]
    assert {row["case"] for row in evaluation.measurements["tracks"].rows} == {"b"}


def test_everything_is_measured_by_quality_and_written(camus, stored, tmp_path):
    examination = Examination(HeldOutPatients(camus), StoredClips.found(stored), clicks=2)
    evaluation = judge(ORACLE, examination)
    names = ["masks", "clicks", "simulated_masks", "simulated_steadiness", "tracks"]
    assert list(evaluation.measurements) == names
    evaluation.write(tmp_path, {"commit": "none"})
    assert all((tmp_path / f"{name}.csv").is_file() for name in names)
    with (tmp_path / "masks.csv").open() as file:
        assert {row["quality"] for row in csv.DictReader(file)} == {"Good", "Medium", "Poor"}
    summary = json.loads((tmp_path / "summary.json").read_text())
    wall = [e for e in summary["masks"] if e["structure"] == "Myocardium" and e["metric"] == "dice"]
    assert [(e["quality"], e["n"], e["cases"], e["mean"]) for e in wall] == [
        ("all", 6, 3, 1.0),
        ("good+medium", 4, 2, 1.0),
        ("poor", 2, 1, 1.0),
    ]
    assert "patients_info.csv" in summary["quality_source"]
    assert summary["failed"] == []
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    for heading in (
        "## Table 1",
        "## Table 3",
        "## Table 4",
        "**Measured here**",
        "100.0 (0.0) [4 frames of 2 patients]",
    ):
        assert heading in report


def test_cases_that_fail_are_all_named_and_the_rest_is_scored(camus, stored):
    damaged = camus / "patient0001" / "patient0001_4CH_ED.nii.gz"
    damaged.write_bytes(damaged.read_bytes()[:100])
    (camus / "patient0003" / "patient0003_4CH_ES_gt.nii.gz").unlink()
    (stored / "a" / "points.npy").unlink()

    def stumble(clip: CineClip, points: np.ndarray, hints: Sequence[str]) -> PointSegResult:
        answer = _reads_grey_values(clip, points, hints)
        if len(clip) == 4:
            return PointSegResult(answer.labels[:2], answer.tracks)
        return answer

    problems: list[Problem] = []
    clips = StoredClips.found(stored, problems)
    judged = Judged(ORACLE.method, stumble, standing_still)
    evaluation = judge(judged, Examination(HeldOutPatients(camus), clips, 1, tuple(problems)))
    assert set(evaluation.failed) == {"a", "b", "patient0001_4CH_ED", "patient0003_4CH_ES"}
    assert len(evaluation.measurements["clicks"].rows) == 4
    assert "simulated_masks" not in evaluation.measurements
    assert {row["case"] for row in evaluation.measurements["tracks"].rows} == {"b"}
    report = evaluation.markdown()
    assert "4 cases left out" in report
    assert "points.npy" in report


def test_kept_figures_name_their_data_and_quality(camus, stored):
    figures = judge(ORACLE, Examination(HeldOutPatients(camus), StoredClips.found(stored))).figures()
    assert figures["mean"]["Myocardium, dice"] == 1.0
    assert figures["mean"]["poor, Myocardium, dice"] == 1.0
    assert figures["mean"]["simulated, poor, Myocardium, dice"] == 1.0
    assert "simulated, standing still, average_jaccard" in figures["mean"]
    assert "standing still, average_jaccard" not in figures["mean"]
    assert "each a clip of its own" in figures["data"]["masks"]


def test_the_command_scores_what_it_can_names_the_rest_and_says_so_by_its_exit_code(
    camus, stored, tmp_path, monkeypatch, capsys
):
    predictor = PointSegPredictor(tiny_checkpoint(), device="cpu")
    monkeypatch.setattr("PointSegLib.cli.evaluate.load_predictor", lambda options: predictor)
    words = ["evaluate", "--data", camus, "--simulated", stored, "--clip-of", "pair", "--clicks", 2]
    words += ["--out", tmp_path / "scores"]
    assert main([str(word) for word in words]) == 0
    said = capsys.readouterr().out
    assert "ED and ES together" in said
    assert "clicks_to_90" in said
    (camus / "patient0003" / "patient0003_4CH_ES.nii.gz").write_bytes(b"cut off")
    (stored / "b" / "video.npy").write_bytes(b"cut off")
    assert main([str(word) for word in words]) == 1
    said = capsys.readouterr()
    assert "Myocardium" in said.out
    assert "left out: patient0003_4CH_ES: " in said.err
    assert "left out: b: " in said.err
    summary = json.loads((tmp_path / "scores" / "summary.json").read_text())
    assert [one["case"] for one in summary["failed"]] == ["b", "patient0003_4CH_ES"]
