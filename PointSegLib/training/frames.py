"""`FrameSet`: the annotated frames training starts from, packed as the network sees them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from PointSegLib.atomic import atomic_path
from PointSegLib.clip import CineClip
from PointSegLib.errors import ReadError
from PointSegLib.io.archive import read_arrays
from PointSegLib.io.camus import annotated_frames
from PointSegLib.io.problems import Problem
from PointSegLib.model.frames import network_frames
from PointSegLib.result import LABEL_NAMES
from PointSegLib.sector import find_sector


@dataclass(frozen=True, eq=False)
class FrameSet:
    """Annotated frames of one size.

    Attributes:
        images: uint8 `[n, S, S]`.
        labels: uint8 `[n, S, S]`, CAMUS labels.
        names: `patient_view_phase` of each frame.
    """

    images: np.ndarray
    labels: np.ndarray
    names: list[str]

    def __len__(self) -> int:
        return len(self.images)

    def of_patients(self, patients: Iterable[str]) -> FrameSet:
        """The frames of these patients only."""
        wanted = set(patients)
        index = [i for i, name in enumerate(self.names) if name.split("_")[0] in wanted]
        return FrameSet(self.images[index], self.labels[index], [self.names[i] for i in index])

    def pairs(self) -> list[list[int]]:
        """Indices (ED, ES) of the patients and views that have both."""
        index = {name: i for i, name in enumerate(self.names)}
        early = [name for name in self.names if name.endswith("_ED")]
        found = [(index[name], index.get(name[:-2] + "ES")) for name in early]
        return [[first, second] for first, second in found if second is not None]

    def joined(self, other: FrameSet) -> FrameSet:
        """This set and after it the other; of a frame that is in both, by its name, the first counts."""
        mine = set(self.names)
        new = [i for i, name in enumerate(other.names) if name not in mine]
        images = np.concatenate([self.images, other.images[new]])
        labels = np.concatenate([self.labels, other.labels[new]])
        return FrameSet(images, labels, self.names + [other.names[i] for i in new])


def network_square(clip: CineClip, labels: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """One frame and its labels `[H, W]` as the network sees them: uint8 `[size, size]` each."""
    sector = find_sector(clip)
    image = network_frames(torch.from_numpy(clip.frames[:1]), torch.from_numpy(sector.mask), sector.box, size)[0, 0]
    x0, y0, x1, y1 = sector.box
    inside = torch.from_numpy(labels[y0 : y1 + 1, x0 : x1 + 1].copy())[None, None].float()
    resized = F.interpolate(inside, (size, size), mode="nearest-exact")[0, 0]
    return (image * 255).round().clamp(0, 255).to(torch.uint8).numpy(), resized.to(torch.uint8).numpy()


def read_camus_set(
    root: str | Path,
    patients: Iterable[str],
    size: int,
    cache: Path | None = None,
    problems: list[Problem] | None = None,
) -> FrameSet:
    """All annotated ED and ES frames of some patients of a CAMUS folder, in every view they have.

    Args:
        root: folder of `patientNNNN` folders.
        patients: their names.
        size: side of the packed frames in pixels.
        cache: packed file to read instead where it exists, and to write where it does not. It is not written while
            frames are damaged, so that they are read again once they are restored.
        problems: takes the frames that are damaged or not there, which are left out; without it damage raises.

    Raises:
        ReadError: when none of the patients has an annotated frame, or, without `problems`, when some are damaged.
    """
    if cache is not None and cache.is_file():
        return read_packed(cache, size)
    images, masks, names = [], [], []
    known = len(problems or ())
    for name, clip, labels in annotated_frames(root, patients, problems=problems):
        image, mask = network_square(clip, labels, size)
        images.append(image)
        masks.append(mask)
        names.append(name)
    frames = FrameSet(np.stack(images), np.stack(masks), names)
    if cache is not None and all(problem.absent for problem in (problems or ())[known:]):
        write_packed(cache, frames)
    return frames


def write_packed(path: Path, frames: FrameSet) -> None:
    """Write a set as one .npz of `images`, `labels` and `names`."""
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, images=frames.images, labels=frames.labels, names=np.array(frames.names))


def read_packed(path: str | Path, size: int) -> FrameSet:
    """Read a packed set, resized to `size` where it has another.

    Raises:
        ReadError: when the file is not such a set, or a damaged one; when arrays do not fit each other, or frames have
            labels that CAMUS has not: all of them are named.
    """
    images, labels, named = read_arrays(path, ("images", "labels", "names"), "packed frame set").values()
    names = [str(name) for name in named]
    faults = _faults(images, labels, names)
    if faults:
        msg = f"{path}: {'; '.join(faults)}; pack the frames again."
        raise ReadError(msg)
    if images.shape[1:] != (size, size):
        squares = [network_square(CineClip(image), mask, size) for image, mask in zip(images, labels, strict=True)]
        images, labels = (np.stack(part) for part in zip(*squares, strict=True))
    return FrameSet(images, labels, names)


def _faults(images: np.ndarray, labels: np.ndarray, names: list[str]) -> list[str]:
    """What does not fit in a packed set; empty when all fits."""
    faults = []
    for what, array in {"images": images, "labels": labels}.items():
        if array.ndim != 3 or array.dtype != np.uint8:
            faults.append(f"{what} are {array.dtype} {list(array.shape)}, not uint8 [n, H, W]")
    if images.shape != labels.shape or len(images) != len(names):
        faults.append(f"there are images {list(images.shape)}, labels {list(labels.shape)} and {len(names)} names")
    if not faults:
        highest = labels.max((1, 2), initial=0)
        unknown = np.flatnonzero(highest > max(LABEL_NAMES))
        faults += [f"{names[index]} has the label {highest[index]}" for index in unknown]
    return faults
