"""`WrittenFrames`: which frames of a segmentation the user has changed since PointSeg wrote them."""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np

from PointSegModule.appearance import SEGMENTS, SegmentStyle
from PointSegModule.scene_input import CineSource
from PointSegModule.segmentation_input import labelsOfItem, modifiedTimes

WRITTEN_ATTRIBUTE = "PointSeg.written"  # of a sequence of segmentations: {frame: checksum} as PointSeg wrote them


class WrittenFrames:
    """Compares the frames in the scene with what was written there, also after the scene was saved and loaded.

    Args:
        source: the cine.
        segmentation: shows the current frame of the result.
        styles: the structures of the result.
    """

    def __init__(self, source: CineSource, segmentation: Any, styles: tuple[SegmentStyle, ...]) -> None:
        self._source, self._segmentation, self._styles = source, segmentation, styles
        self._sequence = source.browser.GetSequenceNode(segmentation)
        stored = self._sequence.GetAttribute(WRITTEN_ATTRIBUTE)
        self._checksums = {int(frame): checksum for frame, checksum in json.loads(stored).items()} if stored else {}
        self._seen: dict[int, tuple[int, ...]] = {}

    def begin(self, checksums: dict[int, int]) -> None:
        """Forget what was known, and expect these frames to have labels of these checksums."""
        self._checksums, self._seen = dict(checksums), {}
        self.save()

    def note(self, frame: int, labels: np.ndarray) -> None:
        """Take in that a frame has just got these labels, uint8 `[H, W]`; see `save`."""
        self._checksums[frame] = checksumOf(labels, self._styles)
        self._seen[frame] = self._times(frame)

    def save(self) -> None:
        """Keep with the scene what was noted."""
        self._sequence.SetAttribute(WRITTEN_ATTRIBUTE, json.dumps(self._checksums))

    def isRedrawn(self, frame: int) -> bool:
        """Whether a frame has other labels than those noted; one that nothing is known of has not."""
        times = self._times(frame)
        if self._seen.get(frame) == times:
            return False
        drawn = labelsOfItem(self._sequence, frame, self._segmentation, self._source, self._styles)
        found = checksumOf(drawn, self._styles)
        if self._checksums.setdefault(frame, found) != found:
            return True
        self._seen[frame] = times  # touched, by a view or an editor, and the same for all that
        return False

    def _times(self, frame: int) -> tuple[int, ...]:
        return modifiedTimes(self._sequence, frame, self._segmentation, self._source, self._styles)


def checksumOf(labels: np.ndarray, styles: tuple[SegmentStyle, ...]) -> int:
    """A number that tells labels, uint8 `[H, W]`, from others; structures that are not shown do not count."""
    if len(styles) < len(SEGMENTS):
        labels = np.where(np.isin(labels, [style.label for style in styles]), labels, 0).astype(np.uint8)
    return zlib.crc32(np.ascontiguousarray(labels))
