"""Cells of the files: plain text, never a formula, never a control character.

The rules kept here: a spreadsheet takes a cell that starts with =, +, -, @, or with a wide form of
them, for a formula, and runs it at whoever opens the file. Such a text gets an apostrophe before
it, as does one that starts with an apostrophe, so that a reader who takes one away has the text.
Numbers are written by `amount` alone. Control characters, line ends and halves of characters are
refused: they belong in no journal.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from gifting.domain import money, refusals

FORMULA_STARTS: Final = frozenset("=+-@\t\r\uff1d\uff0b\uff0d\uff20'")
_NOT_PRINTED: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


class CellUnusable(refusals.Invalid):
    code = "JOURNAL_TEXT_UNUSABLE"


def text(value: str) -> str:
    """Return a text as a cell carries it; raises CellUnusable."""
    require(value)
    return f"'{value}" if value.lstrip()[:1] in FORMULA_STARTS and value.strip() else value


def amount(value: money.Money) -> str:
    """Return an amount as plain digits, empty for nothing."""
    return value.decimal_text if value.amount_minor else ""


def require(value: str) -> None:
    """Refuse what no journal carries; raises CellUnusable."""
    if any(unicodedata.category(letter) in _NOT_PRINTED for letter in value):
        raise CellUnusable(
            f"{value[:40]!a} holds control characters, which no journal carries. Write it "
            "again without them.",
            field="text",
        )


def clean(value: str, *, most: int) -> str:
    """Return a text of a record as a journal can carry it: one line, no longer than `most`."""
    kept = "".join(
        " " if unicodedata.category(letter) in _NOT_PRINTED else letter for letter in value
    )
    return " ".join(kept.split())[:most]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Write a CSV file: UTF-8, line ends as spreadsheets write them."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return written.getvalue().encode()
