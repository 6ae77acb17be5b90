"""Years of 52 and 53 weeks side by side, restated and not."""

from __future__ import annotations

import datetime as dt

import pytest

from gifting.domain import fiscal
from gifting.domain.fiscal import Comparison

RETAIL = fiscal.Calendar(
    kind=fiscal.Kind.W454, start_month=2, label=fiscal.Label.START, leap_week_in=12
)


def _weeks(year: int) -> tuple[dt.date, ...]:
    periods = fiscal.periods(RETAIL, year)
    return fiscal.weeks_of((each.starts_on, each.ends_on) for each in periods)


def _numbers(year: int, mode: Comparison) -> list[tuple[int | None, int | None]]:
    pairs = fiscal.compare_weeks(_weeks(year), _weeks(year - 1), mode)
    return [(pair.number, pair.before_number) for pair in pairs]


@pytest.mark.parametrize(
    ("year", "mode", "first", "last", "count"),
    [
        (2022, Comparison.UNRESTATED, (1, 1), (52, 52), 52),
        (2022, Comparison.RESTATED, (1, 1), (52, 52), 52),
        (2023, Comparison.UNRESTATED, (1, 1), (53, 52), 53),
        (2023, Comparison.RESTATED, (1, None), (53, 52), 53),
        (2024, Comparison.UNRESTATED, (1, 1), (None, 53), 53),
        (2024, Comparison.RESTATED, (None, 1), (52, 53), 53),
    ],
)
def test_weeks_are_paired_as_the_mode_says(
    year: int,
    mode: Comparison,
    first: tuple[int | None, int | None],
    last: tuple[int | None, int | None],
    count: int,
) -> None:
    """NRF 4-5-4: FY2023 has 53 weeks, its neighbors 52."""
    numbers = _numbers(year, mode)

    assert (numbers[0], numbers[-1], len(numbers)) == (first, last, count)


def test_restated_weeks_lie_364_days_apart() -> None:
    pairs = fiscal.compare_weeks(_weeks(2024), _weeks(2023), Comparison.RESTATED)

    gaps = {
        (pair.starts_on - pair.before_starts_on).days
        for pair in pairs
        if pair.starts_on and pair.before_starts_on
    }
    assert gaps == {364}
