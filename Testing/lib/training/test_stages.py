"""Claims about the training: both stages run from frames to a checkpoint, and a killed run goes on where it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from lib.hearts import heart_clip, heart_frames
from lib.networks import tiny_config, tiny_network

from PointSegLib.errors import PointSegError
from PointSegLib.io.synus import TrackedClip, write_synus_case, write_synus_info
from PointSegLib.model import PRESETS, load_checkpoint, save_checkpoint
from PointSegLib.training import TrainingData, TrainingSettings, load_settings, train_segmenter, train_tracker
from PointSegLib.training.clips import ClipSet
from PointSegLib.training.frames import FrameSet, write_packed
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
    weight_gain=0.1,
    weight_bce=1.0,
    kind_shares=(0.4, 0.3, 0.3),
    click_share=0.5,
)
RECIPES = ("paper", "paper-gpu-25min", "small-cpu", "small-gpu-25min")
PATIENTS = ("patient0000", "patient0001", "patient0002")


def _write_clips(folder, count=2, still=False, size=64):
    """Clips of made hearts, the last one held out."""
    for index in range(count):
        clip = heart_clip(size, 8, 40, index)
        pixels = (clip.frames * 255).to(torch.uint8).numpy()
        points, labels = clip.tracks.numpy(), clip.labels.numpy()
        if still:
            pixels, points, labels = (np.repeat(part[:1], 8, 0) for part in (pixels, points.transpose(1, 0, 2), labels))
            points = points.transpose(1, 0, 2)
        parts = {"frames": pixels, "points": points, "visible": clip.visible.numpy(), "labels": labels}
        split = "valid" if index == count - 1 else "train"
        write_synus_case(folder, TrackedClip(name=f"clip{index}", mask=labels[0] == 2, split=split, **parts))
    write_synus_info(folder, [(f"clip{i}", "valid" if i == count - 1 else "train") for i in range(count)])
    return folder


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Packed sets for the tiny network, the lists of their patients, and clips."""
    monkeypatch.setitem(PRESETS, "tiny", tiny_config)
    camus = tmp_path / "camus"
    camus.mkdir()
    (camus / "subgroup_training.txt").write_text("\n".join(PATIENTS[:2]))
    (camus / "subgroup_validation.txt").write_text(PATIENTS[2])
    folder = tmp_path / "run"
    folder.mkdir()
    write_packed(folder / "camus_training_64.npz", heart_frames(3).of_patients(PATIENTS[:2]))
    write_packed(folder / "camus_validation_64.npz", heart_frames(3).of_patients(PATIENTS[2:]))
    return TrainingData(camus, clips=_write_clips(tmp_path / "clips", 3)), folder


def test_two_stages_make_a_checkpoint_that_knows_where_it_comes_from(data):
    source, folder = data
    tracker = train_tracker(source, folder, SETTINGS)
    whole = load_checkpoint(train_segmenter(source, tracker, folder, SETTINGS))
    assert set(whole.provenance) == {"tracker", "segmenter"}
    assert whole.provenance["segmenter"]["steps"] == 3
    assert "CC BY-NC-SA 4.0" in whole.provenance["segmenter"]["licence"]
    assert whole.provenance["tracker"]["data"] == "2 clips of clips"
    assert "4 annotated ED/ES frames of 2 patients" in whole.provenance["segmenter"]["data"]
    assert 0 <= whole.provenance["tracker"]["validation"]["average_jaccard"] <= 1
    assert 0 <= whole.provenance["segmenter"]["validation"]["dice_myocardium"] <= 1
    before, after = load_checkpoint(tracker).model, whole.model
    for name, value in before.tracker.state_dict().items():
        torch.testing.assert_close(after.tracker.state_dict()[name], value)
    assert any(
        not torch.equal(a, b) for a, b in zip(before.segmenter.parameters(), after.segmenter.parameters(), strict=True)
    )


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_stage_of_every_recipe_trains_a_tiny_network(data, recipe):
    source, folder = data
    few = {"preset": "tiny", "steps": 1, "minutes": 0.0, "workers": 0, "clips": 2, "frames": 4, "points": 16}
    stages = {stage: load_settings(recipe, stage, **few) for stage in ("stills", "tracker", "segmenter")}
    warm = None
    if stages["stills"].kind_shares == (1.0, 0.0, 0.0):  # the recipes of `paper` have no such stage
        warm = train_segmenter(source, None, folder, stages["stills"])
    tracker = train_tracker(source, folder, stages["tracker"])
    whole = load_checkpoint(train_segmenter(source, tracker, folder, stages["segmenter"], start=warm))
    assert whole.provenance["segmenter"]["settings"]["precision"] == stages["segmenter"].precision
    assert ("stills" in whole.provenance) == recipe.startswith("small")
    for name, weight in whole.model.state_dict().items():
        assert bool(weight.isfinite().all()), name


def test_stills_warm_the_segmenter_up_without_a_tracker(data):
    source, folder = data
    stills = replace(SETTINGS, kind_shares=(1.0, 0.0, 0.0))
    warm = train_segmenter(replace(source, clips=None), None, folder, stills)
    assert warm.name == "stills.safetensors"
    tracker = train_tracker(source, folder, SETTINGS)
    frozen = replace(SETTINGS, learning_rate=0.0)
    whole = load_checkpoint(train_segmenter(source, tracker, folder, frozen, start=warm))
    assert set(whole.provenance) == {"stills", "tracker", "segmenter"}
    assert whole.provenance["segmenter"]["start"] == {"file": "stills.safetensors"}
    assert whole.provenance["segmenter"]["steps"] == 3
    for name, value in load_checkpoint(warm).model.segmenter.state_dict().items():
        torch.testing.assert_close(whole.model.segmenter.state_dict()[name], value, atol=1e-3, rtol=1e-2)


def _whole_network(path, **segmenter):
    """A checkpoint that has been through both stages and was scored."""
    records = {"tracker": {"steps": 5, "minutes": 7.0}, "segmenter": segmenter, "evaluation": {"mean": 0.9}}
    save_checkpoint(path, tiny_network(), records)
    return path


def test_a_stage_that_goes_on_from_itself_counts_all_its_steps_and_minutes(data, tmp_path):
    source, folder = data
    begun = _whole_network(tmp_path / "begun.safetensors", steps=40, minutes=20.5, licence="ours alone", data="much")
    tracker = train_tracker(source, folder, SETTINGS, start=begun)
    path = train_segmenter(source, tracker, folder, SETTINGS, start=begun)
    known = load_checkpoint(path).provenance
    assert set(known) == {"tracker", "segmenter"}
    assert known["tracker"]["steps"] == 5 + 3
    assert known["tracker"]["minutes"] >= 7.0
    record = known["segmenter"]
    assert record["steps"] == 40 + 3
    assert record["minutes"] >= 20.5
    assert record["start"]["file"] == "begun.safetensors"
    assert (record["start"]["steps"], record["start"]["minutes"], record["start"]["data"]) == (40, 20.5, "much")
    assert record["licence"].endswith("; ours alone")
    again = train_segmenter(source, tracker, folder, SETTINGS, resume=True, start=begun)
    assert load_checkpoint(again).provenance["segmenter"]["steps"] == 40 + 3


def test_masks_of_a_new_shape_go_on_top_of_a_tracker_that_came_with_another(data, tmp_path):
    source, folder = data
    older, begun = tmp_path / "older.safetensors", _whole_network(tmp_path / "begun.safetensors", steps=1, minutes=1.0)
    save_checkpoint(older, tiny_network(seed=1, n_layers=1), {"tracker": {"steps": 5}})
    whole = load_checkpoint(train_segmenter(source, older, folder, SETTINGS, start=begun))
    assert whole.model.config == load_checkpoint(begun).model.config
    for name, value in load_checkpoint(older).model.tracker.state_dict().items():
        torch.testing.assert_close(whole.model.tracker.state_dict()[name], value)


def test_a_run_never_overwrites_the_network_it_begins_from(data):
    source, folder = data
    whole = _whole_network(folder / "pointseg.safetensors", steps=1, minutes=1.0)
    with pytest.raises(PointSegError, match=r"pointseg\.safetensors: this run would overwrite"):
        train_segmenter(source, whole, folder, SETTINGS)


def test_clips_alone_are_learnt_without_frames_and_their_licence_is_that_of_the_network(data):
    source, folder = data
    bare, only_clips = replace(source, camus=None), replace(SETTINGS, kind_shares=(0.0, 0.0, 1.0))
    tracker = train_tracker(bare, folder, SETTINGS)
    record = load_checkpoint(train_segmenter(bare, tracker, folder, only_clips)).provenance["segmenter"]
    assert record["data"] == "2 clips of clips"
    assert record["licence"] == ClipSet(source.clips, "train", 64).licences
    with pytest.raises(PointSegError, match="annotated frames; name their folder with --data"):
        train_segmenter(bare, tracker, folder / "other", SETTINGS)


def test_pairs_are_not_asked_of_patients_who_have_none(data):
    source, folder = data
    early = [name for name in heart_frames(3).names if name.endswith("_ED")]
    index = [heart_frames(3).names.index(name) for name in early]
    few = FrameSet(heart_frames(3).images[index], heart_frames(3).labels[index], early)
    write_packed(folder / "camus_training_64.npz", few)
    with pytest.raises(PointSegError, match="no patient to train on has both"):
        source.material(SETTINGS, 64, folder)
    assert len(source.material(replace(SETTINGS, kind_shares=(1.0, 0.0, 0.0)), 64, folder).frames) == 2


def test_clips_cannot_be_learnt_without_a_tracker_or_without_a_folder(data):
    source, folder = data
    with pytest.raises(PointSegError, match="without a tracker"):
        train_segmenter(source, None, folder, SETTINGS)
    with pytest.raises(PointSegError, match="pointseg simulate"):
        train_tracker(replace(source, clips=None), folder, SETTINGS)


def test_a_damaged_clip_is_left_out_and_named(data):
    source, folder = data
    (source.clips / "clip0" / "points.npy").write_bytes(b"cut off")
    with pytest.warns(UserWarning, match="clip0"):
        train_tracker(source, folder, SETTINGS)
    assert load_checkpoint(folder / "tracker.safetensors").provenance["tracker"]["data"] == "1 clips of clips"


def test_tracker_learns_to_leave_a_still_point_where_it_is(tmp_path):
    network, clips = tiny_network(), ClipSet(_write_clips(tmp_path, 2, still=True), "train", 64)
    generator, stage = torch.Generator().manual_seed(0), TrackerStage(network.tracker, clips, SETTINGS, 2)
    optimizer = torch.optim.AdamW(network.tracker.parameters(), 3e-3)

    def step():
        terms, figures = stage(stage.draw(generator))
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        return float(figures["error_px"])

    errors = [step() for _ in range(40)]
    assert np.mean(errors[-10:]) < 0.6 * np.mean(errors[:5])


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_segmenter_fits_one_batch_while_the_tracker_rests(tmp_path, kind):
    network, clips = tiny_network(), ClipSet(_write_clips(tmp_path, 2), "train", 64)
    shares = tuple(float(kind == k) for k in range(3))
    settings = replace(SETTINGS, kind_shares=shares, click_share=float(kind == 1))
    generator, stage = torch.Generator(), SegmenterStage(network, heart_frames(2), settings, clips)
    optimizer = torch.optim.AdamW(network.segmenter.parameters(), 3e-3)

    def step():
        torch.manual_seed(0)
        terms, _ = stage(stage.draw(generator.manual_seed(0)))
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        return float(terms["mask"].detach())

    losses = [step() for _ in range(50)]
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:5])
    assert all(p.grad is None for p in network.tracker.parameters())


def test_a_perfect_tracker_and_segmenter_would_score_one():
    stage = SegmenterStage(tiny_network(), heart_frames(1), SETTINGS, held_out=heart_frames(2))
    truth = torch.from_numpy(heart_frames(2).labels)
    masks = torch.stack([(truth == value).float() for value in (1, 2, 3)], 1) * 20 - 10
    stage.model.segmenter.forward = lambda features, cues: [masks[:, None]]
    assert all(value == pytest.approx(1.0) for value in stage.validate().values())
    assert next(iter(stage.validate())) == "dice_myocardium"
