"""Dates and times as files write them.

A time without an offset belongs to the file's time zone. A date without a time is a whole day: an
opening is its first instant, a close its last microsecond, so that a touch on the day of the close
still lies before it.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable, Sequence
from typing import Final

from integrations.domain import faults

ISO: Final = "ISO"
EARLIEST_YEAR: Final = 1970
LATEST_YEAR: Final = 2100

_DAY: Final = dt.timedelta(days=1)
_LAST: Final = dt.timedelta(microseconds=1)
_DATE_ONLY: Final = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}", re.ASCII)
_DAY_PARTS: Final = (("%Y", "%y"), ("%m", "%b", "%B"), ("%d",))
_TIME_PARTS: Final = ("%H", "%I")
_SAMPLE: Final = dt.datetime(2001, 2, 3, tzinfo=dt.UTC)


def is_pattern(text: str) -> bool:
    """Tell whether a mapping may use this date format."""
    if text == ISO:
        return True
    if not all(any(part in text for part in parts) for parts in _DAY_PARTS):
        return False
    try:
        _strptime(_SAMPLE.strftime(text), text)
    except ValueError:
        return False
    return True


def reader(
    formats: Sequence[str], zone: zoneinfo.ZoneInfo, *, at_end: bool
) -> Callable[[str], dt.datetime]:
    """Make the function that turns a cell into an instant; it raises Fault."""

    def read(text: str) -> dt.datetime:
        moment, has_time = _parse(text, formats)
        if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
            raise faults.Fault(
                f"{faults.shown(text)} is not a date between {EARLIEST_YEAR} and {LATEST_YEAR}"
            )
        if not has_time and at_end:
            return (moment + _DAY).replace(tzinfo=zone).astimezone(dt.UTC) - _LAST
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(dt.UTC)

    return read


def _parse(text: str, formats: Sequence[str]) -> tuple[dt.datetime, bool]:
    # Python's readers take the digits of every script; a date in a file is ASCII.
    for pattern in formats if text.isascii() else ():
        try:
            if pattern == ISO:
                return dt.datetime.fromisoformat(text), not _DATE_ONLY.fullmatch(text)
            has_time = any(part in pattern for part in _TIME_PARTS)
            return _strptime(text, pattern), has_time
        except ValueError:
            continue
    written = " or ".join(formats)
    raise faults.Fault(f"{faults.shown(text)} is not a date written as {written}")


def _strptime(text: str, pattern: str) -> dt.datetime:
    return dt.datetime.strptime(text, pattern)  # noqa: DTZ007 - the caller knows the zone
