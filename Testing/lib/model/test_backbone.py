"""Claims about the backbones: strides, and ResNet50's published weight names."""

from __future__ import annotations

import pytest
import torch

from PointSegLib.model.backbone import STRIDES, build_backbone
from PointSegLib.model.config import BackboneConfig


@pytest.mark.parametrize("config", [BackboneConfig(), BackboneConfig("resnet50")], ids=lambda c: c.kind)
def test_maps_have_the_promised_strides_and_channels(config):
    backbone = build_backbone(config).eval()
    with torch.no_grad():
        maps = backbone(torch.rand(1, 1, 64, 96))
    for feature_map, stride, channels in zip(maps, STRIDES, backbone.channels, strict=True):
        assert feature_map.shape == (1, channels, 64 // stride, 96 // stride)


def test_resnet50_has_the_names_and_shapes_of_published_weights():
    state = build_backbone(BackboneConfig("resnet50", norm="frozen_batch")).state_dict()
    # 53 convolutions, and four vectors of each of 53 batch normalisations
    assert len(state) == 53 * 5
    assert state["conv1.weight"].shape == (64, 3, 7, 7)
    assert state["layer1.0.downsample.0.weight"].shape == (256, 64, 1, 1)
    assert state["layer1.0.downsample.1.running_var"].shape == (256,)
    assert state["layer3.5.conv2.weight"].shape == (256, 256, 3, 3)
    assert state["layer4.2.bn3.weight"].shape == (2048,)


def test_resnet50_without_norm_statistics_has_23_and_a_half_million_weights():
    count = sum(p.numel() for p in build_backbone(BackboneConfig("resnet50")).parameters())
    assert count == 23_508_032


def test_frozen_normalisation_is_never_trained():
    backbone = build_backbone(BackboneConfig("resnet50", norm="frozen_batch"))
    assert not any("bn" in name for name, _ in backbone.named_parameters())


def test_unknown_backbone_is_named():
    with pytest.raises(ValueError, match="'vgg'"):
        build_backbone(BackboneConfig("vgg"))
