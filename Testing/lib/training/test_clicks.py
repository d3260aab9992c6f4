"""Claims about the simulated user: clicks fall on errors, in their middle, and tell the truth."""

from __future__ import annotations

import pytest
import torch

from PointSegLib.model.config import HINT_CAVITY, HINT_OUTSIDE, HINT_WALL
from PointSegLib.training.clicks import draw_clicks

CLASSES = (1, 2, 3)


def _logits(labels):
    masks = torch.stack([(labels == value).float() for value in CLASSES], 2)
    return masks * 20 - 10


@pytest.mark.parametrize(
    ("truth", "found", "hint"),
    [(2, 0, HINT_WALL), (0, 2, HINT_OUTSIDE), (1, 2, HINT_CAVITY), (3, 2, HINT_OUTSIDE), (2, 1, HINT_WALL)],
)
def test_a_click_lands_in_the_middle_of_the_error_and_says_what_is_there(truth, found, hint):
    labels = torch.zeros(1, 2, 64, 64, dtype=torch.uint8)
    labels[:, 1, 20:40, 20:40] = truth
    prediction = labels.clone()
    prediction[:, 1, 20:40, 20:40] = found
    torch.manual_seed(0)
    for _ in range(10):
        places, hints = draw_clicks(_logits(prediction), labels, torch.tensor([1]), CLASSES)
        assert hints.tolist() == [[hint]]
        assert (places[0, 0] * 64 - 30).abs().max() < 9.5


def test_a_network_of_the_wall_alone_is_not_blamed_for_knowing_no_cavity():
    labels = torch.zeros(1, 1, 64, 64, dtype=torch.uint8)
    labels[..., 10:50, 10:50] = 2
    labels[..., 25:50, 20:40] = 1
    missed = ((labels == 2) & (torch.arange(64)[:, None] > 24)).float()[:, :, None] * 20 - 10
    torch.manual_seed(0)
    for _ in range(10):
        places, hints = draw_clicks(missed, labels, torch.tensor([0]), (2,))
        assert hints.item() == HINT_WALL
        assert float(places[0, 0, 1]) * 64 < 25


def test_each_frame_of_each_clip_gets_its_own_click():
    labels = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    labels[0, :, 4:14, 4:14], labels[1, :, 18:28, 18:28] = 2, 1
    places, hints = draw_clicks(torch.full((2, 3, 3, 32, 32), -10.0), labels, torch.tensor([0, 2]), CLASSES)
    assert places.shape == (2, 2, 2)
    assert hints.tolist() == [[HINT_WALL] * 2, [HINT_CAVITY] * 2]
    assert bool((places[0] < 0.5).all())
    assert bool((places[1] > 0.5).all())


def test_where_nothing_is_wrong_the_click_confirms_what_is_there():
    labels = torch.zeros(1, 1, 32, 32, dtype=torch.uint8)
    labels[..., 10:20, 10:20] = 2
    places, hints = draw_clicks(_logits(labels), labels, torch.tensor([0]), CLASSES)
    assert hints.item() == HINT_WALL
    assert bool(((places * 32 >= 10) & (places * 32 <= 20)).all())
