"""Fiscal calendars: from a company's rule to the periods of one fiscal year, as rows.

Two families. MONTHLY years start on any day (1 to 28) of any month: 1 February, the United
Kingdom's 6 April. Weekly years (4-4-5, 4-5-4, 5-4-4 and 13 x 4 weeks) have 52 or 53 whole weeks and
end on the last given weekday of the month before `start_month`, or on the one nearest to that
month's end. The retail calendar (NRF 4-5-4) is W454, start month 2, SATURDAY, NEAREST, label START.

The rules kept here: periods are half-open (`ends_on` is the first day after), neighbors touch, and
every date lies in exactly one period. The 53rd week goes into period `leap_week_in`. Quarters are
three periods each; of 13 periods the last quarter has four. The label names the year of the nominal
start or end: a year that ends on the Saturday nearest 31 December 2020, which is 2 January 2021, is
fiscal year 2020. Rows may be edited once they are generated; these functions only propose them.
"""

from __future__ import annotations

import datetime as dt
import itertools
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from gifting.domain import refusals

FIRST_FISCAL_YEAR: Final = 1900
LAST_FISCAL_YEAR: Final = 2199

_WEEK: Final = dt.timedelta(weeks=1)
_DAY: Final = dt.timedelta(days=1)
_MONTHS_PER_YEAR: Final = 12
_PERIODS_PER_QUARTER: Final = 3
_LAST_QUARTER: Final = 4
_SHORT_YEAR_WEEKS: Final = 52
_LAST_START_DAY: Final = 28  # every month has it


class Kind(StrEnum):
    MONTHLY = "MONTHLY"
    W445 = "W445"
    W454 = "W454"
    W544 = "W544"
    W13X4 = "W13X4"


class Weekday(StrEnum):
    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


class YearEndRule(StrEnum):
    LAST = "LAST"
    NEAREST = "NEAREST"


class Label(StrEnum):
    START = "START"
    END = "END"


class CalendarUnusable(refusals.Invalid):
    code = "CALENDAR_UNUSABLE"


class FiscalYearOutOfRange(refusals.Invalid):
    code = "FISCAL_YEAR_OUT_OF_RANGE"


class TimeZoneUnusable(refusals.Invalid):
    code = "TIME_ZONE_UNUSABLE"


_WEEKS_BY_PERIOD: Final[Mapping[Kind, tuple[int, ...]]] = MappingProxyType(
    {
        Kind.W445: (4, 4, 5) * 4,
        Kind.W454: (4, 5, 4) * 4,
        Kind.W544: (5, 4, 4) * 4,
        Kind.W13X4: (4,) * 13,
    }
)
_DAYS_OF_WEEK: Final = tuple(Weekday)


@dataclass(frozen=True, slots=True)
class Calendar:
    """State a company's rule for its fiscal years; raises CalendarUnusable.

    `week_ends_on`, `year_end_rule` and `leap_week_in` matter to weekly years only; a
    `leap_week_in` of None is the last period.
    """

    kind: Kind = Kind.MONTHLY
    start_month: int = 1
    start_day: int = 1
    week_ends_on: Weekday = Weekday.SATURDAY
    year_end_rule: YearEndRule = YearEndRule.NEAREST
    label: Label = Label.END
    leap_week_in: int | None = None

    def __post_init__(self) -> None:
        self._require(
            1 <= self.start_month <= _MONTHS_PER_YEAR,
            "start_month",
            f"The month {self.start_month} does not exist. Give 1 to 12.",
        )
        self._require(
            1 <= self.start_day <= _LAST_START_DAY,
            "start_day",
            f"A fiscal year cannot start on day {self.start_day}. Give 1 to 28, which every month "
            "has.",
        )
        self._require(
            self.kind is Kind.MONTHLY or self.start_day == 1,
            "start_day",
            "A calendar of weeks finds its first day from the week's end. Leave the start day at "
            "1.",
        )
        self._require(
            self.leap_week_in is None or 1 <= self.leap_week_in <= self.period_count,
            "leap_week_in",
            f"There is no period {self.leap_week_in} to take the 53rd week. Give 1 to "
            f"{self.period_count}.",
        )

    @property
    def period_count(self) -> int:
        return len(_WEEKS_BY_PERIOD.get(self.kind, range(_MONTHS_PER_YEAR)))

    @staticmethod
    def _require(holds: bool, field: str, message: str) -> None:  # noqa: FBT001 - the condition is the subject
        if not holds:
            raise CalendarUnusable(message, field=field)


@dataclass(frozen=True, slots=True)
class Period:
    """Hold one row of a fiscal year; `weeks` is None where periods are months."""

    fiscal_year: int
    quarter: int
    number: int
    name: str
    starts_on: dt.date
    ends_on: dt.date
    weeks: int | None


def periods(calendar: Calendar, fiscal_year: int) -> tuple[Period, ...]:
    """List the periods of one fiscal year in order; raises FiscalYearOutOfRange."""
    _require_in_range(fiscal_year)
    weeks = _weeks(calendar, fiscal_year)
    bounds = itertools.pairwise(_bounds(calendar, fiscal_year, weeks))
    return tuple(
        Period(
            fiscal_year=fiscal_year,
            quarter=min((number - 1) // _PERIODS_PER_QUARTER + 1, _LAST_QUARTER),
            number=number,
            name=f"FY{fiscal_year} P{number:02}",
            starts_on=starts_on,
            ends_on=ends_on,
            weeks=weeks[number - 1] if weeks else None,
        )
        for number, (starts_on, ends_on) in enumerate(bounds, start=1)
    )


def fiscal_year_of(calendar: Calendar, date: dt.date) -> int:
    """Tell the fiscal year that a date lies in; raises FiscalYearOutOfRange."""
    # A label is never further than this from the calendar year: it may name the year before (the
    # first days of January) or the one after (a year that is named by its end).
    for fiscal_year in range(date.year - 1, date.year + 2):
        if _first_day(calendar, fiscal_year) <= date < _first_day(calendar, fiscal_year + 1):
            _require_in_range(fiscal_year)
            return fiscal_year
    raise AssertionError(f"{date} lies in no fiscal year of {calendar}")


def year_span(calendar: Calendar, date: dt.date) -> tuple[dt.date, dt.date]:
    """Return the first day of the fiscal year that holds the date, and the first day after it."""
    held = periods(calendar, fiscal_year_of(calendar, date))
    return held[0].starts_on, held[-1].ends_on


class Comparison(StrEnum):
    """How the weeks of two years are held beside each other when one of them has 53.

    UNRESTATED pairs weeks by number, and a 53rd week with the 52nd before it. RESTATED shifts the
    longer year by one week, so that its first week has no partner and all others lie on the same
    days of the season.
    """

    UNRESTATED = "UNRESTATED"
    RESTATED = "RESTATED"


@dataclass(frozen=True, slots=True)
class WeekPair:
    """A week of a year beside its partner in the year before; None where it has none."""

    number: int | None
    starts_on: dt.date | None
    before_number: int | None
    before_starts_on: dt.date | None


def compare_weeks(
    current: Sequence[dt.date], before: Sequence[dt.date], mode: Comparison
) -> tuple[WeekPair, ...]:
    """Pair the first days of the weeks of a year with those of the year before it.

    Every week of both years appears; only the unrestated 52nd week before may appear twice.
    """
    shift = len(current) - len(before) if mode is Comparison.RESTATED else 0
    pairs = []
    for index in range(min(0, shift), len(current)):
        partner = index - shift
        if mode is Comparison.UNRESTATED:
            partner = min(partner, len(before) - 1)
        has_own, has_partner = index >= 0, 0 <= partner < len(before)
        pairs.append(
            WeekPair(
                index + 1 if has_own else None,
                current[index] if has_own else None,
                partner + 1 if has_partner else None,
                before[partner] if has_partner else None,
            )
        )
    if mode is Comparison.UNRESTATED:
        pairs += [
            WeekPair(None, None, index + 1, before[index])
            for index in range(len(current), len(before))
        ]
    return tuple(pairs)


def weeks_of(periods: Iterable[tuple[dt.date, dt.date]]) -> tuple[dt.date, ...]:
    """List the first day of each whole week in periods that follow each other."""
    return tuple(
        starts_on + number * _WEEK
        for starts_on, ends_on in periods
        for number in range((ends_on - starts_on) // _WEEK)
    )


def period_of(calendar: Calendar, date: dt.date) -> Period:
    """Find the one generated period that a date lies in; raises FiscalYearOutOfRange."""
    for period in periods(calendar, fiscal_year_of(calendar, date)):
        if date < period.ends_on:
            return period
    raise AssertionError(f"{date} lies in no period of {calendar}")


def period_date(at: dt.datetime, time_zone: str) -> dt.date:
    """Decide on which day an instant falls where the company keeps its books.

    Raises TimeZoneUnusable for an unknown zone and for a time without one, FiscalYearOutOfRange at
    the ends of the calendar.
    """
    if at.utcoffset() is None:
        raise TimeZoneUnusable(
            f"{at.isoformat()} does not say in which time zone it is. Add its offset from UTC.",
            field="at",
        )
    try:
        return at.astimezone(zone(time_zone)).date()
    except OverflowError:
        raise _out_of_range(at.year) from None


def zone(time_zone: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(time_zone)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise TimeZoneUnusable(
            f"{time_zone[:80]!a} is not a time zone. Use a name such as Europe/London.",
            field="time_zone",
        ) from None


def _weeks(calendar: Calendar, fiscal_year: int) -> tuple[int, ...]:
    """Give the weeks of each period, none where periods are months."""
    pattern = _WEEKS_BY_PERIOD.get(calendar.kind, ())
    if not pattern:
        return ()
    length = _first_day(calendar, fiscal_year + 1) - _first_day(calendar, fiscal_year)
    leap_weeks = length // _WEEK - _SHORT_YEAR_WEEKS
    leap_week_in = calendar.leap_week_in or len(pattern)
    return tuple(
        weeks + leap_weeks * (number == leap_week_in)
        for number, weeks in enumerate(pattern, start=1)
    )


def _bounds(calendar: Calendar, fiscal_year: int, weeks: tuple[int, ...]) -> tuple[dt.date, ...]:
    """Give the first day of each period, and the first day after the last one."""
    starts_on = _first_day(calendar, fiscal_year)
    if weeks:
        return tuple(itertools.accumulate(weeks, lambda day, n: day + n * _WEEK, initial=starts_on))
    return tuple(_plus_months(starts_on, months) for months in range(_MONTHS_PER_YEAR + 1))


def _first_day(calendar: Calendar, fiscal_year: int) -> dt.date:
    starts_in_january = (calendar.start_month, calendar.start_day) == (1, 1)
    is_named_by_start = calendar.label is Label.START or starts_in_january
    year = fiscal_year if is_named_by_start else fiscal_year - 1
    try:
        nominal = dt.date(year, calendar.start_month, calendar.start_day)
        return nominal if calendar.kind is Kind.MONTHLY else _week_start(calendar, nominal)
    except (ValueError, OverflowError):
        raise _out_of_range(fiscal_year) from None


def _week_start(calendar: Calendar, nominal: dt.date) -> dt.date:
    """Give the day after the weekday that ends the year before, near a first of a month."""
    month_end = nominal - _DAY
    # 0 when the month ends on that weekday, 6 when it ends the day before it.
    days_past = (month_end.weekday() - _DAYS_OF_WEEK.index(calendar.week_ends_on)) % 7
    year_end = month_end - days_past * _DAY
    is_next_nearer = days_past * _DAY > _WEEK / 2
    if calendar.year_end_rule is YearEndRule.NEAREST and is_next_nearer:
        year_end += _WEEK
    return year_end + _DAY


def _plus_months(date: dt.date, months: int) -> dt.date:
    years, month_index = divmod(date.month - 1 + months, _MONTHS_PER_YEAR)
    return date.replace(year=date.year + years, month=month_index + 1)


def _require_in_range(fiscal_year: int) -> None:
    if not FIRST_FISCAL_YEAR <= fiscal_year <= LAST_FISCAL_YEAR:
        raise _out_of_range(fiscal_year)


def _out_of_range(year: int) -> FiscalYearOutOfRange:
    return FiscalYearOutOfRange(
        f"The year {year} is outside the fiscal years that can be kept, {FIRST_FISCAL_YEAR} to "
        f"{LAST_FISCAL_YEAR}. Correct the date.",
        field="fiscal_year",
    )
