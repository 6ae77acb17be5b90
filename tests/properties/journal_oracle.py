"""Readers of journal files, written from the layouts alone and not from the code that writes them.

Each returns what every account gained by transfer: {(transfer, account): signed decimal}.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from decimal import Decimal
from typing import Final

Posted = dict[tuple[str, str], Decimal]

_BRACKETED: Final = re.compile(r"\[([0-9a-f-]{36})\]$")


def xero(contents: list[str]) -> Posted:
    """Read signed amounts; each narration of each file must be in balance."""
    posted: Posted = defaultdict(Decimal)
    for content in contents:
        journals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for row in _rows(content):
            amount = Decimal(row["*Amount"])
            journals[row["*Narration"], row["*Date"]] += amount
            posted[_transfer(row["Description"]), row["*AccountCode"]] += amount
        assert set(journals.values()) == {Decimal(0)}
    return dict(posted)


def two_columns(content: str, *, entry: str, account: str, memo: str, sides: list[str]) -> Posted:
    """Read a debit and a credit column; each entry must be in balance."""
    posted: Posted = defaultdict(Decimal)
    entries: dict[str, Decimal] = defaultdict(Decimal)
    for row in _rows(content):
        debit, credit = (Decimal(row[side] or 0) for side in sides)
        assert (debit == 0) != (credit == 0)
        assert min(debit, credit) == 0
        entries[row[entry]] += debit - credit
        transfer = row["transfer_id"] if "transfer_id" in row else _transfer(row[memo])
        posted[transfer, row[account]] += debit - credit
    assert set(entries.values()) == {Decimal(0)}
    return dict(posted)


def plain_json(content: str) -> Posted:
    posted: Posted = defaultdict(Decimal)
    for item in json.loads(content)["items"]:
        amount = Decimal(item["amount_minor"]) / 100
        posted[item["transfer_id"], item["debit"]["code"]] += amount
        posted[item["transfer_id"], item["credit"]["code"]] -= amount
    return dict(posted)


def hledger(content: str) -> Posted:
    """Add the file up as hledger does: postings are in balance and assertions hold."""
    posted: Posted = defaultdict(Decimal)
    totals: dict[str, Decimal] = defaultdict(Decimal)
    transfer, left = "", Decimal(0)
    for line in content.splitlines():
        if line[:1].isdigit():
            assert left == 0
            transfer = ""
        elif line.startswith("    ; transfer: "):
            transfer = line.removeprefix("    ; transfer: ")
        elif line.startswith("    "):
            account, amount, *assertion = re.split(r"  +| = ", line.strip())
            change = Decimal(amount.split(" ")[0])
            totals[account] += change
            left += change
            if transfer:
                posted[transfer, account.split(":")[1]] += change
            for asserted in assertion:
                assert totals[account] == Decimal(asserted.split(" ")[0])
    assert left == 0
    return dict(posted)


def formulas(content: str) -> list[str]:
    """Return the cells that a spreadsheet would run."""
    return [
        cell
        for row in csv.reader(io.StringIO(content, newline=""))
        for cell in row
        if cell.lstrip()[:1] in {"=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d"}
        and not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", cell)
        and cell.strip()
    ]


def _rows(content: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content, newline="")))


def _transfer(memo: str) -> str:
    found = _BRACKETED.search(memo)
    assert found is not None
    return found[1]
