"""Read a CSV file of general ledger lines, one by one; a line that cannot be read is set aside.

Columns, by any of their usual names: date, account, amount (or debit and credit), currency,
reference, memo, original currency. A day is YYYY-MM-DD. An amount is a plain decimal; thousands
separated by commas are read when they stand where they should.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gifting.domain import money, refusals

MOST_BYTES: Final = 64 * 1024 * 1024
MOST_LINES: Final = 200_000
LONGEST_ACCOUNT: Final = 32
LONGEST_REFERENCE: Final = 255
LONGEST_MEMO: Final = 500
LONGEST_LINE: Final = 10_000

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "date": ("date", "posting date", "journal date", "transaction date"),
    "account": ("account", "account code", "account number", "gl account"),
    "amount": ("amount", "net amount", "amount (home)"),
    "debit": ("debit", "debits"),
    "credit": ("credit", "credits"),
    "currency": ("currency", "currency code"),
    "reference": ("reference", "ref", "journal no.", "document", "external id", "tag"),
    "memo": ("memo", "description", "narration", "line memo"),
    "original_currency": ("original currency", "transaction currency", "foreign currency"),
}
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_GROUPED: Final = re.compile(r"-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", re.ASCII)


class FileUnusable(refusals.Invalid):
    code = "GL_FILE_UNUSABLE"


@dataclass(frozen=True, slots=True)
class Line:
    """A line that could be read; debits are above zero."""

    number: int
    dated_on: dt.date
    account: str
    amount_minor: int
    currency: str
    original_currency: str
    reference: str
    memo: str

    @property
    def content(self) -> str:
        """What the line says, without its place in the file."""
        said = (
            self.dated_on.isoformat(),
            self.account,
            str(self.amount_minor),
            self.currency,
            self.original_currency,
            self.reference,
            self.memo,
        )
        return "\x1f".join(said)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that could not be read, and why."""

    number: int
    column: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Read:
    """What a file holds."""

    lines: tuple[Line, ...]
    rejected: tuple[Rejected, ...]
    file_sha256: str

    @property
    def lines_sha256(self) -> str:
        """The same for the same lines in whatever order."""
        kept = sorted(
            [line.content for line in self.lines] + [f"?{each.text}" for each in self.rejected]
        )
        return hashlib.sha256("\x1e".join(kept).encode()).hexdigest()


class _Bad(Exception):  # noqa: N818 - a finding about one line, not an error
    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


def read(content: bytes, *, currency: str, starts_on: dt.date, ends_on: dt.date) -> Read:
    """Read a file whose lines are of one period; raises FileUnusable.

    `currency` is that of lines that name none; the period's days run up to, and without, `ends_on`.
    """
    if len(content) > MOST_BYTES:
        raise FileUnusable(
            f"The file has {len(content):,} bytes and {MOST_BYTES:,} are read. Split it.",
            field="file",
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileUnusable("The file is not UTF-8. Save it as that.", field="file") from None
    rows = csv.reader(io.StringIO(text, newline=""))
    columns = _columns(next(rows, []))
    lines: list[Line] = []
    rejected: list[Rejected] = []
    for number, cells in _rows(rows):
        try:
            line = _line(number, cells, columns, currency)
            _require_inside(line, starts_on, ends_on)
            lines.append(line)
        except _Bad as bad:
            said = _printable(",".join(cells))[:LONGEST_LINE]
            rejected.append(Rejected(number, bad.column, bad.reason, said))
    return Read(tuple(lines), tuple(rejected), hashlib.sha256(content).hexdigest())


def _rows(rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    try:
        for number, cells in enumerate(rows, start=2):
            if number > MOST_LINES + 1:
                raise FileUnusable(
                    f"The file has more than {MOST_LINES:,} lines. Split it.", field="file"
                )
            if any(cells):
                yield number, cells
    except csv.Error as error:
        raise FileUnusable(f"The file is no CSV: {error}.", field="file") from None


def _columns(header: list[str]) -> dict[str, int]:
    """Find the columns by their usual names; raises FileUnusable."""
    asked = [name.strip().lstrip("*").casefold() for name in header]
    found: dict[str, int] = {}
    for column, names in _NAMES.items():
        places = [place for place, name in enumerate(asked) if name in names]
        if len(places) > 1:
            raise FileUnusable(
                f"Two columns may be the {column}: {asked[places[0]]!r} and {asked[places[1]]!r}. "
                "Leave one of them out.",
                field="file",
            )
        if places:
            found[column] = places[0]
    missing = [name for name in ("date", "account") if name not in found]
    if "amount" not in found and not {"debit", "credit"} <= set(found):
        missing.append("amount (or debit and credit)")
    if missing:
        raise FileUnusable(
            f"The file has no column for: {', '.join(missing)}. Name them in its first line.",
            field="file",
        )
    return found


def _line(number: int, cells: list[str], columns: Mapping[str, int], currency: str) -> Line:
    def cell(column: str, most: int = LONGEST_REFERENCE) -> str:
        place = columns.get(column)
        text = cells[place].strip() if place is not None and place < len(cells) else ""
        if len(text) > most:
            raise _Bad(column, f"longer than {most} characters")
        if _printable(text) != text:
            raise _Bad(column, "holds control characters")
        return text

    account = cell("account", LONGEST_ACCOUNT)
    if not account:
        raise _Bad("account", "empty")
    code = cell("currency").upper() or currency
    original = cell("original_currency").upper()
    for column, given in (("currency", code), ("original_currency", original)):
        if given:
            _exponent(column, given)
    return Line(
        number=number,
        dated_on=_day(cell("date")),
        account=account,
        amount_minor=_amount(cell, columns, code),
        currency=code,
        original_currency=original if original != code else "",
        reference=cell("reference"),
        memo=cell("memo", LONGEST_MEMO),
    )


def _amount(cell: Callable[[str], str], columns: Mapping[str, int], currency: str) -> int:
    if "amount" in columns:
        amount = _minor("amount", cell("amount"), currency)
    else:
        debit = _minor("debit", cell("debit") or "0", currency)
        amount = debit - _minor("credit", cell("credit") or "0", currency)
    if not amount:
        raise _Bad("amount", "zero")
    if not money.MIN_AMOUNT_MINOR <= amount <= money.MAX_AMOUNT_MINOR:
        raise _Bad("amount", "does not fit in 64 bits of minor units")
    return amount


def _minor(column: str, text: str, currency: str) -> int:
    plain = text.replace(",", "") if _GROUPED.fullmatch(text) else text
    try:
        return money.Money.parse(plain, currency).amount_minor
    except refusals.Refusal as refusal:
        raise _Bad(column, refusal.message[:LONGEST_REFERENCE]) from None


def _day(text: str) -> dt.date:
    if _DAY.fullmatch(text):
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            pass
    raise _Bad("date", "not a day such as 2026-03-31")


def _exponent(column: str, code: str) -> None:
    try:
        money.exponent(code)
    except refusals.Refusal as refusal:
        raise _Bad(column, refusal.message[:LONGEST_REFERENCE]) from None


def _require_inside(line: Line, starts_on: dt.date, ends_on: dt.date) -> None:
    if not starts_on <= line.dated_on < ends_on:
        raise _Bad("date", f"outside the period, {starts_on} up to {ends_on}")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
