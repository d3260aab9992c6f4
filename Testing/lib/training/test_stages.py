"""Claims about the training: both stages run from frames to a checkpoint, and a killed run goes on where it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lib.networks import tiny_config, tiny_network

from PointSegLib.errors import ReadError
from PointSegLib.model import PRESETS, load_checkpoint
from PointSegLib.simulation.phantom import make_phantom_frame
from PointSegLib.training import TrainingData, TrainingSettings, train_segmenter, train_tracker
from PointSegLib.training.frames import FrameSet, read_camus_set, read_packed, write_packed
from PointSegLib.training.segmenter_stage import SegmenterStage
from PointSegLib.training.tracker_stage import TrackerStage

SETTINGS = TrainingSettings(
    preset="tiny",
    steps=3,
    clips=4,
    frames=4,
    points=16,
    accumulate=1,
    weight_matching=0.1,
    weight_bce=1.0,
    length_shares=(0.5, 0.0, 0.5),
)


def _frames(count=4, size=64):
    made = [make_phantom_frame(size, torch.Generator().manual_seed(i)) for i in range(count)]
    images = np.stack([(image * 255).to(torch.uint8).numpy() for image, _ in made])
    return FrameSet(
        images, np.stack([labels.numpy() for _, labels in made]), [f"patient{i:04d}_4CH_ED" for i in range(count)]
    )


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder that holds a packed set for the tiny network, and the list of its training patients."""
    monkeypatch.setitem(PRESETS, "tiny", tiny_config)
    camus = tmp_path / "camus"
    camus.mkdir()
    (camus / "subgroup_training.txt").write_text("patient0000\npatient0001\npatient0002\n")
    folder = tmp_path / "run"
    folder.mkdir()
    write_packed(folder / "camus_training_64.npz", _frames())
    return TrainingData(camus), folder


def test_two_stages_make_a_checkpoint_that_knows_where_it_comes_from(data):
    source, folder = data
    tracker = train_tracker(source, folder, SETTINGS)
    whole = load_checkpoint(train_segmenter(source, tracker, folder, SETTINGS))
    assert set(whole.provenance) == {"tracker", "segmenter"}
    assert whole.provenance["segmenter"]["steps"] == 3
    assert "CC BY-NC-SA 4.0" in whole.provenance["segmenter"]["licence"]
    assert "3 annotated" in whole.provenance["tracker"]["data"]
    before, after = load_checkpoint(tracker).model, whole.model
    for name, value in before.tracker.state_dict().items():
        torch.testing.assert_close(after.tracker.state_dict()[name], value)
    assert any(
        not torch.equal(a, b) for a, b in zip(before.segmenter.parameters(), after.segmenter.parameters(), strict=True)
    )


def test_tracker_learns_to_leave_a_still_point_where_it_is():
    network = tiny_network()
    generator, stage = torch.Generator().manual_seed(0), TrackerStage(network.tracker, _frames(2), SETTINGS, 2)
    optimizer = torch.optim.AdamW(network.tracker.parameters(), 3e-3)

    def step():
        terms, figures = stage(stage.draw(generator))
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        return float(figures["error_px"])

    errors = [step() for _ in range(40)]
    assert np.mean(errors[-10:]) < 0.6 * np.mean(errors[:5])


def test_segmenter_fits_one_batch_while_the_tracker_rests():
    network = tiny_network()
    generator, stage = torch.Generator(), SegmenterStage(network, _frames(2), SETTINGS)
    optimizer = torch.optim.AdamW(network.segmenter.parameters(), 3e-3)

    def step():
        terms, _ = stage(stage.draw(generator.manual_seed(0)))
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        return float(terms["mask"].detach())

    losses = [step() for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:5])
    assert all(p.grad is None for p in network.tracker.parameters())


def test_packed_frames_come_back_and_are_resized(tmp_path):
    write_packed(tmp_path / "set.npz", _frames(2))
    same = read_packed(tmp_path / "set.npz", 64)
    np.testing.assert_array_equal(same.images, _frames(2).images)
    assert same.names == ["patient0000_4CH_ED", "patient0001_4CH_ED"]
    other = read_packed(tmp_path / "set.npz", 32)
    assert other.images.shape == other.labels.shape == (2, 32, 32)
    assert set(np.unique(other.labels)) <= {0, 1, 2, 3}


def test_a_file_that_is_no_frame_set_is_refused(tmp_path):
    np.savez(tmp_path / "odd.npz", images=np.zeros(3))
    with pytest.raises(ReadError, match=r"odd\.npz"):
        read_packed(tmp_path / "odd.npz", 64)


def test_folder_without_annotated_frames_is_named(tmp_path):
    with pytest.raises(ReadError, match="no annotated CAMUS frame"):
        read_camus_set(tmp_path, ["patient0001"], 64)


def test_real_frames_keep_their_anatomy_when_packed(camus_folder):
    frames = read_camus_set(camus_folder, ["patient0001", "patient0003"], 256)
    assert len(frames) >= 4
    for labels in frames.labels:
        assert all((labels == value).sum() > 200 for value in (1, 2, 3))
