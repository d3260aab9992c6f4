"""Claims about the phantom: it has the anatomy, the fan and the speckle of an apical view."""

from __future__ import annotations

import pytest
import torch

from PointSegLib.errors import ClipError
from PointSegLib.simulation.phantom import _point_spread, make_phantom_clip, make_phantom_frame


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(6))
def test_cavity_is_dark_inside_a_bright_wall_above_the_atrium(seed):
    image, labels = make_phantom_frame(160, _generator(seed))
    cavity, wall, atrium = (labels == k for k in (1, 2, 3))
    assert min(int(m.sum()) for m in (cavity, wall, atrium)) > 150
    assert float(image[wall].mean()) > 1.5 * float(image[cavity].mean())
    rows = torch.arange(160.0)[:, None]
    heights = [float((rows * m).sum() / m.sum()) for m in (cavity, atrium)]
    assert heights[0] < heights[1]


def test_black_outside_the_fan_and_signal_everywhere_within():
    image, labels = make_phantom_frame(128, _generator())
    assert image.shape == labels.shape == (128, 128)
    assert (image.dtype, labels.dtype) == (torch.float32, torch.uint8)
    assert not bool(image[0, :20].any())
    assert not bool(image[-1].any())
    assert not bool(labels[image == 0].any())
    row = image[80] > 0
    first, last = torch.nonzero(row).flatten()[[0, -1]]
    assert bool(row[first : last + 1].all())


def test_point_spread_keeps_power_and_gives_rayleigh_speckle():
    noise = torch.randn((2, 400, 200), generator=_generator())
    echoes = _point_spread(noise, 1.5, 1.2)
    assert float(echoes.square().mean()) == pytest.approx(1.0, rel=0.05)
    envelope = echoes.square().sum(0).sqrt()
    # Fully developed speckle: mean over standard deviation of the envelope is 1.91.
    assert float(envelope.mean() / envelope.std()) == pytest.approx(1.91, rel=0.04)


def test_seeds_give_different_anatomies_and_the_same_seed_the_same():
    first, again, other = (make_phantom_frame(96, _generator(s)) for s in (1, 1, 2))
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[1], other[1])


def test_clip_beats():
    clip = make_phantom_clip(96, 6, 12, _generator(1))
    assert clip.frames.shape == (6, 96, 96)
    assert clip.tracks.shape == (12, 6, 2)
    assert float(clip.tracks.diff(dim=1).abs().max()) > 0.1


def test_too_small_a_phantom_is_refused():
    with pytest.raises(ClipError, match="at least 64"):
        make_phantom_frame(32, _generator())
