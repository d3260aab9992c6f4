"""Claims about displacement and speed of tracked points, and about the strain of a tracked line."""

from __future__ import annotations

import numpy as np
import pytest

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement import path_values
from PointSegLib.measurement.scale import Scale
from PointSegLib.result import PointTracks

MM = Scale(0.5, 0.25, "mm")
TIMES = 0.02 * np.arange(12)


def tracks_of(xy: np.ndarray, frame: int = 0, hidden: tuple[tuple[int, int], ...] = ()) -> PointTracks:
    """Points put in a frame where they are, some of them hidden as (point, frame)."""
    visible = np.ones(xy.shape[:2], bool)
    for place in hidden:
        visible[place] = False
    queries = np.concatenate([np.full((len(xy), 1), frame), xy[:, frame]], axis=1)
    return PointTracks(xy, visible, visible.astype(np.float32), np.ones(len(xy), bool), queries)


def drifting(velocity: tuple[float, float], points: int = 2) -> np.ndarray:
    """Pixels `[N, 12, 2]` of points that drift by so many pixels a frame."""
    start = np.stack([10.0 * np.arange(points), np.full(points, 30.0)], axis=1)
    return start[:, None] + np.arange(12)[:, None] * np.array(velocity)


def test_displacement_is_counted_from_the_frame_a_point_was_put_on_with_oblong_pixels():
    found = path_values(tracks_of(drifting((3.0, 8.0)), frame=4), MM, "displacement")
    step = np.hypot(3.0 * 0.5, 8.0 * 0.25)
    np.testing.assert_allclose(found.values, np.tile(step * np.abs(np.arange(12) - 4), (2, 1)), atol=1e-9)
    assert found.unit == "mm"


def test_steady_drift_has_its_speed_per_second_and_without_times_per_frame():
    tracks = tracks_of(drifting((3.0, 8.0)))
    assert path_values(tracks, MM, "speed", TIMES).values == pytest.approx(np.full((2, 12), 2.5 / 0.02))
    per_frame = path_values(tracks, Scale(), "speed")
    assert per_frame.values == pytest.approx(np.full((2, 12), np.hypot(3, 8)))
    assert (path_values(tracks, MM, "speed", TIMES).unit, per_frame.unit) == ("mm/s", "px/frame")


def test_a_hidden_point_has_no_value_where_it_is_hidden():
    tracks = tracks_of(drifting((1.0, 0.0), points=4), hidden=((0, 5),))
    for quantity in ("displacement", "speed", "strain"):
        values = path_values(tracks, MM, quantity, TIMES).values
        assert np.argwhere(np.isnan(values)).tolist() == [[0, 5]], quantity


def test_a_point_between_hidden_neighbours_has_no_strain():
    tracks = tracks_of(drifting((1.0, 0.0), points=4), hidden=((1, 5),))
    assert np.argwhere(np.isnan(path_values(tracks, MM, "strain").values)).tolist() == [[0, 5], [1, 5]]


def test_a_line_that_only_moves_and_turns_has_no_strain():
    angle = np.linspace(0.0, 1.0, 12)
    along = np.array([0.0, 4.0, 9.0])[:, None]
    xy = np.stack([5 + along * np.cos(angle) / 0.5, 9 + along * np.sin(angle) / 0.25], axis=-1) + angle[:, None]
    assert path_values(tracks_of(xy), MM, "strain").values == pytest.approx(np.zeros((3, 12)), abs=1e-9)


def test_strain_is_that_of_the_pieces_that_meet_in_a_point_weighed_by_their_length():
    xy = np.zeros((3, 2, 2))
    xy[:, 0, 0] = (0.0, 10.0, 40.0)
    xy[:, 1, 0] = (0.0, 8.0, 32.0)  # both pieces shorten by a fifth
    assert path_values(tracks_of(xy), Scale(), "strain").values[:, 1] == pytest.approx([-20.0] * 3)
    xy[2, 1, 0] = 38.0  # the second piece keeps its length
    assert path_values(tracks_of(xy), Scale(), "strain").values[:, 1] == pytest.approx([-20.0, -5.0, 0.0])


def test_points_that_are_no_line_have_no_strain():
    lone = tracks_of(drifting((1.0, 0.0), points=1))
    with pytest.raises(MeasurementError, match="track a curve"):
        path_values(lone, MM, "strain")
    twice = tracks_of(np.zeros((2, 3, 2)))
    with pytest.raises(MeasurementError, match="points 1 and the next of the line are one"):
        path_values(twice, MM, "strain")


def test_another_quantity_is_refused_by_name():
    with pytest.raises(MeasurementError, match="'torsion' is no quantity of a path; choose one of displacement, speed"):
        path_values(tracks_of(drifting((1.0, 0.0))), MM, "torsion")
