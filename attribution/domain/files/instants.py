"""Instants of files: ISO 8601 text, timestamps or dates, as microseconds since 1970 UTC.

A date without a time is the end of that day in the zone that is asked for: its last microsecond. A
time without an offset is in that zone; where the clock was set back, the first of the two is meant.
Timestamps of Parquet without a zone are UTC.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from attribution.domain import journey
from attribution.domain.files import faults, sheets
from gifting.domain import refusals

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_DAY: Final = journey.MICROSECONDS_PER_DAY
_DATE_LENGTH: Final = 10
_HAS_OFFSET: Final = r"(Z|z|[+-]\d{2}:?\d{2})$"
_REMEDY: Final = "Write it as 2026-03-31 or 2026-03-31T14:05:00Z."
_MORE_DIGITS: Final = re.compile(r"(\.\d{6})\d+")
# Since 1972 no zone is off by a part of a quarter of an hour, and none changed within one.
_QUARTER: Final = 900 * 1_000_000
_REGULAR_SINCE: Final = (dt.datetime(1972, 2, 1, tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND


class ZoneUnknown(refusals.Invalid):
    code = "ZONE_UNKNOWN"


class InstantUnusable(refusals.Invalid):
    code = "INSTANT_UNUSABLE"


@dataclass(frozen=True, slots=True)
class Instants:
    """Hold instants; one that is not given is NOT_GIVEN. `fault` is the first that is none."""

    at: NDArray[np.int64]
    is_given: NDArray[np.bool_]
    fault: faults.Fault | None = None


def zone(name: str) -> zoneinfo.ZoneInfo:
    """Find a time zone by its name; raises ZoneUnknown."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ZoneUnknown(
            f"{faults.shown(name)} is not a time zone. Give a name such as UTC or Europe/Berlin.",
            field="timezone",
        ) from None


def read(sheet: sheets.Sheet, name: str, *, within: zoneinfo.ZoneInfo) -> Instants:
    """Read a column of instants; raises FileUnusable for a type that holds none."""
    column: Any = sheet.columns[name]
    if pa.types.is_timestamp(column.type):
        moments = column.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64())
        return _given(moments, column)
    if pa.types.is_date(column.type):
        days = column.cast(pa.date32()).cast(pa.int32()).cast(pa.int64()).fill_null(0)
        ends = _ends_of_days(days.to_numpy(zero_copy_only=False), within)
        return _given(pa.array(ends), column)
    return _read_text(sheets.text(sheet, name), name, within)


def _given(moments: pa.Array, column: pa.Array) -> Instants:
    is_given = column.is_valid().to_numpy(zero_copy_only=False)
    at = moments.fill_null(0).to_numpy(zero_copy_only=False)
    return Instants(np.where(is_given, at, np.int64(journey.NOT_GIVEN)), is_given)


def _read_text(column: pa.Array, name: str, within: zoneinfo.ZoneInfo) -> Instants:
    cells = pc.ascii_trim_whitespace(column)
    lengths = pc.binary_length(cells).to_numpy(zero_copy_only=False)
    is_given = lengths > 0
    is_date = lengths == _DATE_LENGTH
    has_offset = pc.match_substring_regex(cells, _HAS_OFFSET).to_numpy(zero_copy_only=False)
    kinds: tuple[tuple[NDArray[np.bool_], Callable[[pa.Array], NDArray[np.int64]]], ...] = (
        (is_date, lambda found: _ends_of_days(_cast(found, pa.timestamp("us")) // _DAY, within)),
        (has_offset & ~is_date, lambda found: _cast(found, pa.timestamp("us", "UTC"))),
        (
            is_given & ~is_date & ~has_offset,
            lambda found: _from_local(_cast(found, pa.timestamp("us")), within),
        ),
    )
    at = np.full(len(cells), journey.NOT_GIVEN, dtype=np.int64)
    first_fault = None
    for mask, convert in kinds:
        if not mask.any():
            continue
        found = cells if mask.all() else cells.filter(pa.array(mask))
        try:
            at[mask] = convert(found)
        except (pa.ArrowInvalid, OverflowError, ValueError):
            fault = _one_by_one(cells, np.flatnonzero(mask).tolist(), at, name, within)
            if fault and (first_fault is None or fault.row < first_fault.row):
                first_fault = fault
    return Instants(at, is_given, first_fault)


def _cast(cells: pa.Array, kind: pa.DataType) -> NDArray[np.int64]:
    moments: NDArray[np.int64] = cells.cast(kind).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return moments


def _one_by_one(
    cells: pa.Array, rows: list[int], at: NDArray[np.int64], name: str, within: zoneinfo.ZoneInfo
) -> faults.Fault | None:
    """Read what Arrow does not, with Python's reader, up to the first that is no instant."""
    for row in rows:
        cell = cells[row].as_py()
        try:
            at[row] = parse(cell, within=within)
        except (ValueError, OverflowError):
            return faults.Fault(row, name, f"{faults.shown(cell)} is not a time. {_REMEDY}")
    return None


def named(text: str, *, within: zoneinfo.ZoneInfo) -> int:
    """Read an instant that somebody asks for; raises InstantUnusable."""
    try:
        return parse(text, within=within)
    except (ValueError, OverflowError):
        raise InstantUnusable(f"{faults.shown(text)} is not a time. {_REMEDY}") from None


def parse(cell: str, *, within: zoneinfo.ZoneInfo) -> int:
    """Read one instant; raises ValueError."""
    if len(cell) == _DATE_LENGTH:
        day = dt.date.fromisoformat(cell)
        return int(_ends_of_days(np.array([(day - _EPOCH.date()).days]), within)[0])
    moment = dt.datetime.fromisoformat(_MORE_DIGITS.sub(r"\1", cell))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=within)
    return (moment - _EPOCH) // _MICROSECOND


def _ends_of_days(days: NDArray[np.int64], within: zoneinfo.ZoneInfo) -> NDArray[np.int64]:
    distinct, place = np.unique(days, return_inverse=True)
    next_days = (distinct + 1) * _DAY
    return (_offset_local(next_days, within) + next_days - 1)[place]


def _from_local(moments: NDArray[np.int64], within: zoneinfo.ZoneInfo) -> NDArray[np.int64]:
    regular = np.where(moments >= _REGULAR_SINCE, moments // _QUARTER * _QUARTER, moments)
    distinct, place = np.unique(regular, return_inverse=True)
    return moments + _offset_local(distinct, within)[place]


def _offset_local(moments: NDArray[np.int64], within: zoneinfo.ZoneInfo) -> NDArray[np.int64]:
    """Give what has to be added to local times to make them UTC."""
    if within.key == "UTC":
        return np.zeros_like(moments)
    naive = _EPOCH.replace(tzinfo=None)
    offsets = [
        (naive + int(moment) * _MICROSECOND).replace(tzinfo=within).utcoffset()
        for moment in moments.tolist()
    ]
    return np.array([-((offset or dt.timedelta()) // _MICROSECOND) for offset in offsets])
