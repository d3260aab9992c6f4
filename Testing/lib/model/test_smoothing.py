"""Claims about smoothing masks over time: a Gaussian of probabilities, streamed, that leaves stillness alone."""

from __future__ import annotations

import pytest
import torch
from scipy import ndimage

from PointSegLib.model.smoothing import smoothed_over_time


def _logits(frames):
    return torch.randn(frames, 2, 3, 4, generator=torch.Generator().manual_seed(0))


def _smoothed(logits, width):
    return torch.stack(list(smoothed_over_time(logits, width)))


@pytest.mark.parametrize("frames", [1, 2, 5, 30])
@pytest.mark.parametrize("width", [0.5, 1.5])
def test_streamed_smoothing_is_the_gaussian_of_the_whole_clip(frames, width):
    logits = _logits(frames)
    whole = ndimage.gaussian_filter1d(logits.sigmoid().numpy(), width, axis=0, mode="nearest")
    torch.testing.assert_close(_smoothed(logits, width).sigmoid(), torch.from_numpy(whole), atol=1e-5, rtol=0)


def test_no_smoothing_gives_the_very_same_frames():
    logits = list(_logits(3))
    assert all(found is given for found, given in zip(smoothed_over_time(logits, 0.0), logits, strict=True))


def test_a_frame_is_given_as_soon_as_the_last_that_counts_is_there():
    asked = []

    def frames():
        for index, logits in enumerate(_logits(30)):
            asked.append(index)
            yield logits

    next(smoothed_over_time(frames(), 1.0))
    assert asked == [0, 1, 2, 3, 4]


def test_frames_that_are_all_alike_stay_as_they_are():
    logits = _logits(1).expand(7, -1, -1, -1)
    torch.testing.assert_close(_smoothed(logits, 2.0), logits)


def test_no_frames_give_none():
    assert list(smoothed_over_time([], 1.0)) == []
