"""Claims about the checkpoint that comes with PointSeg: what it weighs, where it is from, and what it can do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lib.hearts import heart_clip

from PointSegLib import CineClip, PointSegPredictor, read_clip
from PointSegLib.evaluation import TrackingCase, TrackSet, evaluate_segmentation, evaluate_tracking
from PointSegLib.inference import EMBEDDED
from PointSegLib.training.cases import HeldOutPatients

MYOCARDIUM = 2


@pytest.fixture(scope="module")
def predictor():
    return PointSegPredictor.from_pretrained(device="cpu")


def _heart(seed, frames=16, points=64, size=256):
    clip = heart_clip(size, frames, points, seed)
    return clip, CineClip((clip.frames * 255).round().to(torch.uint8).numpy())


def test_it_fits_into_sixteen_mebibytes():
    assert EMBEDDED.stat().st_size <= 16 * 2**20


def test_it_and_its_card_name_data_and_licence(predictor):
    card = EMBEDDED.with_suffix(".md").read_text(encoding="utf-8")
    assert "CAMUS" in predictor.provenance["segmenter"]["data"]
    assert "clips" in predictor.provenance["tracker"]["data"]
    for stage in ("stills", "tracker", "segmenter"):
        assert "CC BY-NC-SA 4.0" in predictor.provenance[stage]["licence"]
    assert "CAMUS" in card
    assert "CC BY-NC-SA 4.0" in card


def test_points_in_a_static_clip_stay_where_they_are(predictor):
    clip, cine = _heart(0, frames=1)
    still = CineClip(np.repeat(cine.frames, 20, axis=0))
    queries = clip.queries.numpy().copy()
    queries[:, 0] = np.arange(len(queries)) % 20
    moved = predictor.track(still, queries).xy - queries[:, None, 1:]
    assert np.median(np.linalg.norm(moved, axis=-1)) < 0.3
    assert np.percentile(np.linalg.norm(moved, axis=-1), 95) < 1.5


def test_tracks_follow_a_clip_that_is_shifted(predictor):
    clip, cine = _heart(1, frames=1)
    shifts = np.array([[round(6 * np.sin(t / 3)), round(4 * np.cos(t / 4)) - 4] for t in range(16)])
    frames = np.stack([np.roll(cine.frames[0], (dy, dx), (0, 1)) for dx, dy in shifts])
    queries = clip.queries.numpy().copy()
    queries[:, 0] = 0
    error = predictor.track(CineClip(frames), queries).xy - (queries[:, None, 1:] + shifts - shifts[0])
    assert np.median(np.linalg.norm(error, axis=-1)) < 1.0


def test_tracking_is_clearly_better_than_standing_still(predictor):
    cases = []
    for seed in range(4):
        clip, cine = _heart(seed)
        truth = TrackSet(clip.tracks.numpy(), clip.visible.numpy())
        cases.append(TrackingCase(str(seed), cine, truth, clip.query_frame.numpy()))
    rows = evaluate_tracking(predictor.track, cases, "strided")
    mean = {m: np.mean([r["mean_error_px"] for r in rows if r["method"] == m]) for m in ("model", "standing still")}
    assert mean["model"] < 0.6 * mean["standing still"]


def test_a_wall_is_found_in_every_frame_of_a_real_cine(predictor, echo_dicom):
    clip = read_clip(echo_dicom)
    result = predictor(clip)
    areas = (result.labels == MYOCARDIUM).sum((1, 2)) * np.prod(clip.spacing_mm) / 100
    # an apical view shows 15 to 45 square centimetres of left-ventricular wall
    assert areas.min() > 8
    assert areas.max() < 60
    assert np.abs(np.diff(areas)).max() < 0.25 * areas.mean()
    assert result.tracks.visible.mean() > 0.5


def test_real_walls_of_unseen_patients_are_found(predictor, camus_folder):
    cases = [case for case, _ in zip(HeldOutPatients(camus_folder).cases(), range(12), strict=False)]
    rows = evaluate_segmentation(predictor, cases).frames
    dice = [row["dice"] for row in rows if row["structure"] == "Myocardium"]
    assert np.mean(dice) > 0.75
