"""Groups of rows by image quality, as the paper's Table 1 forms them: good and medium together, poor on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

ALL, GOOD_MEDIUM, POOR = "all", "good+medium", "poor"
_MEMBERS = {GOOD_MEDIUM: ("good", "medium"), POOR: ("poor",)}


def described(rows: Sequence[Mapping[str, Any]], about: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Rows with the columns `patient` and `quality` put before their own.

    Args:
        rows: with a column `case`.
        about: `patient` and `quality` by case; a case that is not there is its own patient, of unknown quality.
    """
    return [{"patient": row["case"], "quality": "", **about.get(row["case"], {}), **row} for row in rows]


def by_quality(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Rows of each quality group, by their column `quality` ("Good", "medium", ...; absent or empty when unknown).

    Returns:
        "all" with every row, whether its quality is known or not, then "good+medium" and "poor" where they have rows.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {ALL: list(rows)}
    for name, members in _MEMBERS.items():
        found = [row for row in rows if str(row.get("quality", "")).lower() in members]
        if found:
            groups[name] = found
    return groups
