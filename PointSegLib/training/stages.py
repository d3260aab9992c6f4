"""The commands of the training: stage one makes a tracker, stage two a whole network out of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from PointSegLib.errors import PointSegError
from PointSegLib.model import PRESETS, PointSeg, PointSegConfig, load_checkpoint, save_checkpoint, with_classes
from PointSegLib.training.data import TrainingData
from PointSegLib.training.launch import Launch
from PointSegLib.training.loop import train
from PointSegLib.training.provenance import Origin
from PointSegLib.training.segmenter_stage import SegmenterStage
from PointSegLib.training.settings import TrainingSettings
from PointSegLib.training.tracker_stage import TrackerStage

MASK_STAGES = {"stills", "segmenter"}
Records = dict[str, Any]


def train_tracker(
    data: TrainingData,
    folder: Path,
    settings: TrainingSettings,
    resume: bool = False,
    launch: Launch | None = None,
    start: Path | None = None,
) -> Path:
    """Stage one: train the point tracker on clips with motion truth.

    Args:
        data: the clips.
        folder: receives log, state and `tracker.safetensors`, the latter at every validation.
        settings: of this stage.
        resume: go on from the state in `folder`.
        launch: where the network is trained; None takes one process on the CPU. The data are drawn on the CPU.
        start: checkpoint to begin from; None begins with random weights.

    Returns:
        The checkpoint's path.

    Raises:
        PointSegError: when there are no clips, or `start` does not fit the recipe or would be overwritten.
    """
    torch.manual_seed(settings.seed)
    target = _target(folder / "tracker.safetensors", start)
    model, known = _network(settings, start)
    clips, held_out = data.clip_sets(model.config.image_size)
    stage = TrackerStage(model.tracker, clips, settings, model.config.window_overlap, held_out)
    words = f"{len(clips)} clips of {clips.folder.name}"
    origin = Origin(stage.name, settings, words, clips.licences, start, _records(tracks=known, masks=known))
    train(stage, settings, folder, launch, resume, lambda end: save_checkpoint(target, model, origin.provenance(end)))
    return target


def train_segmenter(
    data: TrainingData,
    tracker: Path | None,
    folder: Path,
    settings: TrainingSettings,
    resume: bool = False,
    launch: Launch | None = None,
    start: Path | None = None,
) -> Path:
    """Stage two: freeze the tracker of a checkpoint and train encoder, fusion layers and mask decoder.

    Args:
        data: annotated frames, and clips where `settings.kind_shares` asks for them; with clips alone no frames.
        tracker: checkpoint of stage one; None for a warm-up on stills alone, which need no tracker.
        folder: receives log, state and, at every validation, `pointseg.safetensors`, or `stills.safetensors` of a
            warm-up.
        settings: of this stage.
        resume: go on from the state in `folder`.
        launch: where the network is trained; None takes one process on the CPU. The data are drawn on the CPU.
        start: checkpoint whose segmenter to begin from; None begins with the tracker's, which is random unless that
            file came from a whole network.

    Returns:
        The checkpoint's path.

    Raises:
        PointSegError: when the tracker or data are needed and missing, or a checkpoint is of another network than the
            recipe's or would be overwritten.
    """
    torch.manual_seed(settings.seed)
    if tracker is None and any(settings.kind_shares[1:]):
        msg = "only stills can be learnt without a tracker; train one first, or set kind_shares to [1, 0, 0]."
        raise PointSegError(msg)
    target = _target(folder / ("pointseg.safetensors" if tracker else "stills.safetensors"), tracker, start)
    model, of_tracker = _network(settings, tracker)
    of_masks = of_tracker
    if start is not None:
        begun, of_masks = _network(settings, start)
        model = _joined(model, begun)
    source = start or (tracker if MASK_STAGES & set(of_masks) else None)
    size = model.config.image_size
    material = data.material(settings, size, folder)
    held_out = data.held_out(size, folder) if data.camus else None
    stage = SegmenterStage(model, material.frames, settings, material.clips, held_out)
    stage.name = "segmenter" if tracker else "stills"
    known = _records(tracks=of_tracker, masks=of_masks)
    origin = Origin(stage.name, settings, str(material), material.licence, source, known)
    train(stage, settings, folder, launch, resume, lambda end: save_checkpoint(target, model, origin.provenance(end)))
    return target


def _joined(tracks: PointSeg, masks: PointSeg) -> PointSeg:
    """The tracker of one network and the segmenter of another, which may have been made when it had another shape."""
    model = PointSeg(replace(tracks.config, segmenter=masks.config.segmenter))
    model.tracker.load_state_dict(tracks.tracker.state_dict())
    model.segmenter.load_state_dict(masks.segmenter.state_dict())
    return model


def _target(path: Path, *sources: Path | None) -> Path:
    """The checkpoint to write; a source that it overwrote would be gone when the run is to go on from it."""
    for source in sources:
        if source is not None and source.resolve() == path.resolve():
            msg = f"{path}: this run would overwrite the network it begins from; choose another folder with --out."
            raise PointSegError(msg)
    return path


def _records(tracks: Records, masks: Records) -> Records:
    """What is known of earlier stages, from the networks the parts were taken of; scores of these are left behind."""
    of_masks = {stage: record for stage, record in masks.items() if stage in MASK_STAGES}
    return {**of_masks, **{stage: record for stage, record in tracks.items() if stage == "tracker"}}


def _network(settings: TrainingSettings, checkpoint: Path | None) -> tuple[PointSeg, Records]:
    """A new network of the recipe's shape, or a checkpoint's with its provenance."""
    if checkpoint is None:
        config = PRESETS[settings.preset]()
        return PointSeg(with_classes(config, settings.class_labels) if settings.class_labels else config), {}
    loaded = load_checkpoint(checkpoint)
    _check_settings(settings, loaded.model.config, checkpoint)
    return loaded.model, loaded.provenance


def _check_settings(settings: TrainingSettings, config: PointSegConfig, checkpoint: Path) -> None:
    """The network's shape comes from the checkpoint; a recipe for another one is a mistake."""
    classes = settings.class_labels or config.segmenter.class_labels
    if (settings.preset, classes) != (config.preset, config.segmenter.class_labels):
        msg = f"{checkpoint}: the recipe is for the preset {settings.preset!r} and classes {classes}, but this network "
        msg += f"is {config.preset!r} with {config.segmenter.class_labels}; train all stages with one recipe."
        raise PointSegError(msg)
