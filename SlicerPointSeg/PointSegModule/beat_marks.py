"""`BeatMarks`: the frames of end-diastole and end-systole, found or set by the user, kept with the segmentations."""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import Any

from PointSegLib.errors import MeasurementError

BEATS_ATTRIBUTE = "PointSeg.beats"  # of a sequence of segmentations: the marks
PHASES = {"ED": "end-diastole", "ES": "end-systole"}


@dataclass(frozen=True)
class BeatMarks:
    """Frames of a cine that alternate: an end-diastole, an end-systole, the next end-diastole and so on.

    Attributes:
        ed: frames of end-diastole, increasing.
        es: frames of end-systole, increasing; one after each end-diastole, but the last may stand without.
        byUser: whether the user has set any of them; otherwise they are found anew with every measurement.
    """

    ed: tuple[int, ...] = ()
    es: tuple[int, ...] = ()
    byUser: bool = False

    @classmethod
    def of(cls, sequence: Any) -> BeatMarks:
        """Those that are kept with a sequence of segmentations; none when it was not measured yet."""
        stored = sequence.GetAttribute(BEATS_ATTRIBUTE)
        if not stored:
            return cls()
        content = json.loads(stored)
        return cls(tuple(content["ed"]), tuple(content["es"]), content["byUser"])

    @classmethod
    def ofBeats(cls, beats: Any, first: int, byUser: bool) -> BeatMarks:
        """Those of measured beats, whose frames count from frame `first` of the cine."""
        ed = {frame for beat in beats for frame in (beat.start, *[beat.end] * beat.complete)}
        return cls(tuple(sorted(first + f for f in ed)), tuple(sorted(first + beat.es for beat in beats)), byUser)

    def keep(self, sequence: Any) -> None:
        """Keep them with a sequence of segmentations, and so with the scene."""
        content = {"ed": self.ed, "es": self.es, "byUser": self.byUser}
        sequence.SetAttribute(BEATS_ATTRIBUTE, json.dumps(content) if self.ed else None)

    def moved(self, phase: str, frame: int) -> BeatMarks:
        """The same with one mark moved to a frame, that between the same marks of the other kind; or a new last one.

        Args:
            phase: "ED" or "ES".
            frame: of the cine.

        Raises:
            MeasurementError: for another phase, a frame that has the other mark, or an end-systole before the first
                end-diastole.
        """
        if phase not in PHASES:
            msg = f"a beat has no phase {phase!r}; give ED or ES."
            raise MeasurementError(msg)
        own, other = (self.ed, self.es) if phase == "ED" else (self.es, self.ed)
        if frame in other:
            taken = PHASES["ES" if phase == "ED" else "ED"]
            msg = f"Frame {frame} is {taken} already; choose another frame for {PHASES[phase]}, or move {taken} first."
            raise MeasurementError(msg)
        place = bisect_left(other, frame) - (phase == "ES")
        if place < 0:
            first = f"frame {self.ed[0]}" if self.ed else "not marked yet"
            msg = f"Frame {frame} cannot be end-systole: no end-diastole is before it (the first is {first})."
            raise MeasurementError(msg)
        moved = (*own[:place], frame, *own[place + 1 :])
        return replace(self, byUser=True, **{phase.lower(): moved})

    @property
    def haveBeat(self) -> bool:
        """Whether they show a contraction."""
        return bool(self.ed and self.es)
