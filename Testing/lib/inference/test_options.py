"""Claims about what can be chosen for a segmentation: one meaning on every way to it, and the device is told."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from lib.networks import tiny_checkpoint

from PointSegLib import CineClip, PointSegPredictor, SegmentOptions
from PointSegLib.errors import OptionError
from PointSegLib.inference.messages import Keep, Memory, Open, Propagate
from PointSegLib.inference.room import Room, rooms

FRAMES, SIZE = 15, (70, 90)


@pytest.fixture(scope="module")
def clip():
    return CineClip(np.random.default_rng(0).integers(20, 255, (FRAMES, *SIZE), dtype=np.uint8))


@pytest.fixture(scope="module")
def predictor():
    checkpoint = tiny_checkpoint()
    segmenter = checkpoint.model.segmenter
    # masks that are neither empty nor full, and that come and go
    with torch.no_grad():
        segmenter.decoder.bias.weight.zero_()
        segmenter.decoder.bias.bias.zero_()

    def restless(features, cues, inner=segmenter.forward):
        flicker = torch.randn(cues.xy.shape[2], 1, 1, 1, generator=torch.Generator().manual_seed(0))
        return [layer + flicker for layer in inner(features, cues)]

    segmenter.forward = restless
    return PointSegPredictor(checkpoint, device="cpu")


def _unrest(labels):
    return (labels[1:] != labels[:-1]).mean()


def test_smoothing_calms_the_masks_and_moves_no_point(predictor, clip):
    plain, calm = predictor(clip), predictor(clip, options=SegmentOptions(smoothing_frames=1.5))
    assert 0 < _unrest(calm.labels) < 0.8 * _unrest(plain.labels)
    np.testing.assert_array_equal(calm.tracks.xy, plain.tracks.xy)


def test_probabilities_are_those_of_the_smoothed_masks(predictor, clip):
    options = SegmentOptions(smoothing_frames=1.5)
    result = predictor(clip, probabilities=True, options=options)
    sure = np.abs(result.probabilities - 0.5).min(1) > 0.01
    np.testing.assert_array_equal((result.probabilities > 0.5).any(1)[sure], (result.labels > 0)[sure])


def test_a_denser_grid_has_more_points_and_is_not_what_was_trained(predictor, clip):
    counts = [len(predictor(clip, options=SegmentOptions(size)).tracks) for size in (None, 4, 8)]
    assert counts[0] == counts[1]
    assert counts[2] > 3 * counts[1]


@pytest.mark.parametrize("frames", [1, 2, FRAMES])
def test_an_open_clip_is_segmented_as_the_predictor_does(predictor, clip, frames):
    clip, options = CineClip(clip.frames[:frames]), SegmentOptions(6, 1.0)
    seen = []
    kept = predictor.open(clip, options).segment(on_frame=lambda frame, labels: seen.append(labels.copy()))
    alone = predictor(clip, options=options)
    np.testing.assert_array_equal(kept.labels, alone.labels)
    np.testing.assert_array_equal(np.stack(seen), alone.labels)
    np.testing.assert_array_equal(kept.tracks.xy, alone.tracks.xy)


def test_clicks_are_answered_with_the_same_smoothing(predictor, clip):
    calm = predictor.open(clip, SegmentOptions(smoothing_frames=1.5))
    clicks, hints = [[9, 30, 30]], ["wall"]
    plain, smooth = predictor.open(clip).correct(clicks, hints), calm.correct(clicks, hints)
    assert _unrest(smooth.labels) < 0.8 * _unrest(plain.labels)
    np.testing.assert_array_equal(calm.correct(None).labels, calm.segment().labels)


def test_whoever_replaces_a_worker_is_told_options_and_kept_frames(clip):
    memory, options = Memory(), SegmentOptions(6, 1.0)
    memory.note(Open(clip, options))
    edits = tuple(Propagate(frame, clip.frames[frame]) for frame in (3, 5))
    memory.note(Keep(edits))
    memory.note(Propagate(5, None))
    told = memory.reopening()
    assert (told.clip, told.options, told.edits) == (clip, options, edits[:1])


@pytest.mark.parametrize(
    ("values", "said"),
    [((1,), "1 x 1 points"), ((65,), "from 2 to 64"), ((None, -1.0), "over -1.0 frames"), ((None, 11.0), "to 10")],
)
def test_numbers_out_of_range_are_refused(values, said):
    with pytest.raises(OptionError, match=re.escape(said)):
        SegmentOptions(*values)


def test_the_result_tells_where_it_was_computed(predictor, clip):
    assert predictor(clip).computed_on == "CPU"
    assert predictor.open(clip).segment().computed_on == "CPU"


def test_a_room_with_smaller_windows_says_so(predictor, monkeypatch):
    monkeypatch.setattr("PointSegLib.inference.room.SMALLEST_WINDOW", 3)
    found = list(rooms(predictor.model))
    assert [type(room) for room in found] == [Room] * 3
    assert [room.in_words for room in found] == ["CPU", "CPU, in windows of 3 frames", "CPU"]
