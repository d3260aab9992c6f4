"""Claims about trust: sound segments pass, each fault is found where it is, and the reasons name it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from lib.measurement.walls import beat_of, heart, noisy, product_tracks, scale_of

from PointSegLib.clip import CineClip
from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.cycle import Beat
from PointSegLib.measurement.geometry import find_wall
from PointSegLib.measurement.speckle import frame_to_frame_correlation, read_patches
from PointSegLib.measurement.trust import Evidence, judge_clip, judge_segments
from PointSegLib.measurement.wall_lines import contour_lines, follow_wall
from PointSegLib.simulation.clips import simulate
from PointSegLib.simulation.draw_imaging import draw_imaging

SEED = 1


@pytest.fixture(scope="module")
def filmed() -> tuple[Evidence, Beat]:
    """A well-filmed heart with its exact tracks."""
    scene = heart(SEED)
    generator = torch.Generator().manual_seed(SEED)
    film = simulate(scene, 0, draw_imaging(generator, quality="good"), generator)
    scale, tracks = scale_of(scene), product_tracks(scene)
    frames = (255.0 * film.frames.numpy()).astype(np.uint8)
    times = np.arange(len(scene)) * scene.frame_time_s
    clip = CineClip(frames, (scale.row, scale.column), times, calibration="the simulator")
    lines = follow_wall(find_wall(scene.labels[scene.ed].numpy(), scale, scene.ed), tracks)
    return Evidence(clip, tracks, lines), beat_of(scene)


def _segment_mask(evidence: Evidence, index: int, near_px: float) -> np.ndarray:
    """Bool `[H, W]`: pixels within `near_px` of one segment of the mid-wall line in any frame."""
    segment, share = evidence.lines.geometry.segments[index], evidence.lines.geometry.share
    places = evidence.lines.mid[:, (share >= segment.start) & (share <= segment.end)].reshape(-1, 2)
    height, width = evidence.clip.frames.shape[1:]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1)
    return np.array([np.linalg.norm(row[:, None] - places, axis=-1).min(1) < near_px for row in grid])


def test_a_well_filmed_heart_with_exact_tracks_is_trusted(filmed):
    evidence, beat = filmed
    verdicts = judge_segments(evidence, beat)
    assert [v.name for v in verdicts] == [s.name for s in evidence.lines.geometry.segments]
    assert all(v.trusted for v in verdicts), [v.reasons for v in verdicts]
    assert min(v.correlation for v in verdicts) > 0.6
    assert max(v.strain_error for v in verdicts) < 3.0
    assert {v.beyond_sector for v in verdicts} == {v.return_error for v in verdicts} == {None}


def test_points_that_wander_are_known_by_their_scatter(filmed):
    evidence, beat = filmed
    tracks = noisy(evidence.tracks, 5.0, seed=0, frames_alike=1.0)
    verdicts = judge_segments(
        replace(evidence, tracks=tracks, lines=follow_wall(evidence.lines.geometry, tracks)), beat
    )
    assert sum("disagree" in " ".join(v.reasons) for v in verdicts) >= 4


def test_lines_that_have_lost_their_tissue_are_known_by_its_speckle(filmed):
    evidence, beat = filmed
    frames = np.random.default_rng(0).integers(0, 255, evidence.clip.frames.shape).astype(np.uint8)
    verdicts = judge_segments(replace(evidence, clip=replace(evidence.clip, frames=frames)), beat)
    assert all("speckle" in v.reasons[0] for v in verdicts)


def test_a_shadow_is_found_where_it_falls(filmed):
    evidence, beat = filmed
    frames = np.where(_segment_mask(evidence, 4, 10.0), evidence.clip.frames // 12, evidence.clip.frames)
    verdicts = judge_segments(replace(evidence, clip=replace(evidence.clip, frames=frames)), beat)
    assert [index for index, v in enumerate(verdicts) if any("shadow" in r for r in v.reasons)] == [4]


def test_a_segment_beyond_the_fan_is_found(filmed):
    evidence, beat = filmed
    verdicts = judge_segments(replace(evidence, inside=~_segment_mask(evidence, 0, 12.0)), beat)
    assert "fan" in verdicts[0].reasons[0]
    assert all(v.beyond_sector < 0.5 * verdicts[0].beyond_sector for v in verdicts[2:])


def test_hidden_points_are_counted(filmed):
    evidence, beat = filmed
    visible = evidence.tracks.visible.copy()
    visible[:, beat.start + 1 :: 2] = False
    tracks = replace(evidence.tracks, visible=visible)
    verdicts = judge_segments(replace(evidence, tracks=tracks), beat)
    assert all("visible" in " ".join(v.reasons) for v in verdicts)


def test_points_that_do_not_come_back_are_named_with_how_far_they_miss(filmed):
    evidence, beat = filmed
    back = np.zeros(len(evidence.tracks))
    assert all(v.trusted for v in judge_segments(replace(evidence, return_error_px=back), beat))
    verdicts = judge_segments(replace(evidence, return_error_px=back + 30.0), beat)
    assert all("miss their start" in v.reasons[0] for v in verdicts)


def test_a_segment_without_points_is_not_trusted(filmed):
    evidence, beat = filmed
    alone = judge_segments(evidence, beat)
    gone = np.linalg.norm(evidence.tracks.xy[:, beat.start] - evidence.lines.geometry.endo[0], axis=1) < 45.0
    visible = evidence.tracks.visible & ~gone[:, None]
    tracks = replace(evidence.tracks, xy=np.where(gone[:, None, None], 0.0, evidence.tracks.xy), visible=visible)
    verdicts = judge_segments(replace(evidence, tracks=tracks), beat)
    assert verdicts[0].points == 0
    assert alone[0].points > 1
    assert verdicts[0].visible is None
    assert "0 tracked points" in verdicts[0].reasons[0]


def test_evidence_that_does_not_belong_together_is_refused(filmed):
    evidence, beat = filmed
    short = replace(evidence.clip, frames=evidence.clip.frames[:-1], times_s=None)
    with pytest.raises(MeasurementError, match="belong together"):
        judge_segments(replace(evidence, clip=short), beat)
    masks = contour_lines(heart(SEED).labels.numpy(), evidence.lines.geometry.scale, beat.start)
    with pytest.raises(MeasurementError, match="follow_wall"):
        judge_segments(replace(evidence, lines=masks), beat)


def test_correlation_is_one_for_speckle_that_moves_with_the_line_and_low_for_other_speckle():
    random = np.random.default_rng(0)
    picture = random.integers(0, 255, (64, 64)).astype(np.uint8)
    frames = np.stack([picture, np.roll(picture, (1, 2), (0, 1)), random.permutation(picture.ravel()).reshape(64, 64)])
    line = np.array([[20.0, 20.0], [40.0, 30.0]]) + np.array([[0, 0], [2, 1], [4, 2]])[:, None]
    found = frame_to_frame_correlation(read_patches(frames, line, np.array([10.0, 10.0])))
    np.testing.assert_allclose(found[0], 1.0, atol=1e-6)
    assert np.abs(found[1]).max() < 0.5


def test_a_uniform_patch_has_no_correlation():
    patches = np.full((2, 3, 9), 7.0, np.float32)
    np.testing.assert_array_equal(frame_to_frame_correlation(patches), 0.0)


@pytest.mark.parametrize(("rate", "doubted"), [(25.0, True), (60.0, False)])
def test_few_frames_per_second_are_said(rate, doubted):
    clip = CineClip(np.zeros((5, 40, 40), np.uint8), (0.3, 0.3), np.arange(5) / rate, calibration="DICOM")
    trust = judge_clip(clip)
    assert bool(trust.doubts) is doubted
    assert (trust.calibration, round(trust.frame_rate_hz)) == ("DICOM", rate)


def test_missing_times_and_calibration_are_said():
    doubts = " ".join(judge_clip(CineClip(np.zeros((5, 40, 40), np.uint8))).doubts)
    assert "frame rate is unknown" in doubts
    assert "size of a pixel" in doubts
