"""Claims about augmentation: images and labels stay together, black stays black, nothing is changed in place."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from lib.hearts import heart_frame

from PointSegLib.simulation.augment import AppearanceConfig, GeometryConfig, augment_appearance, augment_geometry

IDENTITY = GeometryConfig(0.0, (1.0, 1.0), (1.0, 1.0), 0.0, 0.0)
QUIET = AppearanceConfig((1.0, 1.0), (1.0, 1.0), (1.0, 1.0), 0.0, (0.0, 0.0), (0.0, 0.0), 0.0, 0.0, (0.0, 0.0))


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _length(labels):
    """Spread of the cavity along its longest axis."""
    places = torch.nonzero(labels == 1).float()
    return float(torch.linalg.eigvalsh(torch.cov(places.T))[-1].sqrt())


def test_no_ranges_mean_no_change():
    image, labels = heart_frame(128, 0)
    moved, moved_labels = augment_geometry(image, labels, _generator(), IDENTITY)
    assert torch.allclose(moved, image, atol=1e-4)
    assert torch.equal(moved_labels, labels)
    assert torch.allclose(augment_appearance(image, _generator(), QUIET), image, atol=1e-5)


def test_mirror_alone_flips_left_and_right():
    image, labels = heart_frame(128, 0)
    config = GeometryConfig(0.0, (1.0, 1.0), (1.0, 1.0), 0.0, 1.0)
    moved, moved_labels = augment_geometry(image, labels, _generator(), config)
    assert torch.allclose(moved, image.flip(-1), atol=1e-4)
    assert torch.equal(moved_labels, labels.flip(-1))


@pytest.mark.parametrize("seed", range(5))
def test_image_and_labels_move_together(seed):
    labels = heart_frame(128, seed)[1]
    cavity = (labels == 1).float()
    moved, moved_labels = augment_geometry(cavity, labels, _generator(seed))
    overlap = (moved > 0.5) & (moved_labels == 1)
    assert float(2 * overlap.sum() / ((moved > 0.5).sum() + (moved_labels == 1).sum())) > 0.97


def test_rotation_keeps_areas_in_a_frame_that_is_not_square():
    labels = torch.zeros(100, 180, dtype=torch.uint8)
    labels[35:65, 80:100] = 1
    config = GeometryConfig(20.0, (1.0, 1.0), (1.0, 1.0), 0.0, 0.0)
    for seed in range(5):
        moved = augment_geometry(labels.float(), labels, _generator(seed), config)[1]
        assert abs(int((moved == 1).sum()) - 600) < 40
        assert _length(moved) == pytest.approx(_length(labels), rel=0.03)


def test_scale_enlarges_by_its_factor():
    labels = torch.zeros(128, 128, dtype=torch.uint8)
    labels[50:80, 50:80] = 1
    config = GeometryConfig(0.0, (1.2, 1.2), (1.0, 1.0), 0.0, 0.0)
    moved = augment_geometry(labels.float(), labels, _generator(), config)[1]
    assert int((moved == 1).sum()) == pytest.approx(900 * 1.44, rel=0.05)


def test_all_frames_of_a_batch_are_placed_alike():
    image, labels = heart_frame(96, 0)
    moved, moved_labels = augment_geometry(image.expand(2, 3, -1, -1), labels.expand(2, 3, -1, -1), _generator(1))
    assert moved.shape == (2, 3, 96, 96)
    assert torch.equal(moved[0, 0], moved[1, 2])
    assert torch.equal(moved_labels[0, 0], moved_labels[1, 2])


def test_appearance_keeps_black_black_and_values_in_range():
    image, _ = heart_frame(96, 0)
    for seed in range(6):
        out = augment_appearance(image.expand(3, -1, -1), _generator(seed))
        assert out.shape == (3, 96, 96)
        assert bool(torch.isfinite(out).all())
        assert 0.0 <= float(out.min()) <= float(out.max()) <= 1.0
        assert not bool(out[:, image == 0].any())
        assert float((out[0] - image).abs().mean()) > 0.005


def test_input_is_left_alone():
    image, labels = heart_frame(96, 0)
    image_before, labels_before = image.clone(), labels.clone()
    augment_geometry(image, labels, _generator())
    augment_appearance(image, _generator())
    assert torch.equal(image, image_before)
    assert torch.equal(labels, labels_before)


def test_black_frame_stays_black():
    assert not bool(augment_appearance(torch.zeros(2, 64, 64), _generator()).any())


def test_blur_alone_spreads_a_dot_like_a_gaussian_and_keeps_its_sum():
    dot = torch.full((2, 41, 41), 1e-4)
    dot[:, 20, 20] = 1.0
    config = AppearanceConfig(**{**vars(QUIET), "blur_sigma_px": (1.0, 1.0)})
    out = augment_appearance(dot, _generator(), config)
    assert float(out[0].sum()) == pytest.approx(float(dot[0].sum()), rel=1e-3)
    assert float(out[1, 20, 21] / out[1, 20, 20]) == pytest.approx(0.6065, rel=0.01)
    assert float(out[1, 22, 20] / out[1, 20, 20]) == pytest.approx(0.1353, rel=0.02)


@pytest.mark.parametrize("loss", ["shadow_probability", "dropout_probability"])
def test_shadow_and_dropout_take_signal_away_somewhere_and_add_none(loss):
    image, config = torch.full((64, 64), 0.8), replace(QUIET, **{loss: 1.0})
    for seed in range(5):
        poorer = augment_appearance(image, _generator(seed), config)
        assert float(poorer.max()) <= 0.8 + 1e-4
        assert float(poorer.min()) < 0.7
