"""`FeatureStore`: the encoder's features of a whole clip, kept so that a click does not pay for them again."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import fields, replace

import numpy as np
import torch
from torch import Tensor

from PointSegLib.model.encoder import FrameFeatures

# what the temporary folder keeps free for others
DISK_RESERVE = 256 * 2**20


class FeatureStore:
    """Maps of all frames in half precision: in memory, above a limit in a temporary file, without room not at all.

    Maps that the encoder gives in 16 bits are kept bit for bit, others lose all but 11 bits of their mantissa. The
    file has no name where the system allows it and goes away with the process, however that ends.

    Args:
        n_frames: of the clip.
        wanted: says by field and stride ("levels", 8) or field alone ("detail", None) which maps are read again.
        memory_limit: bytes above which the maps go to the file.
    """

    def __init__(self, n_frames: int, wanted: Callable[[str, int | None], bool], memory_limit: int) -> None:
        self.n_frames, self.wanted, self.memory_limit = n_frames, wanted, memory_limit
        self.bytes_per_frame = 0
        self.holds = True
        self._kept: dict[tuple[str, int | None], Tensor] = {}
        self._like: FrameFeatures | None = None

    def keep(self, first: int, features: FrameFeatures) -> None:
        """Store the frames from `first` on."""
        if self._like is None:
            self._like = _empty(features)
            self._allocate(features)
        for key, part in _parts(features):
            if key in self._kept:
                store = self._kept[key]
                store[first : first + len(part)] = part.permute(0, 2, 3, 1).to(store.dtype)

    def frames(self, first: int, last: int, device: torch.device) -> FrameFeatures:
        """The stored frames as the encoder gave them; maps that are not wanted have no channels."""
        like = self._like
        if like is None or not self.holds:
            msg = "the features of this clip were not kept"
            raise LookupError(msg)

        def back(key: tuple[str, int | None], kind: Tensor) -> Tensor:
            if key not in self._kept:
                return kind.new_zeros(last - first, 0, 1, 1, device=device)
            return self._kept[key][first:last].to(device).to(kind.dtype).permute(0, 3, 1, 2)

        return _mapped(like, back)

    def _allocate(self, features: FrameFeatures) -> None:
        shapes = {key: part.permute(0, 2, 3, 1).shape[1:] for key, part in _parts(features) if self.wanted(*key)}
        self.bytes_per_frame = 2 * sum(math.prod(shape) for shape in shapes.values())
        total = self.n_frames * self.bytes_per_frame
        in_memory = total <= self.memory_limit
        if not in_memory and shutil.disk_usage(tempfile.gettempdir()).free < total + DISK_RESERVE:
            self.holds = False
            return
        room = torch.empty(total // 2, dtype=torch.int16) if in_memory else _mapped_file(total // 2)
        kinds = {key: part.dtype for key, part in _parts(features)}
        start = 0
        for key, shape in shapes.items():
            size = self.n_frames * math.prod(shape)
            kept_as = torch.bfloat16 if kinds[key] == torch.bfloat16 else torch.float16
            self._kept[key] = room[start : start + size].view(kept_as).view(self.n_frames, *shape)
            start += size


def _mapped_file(count: int) -> Tensor:
    # the array keeps the file open; its last reference closes and so removes it
    file = tempfile.TemporaryFile(prefix="pointseg-")  # noqa: SIM115
    return torch.from_numpy(np.memmap(file, np.int16, "w+", shape=(count,)))


def _parts(features: FrameFeatures) -> Iterator[tuple[tuple[str, int | None], Tensor]]:
    for field in fields(features):
        value = getattr(features, field.name)
        if isinstance(value, dict):
            yield from (((field.name, stride), part) for stride, part in value.items())
        else:
            yield (field.name, None), value


def _mapped(features: FrameFeatures, change: Callable[[tuple[str, int | None], Tensor], Tensor]) -> FrameFeatures:
    """Features with every map changed alike."""
    parts = {key: change(key, part) for key, part in _parts(features)}
    levels = {stride: parts["levels", stride] for stride in features.levels}
    rest = {name: part for (name, _), part in parts.items() if name != "levels"}
    return replace(features, levels=levels, **rest)


def _empty(features: FrameFeatures) -> FrameFeatures:
    """No frames, but the kind of every map."""
    return _mapped(features, lambda _, part: part[:0].clone())
