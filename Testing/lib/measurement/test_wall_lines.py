"""Claims about the lines that follow tracked points: exact for affine motion, near the truth, robust, honest."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from lib.measurement.walls import (
    as_tracks,
    cup,
    heart,
    material,
    moved_grid,
    noisy,
    product_tracks,
    scale_of,
    true_lines,
)

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.displacement import WallBasis
from PointSegLib.measurement.geometry import find_wall
from PointSegLib.measurement.scale import Scale
from PointSegLib.measurement.wall_lines import LAYERS, contour_lines, follow_wall

PIXELS = Scale()
MATRIX = np.array([[0.9, 0.12], [-0.05, 0.8]])


def _affine(xy: np.ndarray, frame: int) -> np.ndarray:
    """A stretch, shear and shift that grow from frame to frame."""
    part = frame / 5.0
    return xy @ (np.eye(2) + part * (MATRIX - np.eye(2))).T + part * np.array([8.0, -3.0])


def _largest_miss(lines, motion) -> float:
    wall = lines.geometry
    missed = [
        np.abs(lines.layer(name)[frame] - motion(getattr(wall, name), frame)).max()
        for name in LAYERS
        for frame in range(len(lines))
    ]
    return max(missed)


def test_affine_motion_is_recovered_exactly():
    lines = follow_wall(find_wall(cup(), PIXELS), moved_grid(_affine, 6))
    assert _largest_miss(lines, _affine) < 1e-3
    assert lines.known.all()
    assert lines.warnings == ()


def test_affine_motion_is_recovered_from_pixels_that_are_not_square():
    lines = follow_wall(find_wall(cup(), Scale(0.4, 0.9, "mm")), moved_grid(_affine, 6))
    assert _largest_miss(lines, _affine) < 1e-3


def test_one_lost_point_in_ten_does_not_move_the_lines():
    tracks = moved_grid(_affine, 6)
    random = np.random.default_rng(0)
    lost = random.choice(len(tracks), len(tracks) // 10, replace=False)
    tracks.xy[lost, 1:] += random.normal(0.0, 20.0, (len(lost), 5, 2)).astype(np.float32)
    assert _largest_miss(follow_wall(find_wall(cup(), PIXELS), tracks), _affine) < 1.0


def test_points_that_are_not_visible_do_not_count():
    tracks = moved_grid(_affine, 6)
    tracks.xy[::3, 2:4] += 40.0
    tracks.visible[::3, 2:4] = False
    assert _largest_miss(follow_wall(find_wall(cup(), PIXELS), tracks), _affine) < 1e-3


def test_points_away_from_the_wall_do_not_count():
    tracks, wall = moved_grid(_affine, 6), find_wall(cup(), PIXELS)
    basis = WallBasis(wall)
    far = basis.usefulness(basis.locate(tracks.xy[:, 0].astype(float))) == 0
    tracks.xy[far, 1:] += 30.0
    assert _largest_miss(follow_wall(wall, tracks), _affine) < 1e-3
    assert far.mean() > 0.6


def test_places_of_the_lines_themselves_are_known():
    wall = find_wall(cup(), PIXELS)
    basis = WallBasis(wall)
    for name, depth in (("endo", 0.0), ("mid", 0.5), ("epi", 1.0)):
        places = basis.locate(getattr(wall, name))
        np.testing.assert_allclose(places.share[4:-4], wall.share[4:-4], atol=0.02)
        np.testing.assert_allclose(places.depth[4:-4], depth, atol=0.08)


def test_the_lines_start_from_the_wall_in_its_own_frame_whichever_that_is():
    wall = replace(find_wall(cup(), PIXELS), frame=3)
    tracks = moved_grid(lambda xy, frame: _affine(xy, frame - 3), 6)
    np.testing.assert_allclose(follow_wall(wall, tracks).mid[3], wall.mid, atol=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 4, 5])
def test_exact_tracks_of_a_simulated_heart_carry_the_lines_with_its_material(seed):
    scene = heart(seed)
    wall = find_wall(scene.labels[scene.ed].numpy(), scale_of(scene), scene.ed)
    lines, truth = follow_wall(wall, product_tracks(scene)), true_lines(wall, scene)
    missed = np.linalg.norm(lines.mid - truth["mid"], axis=-1)
    moved = np.linalg.norm(truth["mid"] - truth["mid"][scene.ed], axis=-1)
    assert missed.mean() < 0.15
    assert missed.mean() < 0.08 * moved.max()


def test_stated_error_is_of_the_size_of_the_true_one():
    scene = heart(1)
    wall = find_wall(scene.labels[scene.ed].numpy(), scale_of(scene), scene.ed)
    truth, exact, ratios = true_lines(wall, scene)["mid"], product_tracks(scene), []
    later = np.arange(len(scene)) != scene.ed
    for seed in range(6):
        lines = follow_wall(wall, noisy(exact, 1.0, seed, frames_alike=0.5))
        missed = wall.scale.to_units(lines.mid - truth)[later]
        ratios.append(np.sqrt((missed**2).sum(-1).mean() / (lines.error[later] ** 2).mean()))
    assert 0.6 < np.mean(ratios) < 1.6


def test_frames_without_points_are_unknown_and_named():
    tracks = moved_grid(_affine, 6)
    tracks.visible[:, 4] = False
    lines = follow_wall(find_wall(cup(), PIXELS), tracks)
    assert lines.known.tolist() == [True] * 4 + [False, True]
    assert np.isnan(lines.mid[4]).all()
    assert "1 of 6 frames (4)" in lines.warnings[0]


def test_too_few_points_are_refused_with_the_remedy():
    xy = moved_grid(_affine, 3).xy[:5]
    with pytest.raises(MeasurementError, match="Put query points on the wall"):
        follow_wall(find_wall(cup(), PIXELS), as_tracks(xy))


def test_a_wall_from_a_frame_without_tracks_is_refused():
    with pytest.raises(MeasurementError, match="frame 9"):
        follow_wall(replace(find_wall(cup(), PIXELS), frame=9), moved_grid(_affine, 3))


def test_contours_of_a_turning_heart_turn_with_it():
    turns = np.array([0.0, 0.1, 0.2])
    lines = contour_lines(np.stack([cup(turn=t) for t in turns]), PIXELS)
    for line, turn in zip(lines.mid, turns, strict=True):
        turning = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        assert np.abs((lines.mid[0] - 99.5) @ turning + 99.5 - line).max() < 1.6


def test_contours_name_the_frames_without_a_wall():
    labels = np.stack([cup(), np.zeros((200, 200), np.uint8), cup()])
    lines = contour_lines(labels, PIXELS)
    assert lines.known.tolist() == [True, False, True]
    assert "(1)" in lines.warnings[0]
    with pytest.raises(MeasurementError, match="frame 1"):
        contour_lines(labels, PIXELS, frame=1)


def test_an_unknown_layer_is_refused():
    lines = contour_lines(cup()[None], PIXELS)
    with pytest.raises(MeasurementError, match="endo, mid, epi"):
        lines.layer("middle")


def test_a_clip_of_sixty_frames_takes_a_fraction_of_a_second():
    scene = heart(1, frames=60)
    scale, tracks, labels = scale_of(scene), product_tracks(scene), scene.labels.numpy()
    started = time.process_time()
    follow_wall(find_wall(labels[scene.ed], scale, scene.ed), tracks)
    contour_lines(labels, scale)
    assert time.process_time() - started < 0.6


def test_true_motion_of_the_test_hearts_starts_where_it_is_asked_for():
    scene = heart(0)
    places = np.array([[60.0, 50.0], [90.0, 80.0]])
    np.testing.assert_allclose(material(places, scene, 5)[5], places, atol=0.1)
