"""Claims about clips with motion truth as training sees them: points stay on their tissue whatever is done."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from PointSegLib.errors import ReadError
from PointSegLib.io import synus
from PointSegLib.io.synus import TrackedClip, write_synus_case, write_synus_info
from PointSegLib.simulation.augment import GeometryConfig, draw_placement, place, place_points
from PointSegLib.training import TrainingData
from PointSegLib.training.clips import ClipSet, refuse_held_out

SIZE = 64


def _write_dots(folder, size=(SIZE, SIZE), frames=6):
    """One bright dot a frame on dim tissue that moves right; the only point is on it."""
    video = np.full((frames, *size), 40, np.uint8)
    points = np.zeros((1, frames, 2), np.float32)
    for t in range(frames):
        x, y = 20 + 3 * t, 25
        video[t, y - 1 : y + 2, x - 1 : x + 2] = 255
        points[0, t] = x, y
    labels = (video > 200).astype(np.uint8) * 2
    clip = TrackedClip("dots", video, points, np.ones((1, frames), bool), labels, labels[0] > 0, "train")
    write_synus_case(folder, clip)
    write_synus_info(folder, [("dots", "train")])
    return ClipSet(folder, "train", SIZE)


def _centre(image):
    weight = (image - 0.6).clamp(min=0)
    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    return torch.stack([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


def test_points_move_with_the_image_they_lie_on():
    generator = torch.Generator().manual_seed(3)
    image = torch.zeros(SIZE, SIZE)
    image[20:23, 40:43] = 1
    xy = (torch.tensor([[41.0, 21.0]]) + 0.5) / SIZE
    for _ in range(20):
        placement = draw_placement(SIZE, SIZE, generator, GeometryConfig())
        placed, _ = place(image, torch.zeros(SIZE, SIZE, dtype=torch.uint8), placement)
        torch.testing.assert_close(_centre(placed), place_points(xy, placement)[0] * SIZE - 0.5, atol=0.6, rtol=0)


def test_a_drawn_window_agrees_with_its_points_and_labels(tmp_path):
    clips = _write_dots(tmp_path)
    for seed in range(10):
        window = clips.draw(3, torch.Generator().manual_seed(seed), GeometryConfig())
        assert window.images.shape == window.labels.shape == (3, SIZE, SIZE)
        for image, labels, place_, seen in zip(
            window.images, window.labels, window.xy[0], window.visible[0], strict=True
        ):
            if not seen:
                continue
            x, y = (place_ * SIZE - 0.5).round().long().clamp(1, SIZE - 2).tolist()
            around = image[y - 1 : y + 2, x - 1 : x + 2]
            assert float(around.mean()) > float(image.mean())
            assert int(labels[y - 1 : y + 2, x - 1 : x + 2].max()) == 2


def test_a_window_plays_forwards_and_backwards_and_with_strides(tmp_path):
    clips, steps = _write_dots(tmp_path), set()
    for seed in range(30):
        window = clips.draw(2, torch.Generator().manual_seed(seed), GeometryConfig().scaled(0))
        steps.add(round(float((window.xy[0, 1, 0] - window.xy[0, 0, 0]) * SIZE)))
    assert {-3, 3} < steps
    assert steps <= {-9, -6, -3, 3, 6, 9}


def test_the_same_generator_draws_the_same_window(tmp_path):
    clips = _write_dots(tmp_path)
    first, second = (clips.draw(4, torch.Generator().manual_seed(1), GeometryConfig()) for _ in range(2))
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.xy, second.xy)


def test_frames_of_another_size_are_cut_to_the_fan_and_their_points_follow(tmp_path):
    clips = _write_dots(tmp_path, size=(50, 100))
    window = clips.window("dots", np.arange(6))
    assert window.images.shape == (6, SIZE, SIZE)
    for image, xy in zip(window.images, window.xy[0], strict=True):
        torch.testing.assert_close(_centre(image), xy * SIZE - 0.5, atol=0.8, rtol=0)


def _write_blank(folder, cases, labels=True):
    """Clips without a picture: (name, split, source, number of frames) of each."""
    for name, split, source, count in cases:
        video = np.zeros((count, 8, 8), np.uint8)
        points, seen = np.ones((1, count, 2), np.float32), np.ones((1, count), bool)
        meta = {"source": source, "licence": f"of {split}"}
        write_synus_case(
            folder, TrackedClip(name, video, points, seen, video if labels else None, video[0], split, meta)
        )
    write_synus_info(folder, [(name, split) for name, split, _, _ in cases])
    return folder


@pytest.fixture
def camus(tmp_path):
    folder = tmp_path / "camus"
    folder.mkdir()
    (folder / "subgroup_validation.txt").write_text("patient0007\n")
    return folder


def test_a_set_tells_its_patients_licences_and_shortest_clip(tmp_path):
    cases = [("a", "train", "patient0001_4CH", 5), ("b", "train", "parametric seed 3", 4), ("c", "valid", "", 2)]
    clips = ClipSet(_write_blank(tmp_path, cases), "train", SIZE)
    assert (clips.patients, clips.licences, clips.shortest) == ({"patient0001"}, "of train", 4)


def test_the_table_is_read_once_and_a_case_once_a_draw(tmp_path, monkeypatch):
    clips = _write_dots(tmp_path)
    read = []
    inside = synus._read_case
    monkeypatch.setattr(synus, "_read_case", lambda folder, split: read.append(folder.name) or inside(folder, split))
    monkeypatch.setattr(synus, "read_synus_info", lambda folder: pytest.fail("the table is read again"))
    assert clips.shortest == 6
    assert read == []
    clips.draw(3, torch.Generator().manual_seed(0), GeometryConfig())
    assert read == ["dots"]


def test_clips_of_patients_held_out_are_not_learnt_from(tmp_path, camus):
    cases = [("a", "train", "patient0007_2CH", 2), ("b", "train", "patient0008_4CH", 2)]
    data = TrainingData(camus, clips=_write_blank(tmp_path / "clips", cases))
    with pytest.raises(ReadError, match=r"1 validation patients \(patient0007\)"):
        data.clip_sets(SIZE)
    (camus / "subgroup_validation.txt").write_text("patient0009\n")
    (camus / "subgroup_testing.txt").write_text("patient0008\n")
    with pytest.raises(ReadError, match="1 testing patients"):
        data.clip_sets(SIZE)


def test_clips_of_other_patients_or_without_lists_are_learnt_from(tmp_path, camus):
    cases = [("a", "train", "patient0001_4CH", 2), ("b", "valid", "patient0007_4CH", 2)]
    folder = _write_blank(tmp_path / "clips", cases)
    refuse_held_out(ClipSet(folder, "train", SIZE), camus)
    (camus / "subgroup_validation.txt").unlink()
    refuse_held_out(ClipSet(folder, "valid", SIZE), camus)
    refuse_held_out(ClipSet(folder, "valid", SIZE), None)


def test_damaged_held_out_clips_are_named_and_none_at_all_is_no_fault(tmp_path):
    folder = _write_blank(tmp_path, [("a", "train", "", 2), ("b", "valid", "", 2)])
    (folder / "b" / "points.npy").write_bytes(b"cut off")
    with pytest.warns(UserWarning, match=r"b: .*points\.npy"):
        assert TrainingData(None, clips=folder).clip_sets(SIZE)[1] is None
    write_synus_info(folder, [("a", "train")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert TrainingData(None, clips=folder).clip_sets(SIZE)[1] is None
