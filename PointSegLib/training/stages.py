"""The two commands of the training: stage one makes a tracker, stage two a whole network out of it."""

from __future__ import annotations

import dataclasses
import platform
import subprocess
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch

import PointSegLib
from PointSegLib.errors import PointSegError
from PointSegLib.io.camus_info import list_patients
from PointSegLib.model import PRESETS, PointSeg, PointSegConfig, load_checkpoint, save_checkpoint, with_classes
from PointSegLib.training.frames import FrameSet, read_camus_set, read_packed
from PointSegLib.training.launch import Launch
from PointSegLib.training.loop import Trained, train
from PointSegLib.training.segmenter_stage import SegmenterStage
from PointSegLib.training.settings import TrainingSettings
from PointSegLib.training.tracker_stage import TrackerStage

DATA_LICENCE = "CC BY-NC-SA 4.0 (trained on CAMUS; cite Leclerc et al., IEEE TMI 38(9), 2019)"


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """Where the annotated frames are.

    Attributes:
        camus: folder of `patientNNNN` folders and `subgroup_*.txt`.
        packed: further frame sets as .npz of `images`, `labels`, `names`; names begin with the patient.
        subset: the patients to train on.
    """

    camus: Path
    packed: Sequence[Path] = ()
    subset: str = "training"

    def read(self, size: int, folder: Path) -> FrameSet:
        """The frames of the subset, packed once into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        patients = list_patients(self.camus, self.subset)
        frames = read_camus_set(self.camus, patients, size, folder / f"camus_{self.subset}_{size}.npz")
        for path in self.packed:
            frames = frames.joined(read_packed(path, size))
        return frames.of_patients(patients)


def train_tracker(
    data: TrainingData,
    folder: Path,
    settings: TrainingSettings,
    resume: bool = False,
    launch: Launch | None = None,
) -> Path:
    """Stage one: train the point tracker on simulated motion of real frames.

    Args:
        data: the frames to set in motion.
        folder: receives log, state and `tracker.safetensors`.
        settings: of this stage.
        resume: go on from the state in `folder`.
        launch: where the network is trained; None takes one process on the CPU. The data are drawn on the CPU.

    Returns:
        The checkpoint's path. Its segmenter is untrained and says so in the provenance.
    """
    torch.manual_seed(settings.seed)
    config = PRESETS[settings.preset]()
    config = with_classes(config, settings.class_labels) if settings.class_labels else config
    model = PointSeg(config)
    frames = data.read(config.image_size, folder)
    stage = TrackerStage(model.tracker, frames, settings, config.window_overlap)
    trained = train(stage, settings, folder, launch, resume)
    target = folder / "tracker.safetensors"
    if trained.writes:
        save_checkpoint(target, model, {"tracker": _provenance(settings, trained, frames)})
    return target


def train_segmenter(
    data: TrainingData,
    tracker: Path,
    folder: Path,
    settings: TrainingSettings,
    resume: bool = False,
    launch: Launch | None = None,
) -> Path:
    """Stage two: freeze the tracker of a checkpoint and train encoder, fusion layers and mask decoder.

    Args:
        data: annotated frames.
        tracker: checkpoint of stage one.
        folder: receives log, state and `pointseg.safetensors`.
        settings: of this stage.
        resume: go on from the state in `folder`.
        launch: where the network is trained; None takes one process on the CPU. The data are drawn on the CPU.

    Returns:
        The checkpoint's path.
    """
    torch.manual_seed(settings.seed)
    loaded = load_checkpoint(tracker)
    model = loaded.model
    _check_settings(settings, model.config, tracker)
    frames = data.read(model.config.image_size, folder)
    trained = train(SegmenterStage(model, frames, settings), settings, folder, launch, resume)
    target = folder / "pointseg.safetensors"
    if trained.writes:
        save_checkpoint(target, model, {**loaded.provenance, "segmenter": _provenance(settings, trained, frames)})
    return target


def _check_settings(settings: TrainingSettings, config: PointSegConfig, tracker: Path) -> None:
    """The network's shape comes from the tracker's checkpoint; a recipe for another one is a mistake."""
    classes = settings.class_labels or config.segmenter.class_labels
    if (settings.preset, classes) != (config.preset, config.segmenter.class_labels):
        msg = f"{tracker}: the recipe is for the preset {settings.preset!r} and classes {classes}, but this tracker is "
        msg += f"part of {config.preset!r} with {config.segmenter.class_labels}; train both stages with one recipe."
        raise PointSegError(msg)


def _provenance(settings: TrainingSettings, trained: Trained, frames: FrameSet) -> dict[str, Any]:
    patients = {name.split("_")[0] for name in frames.names}
    return {
        "data": f"CAMUS, {len(frames)} annotated ED/ES frames of {len(patients)} patients",
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
