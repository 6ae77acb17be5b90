"""Conversion loses at most half a unit a hop, and looks rates up as a plain scan of them does.

Invariant 5 of the ledger's list: a rate dated on or before the day; a later rate changes nothing
that was converted; a round trip is off by half a unit of each currency at most; every conversion
names its rates and the days of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import hypothesis
import pytest
from django.db import transaction
from hypothesis import strategies as st

from gifting import models
from gifting.domain import currencies, exchange, money
from gifting.services import exchange as services
from gifting.services import tenancy
from tests.factories import exchange as rates
from tests.factories import organizations

START = dt.date(2025, 1, 1)
MOST_DAYS_OLD = 7

codes = st.sampled_from(sorted(currencies.EXPONENTS))
amounts = st.integers(-(10**12), 10**12)
values = st.decimals("0.0000001", "99999999", places=7, allow_nan=False)
days = st.integers(0, 30)
published = st.lists(
    st.tuples(days, st.sampled_from(["USD", "JPY", "KWD"]), st.integers(1, 10**9)), max_size=14
)


def _path(one: str, other: str, value: Decimal) -> exchange.Path:
    rate = exchange.Rate(
        1, UUID(int=1), one, other, exchange.RateType.SPOT, START, value, "a", is_own=False
    )
    return exchange.Path(one, other, exchange.RateType.SPOT, START, (rate,))


@hypothesis.given(amount=amounts, one=codes, other=codes, value=values)
def test_a_round_trip_is_off_by_half_a_unit_of_each_currency(
    amount: int, one: str, other: str, value: Decimal
) -> None:
    hypothesis.assume(one != other and value > 0)
    there = _path(one, other, value)
    back = exchange.Path(other, one, exchange.RateType.SPOT, START, there.legs)
    unit = Fraction(10) ** (money.exponent(one) - money.exponent(other)) / Fraction(value)
    hypothesis.assume(abs(amount / unit) < 2**62)

    returned = back.convert(there.convert(money.Money(amount, one)))

    assert abs(returned.amount_minor - amount) <= Fraction(1, 2) + unit / 2


@hypothesis.given(part=st.integers(-(10**30), 10**30), whole=st.integers(1, 10**12))
def test_halves_go_to_the_even_unit_of_either_sign(part: int, whole: int) -> None:
    low, rest = divmod(abs(part), whole)
    up = 2 * rest > whole or (2 * rest == whole and low % 2 == 1)
    expected = (low + up) * (-1 if part < 0 else 1)

    assert exchange.round_half_even(Fraction(part, whole)) == expected


@pytest.fixture
def _inside(db: None) -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


@pytest.mark.usefixtures("_inside")
@hypothesis.given(
    told=published,
    later=published,
    asked=st.tuples(st.sampled_from(["EUR", "USD", "JPY"]), st.sampled_from(["USD", "KWD"]), days),
)
@hypothesis.settings(
    max_examples=25, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_a_rate_is_the_one_that_a_scan_finds_and_a_later_one_changes_nothing(
    told: list[tuple[int, str, int]],
    later: list[tuple[int, str, int]],
    asked: tuple[str, str, int],
) -> None:
    one, other, day = asked
    hypothesis.assume(one != other)
    with transaction.atomic():
        for each in told:
            _publish(each)
        expected = _scan(told, one, other, day)
        found = _convert(one, other, day)
        stored = list(models.Conversion.objects.values())
        for each in later:
            _publish(each)

        assert found == expected
        assert list(models.Conversion.objects.values()) == stored
        transaction.set_rollback(True)


def _publish(told: tuple[int, str, int]) -> None:
    day, quote, millionths = told
    value = Decimal(millionths) / 10**6
    rates.make_reference_rates((START + dt.timedelta(days=day), {quote: format(value, "f")}))


def _convert(one: str, other: str, day: int) -> tuple[int, list[Fraction]] | str:
    try:
        found = services.convert(
            actor=rates.actor(),
            amount=money.Money(1_234_567, one),
            to_currency=other,
            on=START + dt.timedelta(days=day),
        )
    except (exchange.RateMissing, exchange.RateStale) as refusal:
        return refusal.code
    kept = rates.kept(found)
    assert kept.to_amount_minor == found.amount.amount_minor
    assert kept.used_on == found.path.used_on <= kept.asked_on
    return found.amount.amount_minor, [Fraction(leg.rate) for leg in found.path.legs]


def _scan(
    told: list[tuple[int, str, int]], one: str, other: str, day: int
) -> tuple[int, list[Fraction]] | str:
    """Look through all that was told, in the order of telling, without an index or SQL."""
    factor = Fraction(1)
    legs = []
    for currency, sign in ((one, -1), (other, 1)):
        if currency == "EUR":
            continue
        known = [
            (when, place, Fraction(millionths, 10**6))
            for place, (when, quote, millionths) in enumerate(told)
            if quote == currency and when <= day
        ]
        if not known:
            return "RATE_MISSING"
        when, _, value = max(known)
        if day - when > MOST_DAYS_OLD:
            return "RATE_STALE"
        factor *= value if sign > 0 else 1 / value
        legs.append(value)
    shift = money.exponent(other) - money.exponent(one)
    return round(1_234_567 * factor * Fraction(10) ** shift), legs
