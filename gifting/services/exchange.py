"""Import exchange rates, and keep what was converted with the rates that it was converted by.

A file is known by its SHA-256: the same one again adds nothing. A rate that differs from the newest
one of its pair, type and day is added beside it; nothing is ever changed.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction

from gifting import models
from gifting.domain import access, exchange, money, refusals, texts
from gifting.selectors import exchange as rates
from gifting.services import staging, tenancy

MOST_BYTES: Final = 64 * 1024 * 1024
MOST_LINES: Final = 500_000
MOST_QUARANTINED: Final = 1_000
HEADER: Final = ("base", "quote", "type", "date", "rate")

_NOT_PUBLISHED: Final = frozenset({"", "N/A"})


class FileUnusable(refusals.Invalid):
    """The file is not one of rates, or too large."""

    code = "RATE_FILE_UNUSABLE"


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file."""

    sha256: str
    is_new: bool
    read: int
    added: int
    quarantined: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Converted:
    """An amount in another currency, and the stored conversion that says why; None for the same."""

    amount: money.Money
    conversion_id: int | None
    path: exchange.Path


def import_reference(*, source: str, data: bytes) -> Imported:
    """Import the reference rates of the European Central Bank, zipped or not, for everybody.

    Only the owner of the tables may. Raises FileUnusable; nothing of a refused file stays.
    """
    days, quotes, values = _reference_rates(_unzipped(data))
    sha256 = hashlib.sha256(data).hexdigest()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_NEW_REFERENCE_FILE, [source, sha256])
            row = cursor.fetchone()
        if row is None:
            return Imported(sha256, is_new=False, read=len(days), added=0)
        staging.stage(
            "reference_lines", texts={"day": days, "quote": quotes, "rate": values}, numbers={}
        )
        added = staging.execute(_ADD_REFERENCE, {"file": row[0], "base": exchange.PIVOT})
    return Imported(sha256, is_new=True, read=len(days), added=added)


def import_own(*, actor: access.Actor, source: str, data: bytes) -> Imported:
    """Import an organization's own rates from CSV: base, quote, type, date, rate.

    Lines that cannot be read are kept aside with the reason; the others are added. Raises
    Forbidden, FileUnusable and TextUnusable.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    texts.require(source, field="source", most=models.exchange.SOURCE_LENGTH)
    lines, refused = _own_rates(data)
    sha256 = hashlib.sha256(data).hexdigest()
    with tenancy.organization(actor.organization_id):
        with connection.cursor() as cursor:
            cursor.execute(
                _NEW_FILE, [actor.organization_id, source, sha256, json.dumps(list(refused))]
            )
            row = cursor.fetchone()
        if row is None:
            return Imported(sha256, is_new=False, read=len(lines), added=0, quarantined=refused)
        columns = {name: [line[place] for line in lines] for place, name in enumerate(HEADER)}
        columns["kind"] = columns.pop("type")
        columns["day"] = columns.pop("date")
        staging.stage("rate_lines", texts=columns, numbers={})
        added = staging.execute(_ADD_OWN, {"file": row[0], "organization": actor.organization_id})
    return Imported(sha256, is_new=True, read=len(lines), added=added, quarantined=refused)


def convert(
    *,
    actor: access.Actor,
    amount: money.Money,
    to_currency: str,
    on: dt.date,
    rate_type: exchange.RateType = exchange.RateType.SPOT,
) -> Converted:
    """Convert an amount and keep the conversion, in the transaction that posts it.

    Raises UnknownCurrency, RateMissing and RateStale.
    """
    # Whoever may post an amount may have it converted, without reading any figure.
    reader = access.Actor.system(organization_id=actor.organization_id)
    found = rates.path(
        actor=reader,
        from_currency=amount.currency,
        to_currency=to_currency,
        on=on,
        rate_type=rate_type,
    )
    converted = found.convert(amount)
    if not found.legs:
        return Converted(converted, None, found)
    first, *rest = found.legs
    second = rest[0] if rest else None
    kept = models.Conversion.objects.create(
        organization_id=actor.organization_id,
        from_currency=amount.currency,
        from_amount_minor=amount.amount_minor,
        to_currency=to_currency,
        to_amount_minor=converted.amount_minor,
        rate_type=found.rate_type.value,
        asked_on=on,
        used_on=found.used_on,
        reference_rate_id=None if first.is_own else first.rate_id,
        own_rate_id=first.rate_id if first.is_own else None,
        second_reference_rate_id=second.rate_id if second and not second.is_own else None,
        second_own_rate_id=second.rate_id if second and second.is_own else None,
    )
    return Converted(converted, kept.pk, found)


def _unzipped(data: bytes) -> str:
    """Read the one table of a file; a bomb or another thing is refused."""
    if len(data) > MOST_BYTES:
        raise FileUnusable(f"The file has more than {MOST_BYTES:,} bytes. Split it.", field="file")
    if data[:2] == b"PK":
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                (name,) = archive.namelist()
                if archive.getinfo(name).file_size > MOST_BYTES:
                    raise FileUnusable("The file unpacks to too much.", field="file")
                data = archive.read(name)
        except (zipfile.BadZipFile, ValueError) as error:
            raise FileUnusable("The archive does not hold one table.", field="file") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileUnusable("The file is not UTF-8 text.", field="file") from error


def _reference_rates(table: str) -> tuple[list[str], list[str], list[str]]:
    """Read days by currencies: how much one euro costs. An unreadable file is refused whole."""
    rows = csv.reader(io.StringIO(table))
    header = next(rows, [])
    if not header or header[0] != "Date":
        raise FileUnusable("The first column of reference rates is Date.", field="file")
    quotes = [name.strip() for name in header[1:]]
    for name in filter(None, quotes):
        money.exponent(name)
    days: list[str] = []
    codes: list[str] = []
    values: list[str] = []
    for row in rows:
        if not row:
            continue
        day = _day(row[0])
        for quote, value in zip(quotes, row[1:], strict=False):
            if quote and value.strip() not in _NOT_PUBLISHED:
                exchange.read_rate(value.strip())
                days.append(day)
                codes.append(quote)
                values.append(value.strip())
    return days, codes, values


def _own_rates(data: bytes) -> tuple[list[tuple[str, ...]], tuple[dict[str, Any], ...]]:
    """Read an organization's file: the good lines, and why the others are not."""
    rows = csv.reader(io.StringIO(_unzipped(data)))
    header = [name.strip().lower() for name in next(rows, [])]
    if header != list(HEADER):
        raise FileUnusable(f"The first line of the file is {','.join(HEADER)}.", field="file")
    good: list[tuple[str, ...]] = []
    refused: list[dict[str, Any]] = []
    for number, row in _numbered(rows):
        try:
            good.append(_line(row))
        except refusals.Refusal as refusal:
            if len(refused) < MOST_QUARANTINED:
                refused.append({"line": number, "code": refusal.code, "message": refusal.message})
    return good, tuple(refused)


def _numbered(rows: Any) -> Iterator[tuple[int, list[str]]]:
    """Give the lines with their numbers; raises FileUnusable for too many or broken quoting."""
    try:
        for row in rows:
            if rows.line_num > MOST_LINES:
                raise FileUnusable(f"The file has more than {MOST_LINES:,} lines.", field="file")
            if row:
                yield rows.line_num, row
    except csv.Error as error:
        raise FileUnusable(f"Line {rows.line_num} is no CSV.", field="file") from error


def _line(row: list[str]) -> tuple[str, ...]:
    cells = [cell.strip() for cell in row]
    if len(cells) != len(HEADER):
        raise FileUnusable(f"The line has {len(cells)} cells, not {len(HEADER)}.", field="file")
    base, quote, kind, day, value = cells
    money.exponent(base)
    money.exponent(quote)
    if base == quote:
        raise exchange.RateUnusable("A rate is between two currencies.", field="quote")
    if kind not in set(exchange.RateType):
        raise exchange.RateUnusable(
            f"The type is one of {', '.join(exchange.RateType)}.", field="type"
        )
    exchange.read_rate(value)
    return base, quote, kind, _day(day), value


def _day(text: str) -> str:
    try:
        return dt.date.fromisoformat(text.strip()).isoformat()
    except ValueError as error:
        raise exchange.RateUnusable(
            f"{text[:40]!a} is no day. Write it as 2026-10-30.", field="date"
        ) from error


_NEW_REFERENCE_FILE: Final = """
    INSERT INTO gifting_referencefile (source, sha256) VALUES (%s, %s)
    ON CONFLICT (sha256) DO NOTHING RETURNING id"""
_NEW_FILE: Final = """
    INSERT INTO gifting_ratefile (organization_id, source, sha256, quarantined)
    VALUES (%s, %s, %s, %s) ON CONFLICT (organization_id, sha256) DO NOTHING RETURNING id"""
_ADD_REFERENCE: Final = """
    INSERT INTO gifting_referencerate (file_id, base, quote, rate_type, rate_date, rate)
    SELECT %(file)s, %(base)s, line.quote, 'SPOT', line.day::date, line.rate::numeric
    FROM reference_lines AS line
    LEFT JOIN (
        SELECT DISTINCT ON (quote, rate_date) quote, rate_date, rate FROM gifting_referencerate
        WHERE base = %(base)s AND rate_type = 'SPOT' ORDER BY quote, rate_date, id DESC
    ) AS kept ON kept.quote = line.quote AND kept.rate_date = line.day::date
    WHERE kept.rate IS DISTINCT FROM line.rate::numeric ORDER BY line.place"""
_ADD_OWN: Final = """
    INSERT INTO gifting_organizationrate (organization_id, file_id, base, quote, rate_type,
        rate_date, rate)
    SELECT %(organization)s, %(file)s, line.base, line.quote, line.kind, line.day::date,
        line.rate::numeric
    FROM rate_lines AS line
    LEFT JOIN (
        SELECT DISTINCT ON (base, quote, rate_type, rate_date) base, quote, rate_type, rate_date,
            rate
        FROM gifting_organizationrate WHERE organization_id = %(organization)s
        ORDER BY base, quote, rate_type, rate_date, id DESC
    ) AS kept ON (kept.base, kept.quote, kept.rate_type, kept.rate_date)
        = (line.base, line.quote, line.kind, line.day::date)
    WHERE kept.rate IS DISTINCT FROM line.rate::numeric ORDER BY line.place"""
