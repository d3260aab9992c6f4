"""Claims about the checkpoint format: what is saved comes back, and what must not be opened is refused."""

from __future__ import annotations

import json

import pytest
import torch
from lib.networks import tiny_network
from safetensors.torch import save_file

from PointSegLib.errors import CheckpointError, WriteError
from PointSegLib.model import load_checkpoint, save_checkpoint
from PointSegLib.model.config import config_to_dict


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, tiny_network(), {"data": "made up", "figures": {"dice": 0.5}})
    return path


def test_network_configuration_and_provenance_come_back(saved):
    network, loaded = tiny_network(), load_checkpoint(saved)
    assert loaded.model.config == network.config
    assert loaded.provenance == {"data": "made up", "figures": {"dice": 0.5}}
    for name, value in network.state_dict().items():
        torch.testing.assert_close(loaded.model.state_dict()[name], value, atol=1e-3, rtol=1e-3)
    assert not loaded.model.training


def test_saving_leaves_no_other_file(saved):
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_missing_folder_is_named_and_nothing_is_left(tmp_path):
    target = tmp_path / "nowhere" / "net.safetensors"
    with pytest.raises(WriteError, match="nowhere"):
        save_checkpoint(target, tiny_network(), {})
    assert not any(tmp_path.iterdir())


def test_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "absent.safetensors")


@pytest.mark.parametrize("name", ["net.pt", "net.safetensors"])
def test_pickles_are_refused_whatever_their_name(tmp_path, name):
    torch.save(tiny_network().state_dict(), tmp_path / name)
    with pytest.raises(CheckpointError, match="pickle"):
        load_checkpoint(tmp_path / name)


def test_a_header_length_that_looks_like_a_pickle_is_none(tmp_path):
    # the first byte of the file is the low byte of the header's length, and 0x80 starts a pickle
    for padding in range(256):
        path = tmp_path / "net.safetensors"
        save_checkpoint(path, tiny_network(), {"padding": "x" * padding})
        if path.read_bytes()[0] == 0x80:
            break
    assert path.read_bytes()[0] == 0x80
    assert load_checkpoint(path).provenance == {"padding": "x" * padding}


@pytest.mark.parametrize("keep", [0, 5, 3000, -40])
def test_cut_off_checkpoint_is_corrupt(saved, keep):
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="corrupt"):
        load_checkpoint(saved)


def test_foreign_weights_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match="holds no PointSeg network"):
        load_checkpoint(path)


def _resaved(path, **changes):
    network = tiny_network()
    metadata = {"format": "pointseg", "version": "3", "config": json.dumps(config_to_dict(network.config))}
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(weights, path, {**metadata, **changes})
    return path


def test_another_version_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="version 7"):
        load_checkpoint(_resaved(tmp_path / "new.safetensors", version="7"))


def _spoiled(change):
    values = config_to_dict(tiny_network().config)
    change(values)
    return json.dumps(values)


UNUSABLE = {
    "cut off": "{",
    "empty": "{}",
    "incomplete": '{"preset": "small"}',
    "unknown backbone": _spoiled(lambda v: v["tracker"]["encoder"]["backbone"].update(kind="vgg")),
    "too few widths": _spoiled(lambda v: v["tracker"]["encoder"]["backbone"].update(widths=[8, 8])),
}


@pytest.mark.parametrize("config", UNUSABLE.values(), ids=UNUSABLE)
def test_unreadable_configuration_is_told(tmp_path, config):
    with pytest.raises(CheckpointError, match="configuration"):
        load_checkpoint(_resaved(tmp_path / "odd.safetensors", config=config))


def test_unreadable_provenance_is_told(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be used"):
        load_checkpoint(_resaved(tmp_path / "odd.safetensors", provenance="{"))


def test_weights_that_do_not_fit_the_configuration_are_told(tmp_path):
    values = config_to_dict(tiny_network().config)
    values["segmenter"]["n_layers"] = 2
    with pytest.raises(CheckpointError, match="do not fit"):
        load_checkpoint(_resaved(tmp_path / "odd.safetensors", config=json.dumps(values)))
