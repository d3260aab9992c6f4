"""Claims about `train_unet`: each of its stages leaves a network, the last one the U-Net, that tells of all stages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from lib.hearts import heart_frame
from lib.networks import tiny_network

pytest.importorskip("monai")
pytest.importorskip("lightning_fabric")

from PointSegLib.errors import PointSegError
from PointSegLib.peers.unet import load_unet
from PointSegLib.peers.unet_training import train_unet
from PointSegLib.training import TrainingData, TrainingSettings
from PointSegLib.training.frames import FrameSet, write_packed

STILLS = TrainingSettings(preset="tiny", steps=2, clips=2, points=8, accumulate=1, kind_shares=(1.0, 0.0, 0.0))
PAIRS = replace(STILLS, steps=1, kind_shares=(0.5, 0.5, 0.0))


@pytest.fixture
def data(tmp_path):
    """ED and ES of one patient, packed where the run looks for them."""
    (tmp_path / "subgroup_training.txt").write_text("patient0000")
    made = [heart_frame(64, seed) for seed in range(2)]
    images = np.stack([(image * 255).to(torch.uint8).numpy() for image, _ in made])
    labels = np.stack([labels.numpy() for _, labels in made])
    (tmp_path / "run").mkdir()
    frames = FrameSet(images, labels, ["patient0000_4CH_ED", "patient0000_4CH_ES"])
    write_packed(tmp_path / "run" / "camus_training_64.npz", frames)
    return TrainingData(tmp_path), tmp_path / "run"


def test_the_last_stage_makes_the_unet_and_the_ones_before_keep_theirs(data):
    source, folder = data
    path = train_unet(source, tiny_network(), folder, (STILLS, PAIRS))
    assert path == folder / "unet.safetensors"
    provenance = load_unet(path)[1]
    assert [(name, record["steps"]) for name, record in provenance.items()] == [("unet_1", 2), ("unet_2", 1)]
    assert provenance["unet_2"]["data"].endswith("segmenter: CAMUS, 2 annotated ED/ES frames of 1 patients")
    assert list(load_unet(folder / "unet_1.safetensors")[1]) == ["unet_1"]


def test_a_finished_unet_is_written_again_but_not_under_other_settings(data):
    source, folder = data
    first = train_unet(source, tiny_network(), folder, (STILLS,))
    weights = load_unet(first)[0].state_dict()
    first.unlink()
    again = load_unet(train_unet(source, tiny_network(), folder, (STILLS,)))[0].state_dict()
    for name, value in weights.items():
        torch.testing.assert_close(again[name], value, atol=0, rtol=0)
    with pytest.raises(PointSegError, match=r"seed 0 \(now 1\)"):
        train_unet(source, tiny_network(), folder, (replace(STILLS, seed=1),))
