"""Turn a CRM's values into ours: text, numbers, money in minor units, instants. Else BadRecord.

A field that was not told is None, which is not the same as empty: what is stored stays. Money with
more decimals than its currency has is rounded once, half to even. A day without a time is a whole
day in the organization's time zone: an opening is its first instant, a close its last microsecond.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, Final

from gifting.domain import currencies, money
from integrations.domain import errors

LONGEST_TEXT: Final = 255
LARGEST_MINOR: Final = 2**63 - 1
LARGEST_INTEGER: Final = 2**31 - 1
EARLIEST_YEAR: Final = 1970
LATEST_YEAR: Final = 2100

_DAY_LENGTH: Final = len("2026-11-02")
_MILLISECONDS: Final = 1000
_TRUE: Final = ("true", "1", "yes")


def text(value: Any, *, field: str) -> str | None:
    """Read a text, cut at the length that is stored."""
    if value is None:
        return None
    read = str(value)
    if "\x00" in read:
        raise errors.BadRecord("the text holds a NUL character", field=field)
    return read.strip()[:LONGEST_TEXT]


def integer(value: Any, *, field: str) -> int | None:
    number = _decimal(value, field=field)
    if number is None:
        return None
    if abs(number) > LARGEST_INTEGER:
        raise errors.BadRecord("the number is too large", field=field)
    return int(number)


def minor_units(value: Any, currency: str, *, field: str) -> int | None:
    """Read an amount in its currency's minor units."""
    number = _decimal(value, field=field)
    if number is None:
        return None
    # Looked at before it is scaled: 1e308 would be written out digit by digit.
    if number and number.adjusted() > len(str(LARGEST_MINOR)):
        raise errors.BadRecord("the amount is too large", field=field)
    scaled = number.scaleb(money.exponent(currency)).quantize(Decimal(1), ROUND_HALF_EVEN)
    if abs(scaled) > LARGEST_MINOR:
        raise errors.BadRecord("the amount is too large", field=field)
    return int(scaled)


def currency(value: Any, default: str, *, field: str) -> str:
    """Read a currency's code; none given means the CRM's own."""
    code = (text(value, field=field) or default).upper()
    if code not in currencies.EXPONENTS:
        raise errors.BadRecord(f"{code!r} is no currency of ISO 4217", field=field)
    return code


def boolean(value: Any) -> bool | None:
    if value in (None, ""):
        return None
    return value if isinstance(value, bool) else str(value).lower() in _TRUE


def moment(
    value: Any, zone: zoneinfo.ZoneInfo, *, field: str, at_end: bool = False
) -> dt.datetime | None:
    """Read an instant: ISO with an offset, milliseconds since 1970, or a day."""
    if value in (None, ""):
        return None
    read = _moment(str(value), zone, field=field, at_end=at_end)
    if not EARLIEST_YEAR <= read.year <= LATEST_YEAR:
        raise errors.BadRecord(
            f"the date is not between {EARLIEST_YEAR} and {LATEST_YEAR}", field=field
        )
    return read.astimezone(dt.UTC)


def _moment(value: str, zone: zoneinfo.ZoneInfo, *, field: str, at_end: bool) -> dt.datetime:
    try:
        if value.isascii() and value.isdigit():
            return dt.datetime.fromtimestamp(int(value) / _MILLISECONDS, tz=dt.UTC)
        read = dt.datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError) as error:
        raise errors.BadRecord("the date cannot be read", field=field) from error
    if len(value) > _DAY_LENGTH:
        return read if read.tzinfo else read.replace(tzinfo=zone)
    if at_end:
        following = (read + dt.timedelta(days=1)).replace(tzinfo=zone)
        return following.astimezone(dt.UTC) - dt.timedelta(microseconds=1)
    return read.replace(tzinfo=zone)


def _decimal(value: Any, *, field: str) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise errors.BadRecord("the number cannot be read", field=field) from error
    if not number.is_finite():
        raise errors.BadRecord("the number is not finite", field=field)
    return number
