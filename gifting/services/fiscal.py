"""Generate the fiscal periods that facts fall into, as rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from uuid import UUID

from gifting import models
from gifting.domain import access, fiscal
from gifting.selectors import fiscal as calendars
from gifting.services import merges


def create_calendar(*, actor: access.Actor, calendar: fiscal.Calendar) -> None:
    """Record the organization's own calendar."""
    actor.require(access.Permission.MANAGE_ACCESS)
    models.FiscalCalendar.objects.create(
        organization_id=actor.organization_id,
        kind=calendar.kind.value,
        start_month=calendar.start_month,
        start_day=calendar.start_day,
        week_ends_on=calendar.week_ends_on.value,
        year_end_rule=calendar.year_end_rule.value,
        label=calendar.label.value,
        leap_week_in=calendar.leap_week_in,
    )


def ensure_periods(*, organization_id: UUID, dates: Iterable[dt.date]) -> None:
    """Generate each fiscal year that holds one of these dates and is not there yet.

    Years that exist stay as they are, since a controller may have edited them. Raises
    FiscalYearOutOfRange.
    """
    row = models.FiscalCalendar.objects.get(is_default=True)
    calendar = calendars.calendar_of(row)
    wanted = {fiscal.fiscal_year_of(calendar, date) for date in dates}
    there = set(
        models.FiscalPeriod.objects.filter(calendar=row, fiscal_year__in=wanted).values_list(
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
            for year in sorted(wanted - there)
            for period in fiscal.periods(calendar, year)
        ],
        ignore_conflicts=True,
    )


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
