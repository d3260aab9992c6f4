"""Points on the wall make strain where the grid cannot, and coming back to their start is evidence for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lib.measurement.beating import CENTRE, GLS, SIDE, beating, followed
from lib.measurement.walls import as_tracks

from PointSegLib.clip import CineClip
from PointSegLib.errors import MeasurementError
from PointSegLib.measurement import beats_from_frames, follow_wall_points, measure
from PointSegLib.measurement.wall_points import DEPTHS, PER_ROW
from PointSegLib.result import MYOCARDIUM, PointSegResult, PointTracks

RESULT, CLIP = beating()
NOBODY = as_tracks(np.full((1, len(CLIP), 2), 3.0))
ALL = len(DEPTHS) * PER_ROW


class Tracker:
    """Follows points exactly, those on the right of the image with an error that grows from where they were put."""

    def __init__(self, drift_px: float = 0.0) -> None:
        self.drift_px, self.asked = drift_px, []

    def __call__(self, rows: np.ndarray) -> PointTracks:
        self.asked.append(rows)
        found = followed(rows)
        away = np.abs(np.arange(len(CLIP)) - rows[:, :1]) / 20.0 * (rows[:, 1:2] > CENTRE[0])
        xy = found.xy + self.drift_px * away[..., None] * np.array([0.0, 1.0])
        return replace(found, xy=xy.astype(np.float32))


def test_points_lie_in_the_wall_of_end_diastole_and_behind_those_there_were():
    tracker = Tracker()
    wall = follow_wall_points(RESULT, CLIP, tracker)
    tracks = wall.result.tracks
    assert len(tracks) == len(wall.return_error_px) == len(RESULT.tracks) + ALL
    assert np.array_equal(tracks.xy[: len(RESULT.tracks)], RESULT.tracks.xy)
    assert not tracks.is_prompt.any()
    frame, x, y = tracker.asked[0].T
    assert (frame == 21).all()
    assert (RESULT.labels[21, np.rint(y).astype(int), np.rint(x).astype(int)] == MYOCARDIUM).mean() > 0.97
    assert wall.result.labels is RESULT.labels


def test_points_start_with_the_beat_the_user_names():
    tracker = Tracker()
    follow_wall_points(RESULT, CLIP, tracker, beats_from_frames([3, 23], [11], len(CLIP)))
    assert [set(rows[:, 0]) for rows in tracker.asked] == [{3.0}, {23.0}]


def test_strain_is_measured_where_the_grid_left_the_wall_empty():
    bare = PointSegResult(RESULT.labels, NOBODY)
    assert measure(bare, CLIP).best.wall is None
    wall = follow_wall_points(bare, CLIP, Tracker())
    best = measure(wall.result, CLIP, "A4C", return_error_px=wall.return_error_px).best
    assert best.wall.gls == pytest.approx(GLS, abs=0.3)
    assert all(verdict.trusted for verdict in best.wall.trust)


def test_tissue_that_comes_back_is_told_from_tissue_that_does_not():
    wall = follow_wall_points(RESULT, CLIP, Tracker(drift_px=6.0))
    assert np.isnan(wall.return_error_px[: len(RESULT.tracks)]).all()
    trust = measure(wall.result, CLIP, "A4C", return_error_px=wall.return_error_px).best.wall.trust
    errors = [verdict.return_error for verdict in trust]
    assert max(errors[:3]) < 0.02 < 0.5 < min(errors[3:])
    doubted = [any("Tracked back" in reason for reason in verdict.reasons) for verdict in trust]
    assert doubted == [False] * 3 + [True] * 3


def test_points_not_seen_at_the_end_of_the_beat_are_not_followed_back():
    def blind(rows: np.ndarray) -> PointTracks:
        found = followed(rows)
        return replace(found, visible=found.visible & (rows[:, 1:2] < CENTRE[0]))

    wall = follow_wall_points(RESULT, CLIP, blind)
    known = np.isfinite(wall.return_error_px[len(RESULT.tracks) :])
    assert 0.4 < known.mean() < 0.6


def test_no_point_is_put_outside_the_fan():
    y, x = np.mgrid[:SIDE, :SIDE]
    inside = (x > SIDE / 2) & (x < SIDE - 4) & (y > 4) & (y < SIDE - 4)
    clip = CineClip(np.where(inside, CLIP.frames, 0).astype(np.uint8), CLIP.spacing_mm, CLIP.times_s)
    tracker = Tracker()
    follow_wall_points(RESULT, clip, tracker)
    assert tracker.asked[0][:, 1].min() > SIDE / 2 - 2


@pytest.mark.parametrize(
    "labels", [np.zeros_like(RESULT.labels), RESULT.labels[[0] * len(CLIP)]], ids=["bare", "still"]
)
def test_without_a_wall_or_a_beat_nothing_is_asked_and_nothing_changed(labels):
    tracker, result = Tracker(), replace(RESULT, labels=labels)
    wall = follow_wall_points(result, CLIP, tracker)
    assert wall.result is result
    assert np.isnan(wall.return_error_px).all()
    assert tracker.asked == []


def test_errors_of_other_tracks_are_refused():
    with pytest.raises(MeasurementError, match="forward-backward errors do not fit"):
        measure(RESULT, CLIP, return_error_px=np.zeros(3))
