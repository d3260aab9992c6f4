"""Claims about the peer U-Net: its size, its file, and that smoothing acts over time only."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from lib.hearts import heart_frame

from PointSegLib.clip import CineClip
from PointSegLib.errors import CheckpointError, DependencyError
from PointSegLib.model import parameter_count

pytest.importorskip("monai")

from PointSegLib.peers.unet import FrameUNet, UNetConfig, UNetPredictor, load_unet, save_unet

TINY = UNetConfig(image_size=64, channels=(4, 8))


@pytest.fixture
def network() -> FrameUNet:
    torch.manual_seed(0)
    return FrameUNet(TINY)


def _clip(seeds: list[int], height: int = 80, width: int = 96) -> CineClip:
    frames = [heart_frame(width, seed)[0][:height] for seed in seeds]
    return CineClip((torch.stack(frames) * 255).to(torch.uint8).numpy())


def test_the_default_has_the_parameters_the_comparison_states():
    assert parameter_count(FrameUNet(UNetConfig())) == 1_625_496


def test_labels_come_at_the_clips_size_without_trajectories(network):
    clip = _clip([0, 1, 2])
    result = UNetPredictor(network)(clip)
    assert result.labels.shape == clip.frames.shape
    assert set(np.unique(result.labels)) <= {0, 1, 2, 3}
    assert (len(result.tracks), result.class_labels) == (0, (1, 2, 3))


def test_each_frame_is_segmented_alone(network):
    clip = _clip([0, 0, 1])
    labels = UNetPredictor(network)(clip).labels
    turned = UNetPredictor(network)(CineClip(clip.frames[::-1].copy())).labels
    np.testing.assert_array_equal(labels, turned[::-1])


def test_smoothing_leaves_a_static_clip_as_it_is(network):
    clip = _clip([0] * 5)
    plain, smooth = UNetPredictor(network)(clip), UNetPredictor(network, smoothing_frames=2.0)(clip)
    assert 0 < (plain.labels > 0).mean() < 1
    np.testing.assert_array_equal(plain.labels, smooth.labels)


def test_smoothing_takes_the_flicker_out_of_one_odd_frame(network):
    clip = _clip([0, 0, 0, 3, 0, 0, 0])
    plain, smooth = (UNetPredictor(network, width)(clip).labels for width in (0.0, 1.5))
    flicker = [(labels[3] != labels[2]).mean() for labels in (plain, smooth)]
    assert flicker[1] < 0.7 * flicker[0]


def test_file_brings_network_and_provenance_back(network, tmp_path):
    save_unet(tmp_path / "unet.safetensors", network, {"minutes": 3})
    loaded, provenance = load_unet(tmp_path / "unet.safetensors")
    assert (loaded.config, provenance) == (TINY, {"minutes": 3})
    for name, value in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, atol=1e-3, rtol=1e-3)


def test_another_networks_file_is_refused(tmp_path):
    from lib.networks import tiny_network

    from PointSegLib.model import save_checkpoint

    save_checkpoint(tmp_path / "net.safetensors", tiny_network(), {})
    with pytest.raises(CheckpointError, match="holds no peer U-Net"):
        load_unet(tmp_path / "net.safetensors")


def test_without_monai_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "monai.networks.nets", None)
    with pytest.raises(DependencyError, match=r"pointseg\[peers\]"):
        FrameUNet(TINY)
