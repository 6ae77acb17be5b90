"""No window exceeds its limit, in whatever order gifts are told; the oracle tries every window."""

from __future__ import annotations

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from gifting.domain import gift_rules, money
from gifting.domain.gift_rules import Window

FIRST = dt.date(2023, 1, 1)
DAYS = st.integers(0, 1_200).map(lambda days: FIRST + dt.timedelta(days=days))
GIFTS = st.lists(st.tuples(DAYS, st.integers(1, 60)), min_size=1, max_size=12)
LIMIT = 50


@settings(max_examples=100)
@given(gifts=GIFTS, window=st.sampled_from(list(Window)))
def test_what_is_let_in_never_exceeds_any_window(
    gifts: list[tuple[dt.date, int]], window: Window
) -> None:
    """Gifts come in any order, so most of them are told later than ones after them."""
    accepted: list[tuple[dt.date, int]] = []
    for day, amount in gifts:
        verdict = judge(window, (day, amount), accepted)
        if verdict.outcome is gift_rules.Outcome.WITHIN:
            accepted.append((day, amount))
        else:
            # Nobody is refused while every window around the day has room.
            assert worst(window, [*accepted, (day, amount)], around=day) > LIMIT

    assert worst(window, accepted) <= LIMIT


@settings(max_examples=100)
@given(gifts=GIFTS, day=DAYS)
def test_the_heaviest_rolling_window_is_the_heaviest_of_all(
    gifts: list[tuple[dt.date, int]], day: dt.date
) -> None:
    told = [*gifts, (day, 1)]

    span, total = gift_rules.heaviest(told, day, Window.ROLLING_12M, gift_rules.calendar_year_of)

    assert total == worst(Window.ROLLING_12M, told, around=day)
    assert total == sum(amount for given_on, amount in told if span.holds(given_on))
    assert span.holds(day)


@given(amounts=st.lists(st.integers(1, 30), min_size=1, max_size=6), day=DAYS)
def test_calendar_and_rolling_agree_about_gifts_of_one_day(
    amounts: list[int], day: dt.date
) -> None:
    *past, last = amounts
    before = [(day, amount) for amount in past]

    outcomes = {
        judge(window, (day, last), before).outcome
        for window in (Window.CALENDAR_YEAR, Window.ROLLING_12M, Window.PER_GIFT)
    }

    assert len(outcomes) == 1


@given(amount=st.integers(0, 10**9), people=st.integers(1, 9))
def test_more_money_is_never_judged_more_mildly(amount: int, people: int) -> None:
    smaller = judge(Window.PER_GIFT, (FIRST, amount), [])
    larger = judge(Window.PER_GIFT, (FIRST, amount + people), [])

    assert (smaller.outcome, larger.outcome) != (
        gift_rules.Outcome.EXCEEDED,
        gift_rules.Outcome.WITHIN,
    )


def judge(
    window: Window, gift: tuple[dt.date, int], past: list[tuple[dt.date, int]]
) -> gift_rules.Verdict:
    rule = gift_rules.Rule(
        code="OWN",
        version=1,
        limit=money.Money(LIMIT, "USD"),
        window=window,
        basis=gift_rules.Basis.ITEM,
        action=gift_rules.Action.BLOCK,
    )
    (verdict,) = gift_rules.judge(
        [rule], gift_rules.Case(_gift(gift)), [_gift(each) for each in past]
    )
    return verdict


def worst(
    window: Window, gifts: list[tuple[dt.date, int]], *, around: dt.date | None = None
) -> int:
    """Add up every window there is, one starting on each day, and return the largest sum."""
    starts = [FIRST + dt.timedelta(days=days) for days in range(-370, 1_600)]
    spans = {_span(window, start) for start in starts}
    return max(
        (
            sum(amount for day, amount in gifts if start <= day < end)
            for start, end in spans
            if around is None or start <= around < end
        ),
        default=0,
    )


def _span(window: Window, start: dt.date) -> tuple[dt.date, dt.date]:
    if window is Window.PER_GIFT:
        return start, start + dt.timedelta(days=1)
    if window is Window.ROLLING_12M:
        try:
            return start, start.replace(year=start.year + 1)
        except ValueError:
            return start, dt.date(start.year + 1, 3, 1)
    return dt.date(start.year, 1, 1), dt.date(start.year + 1, 1, 1)


def _gift(gift: tuple[dt.date, int]) -> gift_rules.Gift:
    day, amount = gift
    return gift_rules.Gift(given_on=day, cost=gift_rules.Cost(item=amount), currency="USD")
