"""`OpenCine`: a segmented cine that clicks and edited frames can go on improving."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import slicer

from PointSegLib.clip import CineClip
from PointSegLib.errors import PointError, PointSegError
from PointSegLib.inference.engine import Engine
from PointSegLib.inference.messages import Correct, Keep, Open, Propagate
from PointSegLib.result import PointTracks
from PointSegModule.appearance import SEGMENTS, SegmentStyle
from PointSegModule.corrections import KINDS, rowsOf
from PointSegModule.engines import Engines, Steps, answered
from PointSegModule.geometry import CineGeometry
from PointSegModule.run_record import RunRecord
from PointSegModule.scene_input import CineSource, SceneInputError, clipSteps, findCine
from PointSegModule.segmentation_input import labelsOfItem
from PointSegModule.segmentation_output import fillSegmentation
from PointSegModule.written_frames import WrittenFrames

# Of the sequence of segmentations; the node that shows one of them loses its attributes to every frame it shows.
EDITS_ATTRIBUTE = "PointSeg.edits"  # {frame: falloff} of the frames the user has drawn
CORRECTIONS_REFERENCE = "PointSeg.corrections"  # the markups node with the clicks
KEPT = 1.0  # the falloff of a frame that was edited and not propagated: it changes no other


@dataclass(eq=False)
class OpenCine:
    """A cine, its result in the scene, and the engine that can improve it.

    What the user did is in the scene, so that a saved scene can be gone on with: clicks are the points of a markups
    node, which the sequence of segmentations refers to; edited frames and the settings of the run are attributes of
    that sequence, and the drawings are in it.

    A frame that the user changes in the Segment Editor is the user's from then on, propagated or not: no later click
    draws over it. `releaseSteps` gives it back.

    Attributes:
        source: the browsed cine.
        segmentation: shows the current frame of the result.
        record: how it was segmented.
        engine: to be asked.
        isOpen: whether the engine has the clip.
        clip: what was segmented, once it was read.
        labels: uint8 `[T, H, W]` as they are in the scene, once they are known.
        tracks: of grid and clicks, in the clip's own frames, once they are known.
        written: tells which frames the user has drawn since.
    """

    source: CineSource
    segmentation: Any
    record: RunRecord
    engine: Engine
    isOpen: bool = False
    clip: CineClip | None = None
    labels: np.ndarray | None = None
    tracks: PointTracks | None = None
    written: WrittenFrames = field(init=False)

    def __post_init__(self) -> None:
        self.written = WrittenFrames(self.source, self.segmentation, self.styles)

    @classmethod
    def ofScene(cls, inputNode: Any, segmentation: Any, engines: Engines, device: str) -> OpenCine:
        """What an earlier run, in this session or before the scene was saved, has left.

        Raises:
            SceneInputError: when the segmentation is not one of the cine's.
            CheckpointError: when the network of that run is not there any more.
        """
        source = findCine(inputNode)
        if segmentation is None or source.browser is None or source.browser.GetSequenceNode(segmentation) is None:
            msg = f"'{source.name}' has no segmentation to correct yet; segment it first."
            raise SceneInputError(msg)
        record = RunRecord.read(source.browser.GetSequenceNode(segmentation), len(source))
        return cls(source, segmentation, record, engines.of(device, record.checkpoint))

    @property
    def frames(self) -> range:
        """The frames of the cine that were segmented."""
        return self.record.frames

    @property
    def sequence(self) -> Any:
        """The sequence of the segmentations."""
        return self.source.browser.GetSequenceNode(self.segmentation)

    @property
    def shownFrame(self) -> int:
        """The frame of the cine that is shown now."""
        return self.source.browser.GetSelectedItemNumber()

    @property
    def styles(self) -> tuple[SegmentStyle, ...]:
        """The structures of the result."""
        present = self.sequence.GetNthDataNode(self.frames.start).GetSegmentation().GetSegmentIDs()
        return tuple(style for style in SEGMENTS if style.segmentId in present)

    @property
    def edits(self) -> dict[int, float]:
        """Falloff in frames of each frame of the cine that the user has drawn."""
        stored = self.sequence.GetAttribute(EDITS_ATTRIBUTE)
        return {int(frame): falloff for frame, falloff in json.loads(stored).items()} if stored else {}

    @edits.setter
    def edits(self, edits: dict[int, float]) -> None:
        self.sequence.SetAttribute(EDITS_ATTRIBUTE, json.dumps(edits) if edits else None)

    @property
    def corrections(self) -> Any:
        """The markups node that holds the clicks; None as long as there is none."""
        return self.sequence.GetNodeReference(CORRECTIONS_REFERENCE)

    @corrections.setter
    def corrections(self, node: Any) -> None:
        self.sequence.SetNodeReferenceID(CORRECTIONS_REFERENCE, node.GetID() if node is not None else None)

    def isStillThere(self) -> bool:
        """Whether the scene still holds all that is needed."""
        nodes = (self.source.imageNode, self.source.sequence, self.source.browser, self.segmentation)
        present = all(slicer.mrmlScene.IsNodePresent(node) for node in nodes)
        return present and self.sequence is not None

    def requireFrame(self, frame: int) -> None:
        """Refuse a frame that was not segmented."""
        if frame not in self.frames:
            msg = (
                f"Frame {frame} was not segmented; choose one of {self.frames.start} to {self.frames.stop - 1}, "
                "or segment more frames."
            )
            raise PointError(msg)

    def correction(self, corrections: Any) -> Correct:
        """What to ask the engine for the clicks that are in a markups node, or None for none."""
        rows, kinds = rowsOf(corrections, CineGeometry(self.source)) if corrections is not None else (None, ())
        rows = np.zeros((0, 3)) if rows is None else rows
        for frame in rows[:, 0].astype(int):
            self.requireFrame(int(frame))
        placed = rows - [self.frames.start, 0, 0]
        prompts = self.record.promptRows
        hints = [*[None] * len(prompts), *(KINDS[kind].hint for kind in kinds)]
        return Correct(np.concatenate([prompts, placed]), hints)

    def drawing(self, frame: int, falloff: float) -> Propagate:
        """What to ask the engine to carry one frame, as it is in the scene, to those around it."""
        self.requireFrame(frame)
        return Propagate(frame - self.frames.start, self.labelsNow(frame), falloff)

    def labelsNow(self, frame: int) -> np.ndarray:
        """Labels uint8 `[H, W]` of one frame as they are in the scene, edited or not.

        Structures that were not written into the scene are added where it says background, while they are known.
        """
        hidden = [style.label for style in SEGMENTS if style not in self.styles]
        shown = labelsOfItem(self.sequence, frame, self.segmentation, self.source, self.styles)
        if not hidden or self.labels is None:
            return shown
        own = self.labels[frame - self.frames.start]
        return np.where((shown == 0) & np.isin(own, hidden), own, shown)

    def labelSteps(self) -> Steps:
        """Read the labels of all frames as they are in the scene now; gives uint8 `[T, H, W]`."""
        labels: np.ndarray | None = None
        for place, frame in enumerate(self.frames):
            shown = self.labelsNow(frame)
            if labels is None:  # not stacked in the end, which would be a long step
                labels = np.empty((len(self.frames), *shown.shape), np.uint8)
            labels[place] = shown
            yield False
        return labels

    def readSteps(self) -> Steps:
        """Read frames and labels from the scene, where they are not known."""
        if self.clip is None:
            record = self.record
            self.clip = yield from clipSteps(self.source, self.frames, record.spacingMm, record.calibration)
        if self.labels is None:
            self.labels = yield from self.labelSteps()

    def openSteps(self, corrections: Any) -> Steps:
        """Let the engine have the clip, with the clicks and edits of the scene, if it has not."""
        yield from self.readSteps()
        redrawn = yield from self._redrawnSteps()
        if not self.isOpen:
            edits = []
            for frame, falloff in self.edits.items():
                edits.append(self.drawing(frame, falloff))
                yield False
            request = Open(self.clip, self.record.options, self.correction(corrections), tuple(edits))
            yield from answered(self.engine, request)
            self.isOpen = True
        elif redrawn:
            yield from answered(self.engine, Keep(redrawn))

    def _redrawnSteps(self) -> Steps:
        """Make the frames that the user has drawn since the last time the user's own; gives them."""
        redrawn = []
        for place, frame in enumerate(self.frames):
            if self.written.isRedrawn(frame):
                redrawn.append(self.drawing(frame, self.edits.get(frame, KEPT)))
                self.labels[place] = redrawn[-1].labels
                self.written.note(frame, self.labels[place])
            yield False
        if redrawn:
            self.edits |= {self.frames[drawing.frame]: drawing.falloff_frames for drawing in redrawn}
            self.written.save()
        return tuple(redrawn)

    def askSteps(self, request: Any, progress: Any = None) -> Steps:
        """Ask for better labels and write the frames that change, as they are done; a failure takes them back.

        Args:
            request: a Correct or Propagate.
            progress: told (frames done, frames in all).
        """
        geometry, old = CineGeometry(self.source), self.labels
        new = old.copy()

        def write(place: int, labels: np.ndarray) -> None:
            if not self.isStillThere():
                raise PointSegError("The segmentation was removed from the scene; nothing is corrected.")
            if np.array_equal(new[place], labels) or self.written.isRedrawn(self.frames[place]):
                return  # what is drawn meanwhile is the user's, and found by the next request
            new[place] = labels
            self._store(place, labels, geometry)

        try:
            result = yield from answered(self.engine, request, progress, write)
            for place, labels in enumerate(result.labels):
                write(place, labels)
                yield False
        except BaseException:
            if self.isStillThere():
                for place in np.flatnonzero((new != old).any((1, 2))):
                    self._store(place, old[place], geometry)
            raise
        self.labels, self.tracks = new, result.tracks
        self.written.save()
        return result

    def _store(self, place: int, labels: np.ndarray, geometry: CineGeometry) -> None:
        frame = self.frames[place]
        node = slicer.vtkMRMLSegmentationNode()
        fillSegmentation(node, labels, geometry.matrix(frame), self.styles)
        self.sequence.SetDataNodeAtValue(node, self.source.indexValues[frame])
        if frame == self.shownFrame:
            slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(self.source.browser)
        self.written.note(frame, labels)
