"""Claims about how clips are cut and joined."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from PointSegLib.inference.windows import blend, window_ranges


@pytest.mark.parametrize("frames", [1, 5, 6, 7, 10, 23, 200])
def test_windows_cover_every_frame_and_share_the_overlap(frames):
    ranges = window_ranges(frames, 6, 2)
    assert ranges[0][0] == 0
    assert ranges[-1][1] == frames
    for (_, end), (start, _) in pairwise(ranges):
        assert end - start == 2
    assert all(b - a == 6 for a, b in ranges[:-1])
    assert min(frames, 3) <= ranges[-1][1] - ranges[-1][0] <= 6


def test_blending_fades_from_the_older_to_the_newer():
    mixed = blend(torch.zeros(3, 2), torch.ones(3, 2))
    assert mixed[:, 0].tolist() == pytest.approx([0.25, 0.5, 0.75])


def test_equal_windows_blend_to_themselves():
    values = torch.rand(4, 3)
    torch.testing.assert_close(blend(values, values), values)
