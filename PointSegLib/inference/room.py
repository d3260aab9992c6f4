"""`Room`: where and in how large windows a clip is worked on, and what is tried when a GPU's memory is exhausted."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import torch

from PointSegLib.inference.device import device_in_words
from PointSegLib.model import PointSeg, PointSegConfig

SMALLEST_WINDOW = 6
Answer = TypeVar("Answer")


@dataclass(frozen=True, eq=False)
class Room:
    """One way to work on a clip.

    Attributes:
        model: in evaluation mode, on its device.
        config: of the model, but for the length and overlap of its windows.
        warnings: what was given up to get here, for the result.
    """

    model: PointSeg
    config: PointSegConfig
    warnings: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        """Its device, and the length of its windows where that is not the network's own."""
        device = device_in_words(next(self.model.parameters()).device)
        is_whole = self.config.window == self.model.config.window
        return device if is_whole else f"{device}, in windows of {self.config.window} frames"


def rooms(model: PointSeg) -> Iterator[Room]:
    """The model as it is; then windows half as long, and again; at last the CPU.

    The model itself stays where it is: the memory may be there for the next clip.
    """
    config = model.config
    yield Room(model, config)
    window = config.window // 2
    while window >= SMALLEST_WINDOW:
        _release()
        smaller = replace(config, window=window, window_overlap=min(config.window_overlap, window // 2))
        said = f"The GPU's memory was exhausted; the clip was worked on in windows of {window} frames in place of "
        yield Room(model, smaller, (f"{said}{config.window}. Close other programs that use the GPU.",))
        window //= 2
    _release()
    said = "The GPU's memory was exhausted; the clip was worked on by the CPU. Close other programs that use the GPU."
    yield Room(copy.deepcopy(model).cpu(), config, (said,))


def in_first_that_fits(model: PointSeg, job: Callable[[Room], Answer]) -> Answer:
    """Do a job in the first room whose memory suffices; the last room's error comes out."""
    candidates = rooms(model)
    room = next(candidates)
    while True:
        try:
            return job(room)
        except torch.cuda.OutOfMemoryError:
            smaller = next(candidates, None)
            if smaller is None:
                raise
        # outside the handler, whose traceback would hold on to the tensors
        room = smaller


def _release() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
