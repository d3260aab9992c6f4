"""`ClipSet`: clips with motion truth in the layout of processed SynUS, from the simulator or from SynUS itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.clip import CineClip
from PointSegLib.errors import ReadError
from PointSegLib.io.problems import Problem
from PointSegLib.io.synus import list_synus, read_synus_case
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
        said = (read_synus_case(self.folder, name).meta.get("licence", "not stated") for name in self.names)
        return "; ".join(dict.fromkeys(str(licence) for licence in said))

    @cached_property
    def shortest(self) -> int:
        """Frames of the shortest clip."""
        return min(len(read_synus_case(self.folder, name).frames) for name in self.names)

    def draw(self, n_frames: int, generator: torch.Generator, geometry: GeometryConfig) -> ClipWindow:
        """A random window of a random clip, played either way, placed and lit anew.

        Args:
            n_frames: frames of the window, at most `shortest`.
            generator: source of the random numbers.
            geometry: ranges of the placement.
        """
        name = self.names[int(torch.randint(len(self), (1,), generator=generator))]
        total = len(read_synus_case(self.folder, name).frames)
        strides = [s for s in STRIDES if (n_frames - 1) * s < total]
        stride = strides[int(torch.randint(len(strides), (1,), generator=generator))]
        first = int(torch.randint(total - (n_frames - 1) * stride, (1,), generator=generator))
        frames = np.arange(n_frames) * stride + first
        if float(torch.rand((), generator=generator)) < 0.5:
            frames = frames[::-1]
        window = self.window(name, frames)
        placement = draw_placement(self.size, self.size, generator, geometry)
        images, labels = place(window.images, window.labels, placement)
        images = augment_appearance(images, generator)
        xy = place_points(window.xy, placement)
        inside = ((xy > 0) & (xy < 1)).all(-1)
        return ClipWindow(images, labels, xy, window.visible & inside, name)

    def window(self, name: str, frames: np.ndarray) -> ClipWindow:
        """Some frames of a case as they are, cut to the fan where they are not squares of the network's size."""
        case = read_synus_case(self.folder, name)
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
        return ClipWindow(images, masks, clip_to_unit(xy, box), visible, name)


def _resized_labels(labels: Tensor, box: tuple[int, int, int, int], size: int) -> Tensor:
    width, height = box_size(box)
    inside = labels[:, box[1] : box[1] + height, box[0] : box[0] + width].unsqueeze(1).float()
    return F.interpolate(inside, (size, size), mode="nearest-exact")[:, 0].to(torch.uint8)
