"""Claims about comparing methods: paired by patient, grouped by quality, published rows kept apart from our own."""

from __future__ import annotations

import csv
import json

import pytest

from PointSegLib.peers.ablation import SWITCHES, VARIANTS, Ablation
from PointSegLib.peers.comparison import Comparison
from PointSegLib.peers.report import OURS, mask_comparisons, p_words
from PointSegLib.peers.scoring import MaskScores

QUALITIES = ("Good", "Medium", "Poor", "Poor", "Good", "Poor")


def _frames(dice: float) -> list[dict]:
    return [
        {
            "patient": f"patient{index:04d}",
            "quality": quality,
            "case": f"patient{index:04d}_4CH_{phase}",
            "frame": 0,
            "structure": "Myocardium",
            "dice": dice + 0.01 * index + (0.02 if phase == "ED" else 0.0),
            "hd95_pooled_mm": 10 * (1 - dice) - 0.1 * index,
        }
        for index, quality in enumerate(QUALITIES)
        for phase in ("ED", "ES")
    ]


def _clips(flicker: float) -> list[dict]:
    return [
        {"patient": f"patient{i:04d}", "quality": q, "case": str(i), "myo_frame_dice": flicker + 0.01 * i}
        for i, q in enumerate(QUALITIES)
    ]


def _scores(**dice: float) -> MaskScores:
    named = {name.replace("_", " "): value for name, value in dice.items()}
    frames = {name: _frames(value) for name, value in named.items()}
    return MaskScores(frames, {name: _clips(value) for name, value in named.items()})


def _tracks(jaccard: float) -> list[dict]:
    scores = {"position_accuracy": jaccard, "occlusion_accuracy": 1.0, "median_error_px": 1 / jaccard}
    return [
        {"patient": str(i), "quality": "", "case": str(i), "average_jaccard": jaccard - 0.01 * i, **scores}
        for i in range(4)
    ]


def test_both_frames_of_a_patient_count_as_one_and_each_quality_apart():
    rows = mask_comparisons(_scores(UNet=0.7, PointSeg=0.8), "made up")
    dice = {row["quality"]: row for row in rows if row["metric"] == "dice"}
    assert {name: row["n"] for name, row in dice.items()} == {"all": 6, "good+medium": 3, "poor": 3}
    assert all(row["difference"] == pytest.approx(0.1) for row in dice.values())
    steadiness = [row for row in rows if row["metric"] == "myo_frame_dice"]
    assert {row["structure"] for row in steadiness} == {""}


def test_tables_hold_published_rows_ours_and_the_best_others_p():
    masks = {"made up": _scores(UNet=0.7, UNet_smoothed=0.75, PointSeg=0.8)}
    tracks = {"clips": {"DIS flow": _tracks(0.9), OURS: _tracks(0.8)}}
    text = Comparison(masks, ("a note on the budget",), tracks, {OURS: "CAMUS"}).markdown()
    assert "a note on the budget" in text
    assert "nnUNet" in text
    assert "| UNet smoothed |" in text
    assert "| DIS flow | nothing learnt |" in text
    assert "12 frames of 6 patients" not in text
    assert "6 frames of 3 patients" in text
    assert text.count("against the best other") == 2


def test_files_name_data_and_method_and_keep_the_provenance(tmp_path):
    comparison = Comparison({"made up": _scores(UNet=0.7, PointSeg=0.8)}, ("note",))
    comparison.write(tmp_path, {"unet": {"minutes": 3}})
    assert {path.name for path in tmp_path.iterdir()} == {
        "masks.csv",
        "clips.csv",
        "paired.csv",
        "comparison.json",
        "comparison.md",
    }
    with (tmp_path / "masks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["data"], row["method"]) for row in rows} == {("made up", "UNet"), ("made up", OURS)}
    content = json.loads((tmp_path / "comparison.json").read_text())
    assert content["provenance"] == {"unet": {"minutes": 3}}
    assert content["notes"] == ["note"]


def test_ablation_has_the_rows_of_table_3_and_p_against_the_full_model(tmp_path):
    dice = {name: 0.7 + 0.02 * index for index, name in enumerate(VARIANTS)}
    scores = MaskScores({n: _frames(d) for n, d in dice.items()}, {n: _clips(d) for n, d in dice.items()})
    ablation = Ablation({"made up": scores}, ("10 min each",))
    ablation.write(tmp_path, {})
    text = (tmp_path / "ablation.md").read_text(encoding="utf-8")
    own = text.split("**Measured here**")[1].split("## Paired")[0].strip().splitlines()[1:]
    assert [line.split(" | ")[1:6] for line in own] == [
        ["✗", "✓", "✓", "✓", "✓"],
        ["✓", "✓", "✗", "✗", "✗"],
        ["✓", "✓", "✓", "✗", "✗"],
        ["✓", "✓", "✓", "✓", "✗"],
        ["✓", "✓", "✓", "✓", "✓"],
    ]
    assert all("| < 0.001 |" in line for line in own[:-1])
    assert "| - |" in own[-1]


def test_switches_of_the_ablation_are_the_segmenters():
    from PointSegLib.model.config import SegmenterConfig

    full = SegmenterConfig()
    assert all(getattr(full, name) is True for name in SWITCHES)


@pytest.mark.parametrize(("p", "words"), [(float("nan"), "-"), (0.0004, "< 0.001"), (0.0421, "0.042")])
def test_p_values_are_printed_with_three_digits(p, words):
    assert p_words(p) == words
