"""`TrainingData`: where annotated frames and clips are; `Material`: what a stage that learns masks takes from there."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PointSegLib.errors import PointSegError, ReadError
from PointSegLib.io.camus_info import list_patients
from PointSegLib.io.problems import Problem, listed
from PointSegLib.training.clips import ClipSet, refuse_held_out
from PointSegLib.training.frames import FrameSet, read_camus_set, read_packed
from PointSegLib.training.segmenter_stage import CLIP, PAIR
from PointSegLib.training.settings import TrainingSettings

FRAMES_LICENCE = "CC BY-NC-SA 4.0 (trained on CAMUS; cite Leclerc et al., IEEE TMI 38(9), 2019)"


@dataclass(frozen=True, eq=False)
class Material:
    """What masks are learnt from.

    Attributes:
        frames: annotated ones; None where only clips are learnt.
        clips: labelled ones; None where none are learnt.
    """

    frames: FrameSet | None
    clips: ClipSet | None

    def __str__(self) -> str:
        said = []
        if self.frames is not None:
            patients = {name.split("_")[0] for name in self.frames.names}
            said.append(f"CAMUS, {len(self.frames)} annotated ED/ES frames of {len(patients)} patients")
        if self.clips is not None:
            said.append(f"{len(self.clips)} clips of {self.clips.folder.name}")
        return ", and ".join(said)

    @property
    def licence(self) -> str:
        """What all of it allows, each licence once."""
        frames = [FRAMES_LICENCE] if self.frames is not None else []
        return "; ".join(dict.fromkeys(frames + ([self.clips.licences] if self.clips is not None else [])))


@dataclass(frozen=True)
class TrainingData:
    """Where the annotated frames and the clips are.

    Frames and clips that cannot be read are left out, and one warning for each folder and subset lists them.

    Attributes:
        camus: folder of `patientNNNN` folders and `subgroup_*.txt`; what is learnt from clips alone does without.
        packed: further frame sets as .npz of `images`, `labels`, `names`; names begin with the patient.
        clips: folder in the layout of processed SynUS, made by `pointseg simulate`; its split "valid" is held out.
        subset: the patients to train on; those of "validation" are held out.
    """

    camus: Path | None
    packed: Sequence[Path] = ()
    clips: Path | None = None
    subset: str = "training"

    def material(self, settings: TrainingSettings, size: int, folder: Path) -> Material:
        """What the shares of a stage's steps ask for.

        Args:
            settings: of the stage; `kind_shares` counts.
            size: side of the network's input in pixels.
            folder: where the frames are packed once.

        Raises:
            PointSegError: when the folder of frames or clips is needed and not named, or pairs are and there is none.
            ReadError: when there is no readable frame or clip.
        """
        frames = self.read(size, folder) if any(settings.kind_shares[:CLIP]) else None
        if frames is not None and settings.kind_shares[PAIR] and not frames.pairs():
            msg = f"{self.camus}: no patient to train on has both an ED and an ES frame of one view; restore them, or "
            msg += "set the second of kind_shares to 0."
            raise PointSegError(msg)
        return Material(frames, self.clip_sets(size, labelled=True)[0] if settings.kind_shares[CLIP] else None)

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
        cache, problems = folder / f"camus_{subset}_{size}.npz", list[Problem]()
        try:
            return read_camus_set(camus, list_patients(camus, subset), size, cache, problems)
        finally:
            if problems:
                warnings.warn(listed(camus, problems), stacklevel=2)

    def _frames_folder(self) -> Path:
        if self.camus is None:
            msg = "this stage learns from annotated frames; name their folder with --data."
            raise PointSegError(msg)
        return self.camus
