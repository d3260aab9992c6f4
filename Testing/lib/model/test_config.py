"""Claims about the presets and their configurations."""

from __future__ import annotations

import json

import pytest
from lib.networks import tiny_config

from PointSegLib.model import PRESETS, PointSeg, paper_config, parameter_count, small_config, with_classes
from PointSegLib.model.config import config_from_dict, config_to_dict


def test_small_preset_fits_into_sixteen_mebibytes_in_half_precision():
    assert 1e6 < parameter_count(PointSeg(small_config())) < 16 * 2**20 / 2


def test_paper_preset_is_the_papers():
    config = paper_config()
    assert config.image_size == 256
    assert config.segmenter.class_labels == (2,)
    assert config.segmenter.n_layers == 3
    assert config.segmenter.encoder.backbone.kind == "resnet50"
    assert config.segmenter.encoder.n_layers == 2
    assert (config.tracker.n_layers, config.window, config.window_overlap) == (5, 8, 4)
    assert config.tracker.correlation_dim == 0


@pytest.mark.parametrize("config", [*(make() for make in PRESETS.values()), tiny_config()])
def test_configuration_survives_json(config):
    assert config_from_dict(json.loads(json.dumps(config_to_dict(config)))) == config


def test_unknown_field_is_refused():
    values = config_to_dict(small_config())
    values["surprise"] = 1
    with pytest.raises(TypeError, match="surprise"):
        config_from_dict(values)


def test_number_of_classes_is_a_parameter():
    assert with_classes(small_config(), (2,)).segmenter.class_labels == (2,)
