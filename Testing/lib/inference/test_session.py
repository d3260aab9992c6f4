"""Claims about a clip kept open: the first answer is the predictor's, clicks are cheap, all steps can be undone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lib.networks import tiny_checkpoint

from PointSegLib import CineClip, PointSegPredictor
from PointSegLib.errors import EditError, PointError
from PointSegLib.inference import feature_store

FRAMES, SIZE = 15, (70, 90)
CLICKS = [[9, 30, 30], [2, 40, 40], [14, 60, 20]]
HINTS = ["wall", "cavity", "outside"]


@pytest.fixture(scope="module")
def clip():
    return CineClip(np.random.default_rng(0).integers(20, 255, (FRAMES, *SIZE), dtype=np.uint8))


@pytest.fixture
def predictor():
    checkpoint = tiny_checkpoint()
    decoder = checkpoint.model.segmenter.decoder
    # masks that are neither empty nor full, and hints, which start at zero, that say something
    with torch.no_grad():
        decoder.bias.weight.zero_()
        decoder.bias.bias.zero_()
        decoder.hints.weight.normal_(0, 1)
    return PointSegPredictor(checkpoint, device="cpu")


@pytest.fixture
def session(predictor, clip):
    return predictor.open(clip)


def test_first_answer_is_the_predictors_bit_for_bit(predictor, session, clip):
    alone, kept = predictor(clip), session.segment()
    np.testing.assert_array_equal(kept.labels, alone.labels)
    np.testing.assert_array_equal(kept.tracks.xy, alone.tracks.xy)
    np.testing.assert_array_equal(kept.tracks.confidence, alone.tracks.confidence)
    assert kept.warnings == alone.warnings


def test_frames_come_in_order_and_are_final(session):
    seen = {}
    result = session.segment(on_frame=lambda frame, labels: seen.setdefault(frame, labels.copy()))
    assert list(seen) == list(range(FRAMES))
    np.testing.assert_array_equal(np.stack(list(seen.values())), result.labels)


def test_clicks_are_answered_as_the_predictor_would(predictor, session, clip):
    asked = predictor(clip, CLICKS, hints=HINTS)
    answered = session.correct(CLICKS, HINTS)
    assert (answered.labels == asked.labels).mean() > 0.98
    assert (answered.labels != session.correct(None).labels).any()
    assert answered.tracks.is_prompt.tolist() == asked.tracks.is_prompt.tolist()
    np.testing.assert_allclose(answered.tracks.queries, asked.tracks.queries, atol=1e-3)
    for row, (frame, x, y) in enumerate(CLICKS):
        np.testing.assert_allclose(answered.tracks.xy[row, frame], [x, y], atol=1e-3)


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_short_clips_can_be_clicked_too(predictor, clip, frames):
    short = CineClip(clip.frames[:frames])
    points = [[frames - 1, 30, 30]]
    asked, answered = predictor(short, points, hints=["wall"]), predictor.open(short).correct(points, ["wall"])
    assert (answered.labels == asked.labels).mean() > 0.98


def test_a_click_encodes_no_frame_and_follows_no_old_click(predictor, session, monkeypatch):
    session.segment()
    session.correct(CLICKS[:1], HINTS[:1])
    tracked, encoded = [], []
    model = predictor.model
    for part in (model.tracker.encoder, model.segmenter.encoder):
        monkeypatch.setattr(part, "forward", lambda images: encoded.append(len(images)))
    inner = model.tracker.forward
    monkeypatch.setattr(model.tracker, "forward", lambda *args: tracked.append(1) or inner(*args))
    session.correct(CLICKS[:2], HINTS[:2])
    assert not encoded
    steps = len(tracked)
    assert steps > 0
    session.correct(CLICKS[:1], HINTS[:1])
    session.correct(CLICKS[:2], HINTS[:2])
    assert len(tracked) == steps


def test_undo_gives_back_what_was_there_before_each_click(session):
    before = [session.correct(CLICKS[:count], HINTS[:count]).labels for count in range(4)]
    for count in (2, 1, 0):
        np.testing.assert_array_equal(session.correct(CLICKS[:count], HINTS[:count]).labels, before[count])
    np.testing.assert_array_equal(session.segment().labels, before[0])


def test_a_click_that_does_not_fit_changes_nothing(session):
    before = session.correct(CLICKS[:1], HINTS[:1])
    with pytest.raises(PointError, match="frame 15"):
        session.correct([[15, 3, 3]], ["wall"])
    np.testing.assert_array_equal(session.propagate(0, None).labels, before.labels)


def test_a_cancelled_click_leaves_the_clip_as_it_was(session):
    before = session.correct(CLICKS[:1], HINTS[:1])

    class StopRunError(Exception):
        pass

    def stop(done, total):
        if done > 3:
            raise StopRunError

    with pytest.raises(StopRunError):
        session.correct(CLICKS, HINTS, progress=stop)
    np.testing.assert_array_equal(session.propagate(0, None).labels, before.labels)


def test_points_are_tracked_near_where_the_predictor_tracks_them(predictor, session, clip):
    points = np.array([[0, 20, 20], [12, 40, 30], [5, 60, 40]])
    tracks = session.track(points)
    assert tracks.xy.shape == (3, FRAMES, 2)
    assert tracks.is_prompt.all()
    for row, (frame, x, y) in enumerate(points):
        np.testing.assert_allclose(tracks.xy[row, frame], [x, y], atol=1e-3)
    assert np.abs(tracks.xy - predictor.track(clip, points).xy).max() < 10


def test_points_are_followed_closely_from_where_they_are_put(session):
    points = np.array([[4, 20, 20], [4, 40, 30], [4, 60, 40], [4, 30, 55]])
    tracks = session.track(points, closely=True)
    assert tracks.xy.shape == (4, FRAMES, 2)
    np.testing.assert_allclose(tracks.xy[:, 4], points[:, 1:], atol=1e-2)
    assert np.abs(tracks.xy - session.track(points).xy).max() > 0.1


def test_points_of_several_frames_cannot_be_followed_closely(session):
    with pytest.raises(PointError, match="2 points of 2 frames"):
        session.track(np.array([[0, 20, 20], [4, 40, 30]]), closely=True)


def test_features_of_a_long_clip_go_to_a_file_and_say_the_same(predictor, clip, session):
    spilled = predictor.open(clip, memory_limit=1000)
    assert spilled.bytes_per_frame == 0
    for step in range(4):
        expected, found = (s.correct(CLICKS[:step], HINTS[:step]) for s in (session, spilled))
        np.testing.assert_array_equal(found.labels, expected.labels)
    assert spilled.bytes_per_frame == session.bytes_per_frame > 0


def test_without_room_on_the_disk_features_are_computed_again(predictor, clip, session, monkeypatch):
    monkeypatch.setattr(feature_store, "DISK_RESERVE", 2**70)
    poor = predictor.open(clip, memory_limit=0)
    np.testing.assert_array_equal(poor.segment().labels, predictor(clip).labels)
    expected, found = (s.correct(CLICKS, HINTS).labels for s in (session, poor))
    assert (found == expected).mean() > 0.98


def _drawn(session):
    labels = session.segment().labels[5].copy()
    labels[20:40, 20:50] = np.where(labels[20:40, 20:50] == 2, 1, 2)
    return labels


def test_an_edited_frame_is_kept_to_the_pixel_and_fades_out(session):
    labels = _drawn(session)
    before = session.correct(None).labels
    after = session.propagate(5, labels, 4).labels
    np.testing.assert_array_equal(after[5], labels)
    changed = (after != before).mean((1, 2))
    assert changed[4] > changed[2] > 0
    assert changed[6] > changed[8] > 0
    np.testing.assert_array_equal(changed[:2], 0)
    np.testing.assert_array_equal(changed[9:], 0)


def test_edits_outlast_later_clicks_and_can_be_taken_back(session):
    labels = _drawn(session)
    session.propagate(5, labels, 4)
    clicked = session.correct(CLICKS, HINTS)
    np.testing.assert_array_equal(clicked.labels[5], labels)
    taken_back = session.propagate(5, None)
    np.testing.assert_array_equal(taken_back.labels, session.correct(CLICKS, HINTS).labels)


def test_a_kept_frame_outlasts_clicks_and_changes_no_other(session):
    drawn = _drawn(session)
    expected = session.correct(CLICKS, HINTS).labels
    session.keep([session.checked_edit(5, drawn, 1)])
    expected[5] = drawn
    np.testing.assert_array_equal(session.correct(CLICKS, HINTS).labels, expected)
    session.keep([session.checked_edit(5, expected[4], 1)])
    np.testing.assert_array_equal(session.correct(CLICKS, HINTS).labels[5], expected[4])


def test_a_session_taken_up_again_says_the_same(predictor, session, clip):
    session.correct(CLICKS, HINTS)
    expected = session.propagate(5, _relabelled(session), 4)
    other = predictor.open(clip)
    other.resume(session.clicks, session.edits)
    np.testing.assert_array_equal(other.correct(CLICKS, HINTS).labels, expected.labels)


def _relabelled(session):
    labels = session.propagate(0, None).labels[5].copy()
    labels[20:40, 20:50] = 2
    return labels


@pytest.mark.parametrize(
    ("frame", "labels", "falloff", "text"),
    [
        (15, np.zeros(SIZE), 3, "frame 15 was edited, but the clip has frames 0 to 14"),
        (0, np.zeros((3, 3)), 3, "70 x 90 pixels"),
        (0, np.full(SIZE, 7), 3, "holds the label 7"),
        (0, np.zeros(SIZE), 0.5, "1 or more"),
    ],
)
def test_edits_that_do_not_fit_are_refused(session, frame, labels, falloff, text):
    with pytest.raises(EditError, match=text):
        session.propagate(frame, labels, falloff)


def test_exhausted_gpu_memory_makes_windows_smaller_and_says_so(predictor, session, clip, monkeypatch):
    encoder = predictor.model.segmenter.encoder
    inner = encoder.forward

    def scarce(images):
        if len(images) > 3:
            raise torch.cuda.OutOfMemoryError
        return inner(images)

    monkeypatch.setattr("PointSegLib.inference.room.SMALLEST_WINDOW", 3)
    monkeypatch.setattr(encoder, "forward", scarce)
    seen = []
    result = session.segment(on_frame=lambda frame, _: seen.append(frame))
    assert seen[-FRAMES:] == list(range(FRAMES))
    assert "windows of 3 frames in place of 6" in " ".join(result.warnings)
    assert session.correct(CLICKS, HINTS).warnings == result.warnings
    assert predictor(clip).warnings == result.warnings


def test_where_nothing_else_helps_the_cpu_does_it_and_says_so(session, monkeypatch, predictor):
    calls = []
    inner = type(predictor.model.tracker).forward

    def scarce(self, *args):
        calls.append(self)
        if self is predictor.model.tracker:
            raise torch.cuda.OutOfMemoryError
        return inner(self, *args)

    monkeypatch.setattr(type(predictor.model.tracker), "forward", scarce)
    result = session.segment()
    assert "by the CPU" in " ".join(result.warnings)
    assert calls[-1] is not predictor.model.tracker


def test_memory_that_is_never_enough_is_an_error(session, monkeypatch, predictor):
    def scarce(*_):
        raise torch.cuda.OutOfMemoryError

    monkeypatch.setattr(type(predictor.model.tracker), "forward", scarce)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        session.segment()
