"""What an engine is asked, and what it tells: requests and events, all plain data that knows no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.errors import PointSegError, WorkerError
from PointSegLib.inference.options import AS_TRAINED, SegmentOptions
from PointSegLib.result import PointSegResult, PointTracks


@dataclass(frozen=True, eq=False)
class Open:
    """Open a clip in place of the one before, with the clicks and edits of a session that was lost.

    The options hold for all that is asked of the clip as long as it is open: a click is answered as the first
    segmentation was.
    """

    clip: CineClip
    options: SegmentOptions = AS_TRAINED
    clicks: Correct | None = None
    edits: tuple[Propagate, ...] = ()


@dataclass(frozen=True)
class Segment:
    """Segment the open clip; see `ClipSession.segment`."""


@dataclass(frozen=True, eq=False)
class Correct:
    """Segment it guided by all clicks so far; see `ClipSession.correct`."""

    points: np.ndarray | None
    hints: Sequence[str | None] | None = None


@dataclass(frozen=True, eq=False)
class Propagate:
    """Carry an edited frame to others; see `ClipSession.propagate`."""

    frame: int
    labels: np.ndarray | None
    falloff_frames: float = 1


@dataclass(frozen=True, eq=False)
class Keep:
    """Hold edited frames as they are, whatever is asked later; answers nothing. See `ClipSession.keep`."""

    edits: tuple[Propagate, ...]


@dataclass(frozen=True, eq=False)
class Track:
    """Follow points; see `ClipSession.track`."""

    points: np.ndarray
    closely: bool = False


@dataclass(frozen=True)
class Close:
    """Forget the open clip."""


Request = Open | Segment | Correct | Propagate | Keep | Track | Close


@dataclass(frozen=True)
class Progressed:
    """So many frames of the job are done."""

    job: int
    done: int
    total: int


@dataclass(frozen=True, eq=False)
class FrameDone:
    """The labels, uint8 `[H, W]`, of one frame."""

    job: int
    frame: int
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class Done:
    """The job is done: a PointSegResult, the PointTracks of `Track`, or None where there is none."""

    job: int
    result: PointSegResult | PointTracks | None


@dataclass(frozen=True, eq=False)
class Failed:
    """The job cannot be done; clip, clicks and edits are as they were."""

    job: int
    error: PointSegError


@dataclass(frozen=True)
class Cancelled:
    """The job was given up as asked."""

    job: int


@dataclass(frozen=True, eq=False)
class Died:
    """The worker ended during the job; the next request starts another, which knows clip, clicks and edits."""

    job: int
    error: WorkerError


Event = Progressed | FrameDone | Done | Failed | Cancelled | Died


@dataclass(eq=False)
class Memory:
    """What a lost session has to be told to be as it was: clip, options, clicks and edits."""

    clip: CineClip | None = None
    options: SegmentOptions = AS_TRAINED
    clicks: Correct | None = None
    edits: tuple[Propagate, ...] = ()

    def note(self, request: Request) -> None:
        """Take in a request that was done."""
        if isinstance(request, Open):
            self.clip, self.options = request.clip, request.options
            self.clicks, self.edits = request.clicks, request.edits
        elif isinstance(request, Close):
            self.clip, self.clicks, self.edits = None, None, ()
        elif isinstance(request, Segment):
            self.clicks, self.edits = None, ()
        elif isinstance(request, Correct):
            self.clicks = request
        elif isinstance(request, Keep):
            for edit in request.edits:
                self.note(edit)
        elif isinstance(request, Propagate):
            others = tuple(edit for edit in self.edits if edit.frame != request.frame)
            self.edits = others if request.labels is None else (*others, request)

    def reopening(self) -> Open | None:
        """The request that brings it back; None where no clip is open."""
        return None if self.clip is None else Open(self.clip, self.options, self.clicks, self.edits)


@dataclass(frozen=True)
class Hello:
    """The worker's first word: which process it is, launchers aside."""

    pid: int


@dataclass(frozen=True)
class Job:
    """A request with its number."""

    number: int
    request: Request


@dataclass(frozen=True)
class GiveUp:
    """Jobs up to this number are no longer wanted."""

    number: int
