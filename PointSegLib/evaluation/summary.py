"""From rows to tables: CSV of every case, JSON of means with intervals, both written whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from PointSegLib.atomic import atomic_path

Row = Mapping[str, Any]
RESAMPLES = 2000
# Numbers that say where a row was measured, not what.
PLACES = {"frame"}


def summarise(rows: Sequence[Row], by: Sequence[str] = (), case: str = "case", seed: int = 0) -> list[dict[str, Any]]:
    """Mean, spread and interval of every numeric column.

    Rows of one case (frames of one patient, say) are not independent, so the interval comes from drawing whole cases
    with replacement.

    Args:
        rows: one mapping per measurement; NaN and None count as undefined.
        by: columns whose values form groups; each group is summarised on its own, in order of appearance.
        case: column that names the independent unit.
        seed: of the bootstrap; the same rows and seed give the same interval.

    Returns:
        One entry per group and numeric column: the group's values, `metric`, `n` (rows), `cases`, `undefined`, `mean`,
        `sd` (n - 1; None for one row), `low` and `high` (95 % bootstrap percentile interval of the mean; None for one
        case).
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in by), []).append(row)
    entries = []
    for key, members in groups.items():
        for metric in _numeric_columns(members, {*by, case, *PLACES}):
            head = {**dict(zip(by, key, strict=True)), "metric": metric}
            entries.append({**head, **_statistics(members, metric, case, seed)})
    return entries


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """Write rows as CSV with a header of all columns in order of appearance; NaN and None become empty fields.

    Raises:
        WriteError: when the file cannot be written; an existing one is then untouched.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([row[name] if defined(row.get(name)) else "" for name in columns])
    _replace(path, text.getvalue())


def write_json(content: Any, path: Path) -> None:
    """Write a summary as JSON; NaN becomes null.

    Raises:
        WriteError: when the file cannot be written; an existing one is then untouched.
    """
    _replace(path, json.dumps(_plain(content), indent=1, allow_nan=False) + "\n")


def defined(value: Any) -> bool:
    """Whether a field says anything: None and NaN do not."""
    return value is not None and not (isinstance(value, float | np.floating) and math.isnan(value))


def _numeric_columns(rows: Iterable[Row], keys: set[str]) -> list[str]:
    names = dict.fromkeys(name for row in rows for name, value in row.items() if _is_number(value))
    return [name for name in names if name not in keys]


def _statistics(rows: Sequence[Row], metric: str, case: str, seed: int) -> dict[str, Any]:
    values = [(row[case], float(row[metric])) for row in rows if defined(row.get(metric))]
    numbers = np.array([value for _, value in values])
    found: dict[str, Any] = {"n": len(numbers), "cases": len({name for name, _ in values})}
    found["undefined"] = len(rows) - len(numbers)
    found["mean"] = float(numbers.mean()) if len(numbers) else None
    found["sd"] = float(numbers.std(ddof=1)) if len(numbers) > 1 else None
    found["low"], found["high"] = _interval(values, seed)
    return found


def _interval(values: Sequence[tuple[Any, float]], seed: int) -> tuple[float | None, float | None]:
    """95 % percentile interval of the mean over rows, resampling cases."""
    sums: dict[Any, list[float]] = {}
    for name, value in values:
        sums.setdefault(name, []).append(value)
    if len(sums) < 2:
        return None, None
    totals = np.array([sum(v) for v in sums.values()])
    counts = np.array([len(v) for v in sums.values()])
    drawn = np.random.default_rng(seed).integers(0, len(totals), (RESAMPLES, len(totals)))
    means = totals[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _plain(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {str(key): _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    if isinstance(content, np.generic):
        return _plain(content.item())
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content


def _replace(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
