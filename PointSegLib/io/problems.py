"""What is wrong in a dataset folder, told of all cases at once rather than of the first."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from PointSegLib.errors import ReadError


@dataclass(frozen=True)
class Problem:
    """One case of a dataset that cannot be used.

    Attributes:
        case: the case's name, such as "patient0001_4CH_ES".
        message: the file, what is wrong with it and the remedy, in a sentence.
    """

    case: str
    message: str

    def __str__(self) -> str:
        return f"{self.case}: {self.message}"


def listed(folder: str | os.PathLike[str], problems: Iterable[Problem]) -> str:
    """All problems as text, one line each under a line that names the folder and counts them."""
    lines = [str(problem) for problem in problems]
    cases = "1 case" if len(lines) == 1 else f"{len(lines)} cases"
    return "\n".join([f"{folder}: {cases} cannot be used:", *(f"  {line}" for line in lines)])


def settle(folder: str | os.PathLike[str], found: list[Problem], report: list[Problem] | None) -> None:
    """Hand what was found to the caller's report; without one, refuse the folder.

    Args:
        folder: the dataset, for the message.
        found: the problems of this reading, perhaps none.
        report: list that takes them, given by a caller who goes on with the other cases, or None.

    Raises:
        ReadError: when there are problems and no report; it lists all of them.
    """
    if report is not None:
        report.extend(found)
    elif found:
        raise ReadError(listed(folder, found))
