"""Cost centers and fiscal periods: the two scales that every figure is cut by."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db.models import Max, Min

from gifting import models
from gifting.domain import access, fiscal, refusals
from gifting.selectors import records

# Whoever may read any figure may read what it is cut by.
READERS = (
    access.Permission.READ_SPEND,
    access.Permission.READ_BUDGETS,
    access.Permission.READ_CAMPAIGNS,
    access.Permission.READ_ATTRIBUTION,
)


class UnknownFiscalPeriod(refusals.NotFound):
    code = "UNKNOWN_FISCAL_PERIOD"


class CostCenterRecord(NamedTuple):
    """A cost center's row."""

    id: int
    public_id: UUID
    code: str
    name: str
    parent_id: int | None


class FiscalPeriodRecord(NamedTuple):
    """A fiscal period's row; its days run up to, and without, `ends_on`."""

    id: int
    public_id: UUID
    fiscal_year: int
    quarter: int
    number: int
    name: str
    starts_on: dt.date
    ends_on: dt.date


@dataclass(frozen=True, slots=True)
class CostCenterWhere(records.Where):
    """Conditions on cost centers."""

    codes: Collection[str] | None = records.lookup("code__in")
    parent_ids: Collection[UUID] | None = records.lookup("parent__public_id__in")


@dataclass(frozen=True, slots=True)
class FiscalPeriodWhere(records.Where):
    """Conditions on fiscal periods; a range meets the periods that share a day with it."""

    fiscal_years: Collection[int] | None = records.lookup("fiscal_year__in")
    quarters: Collection[int] | None = records.lookup("quarter__in")
    meets_from: dt.date | None = records.lookup("ends_on__gt")
    meets_before: dt.date | None = records.lookup("starts_on__lt")


COST_CENTERS = records.Source(
    model=models.CostCenter, record=CostCenterRecord, permissions=READERS, cost_center="id"
)
PERIODS = records.Source(model=models.FiscalPeriod, record=FiscalPeriodRecord, permissions=READERS)


def period_ids_named(*, actor: access.Actor, name: str) -> tuple[UUID, ...]:
    """Return the periods of the name, one a calendar; raises Forbidden and UnknownFiscalPeriod."""
    actor.require(access.Permission.READ_SPEND)
    found = tuple(models.FiscalPeriod.objects.filter(name=name).values_list("public_id", flat=True))
    if not found:
        raise UnknownFiscalPeriod(
            f"There is no fiscal period {name!r}. Look at the calendar for its name.",
            field="period",
        )
    return found


def year_of(day: dt.date) -> tuple[dt.date, dt.date]:
    """Return the first day of the fiscal year that holds a day, and the first one after it.

    Periods are rows that a controller may have edited; where none is there yet, the organization's
    own calendar says what they will be.
    """
    held = models.FiscalPeriod.objects.filter(
        calendar__is_default=True, starts_on__lte=day, ends_on__gt=day
    ).first()
    if held is not None:
        return _bounds_of(held.calendar_id, held.fiscal_year)
    row = models.FiscalCalendar.objects.get(is_default=True)
    return fiscal.year_span(calendar_of(row), day)


@dataclass(frozen=True, slots=True)
class YearComparison:
    """The weeks of two fiscal years side by side, and by which mode."""

    mode: fiscal.Comparison
    fiscal_year: int
    before: int
    pairs: tuple[fiscal.WeekPair, ...]


def compare_years(
    *, actor: access.Actor, fiscal_year: int, mode: fiscal.Comparison
) -> YearComparison:
    """Pair the weeks of a fiscal year of the company calendar with those of the year before.

    As the periods stand, edited or not. Raises Forbidden and UnknownFiscalPeriod when the periods
    of either year are not there or are no whole weeks.
    """
    if not any(actor.may(each) for each in READERS):
        actor.require(access.Permission.READ_BUDGETS)
    weeks = []
    for year in (fiscal_year, fiscal_year - 1):
        periods = list(
            models.FiscalPeriod.objects.filter(calendar__is_default=True, fiscal_year=year)
            .order_by("starts_on")
            .values_list("starts_on", "ends_on")
        )
        found = fiscal.weeks_of(periods)
        if not periods or len(found) * 7 != (periods[-1][1] - periods[0][0]).days:
            raise UnknownFiscalPeriod(
                f"Fiscal year {year} has no periods of whole weeks. Compare years of a calendar "
                "of weeks that are generated.",
                field="fiscal_year",
            )
        weeks.append(found)
    pairs = fiscal.compare_weeks(weeks[0], weeks[1], mode)
    return YearComparison(mode, fiscal_year, fiscal_year - 1, pairs)


def calendar_of(row: models.FiscalCalendar) -> fiscal.Calendar:
    """Return the calendar that a row describes."""
    return fiscal.Calendar(
        kind=fiscal.Kind(row.kind),
        start_month=row.start_month,
        start_day=row.start_day,
        week_ends_on=fiscal.Weekday(row.week_ends_on),
        year_end_rule=fiscal.YearEndRule(row.year_end_rule),
        label=fiscal.Label(row.label),
        leap_week_in=row.leap_week_in,
    )


def _bounds_of(calendar_id: int, fiscal_year: int) -> tuple[dt.date, dt.date]:
    bounds = models.FiscalPeriod.objects.filter(
        calendar_id=calendar_id, fiscal_year=fiscal_year
    ).aggregate(starts_on=Min("starts_on"), ends_on=Max("ends_on"))
    return bounds["starts_on"], bounds["ends_on"]
