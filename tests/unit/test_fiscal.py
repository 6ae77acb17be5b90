"""Fiscal calendars against published years, and the local day of an instant."""

from __future__ import annotations

import datetime as dt

import pytest

from gifting.domain import fiscal
from gifting.domain.fiscal import Calendar, Kind, Label, Weekday, YearEndRule

NRF = Calendar(
    kind=Kind.W454,
    start_month=2,
    week_ends_on=Weekday.SATURDAY,
    year_end_rule=YearEndRule.NEAREST,
    label=Label.START,
)
LAST_SATURDAY_OF_SEPTEMBER = Calendar(
    kind=Kind.W445, start_month=10, year_end_rule=YearEndRule.LAST, label=Label.END
)
SATURDAY_NEAREST_31_DECEMBER = Calendar(kind=Kind.W544, year_end_rule=YearEndRule.NEAREST)
UNITED_KINGDOM = Calendar(start_month=4, start_day=6, label=Label.START)


@pytest.mark.parametrize(
    ("calendar", "first", "last", "long_years"),
    [
        (NRF, 2000, 2040, [2000, 2006, 2012, 2017, 2023, 2028, 2034, 2040]),
        (LAST_SATURDAY_OF_SEPTEMBER, 2012, 2034, [2012, 2017, 2023, 2028, 2034]),
        (SATURDAY_NEAREST_31_DECEMBER, 2012, 2036, [2014, 2020, 2025, 2031, 2036]),
    ],
)
def test_53_week_years_are_those_published(
    calendar: Calendar, first: int, last: int, long_years: list[int]
) -> None:
    weeks_by_year = {
        year: sum(period.weeks or 0 for period in fiscal.periods(calendar, year))
        for year in range(first, last + 1)
    }

    assert [year for year, weeks in weeks_by_year.items() if weeks == 53] == long_years
    assert set(weeks_by_year.values()) == {52, 53}


def test_the_retail_year_2023_equals_the_published_one() -> None:
    """NRF publishes 29 January 2023 to 3 February 2024, with the 53rd week in January."""
    periods = fiscal.periods(NRF, 2023)

    assert periods[0].starts_on == dt.date(2023, 1, 29)
    assert periods[-1].ends_on == dt.date(2024, 2, 4)
    assert [period.weeks for period in periods] == [4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 5, 5]


def test_the_53rd_week_goes_where_the_company_puts_it() -> None:
    calendar = Calendar(kind=Kind.W13X4, start_month=2, label=Label.START, leap_week_in=1)

    periods = fiscal.periods(calendar, 2023)

    assert [period.weeks for period in periods] == [5] + [4] * 12
    assert [period.quarter for period in periods] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4]


def test_a_monthly_year_is_named_by_its_end_and_quartered() -> None:
    """A year from 1 February 2026 ends in January 2027, so it is fiscal year 2027."""
    periods = fiscal.periods(Calendar(start_month=2, label=Label.END), 2027)

    assert periods[0] == fiscal.Period(
        fiscal_year=2027,
        quarter=1,
        number=1,
        name="FY2027 P01",
        starts_on=dt.date(2026, 2, 1),
        ends_on=dt.date(2026, 3, 1),
        weeks=None,
    )
    assert periods[11].name == "FY2027 P12"
    assert periods[11].ends_on == dt.date(2027, 2, 1)
    assert [period.quarter for period in periods] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]


def test_the_same_year_named_by_its_start() -> None:
    periods = fiscal.periods(Calendar(start_month=2, label=Label.START), 2026)

    assert (periods[0].fiscal_year, periods[0].starts_on) == (2026, dt.date(2026, 2, 1))


@pytest.mark.parametrize("label", Label)
def test_a_calendar_year_has_one_name_under_either_label(label: Label) -> None:
    periods = fiscal.periods(Calendar(label=label), 2026)

    assert (periods[0].starts_on, periods[-1].ends_on) == (
        dt.date(2026, 1, 1),
        dt.date(2027, 1, 1),
    )


@pytest.mark.parametrize(
    ("calendar", "date", "fiscal_year", "number"),
    [
        (UNITED_KINGDOM, dt.date(2026, 4, 5), 2025, 12),
        (UNITED_KINGDOM, dt.date(2026, 4, 6), 2026, 1),
        (UNITED_KINGDOM, dt.date(2026, 5, 5), 2026, 1),
        (UNITED_KINGDOM, dt.date(2026, 5, 6), 2026, 2),
        (Calendar(start_month=2), dt.date(2028, 2, 29), 2029, 1),
        # The Saturday nearest 31 December 2020 is 2 January 2021.
        (SATURDAY_NEAREST_31_DECEMBER, dt.date(2021, 1, 2), 2020, 12),
        (SATURDAY_NEAREST_31_DECEMBER, dt.date(2021, 1, 3), 2021, 1),
        # The Saturday nearest 31 December 2024 is 28 December.
        (SATURDAY_NEAREST_31_DECEMBER, dt.date(2024, 12, 29), 2025, 1),
        (LAST_SATURDAY_OF_SEPTEMBER, dt.date(2026, 9, 26), 2026, 12),
        (LAST_SATURDAY_OF_SEPTEMBER, dt.date(2026, 9, 27), 2027, 1),
    ],
)
def test_days_at_the_edge_fall_on_the_right_side(
    calendar: Calendar, date: dt.date, fiscal_year: int, number: int
) -> None:
    period = fiscal.period_of(calendar, date)

    assert (period.fiscal_year, period.number) == (fiscal_year, number)
    assert fiscal.fiscal_year_of(calendar, date) == fiscal_year


@pytest.mark.parametrize(
    ("at", "time_zone", "date"),
    [
        ("2026-01-31T23:30:00+00:00", "America/New_York", dt.date(2026, 1, 31)),
        ("2026-02-01T04:59:59+00:00", "America/New_York", dt.date(2026, 1, 31)),
        ("2026-02-01T05:00:00+00:00", "America/New_York", dt.date(2026, 2, 1)),
        ("2026-01-31T15:00:00+00:00", "Asia/Tokyo", dt.date(2026, 2, 1)),
        # The clocks of New York went forward on 8 March and back on 1 November 2026.
        ("2026-03-09T03:59:59+00:00", "America/New_York", dt.date(2026, 3, 8)),
        ("2026-11-02T04:59:59+00:00", "America/New_York", dt.date(2026, 11, 1)),
        ("2026-11-02T05:00:00+00:00", "America/New_York", dt.date(2026, 11, 2)),
        # Samoa had no 30 December 2011.
        ("2011-12-30T09:59:59+00:00", "Pacific/Apia", dt.date(2011, 12, 29)),
        ("2011-12-30T10:00:00+00:00", "Pacific/Apia", dt.date(2011, 12, 31)),
    ],
)
def test_an_instant_falls_on_the_day_of_the_companys_zone(
    at: str, time_zone: str, date: dt.date
) -> None:
    assert fiscal.period_date(dt.datetime.fromisoformat(at), time_zone) == date


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(fiscal.TimeZoneUnusable, match="Add its offset from UTC") as refused:
        fiscal.period_date(dt.datetime(2026, 2, 1), "UTC")  # noqa: DTZ001 - the refusal is the subject

    assert refused.value.code == "TIME_ZONE_UNUSABLE"


@pytest.mark.parametrize(
    "time_zone", ["", ".", "Mars/Olympus", "America", "../etc/passwd", "UTC\x00", "X" * 9999]
)
def test_an_unknown_time_zone_is_refused(time_zone: str) -> None:
    with pytest.raises(fiscal.TimeZoneUnusable) as refused:
        fiscal.period_date(dt.datetime(2026, 2, 1, tzinfo=dt.UTC), time_zone)

    assert refused.value.field == "time_zone"
    assert len(refused.value.message) < 200


@pytest.mark.parametrize("date", [dt.date.min, dt.date.max, dt.date(1899, 12, 31)])
def test_dates_outside_the_kept_years_are_refused(date: dt.date) -> None:
    with pytest.raises(fiscal.FiscalYearOutOfRange) as refused:
        fiscal.fiscal_year_of(Calendar(), date)

    assert refused.value.code == "FISCAL_YEAR_OUT_OF_RANGE"


@pytest.mark.parametrize("fiscal_year", [-1, 0, 1899, 2200, 99999])
def test_years_outside_the_kept_ones_are_refused(fiscal_year: int) -> None:
    with pytest.raises(fiscal.FiscalYearOutOfRange, match="1900 to 2199"):
        fiscal.periods(Calendar(), fiscal_year)


def test_an_instant_at_the_end_of_time_is_refused() -> None:
    with pytest.raises(fiscal.FiscalYearOutOfRange):
        fiscal.period_date(dt.datetime.max.replace(tzinfo=dt.UTC), "Asia/Tokyo")


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"start_month": 0}, "start_month"),
        ({"start_month": 13}, "start_month"),
        ({"start_day": 0}, "start_day"),
        ({"start_day": 29}, "start_day"),
        ({"kind": Kind.W445, "start_day": 6}, "start_day"),
        ({"kind": Kind.W445, "leap_week_in": 13}, "leap_week_in"),
        ({"kind": Kind.W13X4, "leap_week_in": 0}, "leap_week_in"),
    ],
)
def test_a_rule_that_makes_no_calendar_is_refused(rule: dict[str, int], field: str) -> None:
    with pytest.raises(fiscal.CalendarUnusable) as refused:
        Calendar(**rule)  # type: ignore[arg-type] # the table mixes enum members and numbers

    assert (refused.value.code, refused.value.field) == ("CALENDAR_UNUSABLE", field)
