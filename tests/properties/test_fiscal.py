"""Every day lies in exactly one fiscal period, whatever the company's rule."""

from __future__ import annotations

import datetime as dt
import itertools
import zoneinfo

import hypothesis
from hypothesis import strategies as st

from gifting.domain import fiscal
from gifting.domain.fiscal import Calendar, Kind, Label, Weekday, YearEndRule

WEEKLY_KINDS = [kind for kind in Kind if kind is not Kind.MONTHLY]

labels = st.sampled_from(Label)
months = st.integers(1, 12)
monthly_calendars = st.builds(
    Calendar, start_month=months, start_day=st.integers(1, 28), label=labels
)
weekly_calendars = st.builds(
    Calendar,
    kind=st.sampled_from(WEEKLY_KINDS),
    start_month=months,
    week_ends_on=st.sampled_from(Weekday),
    year_end_rule=st.sampled_from(YearEndRule),
    label=labels,
    leap_week_in=st.none() | st.integers(1, 12),
)
calendars = monthly_calendars | weekly_calendars
years = st.integers(fiscal.FIRST_FISCAL_YEAR, fiscal.LAST_FISCAL_YEAR - 1)
dates = st.dates(dt.date(1902, 1, 1), dt.date(2197, 12, 31))
instants = st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2100, 1, 1))  # noqa: DTZ001 - made aware below
zones = st.sampled_from(
    ["UTC", "America/New_York", "Europe/London", "Asia/Tokyo", "Pacific/Apia", "Asia/Kathmandu"]
)


@hypothesis.given(calendar=calendars, year=years)
def test_the_periods_of_two_years_touch_without_gap_or_overlap(
    calendar: Calendar, year: int
) -> None:
    both_years = fiscal.periods(calendar, year) + fiscal.periods(calendar, year + 1)

    for before, after in itertools.pairwise(both_years):
        assert before.starts_on < before.ends_on == after.starts_on


@hypothesis.given(calendar=calendars, year=years)
def test_periods_are_numbered_and_quarters_never_go_back(calendar: Calendar, year: int) -> None:
    periods = fiscal.periods(calendar, year)

    assert [period.number for period in periods] == list(range(1, calendar.period_count + 1))
    assert {period.fiscal_year for period in periods} == {year}
    quarters = [period.quarter for period in periods]
    assert quarters == sorted(quarters)
    assert set(quarters) == {1, 2, 3, 4}


@hypothesis.given(calendar=calendars, date=dates)
def test_a_date_lies_in_exactly_one_period(calendar: Calendar, date: dt.date) -> None:
    year = fiscal.fiscal_year_of(calendar, date)
    nearby = [
        period for near in (year - 1, year, year + 1) for period in fiscal.periods(calendar, near)
    ]

    holders = [period for period in nearby if period.starts_on <= date < period.ends_on]

    assert holders == [fiscal.period_of(calendar, date)]
    assert holders[0].fiscal_year == year


@hypothesis.given(calendar=weekly_calendars, year=years)
def test_weekly_years_end_on_their_weekday_and_have_52_or_53_weeks(
    calendar: Calendar, year: int
) -> None:
    periods = fiscal.periods(calendar, year)

    last_day = periods[-1].ends_on - dt.timedelta(days=1)
    weeks = [period.weeks or 0 for period in periods]
    assert list(Weekday)[last_day.weekday()] is calendar.week_ends_on
    assert sum(weeks) in (52, 53)
    assert [(period.ends_on - period.starts_on).days for period in periods] == [
        7 * number for number in weeks
    ]


@hypothesis.given(calendar=weekly_calendars, year=years)
def test_weekly_years_end_as_near_to_the_months_end_as_the_rule_says(
    calendar: Calendar, year: int
) -> None:
    """LAST ends 0 to 6 days before the month's end, NEAREST at most 3 days from it."""
    last_day = fiscal.periods(calendar, year)[-1].ends_on - dt.timedelta(days=1)
    start_year = year if calendar.label is Label.START or calendar.start_month == 1 else year - 1
    month_end = dt.date(start_year + 1, calendar.start_month, 1) - dt.timedelta(days=1)

    days_short = (month_end - last_day).days

    allowed = range(7) if calendar.year_end_rule is YearEndRule.LAST else range(-3, 4)
    assert days_short in allowed


@hypothesis.given(calendar=monthly_calendars, year=years)
def test_monthly_years_start_on_their_day_and_are_named_by_their_label(
    calendar: Calendar, year: int
) -> None:
    periods = fiscal.periods(calendar, year)

    first_day, last_day = periods[0].starts_on, periods[-1].ends_on - dt.timedelta(days=1)
    assert {period.starts_on.day for period in periods} == {calendar.start_day}
    assert first_day.month == calendar.start_month
    assert year == (first_day if calendar.label is Label.START else last_day).year


@hypothesis.given(at=instants, zone=zones, other_zone=zones)
def test_the_local_day_does_not_depend_on_how_the_instant_is_written(
    at: dt.datetime, zone: str, other_zone: str
) -> None:
    instant = at.replace(tzinfo=dt.UTC)
    elsewhere = instant.astimezone(zoneinfo.ZoneInfo(other_zone))

    date = fiscal.period_date(elsewhere, zone)

    assert date == fiscal.period_date(instant, zone)
    local = instant.astimezone(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None)
    assert dt.datetime.combine(date, dt.time.min) <= local
    assert local < dt.datetime.combine(date, dt.time.min) + dt.timedelta(days=1)
