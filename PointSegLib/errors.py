"""The one exception family of PointSeg: every error a caller can fix derives from `PointSegError`.

A message says what was wrong, in which file or frame, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class PointSegError(Exception):
    """Base of all errors PointSeg raises on purpose."""


class ClipError(PointSegError, ValueError):
    """The frames, spacing or times of a clip cannot be used."""


class ReadError(PointSegError, OSError):
    """A file cannot be read as an ultrasound clip or a result."""


class AbsentError(ReadError):
    """A file that a dataset should hold is not there; what is there is sound."""


class WriteError(PointSegError, OSError):
    """A result cannot be written; nothing half-written is left behind."""


class PointError(PointSegError, ValueError):
    """Query points are malformed, outside the image or in a frame that does not exist."""


class MeasurementError(PointSegError, ValueError):
    """What is to be measured is not in the masks, or its size, times or frames do not allow it."""


class OptionError(PointSegError, ValueError):
    """What was chosen for a run lies outside its range."""


class EditError(PointSegError, ValueError):
    """The labels a user drew on a frame do not fit the clip or the network."""


class CheckpointError(PointSegError, ValueError):
    """A weights file is missing, corrupt, of another version or of a refused format."""


class DependencyError(PointSegError, ImportError):
    """An optional package that this operation needs is not installed."""


@contextmanager
def optional_package(purpose: str, package: str, extra: str) -> Iterator[None]:
    """Import an optional package inside.

    Args:
        purpose: what needs it, as the beginning of a sentence.
        package: its name on the package index.
        extra: of PointSeg, that brings it.

    Raises:
        DependencyError: when it cannot be imported; the message names purpose, package and remedy.
    """
    try:
        yield
    except ImportError as error:
        msg = f"{purpose} needs the package '{package}' ({error}); install it with: pip install \"pointseg[{extra}]\""
        raise DependencyError(msg) from error


class WorkerError(PointSegError, RuntimeError):
    """The process that segments could not be started, or ended before its work was done."""
