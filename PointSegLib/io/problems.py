"""What is wrong in a dataset folder, told of all cases at once rather than of the first.

One rule for every dataset: with a report, unusable cases are left out and put into it; without one, damaged cases
refuse the folder in one error that lists them all, while absent ones are left out with one warning that lists them.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from PointSegLib.errors import AbsentError, PointSegError, ReadError

T = TypeVar("T")


@dataclass(frozen=True)
class Problem:
    """One case of a dataset that cannot be used.

    Attributes:
        case: the case's name, such as "patient0001_4CH_ES".
        message: the file, what is wrong with it and the remedy, in a sentence.
        absent: whether it is only not there, as in a partial download, rather than damaged or mismatched.
    """

    case: str
    message: str
    absent: bool = False

    def __str__(self) -> str:
        return f"{self.case}: {self.message}"


def listed(folder: str | os.PathLike[str], problems: Sequence[Problem], verdict: str = "left out") -> str:
    """All problems as text, one line each under a line that names the folder and counts them."""
    cases = "1 case is" if len(problems) == 1 else f"{len(problems)} cases are"
    return "\n".join([f"{folder}: {cases} {verdict}:", *(f"  {problem}" for problem in problems)])


def inspect_cases(cases: Iterable[tuple[str, Callable[[], object]]]) -> tuple[list[str], list[Problem]]:
    """Read every case once.

    Args:
        cases: (name, what reads it) of each.

    Returns:
        The names of readable cases, and the problems of the others.
    """
    good, found = [], []
    for name, read in cases:
        try:
            read()
            good.append(name)
        except PointSegError as error:
            found.append(_problem(name, error))
    return good, found


def settle(folder: str | os.PathLike[str], found: Sequence[Problem], report: list[Problem] | None) -> None:
    """Hand what was found to the caller's report; without one, refuse damage and warn of absence.

    Args:
        folder: the dataset, for the message.
        found: the problems of this reading, perhaps none.
        report: takes them, given by a caller who goes on with the other cases; or None.

    Raises:
        ReadError: when there is damage and no report; it lists all of it.
    """
    if report is not None:
        report.extend(found)
        return
    damaged = [problem for problem in found if not problem.absent]
    if damaged:
        raise ReadError(listed(folder, damaged, "damaged"))
    if found:
        warnings.warn(listed(folder, found), stacklevel=3)


def walk_cases(
    folder: str | os.PathLike[str], cases: Iterable[tuple[str, Callable[[], T]]], report: list[Problem] | None
) -> Iterator[tuple[str, T]]:
    """Read cases one by one, leaving out what cannot be read.

    Args:
        folder: the dataset, for messages.
        cases: (name, what reads it) of each.
        report: takes the problems as they are met. Without it all cases are read once beforehand, so that a damaged
            folder is refused before work on it starts.

    Yields:
        The name of a readable case and what was read.

    Raises:
        ReadError: when there is damage and no report; it lists all of it.
    """
    known = list(cases)
    if report is None:
        settle(folder, inspect_cases(known)[1], None)
    for name, read in known:
        try:
            content = read()
        except PointSegError as error:
            if report is not None:
                report.append(_problem(name, error))
        else:
            yield name, content


def _problem(name: str, error: PointSegError) -> Problem:
    return Problem(name, str(error), absent=isinstance(error, AbsentError))
