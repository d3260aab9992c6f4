"""`RunRecord`: how a segmentation was made, kept with it in the scene so that it can be gone on with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from PointSegLib import SegmentOptions

RUN_ATTRIBUTE = "PointSeg.run"  # of a sequence of segmentations


@dataclass(frozen=True)
class RunRecord:
    """What a run was told.

    Attributes:
        firstFrame, lastFrame: of the cine that were segmented.
        prompts: rows (frame, x, y) of points that were followed from the start, in pixels; frames are those of the
            clip, whose first is `firstFrame`.
        options: grid and smoothing.
        checkpoint: file of the network; None for the embedded one.
        spacingMm: (row, column) pixel distance that was given, None for the image's own.
        calibration: where `spacingMm` is from.
    """

    firstFrame: int
    lastFrame: int
    prompts: tuple[tuple[float, ...], ...] = ()
    options: SegmentOptions = field(default_factory=SegmentOptions)
    checkpoint: Path | None = None
    spacingMm: tuple[float, float] | None = None
    calibration: str = ""

    @property
    def frames(self) -> range:
        """The frames that were segmented."""
        return range(self.firstFrame, self.lastFrame + 1)

    @property
    def promptRows(self) -> np.ndarray:
        """`prompts` as float64 `[M, 3]`."""
        return np.array(self.prompts, np.float64).reshape(-1, 3)

    def write(self, sequence: Any) -> None:
        """Keep the record with a sequence of segmentations."""
        values = asdict(self) | {"checkpoint": str(self.checkpoint) if self.checkpoint else None}
        sequence.SetAttribute(RUN_ATTRIBUTE, json.dumps(values))

    @classmethod
    def read(cls, sequence: Any, frameCount: int) -> RunRecord:
        """The record of a sequence of segmentations; where it has none, all its frames and the defaults."""
        stored = sequence.GetAttribute(RUN_ATTRIBUTE)
        if not stored:
            return cls(0, frameCount - 1)
        values = json.loads(stored)
        values["prompts"] = tuple(map(tuple, values["prompts"]))
        values["options"] = SegmentOptions(**values["options"])
        values["checkpoint"] = Path(values["checkpoint"]) if values["checkpoint"] else None
        values["spacingMm"] = tuple(values["spacingMm"]) if values["spacingMm"] else None
        return cls(**values)
