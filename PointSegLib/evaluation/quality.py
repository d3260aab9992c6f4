"""Groups of rows by image quality, as the paper's Table 1 forms them: good and medium together, poor on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PointSegLib.evaluation.summary import Row, summarise

ALL, GOOD_MEDIUM, POOR = "all", "good+medium", "poor"
_MEMBERS = {GOOD_MEDIUM: ("good", "medium"), POOR: ("poor",)}


def described(rows: Sequence[Row], about: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Rows with the columns `patient` and `quality` put before their own.

    Args:
        rows: with a column `case`.
        about: `patient` and `quality` by case; a case that is not there is its own patient, of unknown quality.
    """
    return [{"patient": row["case"], "quality": "", **about.get(row["case"], {}), **row} for row in rows]


def by_quality(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows of each quality group, by their column `quality` ("Good", "medium", ...; absent or empty when unknown).

    Returns:
        "all" with every row, whether its quality is known or not, then "good+medium" and "poor" where they have rows.
    """
    groups: dict[str, list[Row]] = {ALL: list(rows)}
    for name, members in _MEMBERS.items():
        found = [row for row in rows if str(row.get("quality", "")).lower() in members]
        if found:
            groups[name] = found
    return groups


def summarise_by_quality(rows: Sequence[Row], by: Sequence[str] = (), case: str = "patient") -> list[dict[str, Any]]:
    """Entries of `summary.summarise` for each quality group, which each entry names as `quality`."""
    return [
        {"quality": name, **entry}
        for name, members in by_quality(rows).items()
        for entry in summarise(members, by, case)
    ]
