"""Reports as bytes: one fixed form, so that the same facts give the same bytes for ever.

A report is rows of keys and measures. Keys are texts that never change (public ids, codes, days);
measures are whole minor units in the row's currency. Rows are sorted by their keys. The document is
JSON without spaces, its object keys sorted, in UTF-8, ended by a line feed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

CURRENCY = "currency"


class SignRole(StrEnum):
    """What a signature under a report means."""

    PREPARER = "PREPARER"
    REVIEWER = "REVIEWER"
    APPROVER = "APPROVER"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a report."""

    keys: tuple[str, ...]
    measures: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The lines of a report under the names of their columns."""

    keys: tuple[str, ...]
    measures: tuple[str, ...]
    rows: tuple[Row, ...]

    def totals(self) -> dict[str, dict[str, int]]:
        """Sum each measure in each currency: figures of two currencies are never added up."""
        place = self.keys.index(CURRENCY)
        found: dict[str, dict[str, int]] = {}
        for row in self.rows:
            sums = found.setdefault(row.keys[place], dict.fromkeys(self.measures, 0))
            for name, value in zip(self.measures, row.measures, strict=True):
                sums[name] += value
        return found

    def by_keys(self) -> dict[tuple[str, ...], tuple[int, ...]]:
        return {row.keys: row.measures for row in self.rows}


@dataclass(frozen=True, slots=True)
class Change:
    """How one figure differs from what was signed."""

    keys: tuple[str, ...]
    was: tuple[int, ...]
    now: tuple[int, ...]

    @property
    def difference(self) -> tuple[int, ...]:
        return tuple(now - was for was, now in zip(self.was, self.now, strict=True))


def table(
    keys: Sequence[str],
    measures: Sequence[str],
    rows: Iterable[tuple[Sequence[Any], Sequence[int]]],
) -> Table:
    """Make a table, sorted by its keys; a key that is not there is the empty text."""
    lines = [
        Row(
            tuple("" if key is None else str(key) for key in found),
            tuple(int(value) for value in values),
        )
        for found, values in rows
    ]
    return Table(tuple(keys), tuple(measures), tuple(sorted(lines, key=lambda row: row.keys)))


def changes(was: Table, now: Table) -> tuple[Change, ...]:
    """Name the figures that differ, those that are new or gone included."""
    zero = (0,) * len(was.measures)
    before, after = was.by_keys(), now.by_keys()
    return tuple(
        Change(keys, before.get(keys, zero), after.get(keys, zero))
        for keys in sorted(before.keys() | after.keys())
        if before.get(keys) != after.get(keys)
    )


def document(
    *,
    kind: str,
    logic_version: int,
    parameters: Mapping[str, Any],
    rows: Table,
    labels: Mapping[str, str],
    converted: Mapping[str, Any] | None = None,
) -> bytes:
    """Write a report in its one form."""
    told = {
        "kind": kind,
        "logic_version": logic_version,
        "parameters": parameters,
        "keys": rows.keys,
        "measures": rows.measures,
        "rows": [[*row.keys, *row.measures] for row in rows.rows],
        "totals": rows.totals(),
        "labels": labels,
        "converted": converted,
    }
    return canonical(told) + b"\n"


def canonical(value: object) -> bytes:
    """Write plain data in its one form."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class ConstantCurrency:
    """A figure in the reporting currency by a day's rates and by the plan's, and the market's part.

    By the plan's rates + effect = by the day's, to the unit: the effect is what is left.
    """

    keys: tuple[str, ...]
    actual: tuple[int, ...]
    constant: tuple[int, ...]

    @property
    def effect(self) -> tuple[int, ...]:
        return tuple(
            actual - constant for actual, constant in zip(self.actual, self.constant, strict=True)
        )
