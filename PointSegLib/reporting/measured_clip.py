"""`MeasuredClip`: a movie with its measurements, what pictures and reports are made of."""

from __future__ import annotations

from dataclasses import dataclass

from PointSegLib.clip import CineClip
from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.measurements import Measurements


@dataclass(frozen=True, eq=False)
class MeasuredClip:
    """One view.

    Attributes:
        clip: the movie.
        measurements: of it.

    Raises:
        MeasurementError: when the two do not have the same number of frames.
    """

    clip: CineClip
    measurements: Measurements

    def __post_init__(self) -> None:
        if len(self.clip) != len(self.measurements):
            msg = (
                f"the clip has {len(self.clip)} frames and the measurements {len(self.measurements)}; give those of "
                "the same clip."
            )
            raise MeasurementError(msg)

    @property
    def title(self) -> str:
        """The view's name, or that it is unknown."""
        return self.measurements.view or "unknown view"
