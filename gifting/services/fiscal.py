"""Generate the fiscal periods that facts fall into, as rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from typing import Final
from uuid import UUID

from gifting import models
from gifting.domain import access, fiscal, refusals, texts
from gifting.selectors import fiscal as calendars
from gifting.services import conflicts, merges, tenancy

COMPANY_CALENDAR: Final = "Company calendar"


class CalendarExists(refusals.Conflict):
    code = "CALENDAR_EXISTS"


class UnknownCalendar(refusals.NotFound):
    code = "UNKNOWN_CALENDAR"


def create_calendar(
    *,
    actor: access.Actor,
    calendar: fiscal.Calendar,
    name: str = COMPANY_CALENDAR,
    is_default: bool = True,
) -> UUID:
    """Record a calendar; the default one is the organization's own and decides for every fact.

    Raises Forbidden, TextUnusable and CalendarExists.
    """
    actor.require(access.Permission.MANAGE_ACCESS)
    texts.require(name, field="name", most=texts.NAME_LENGTH)
    row = models.FiscalCalendar(
        organization_id=actor.organization_id,
        name=name,
        is_default=is_default,
        kind=calendar.kind.value,
        start_month=calendar.start_month,
        start_day=calendar.start_day,
        week_ends_on=calendar.week_ends_on.value,
        year_end_rule=calendar.year_end_rule.value,
        label=calendar.label.value,
        leap_week_in=calendar.leap_week_in,
    )
    exists = CalendarExists(f"A calendar {name!r} exists. Choose another name.", field="name")
    with (
        tenancy.organization(actor.organization_id),
        conflicts.refusing("fiscal_calendar_name_is_unique", exists),
    ):
        row.save()
        row.refresh_from_db(fields=["public_id"])
    return row.public_id


def generate_year(
    *, actor: access.Actor, fiscal_year: int, calendar: UUID | None = None
) -> tuple[int, ...]:
    """Generate the periods of a fiscal year that is not there yet; return the year's ids in order.

    Without a calendar it is the company's own. A year that is there stays as it was edited, so that
    asking again changes nothing. Raises Forbidden, UnknownCalendar and FiscalYearOutOfRange.
    """
    actor.require(access.Permission.CLOSE_PERIODS)
    with tenancy.organization(actor.organization_id):
        row = _calendar(calendar)
        _generate(organization_id=actor.organization_id, row=row, years={fiscal_year})
        made = models.FiscalPeriod.objects.filter(calendar=row, fiscal_year=fiscal_year)
        return tuple(made.order_by("starts_on").values_list("id", flat=True))


def ensure_periods(*, organization_id: UUID, dates: Iterable[dt.date]) -> None:
    """Generate each fiscal year that holds one of these dates and is not there yet.

    Years that exist stay as they are, since a controller may have edited them. Raises
    FiscalYearOutOfRange.
    """
    row = models.FiscalCalendar.objects.get(is_default=True)
    calendar = calendars.calendar_of(row)
    years = {fiscal.fiscal_year_of(calendar, date) for date in dates}
    _generate(organization_id=organization_id, row=row, years=years)


def place_days(*, organization_id: UUID, dates: Collection[dt.date]) -> None:
    """Put the days into the temporary table file_day (day, period_id), each with its period.

    A day that lies in no period, since a controller edited them, has none there.
    """
    ensure_periods(organization_id=organization_id, dates=dates)
    merges.make(
        "file_day",
        """SELECT placed.day, period.id AS period_id
        FROM unnest(%(days)s::date[]) AS placed (day)
        LEFT JOIN (
            gifting_fiscalperiod AS period
            JOIN gifting_fiscalcalendar AS calendar
                ON calendar.id = period.calendar_id AND calendar.is_default
        ) ON placed.day >= period.starts_on AND placed.day < period.ends_on""",
        {"days": list(dates)},
    )


def _calendar(named: UUID | None) -> models.FiscalCalendar:
    rows = models.FiscalCalendar.objects
    row = (rows.filter(is_default=True) if named is None else rows.filter(public_id=named)).first()
    if row is None:
        raise UnknownCalendar(f"There is no fiscal calendar {named}.", field="fiscal_calendar")
    return row


def _generate(
    *, organization_id: UUID, row: models.FiscalCalendar, years: AbstractSet[int]
) -> None:
    """Make the periods of the years that have none."""
    calendar = calendars.calendar_of(row)
    there = set(
        models.FiscalPeriod.objects.filter(calendar=row, fiscal_year__in=years).values_list(
            "fiscal_year", flat=True
        )
    )
    models.FiscalPeriod.objects.bulk_create(
        [
            models.FiscalPeriod(
                organization_id=organization_id,
                calendar=row,
                fiscal_year=period.fiscal_year,
                quarter=period.quarter,
                number=period.number,
                name=period.name,
                starts_on=period.starts_on,
                ends_on=period.ends_on,
            )
            for year in sorted(years - there)
            for period in fiscal.periods(calendar, year)
        ],
        ignore_conflicts=True,
    )
