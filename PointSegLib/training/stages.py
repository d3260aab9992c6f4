"""The commands of the training: stage one makes a tracker, stage two a whole network out of it."""

from __future__ import annotations

import dataclasses
import platform
import subprocess
import warnings
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import torch

import PointSegLib
from PointSegLib.errors import PointSegError, ReadError
from PointSegLib.io.camus_info import list_patients
from PointSegLib.io.problems import Problem, listed
from PointSegLib.model import PRESETS, PointSeg, PointSegConfig, load_checkpoint, save_checkpoint, with_classes
from PointSegLib.training.clips import ClipSet, refuse_held_out
from PointSegLib.training.frames import FrameSet, read_camus_set, read_packed
from PointSegLib.training.launch import Launch
from PointSegLib.training.loop import Trained, train
from PointSegLib.training.segmenter_stage import CLIP, SegmenterStage
from PointSegLib.training.settings import TrainingSettings
from PointSegLib.training.tracker_stage import TrackerStage

DATA_LICENCE = "CC BY-NC-SA 4.0 (trained on CAMUS; cite Leclerc et al., IEEE TMI 38(9), 2019)"


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """Where the annotated frames and the clips are.

    Attributes:
        camus: folder of `patientNNNN` folders and `subgroup_*.txt`; the tracker does without.
        packed: further frame sets as .npz of `images`, `labels`, `names`; names begin with the patient.
        clips: folder in the layout of processed SynUS, made by `pointseg simulate`; its split "valid" is held out.
        subset: the patients to train on; those of "validation" are held out.
    """

    camus: Path | None
    packed: Sequence[Path] = ()
    clips: Path | None = None
    subset: str = "training"

    def read(self, size: int, folder: Path) -> FrameSet:
        """The frames of the subset, packed once into `folder`."""
        patients = list_patients(self._frames_folder(), self.subset)
        frames = self._packed_once(size, folder, self.subset)
        for path in self.packed:
            frames = frames.joined(read_packed(path, size))
        return frames.of_patients(patients)

    def held_out(self, size: int, folder: Path) -> FrameSet:
        """The validation patients' frames, four-chamber ones where there are any, packed once into `folder`."""
        frames = self._packed_once(size, folder, "validation")
        four = [i for i, name in enumerate(frames.names) if "_4CH_" in name] or list(range(len(frames)))
        return FrameSet(frames.images[four], frames.labels[four], [frames.names[i] for i in four])

    def clip_sets(self, size: int, labelled: bool = False) -> tuple[ClipSet, ClipSet | None]:
        """The clips to train on, and those held out where the folder has any.

        Raises:
            PointSegError: when no folder was given, it has no usable clip, or clips to train on show held-out patients.
        """
        if self.clips is None:
            msg = "this stage learns from clips; make some with `pointseg simulate` and name their folder with --clips."
            raise PointSegError(msg)
        problems: list[Problem] = []
        train_set, held_out = ClipSet(self.clips, "train", size, labelled, problems), None
        refuse_held_out(train_set, self.camus)
        # a folder may well hold no clips out
        with suppress(ReadError):
            held_out = ClipSet(self.clips, "valid", size, labelled, problems)
        if problems:
            warnings.warn(listed(self.clips, problems), stacklevel=2)
        return train_set, held_out

    def _packed_once(self, size: int, folder: Path, subset: str) -> FrameSet:
        folder.mkdir(parents=True, exist_ok=True)
        camus = self._frames_folder()
        return read_camus_set(camus, list_patients(camus, subset), size, folder / f"camus_{subset}_{size}.npz")

    def _frames_folder(self) -> Path:
        if self.camus is None:
            msg = "this stage learns from annotated frames; name their folder with --data."
            raise PointSegError(msg)
        return self.camus


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
        folder: receives log, state and `tracker.safetensors`.
        settings: of this stage.
        resume: go on from the state in `folder`.
        launch: where the network is trained; None takes one process on the CPU. The data are drawn on the CPU.
        start: checkpoint to begin from; None begins with random weights.

    Returns:
        The checkpoint's path.
    """
    torch.manual_seed(settings.seed)
    model, provenance = _network(settings, start)
    clips, held_out = data.clip_sets(model.config.image_size)
    stage = TrackerStage(model.tracker, clips, settings, model.config.window_overlap, held_out)
    trained = train(stage, settings, folder, launch, resume)
    target = folder / "tracker.safetensors"
    if trained.writes:
        record = provenance_of(settings, trained, f"{len(clips)} clips of {clips.folder.name}", start)
        record["licence"] = clips.licences
        save_checkpoint(target, model, {**provenance, "tracker": record})
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
        data: annotated frames, and clips where `settings.kind_shares` asks for them.
        tracker: checkpoint of stage one; None for a warm-up on stills alone, which need no tracker.
        folder: receives log, state and `pointseg.safetensors`, or `stills.safetensors` of a warm-up.
        settings: of this stage.
        resume: go on from the state in `folder`.
        launch: where the network is trained; None takes one process on the CPU. The data are drawn on the CPU.
        start: checkpoint whose segmenter to begin from; None begins with the tracker's, which is random unless that
            file came from a whole network.

    Returns:
        The checkpoint's path.

    Raises:
        PointSegError: when the tracker is needed and missing, or is part of another network than the recipe's.
    """
    torch.manual_seed(settings.seed)
    if tracker is None and any(settings.kind_shares[1:]):
        msg = "only stills can be learnt without a tracker; train one first, or set kind_shares to [1, 0, 0]."
        raise PointSegError(msg)
    model, provenance = _network(settings, tracker)
    if start is not None:
        begun, earlier = _network(settings, start)
        model.segmenter.load_state_dict(begun.segmenter.state_dict())
        provenance = {**earlier, **provenance}
    frames, held_out = data.read(model.config.image_size, folder), data.held_out(model.config.image_size, folder)
    clips = data.clip_sets(model.config.image_size, labelled=True)[0] if settings.kind_shares[CLIP] else None
    stage = SegmenterStage(model, frames, settings, clips, held_out)
    stage.name = "segmenter" if tracker else "stills"
    trained = train(stage, settings, folder, launch, resume)
    target = folder / ("pointseg.safetensors" if tracker else "stills.safetensors")
    if trained.writes:
        patients = {name.split("_")[0] for name in frames.names}
        learnt = f"CAMUS, {len(frames)} annotated ED/ES frames of {len(patients)} patients"
        learnt += f", and {len(clips)} clips of {clips.folder.name}" if clips else ""
        save_checkpoint(target, model, {**provenance, stage.name: provenance_of(settings, trained, learnt, start)})
    return target


def _network(settings: TrainingSettings, checkpoint: Path | None) -> tuple[PointSeg, dict[str, Any]]:
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


def provenance_of(settings: TrainingSettings, trained: Trained, learnt: str, start: Path | None) -> dict[str, Any]:
    """What a checkpoint says of the stage that made it, as plain JSON types.

    Args:
        settings: of the stage.
        trained: the end of its run.
        learnt: its data in words.
        start: checkpoint it began from.
    """
    return {
        "data": learnt,
        "start": start.name if start else None,
        "licence": DATA_LICENCE,
        "settings": dataclasses.asdict(settings),
        "steps": trained.steps,
        "minutes": trained.minutes,
        "validation": trained.figures,
        "pointseg": PointSegLib.__version__,
        "commit": _commit(),
        "torch": torch.__version__,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "date": date.today().isoformat(),
    }


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
