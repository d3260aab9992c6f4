"""`ClipSet`: clips with motion truth in the layout of processed SynUS, from the simulator or from SynUS itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.clip import CineClip
from PointSegLib.errors import ReadError
from PointSegLib.io.camus_info import list_patients
from PointSegLib.io.problems import Problem
from PointSegLib.io.synus import (
    TrackedClip,
    count_synus_frames,
    list_synus,
    read_synus_case,
    read_synus_info,
    read_synus_meta,
    source_patient,
)
from PointSegLib.model.frames import box_size, clip_to_unit, network_frames
from PointSegLib.sector import find_sector
from PointSegLib.simulation.augment import GeometryConfig, augment_appearance, draw_placement, place, place_points

# of every second, every third ... frame is shown, so that slow and fast hearts and low frame rates are met
STRIDES = (1, 1, 1, 2, 3)


@dataclass(frozen=True, eq=False)
class ClipWindow:
    """A part of a clip as the network sees it.

    Attributes:
        images: float32 `[T, S, S]` in 0..1.
        labels: uint8 `[T, S, S]`; zeros where the case has none.
        xy: float32 `[N, T, 2]` normalised positions.
        visible: bool `[N, T]`.
        name: of the case.
    """

    images: Tensor
    labels: Tensor
    xy: Tensor
    visible: Tensor
    name: str


class ClipSet:
    """The clips of one split of a dataset; frames stay on disk until they are drawn.

    Args:
        folder: dataset in the layout of processed SynUS.
        split: "train" or "valid".
        size: side of the network's input.
        labelled: leave out cases without labels.
        problems: takes the cases that cannot be read, which are left out; without it they raise.

    Raises:
        ReadError: when the folder has no usable case of the split.
    """

    def __init__(
        self, folder: Path, split: str, size: int, labelled: bool = False, problems: list[Problem] | None = None
    ) -> None:
        self.folder, self.size = folder, size
        self._info = read_synus_info(folder)
        self.names = list_synus(folder, split, problems)
        if labelled:
            self.names = [name for name in self.names if (folder / name / "labels.npy").is_file()]
        if not self.names:
            msg = f"{folder}: no clip of the split {split} has labels; set the last of kind_shares to 0."
            raise ReadError(msg)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def licences(self) -> str:
        """Whatever the clips say of their licence, each once."""
        return "; ".join(dict.fromkeys(str(meta.get("licence", "not stated")) for meta in self._metas))

    @cached_property
    def patients(self) -> set[str]:
        """The patients whose frames the clips were made of, where they say so."""
        return {source_patient(meta) for meta in self._metas} - {""}

    @cached_property
    def shortest(self) -> int:
        """Frames of the shortest clip."""
        return min(count_synus_frames(self.folder, name) for name in self.names)

    @cached_property
    def _metas(self) -> list[dict[str, Any]]:
        return [read_synus_meta(self.folder, name) for name in self.names]

    def draw(self, n_frames: int, generator: torch.Generator, geometry: GeometryConfig) -> ClipWindow:
        """A random window of a random clip, played either way, placed and lit anew.

        Args:
            n_frames: frames of the window, at most `shortest`.
            generator: source of the random numbers.
            geometry: ranges of the placement.
        """
        name = self.names[int(torch.randint(len(self), (1,), generator=generator))]
        case = self._case(name)
        total = len(case.frames)
        strides = [s for s in STRIDES if (n_frames - 1) * s < total]
        stride = strides[int(torch.randint(len(strides), (1,), generator=generator))]
        first = int(torch.randint(total - (n_frames - 1) * stride, (1,), generator=generator))
        frames = np.arange(n_frames) * stride + first
        if float(torch.rand((), generator=generator)) < 0.5:
            frames = frames[::-1]
        window = self._window(case, frames)
        placement = draw_placement(self.size, self.size, generator, geometry)
        images, labels = place(window.images, window.labels, placement)
        images = augment_appearance(images, generator)
        xy = place_points(window.xy, placement)
        inside = ((xy > 0) & (xy < 1)).all(-1)
        return ClipWindow(images, labels, xy, window.visible & inside, name)

    def window(self, name: str, frames: np.ndarray) -> ClipWindow:
        """Some frames of a case as they are, cut to the fan where they are not squares of the network's size."""
        return self._window(self._case(name), frames)

    def _case(self, name: str) -> TrackedClip:
        return read_synus_case(self.folder, name, self._info)

    def _window(self, case: TrackedClip, frames: np.ndarray) -> ClipWindow:
        pixels = np.ascontiguousarray(case.frames[frames])
        labels = np.zeros_like(pixels) if case.labels is None else np.ascontiguousarray(case.labels[frames])
        xy, visible = torch.from_numpy(case.points[:, frames]), torch.from_numpy(case.visible[:, frames])
        height, width = pixels.shape[1:]
        if (height, width) == (self.size, self.size):
            box = (0, 0, width - 1, height - 1)
            images = torch.from_numpy(pixels).float() / 255
            masks = torch.from_numpy(labels)
        else:
            sector = find_sector(CineClip(pixels))
            box = sector.box
            mask = torch.from_numpy(sector.mask)
            images = network_frames(torch.from_numpy(pixels), mask, box, self.size)[:, 0]
            masks = _resized_labels(torch.from_numpy(labels), box, self.size)
        return ClipWindow(images, masks, clip_to_unit(xy, box), visible, case.name)


def refuse_held_out(clips: ClipSet, camus: Path | None) -> None:
    """Refuse to learn from clips that were made of patients whom the official split of CAMUS holds out.

    Args:
        clips: to train on.
        camus: folder with the lists of the split; a list that is not there, or no folder, forbids nothing.

    Raises:
        ReadError: when there are such clips; their patients are named.
    """
    if camus is None:
        return
    for subset in ("validation", "testing"):
        try:
            held_out = list_patients(camus, subset)
        except ReadError:
            continue
        seen = sorted(clips.patients.intersection(held_out))
        if seen:
            whom = f"{len(seen)} {subset} patients ({', '.join(seen[:5])}{', ...' if len(seen) > 5 else ''})"
            msg = f"{clips.folder}: clips to train on were made of {whom}, on whom the network will be judged; "
            msg += f"make them anew in another folder with `pointseg simulate --data {camus} --subset training`."
            raise ReadError(msg)


def _resized_labels(labels: Tensor, box: tuple[int, int, int, int], size: int) -> Tensor:
    width, height = box_size(box)
    inside = labels[:, box[1] : box[1] + height, box[0] : box[0] + width].unsqueeze(1).float()
    return F.interpolate(inside, (size, size), mode="nearest-exact")[:, 0].to(torch.uint8)
