"""Claims about the predictor that hold for any weights: shapes, order, determinism, memory, cancelling, bad input."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from lib.networks import tiny_checkpoint

from PointSegLib import CineClip, PointSegPredictor
from PointSegLib.errors import ClipError, PointError
from PointSegLib.inference.clip_run import RollingEncoder
from PointSegLib.inference.device import only_float32

SIZE = (70, 90)


def _clip(frames=15, size=SIZE, seed=0):
    rng = np.random.default_rng(seed)
    return CineClip(rng.integers(20, 255, (frames, *size), dtype=np.uint8))


@pytest.fixture(scope="module")
def predictor():
    return PointSegPredictor(tiny_checkpoint(), device="cpu")


@pytest.mark.parametrize("frames", [1, 2, 6, 7, 15])
def test_every_frame_gets_labels_and_every_point_a_position(predictor, frames):
    result = predictor(_clip(frames))
    assert result.labels.shape == (frames, *SIZE)
    assert result.labels.dtype == np.uint8
    assert set(np.unique(result.labels)) <= {0, 1, 2, 3}
    tracks = result.tracks
    count = len(tracks)
    assert tracks.xy.shape == (count, frames, 2)
    assert (tracks.xy.dtype, tracks.confidence.dtype, tracks.visible.dtype) == (np.float32, np.float32, bool)
    assert tracks.visible.shape == tracks.confidence.shape == (count, frames)
    assert not tracks.is_prompt.any()
    assert np.isfinite(tracks.xy).all()


def test_the_users_points_come_first_and_stay_where_they_were_put(predictor):
    points = np.array([[14, 40.5, 30.25], [0, 10, 12], [7, 80, 60]])
    tracks = predictor(_clip(), points=points).tracks
    assert tracks.is_prompt.tolist() == [True] * 3 + [False] * (len(tracks) - 3)
    np.testing.assert_allclose(tracks.queries[:3], points, atol=1e-3)
    for row, (frame, x, y) in enumerate(points):
        np.testing.assert_allclose(tracks.xy[row, int(frame)], [x, y], atol=1e-3)


def test_a_point_on_the_last_frame_is_followed_back_to_the_first(predictor):
    moved = predictor(_clip(), points=[[14, 40, 30]]).tracks.xy[0]
    assert np.abs(np.diff(moved, axis=0)).max() > 0
    assert np.abs(moved - [40, 30]).max() < 60


def test_a_point_put_late_is_known_to_every_earlier_window(predictor, monkeypatch):
    seen = []

    def watch(features, cues, every_layer=False, inner=predictor.model.segmenter.forward):
        seen.append(cues)
        return inner(features, cues, every_layer)

    monkeypatch.setattr(predictor.model.segmenter, "forward", watch)
    predictor(_clip(), points=[[14, 40, 30]])
    assert len(seen) > 2
    counts = {cues.xy.shape[1] for cues in seen}
    assert len(counts) == 1
    for cues in seen:
        # before it is met, the prompt comes after the grid; a place never filled in would lie at the origin
        assert float(cues.xy.abs().sum(-1).min()) > 0
        assert float(cues.visibility.min()) > 0


def test_a_point_outside_the_fan_is_warned_of(predictor):
    frames = np.zeros((2, 100, 120), np.uint8)
    frames[:, 20:90, 30:90] = np.random.default_rng(0).integers(60, 255, (2, 70, 60))
    result = predictor(CineClip(frames), points=[[0, 60, 50], [0, 3, 3]])
    assert [w for w in result.warnings if "outside the ultrasound fan" in w] == [
        "Point 1 lies outside the ultrasound fan; its track means nothing."
    ]


def test_automatic_grid_does_not_depend_on_prompts_being_there(predictor):
    alone, guided = predictor(_clip()).tracks, predictor(_clip(), points=[[3, 40, 30]]).tracks
    np.testing.assert_allclose(alone.queries, guided.queries[1:])


def test_same_clip_gives_the_same_result_bit_for_bit(predictor):
    first, second = (predictor(_clip(), points=[[9, 30, 30]], probabilities=True) for _ in range(2))
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.probabilities, second.probabilities)
    np.testing.assert_array_equal(first.tracks.xy, second.tracks.xy)


def test_probabilities_come_on_request_only_and_agree_with_the_labels(predictor):
    assert predictor(_clip(3)).probabilities is None
    result = predictor(_clip(3), probabilities=True)
    assert result.probabilities.shape == (3, 3, *SIZE)
    assert result.probabilities.dtype == np.float16
    sure = result.probabilities.max(1) > 0.51
    winner = np.array(result.class_labels)[result.probabilities.argmax(1)]
    clear = np.sort(result.probabilities.astype(np.float32), 1)
    clear = (clear[:, -1] - clear[:, -2]) > 0.01
    np.testing.assert_array_equal(result.labels[sure & clear], winner[sure & clear])


def test_one_class_network_knows_wall_and_background():
    result = PointSegPredictor(tiny_checkpoint(class_labels=(2,)), device="cpu")(_clip(2), probabilities=True)
    assert result.class_labels == (2,)
    assert result.probabilities.shape[1] == 1
    assert set(np.unique(result.labels)) <= {0, 2}


def test_tracking_alone_gives_the_prompts_and_nothing_else(predictor):
    points = np.array([[0, 20, 20], [12, 40, 30]])
    tracks = predictor.track(_clip(), points)
    assert len(tracks) == 2
    assert tracks.is_prompt.all()
    np.testing.assert_allclose(tracks.xy, predictor(_clip(), points=points).tracks.xy[:2], atol=1e-4)


def test_progress_counts_up_to_all_frames(predictor):
    seen = []
    predictor(_clip(), progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 15)
    assert seen[-1] == (15, 15)
    assert [d for d, _ in seen] == sorted(d for d, _ in seen)


def test_an_exception_in_progress_cancels_the_run(predictor):
    class StopRunError(Exception):
        pass

    def stop(done, total):
        if done >= 5:
            raise StopRunError

    with pytest.raises(StopRunError):
        predictor(_clip(), progress=stop)


def test_memory_beside_the_result_does_not_grow_with_the_clip(predictor):
    def beside(frames):
        clip = CineClip(np.broadcast_to(_clip(1, (64, 64)).frames, (frames, 64, 64)))
        tracemalloc.start()
        result = predictor(clip)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak - result.labels.nbytes

    # NumPy's share; torch keeps one window of features and 12 bytes a point and frame
    assert beside(400) < beside(40) + 1_500_000


def test_two_thousand_frames_are_no_trouble(predictor):
    clip = CineClip(np.broadcast_to(_clip(1, (32, 32)).frames, (2000, 32, 32)))
    assert predictor(clip).labels.shape == (2000, 32, 32)


def test_large_frames_are_segmented_at_their_own_size(predictor):
    assert predictor(_clip(1, (2000, 3000))).labels.shape == (1, 2000, 3000)


def test_constant_clip_says_there_is_nothing_to_segment(predictor):
    with pytest.raises(ClipError, match="same value"):
        predictor(CineClip(np.full((3, 64, 64), 7, np.uint8)))


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[15, 3, 3]], "frame 15, but the clip has frames 0 to 14"),
        ([[-1, 3, 3]], "frame -1"),
        ([[1.5, 3, 3]], "frame 1.5"),
        ([[0, 3, 3], [0, 95, 3]], r"point 1 at \(95, 3\) lies outside the image of 90 x 70"),
        ([[0, np.nan, 3]], "point 0 holds a value that is not a finite number"),
        ([[3, 3]], r"shape \[M, 3\]"),
        ([3, 3, 3], r"shape \[M, 3\]"),
        ([["a", "b", "c"]], "must be numbers"),
    ],
)
def test_points_that_do_not_fit_are_named(predictor, points, message):
    with pytest.raises(PointError, match=message):
        predictor(_clip(), points=points)


def test_no_points_is_the_same_as_none(predictor):
    np.testing.assert_array_equal(predictor(_clip(2), points=[]).labels, predictor(_clip(2)).labels)


def test_a_hint_reaches_the_masks_of_every_frame(monkeypatch):
    predictor, seen = PointSegPredictor(tiny_checkpoint(), device="cpu"), []

    def watch(features, cues, every_layer=False, inner=predictor.model.segmenter.forward):
        seen.append(cues.hint)
        return inner(features, cues, every_layer)

    monkeypatch.setattr(predictor.model.segmenter, "forward", watch)
    predictor(_clip(), points=[[2, 40, 30], [14, 20, 20]], hints=["outside", None])
    assert len(seen) > 2
    assert all(sorted(hint.flatten().tolist())[-2:] == [0, 3] for hint in seen)


def test_a_hint_on_a_still_reaches_its_mask():
    predictor = PointSegPredictor(tiny_checkpoint(), device="cpu")
    with torch.no_grad():
        predictor.model.segmenter.hint_embedding.weight.normal_()
    plain, said = (
        predictor(_clip(1), points=[[0, 40, 30]], hints=hints, probabilities=True).probabilities
        for hints in (None, ["wall"])
    )
    assert np.abs(plain.astype(np.float32) - said.astype(np.float32)).max() > 1e-3


@pytest.mark.parametrize(("hints", "text"), [(["wall"], "1 hints were given for 2"), (["wall", "bone"], "'bone'")])
def test_hints_that_do_not_fit_are_refused(predictor, hints, text):
    with pytest.raises(PointError, match=text):
        predictor(_clip(3), points=[[0, 20, 20], [0, 30, 30]], hints=hints)


def test_points_of_a_still_stay_where_they_were_put(predictor):
    tracks = predictor(_clip(1), points=[[0, 40.5, 30.25]]).tracks
    np.testing.assert_allclose(tracks.xy[:, 0], tracks.queries[:, 1:], atol=1e-3)
    assert tracks.visible.all()


@pytest.mark.parametrize("part", ["tracker", "segmenter"])
def test_every_frame_is_encoded_once_though_windows_share_frames(predictor, monkeypatch, part):
    # short arithmetic rounds differently for another number of frames
    with only_float32():
        whole = predictor(_clip())
    counts = []
    encoder = predictor.model.get_submodule(part).encoder
    monkeypatch.setattr(encoder, "forward", lambda x, inner=encoder.forward: counts.append(len(x)) or inner(x))
    predictor(_clip())
    assert sum(counts) == 15
    # as if nothing were known: the same result
    monkeypatch.setattr(RollingEncoder, "window", lambda self, index, images: self.encode(images))
    with only_float32():
        again = predictor(_clip())
    np.testing.assert_allclose(again.tracks.xy, whole.tracks.xy, atol=1e-2)
    assert (again.labels == whole.labels).mean() > 0.999


def test_the_spots_of_a_hint_change_the_masks_of_every_frame(predictor):
    predictor = PointSegPredictor(tiny_checkpoint(), device="cpu")
    with torch.no_grad():
        predictor.model.segmenter.decoder.hints.weight.fill_(1.0)
    points = [[2, 40, 30]]
    plain, said = (
        predictor(_clip(), points=points, hints=hints, probabilities=True).probabilities.astype(np.float32)
        for hints in (None, ["wall"])
    )
    assert (np.abs(plain - said).max((1, 2, 3)) > 1e-3).all()


def test_a_point_is_seen_where_it_was_put(predictor):
    tracks = predictor(_clip(), points=[[2, 40, 30], [14, 20, 20]]).tracks
    assert tracks.confidence[[0, 1], [2, 14]].tolist() == [1.0, 1.0]
