"""What an import of opportunities must do, said again in the plainest way: row by row, in a dict.

It shares no code with the importer: amounts by `decimal`, days by arithmetic, rows as they were
made.
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
from dataclasses import dataclass, field

STATUSES = {"Prospecting": "OPEN", "Engaging": "OPEN", "Won": "WON", "Lost": "LOST"}
LARGEST_MINOR = 2**63 - 1

Row = tuple[str, ...]


@dataclass(frozen=True)
class Stored:
    """What is known of one opportunity."""

    account: str
    stage: str
    status: str
    opened_at: dt.datetime | None
    closed_at: dt.datetime | None
    amount_minor: int | None
    owner: str
    product: str


@dataclass
class Oracle:
    """The opportunities of one organization whose time zone is UTC."""

    stored: dict[str, Stored] = field(default_factory=dict)
    stage_changes: dict[str, int] = field(default_factory=dict)

    def take(self, rows: list[Row]) -> dict[str, int]:
        """Import rows and say what became of them; (new, changed, unchanged, rejected)."""
        counts = dict.fromkeys(("new", "changed", "unchanged", "rejected"), 0)
        seen: dict[str, Stored] = {}
        for row in rows:
            read = _read(row)
            counts[self._take_one(row[0].strip(), read, seen)] += 1
        return counts

    def won_minor(self, ids: set[str]) -> int:
        return sum(
            deal.amount_minor or 0
            for key, deal in self.stored.items()
            if key in ids and deal.status == "WON"
        )

    def _take_one(self, key: str, read: Stored | None, seen: dict[str, Stored]) -> str:
        if read is None:
            return "rejected"
        if key in seen:
            return "unchanged" if seen[key] == read else "rejected"
        seen[key] = read
        before = self.stored.get(key)
        if before == read:
            return "unchanged"
        self.stored[key] = read
        if before is None or (before.stage, before.status) != (read.stage, read.status):
            self.stage_changes[key] = self.stage_changes.get(key, 0) + 1
        return "new" if before is None else "changed"


def _read(row: Row) -> Stored | None:
    """Read a row, or return None when any of its cells is wrong."""
    if len(row) != 8 or any("\0" in cell for cell in row):
        return None
    key, account, stage, opened, closed, amount, owner, product = (cell.strip() for cell in row)
    status = STATUSES.get(stage)
    try:
        opened_at = _day(opened)
        closed_at = None if status == "OPEN" else _day(closed)
        amount_minor = _minor(amount)
    except ValueError:
        return None
    if not key or status is None or (status != "OPEN" and closed_at is None):
        return None
    if max(map(len, (key, account, owner, product))) > 255:
        return None
    if closed_at is not None:
        closed_at += dt.timedelta(days=1) - dt.timedelta(microseconds=1)
    product = "GTX Pro" if product == "GTXPro" else product
    return Stored(account, stage, status, opened_at, closed_at, amount_minor, owner, product)


def _day(text: str) -> dt.datetime | None:
    if not text:
        return None
    if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(text)
    year, month, day = map(int, text.split("-"))
    if not 1970 <= year <= 2100:
        raise ValueError(text)
    return dt.datetime(year, month, day, tzinfo=dt.UTC)


def _minor(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        raise ValueError(text)
    with decimal.localcontext(prec=200):
        minor = decimal.Decimal(text) * 100
        if minor != minor.to_integral_value() or minor > LARGEST_MINOR:
            raise ValueError(text)
        return int(minor)
