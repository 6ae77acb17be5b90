"""What is owed for a gift, and what comes back, by its vendor's terms: each preset by hand."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest

from gifting.domain import timing
from gifting.domain.lifecycle import State
from gifting.domain.presets import BY_CODE
from gifting.domain.timing import Effect, Fact, FactKind, Return

NOON = dt.datetime(2025, 3, 14, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
GIFT = {"ITEM": 50_00, "SHIPPING": 8_00}


def told(*states: State, days: int = 1) -> list[Fact]:
    return [
        Fact(FactKind.MOMENT, NOON + number * days * DAY, state)
        for number, state in enumerate(states)
    ]


def amount(kind: FactKind, day: int, **amounts: int) -> Fact:
    return Fact(kind, NOON + day * DAY, amounts=amounts)


@pytest.mark.parametrize(
    ("preset", "states", "owed_minor", "effect", "came_back"),
    [
        ("SENDOSO_EGIFT", "OFFERED", 58_00, "CHARGE", "NOTHING"),
        ("SENDOSO_EGIFT", "OFFERED EXPIRED", 0, "CHARGE", "FUNDS"),
        ("SENDOSO_EGIFT", "OFFERED OPENED EXPIRED", 58_00, "CHARGE", "NOTHING"),
        ("SENDOSO_EGIFT", "OFFERED FAILED", 0, "CHARGE", "FUNDS"),
        ("SENDOSO_EGIFT", "OFFERED CANCELLED", 58_00, "CHARGE", "NOTHING"),
        ("SENDOSO_PHYSICAL", "OFFERED", 58_00, "ACCRUE", "NOTHING"),
        ("SENDOSO_PHYSICAL", "OFFERED SHIPPED", 58_00, "CHARGE", "NOTHING"),
        ("SENDOSO_PHYSICAL", "OFFERED CANCELLED", 0, "NOTHING", "NOTHING"),
        ("SENDOSO_PHYSICAL", "OFFERED SHIPPED UNDELIVERABLE", 58_00, "CHARGE", "NOTHING"),
        ("SENDOSO_PHYSICAL", "SHIPPED UNDELIVERABLE REFUNDED", 0, "CHARGE", "FUNDS"),
        ("REACHDESK", "OFFERED", 0, "NOTHING", "NOTHING"),
        ("REACHDESK", "OFFERED IN_FULFILLMENT", 58_00, "CHARGE", "NOTHING"),
        ("REACHDESK", "IN_FULFILLMENT CANCELLED", 0, "CHARGE", "FUNDS"),
        ("ALYCE", "OFFERED OPENED DECLINED", 0, "NOTHING", "NOTHING"),
        ("ALYCE", "OFFERED ACCEPTED", 58_00, "ACCRUE", "NOTHING"),
        ("ALYCE", "ACCEPTED IN_FULFILLMENT", 58_00, "CHARGE", "NOTHING"),
        ("POSTAL_EMAIL", "OFFERED", 58_00, "CHARGE", "NOTHING"),
        ("POSTAL_EMAIL", "OFFERED OPENED EXPIRED", 0, "CHARGE", "FUNDS"),
        ("POSTAL_EMAIL", "OFFERED DECLINED", 58_00, "CHARGE", "NOTHING"),
        ("POSTAL_MAGICLINK", "OFFERED CLICKED", 0, "NOTHING", "NOTHING"),
        ("POSTAL_MAGICLINK", "CLICKED ACCEPTED", 58_00, "CHARGE", "NOTHING"),
        ("ANDOPEN_MARKETPLACE", "OFFERED EXPIRED", 0, "NOTHING", "NOTHING"),
        ("ANDOPEN_MARKETPLACE", "ACCEPTED", 60_50, "CHARGE", "NOTHING"),
        ("SNAPPY_PREPAID", "OFFERED", 0, "NOTHING", "NOTHING"),
        ("SNAPPY_PREPAID", "ACCEPTED", 63_00, "CHARGE", "NOTHING"),
        ("LOOP_AND_TIE", "OFFERED EXPIRED", 0, "CHARGE", "CREDIT"),
        ("LOOP_AND_TIE", "OFFERED ACCEPTED CANCELLED", 58_00, "CHARGE", "NOTHING"),
        ("LOOP_AND_TIE", "OFFERED ACCEPTED REFUNDED", 0, "CHARGE", "CREDIT"),
        ("BHN_REWARDS", "OFFERED OPENED EXPIRED", 0, "CHARGE", "FUNDS"),
        ("TANGO_CHOICE", "OFFERED CANCELLED", 0, "CHARGE", "FUNDS"),
        ("TANGO_CHOICE", "OFFERED ACCEPTED CANCELLED", 58_00, "CHARGE", "NOTHING"),
    ],
)
def test_each_preset_owes_what_its_source_says(
    preset: str, states: str, owed_minor: int, effect: str, came_back: str
) -> None:
    """A gift of 50.00 and 8.00 shipping: 58.00, with 5% of 50.00 or 10% of 50.00 on top."""
    terms = BY_CODE[preset].terms
    facts = told(*(State(state) for state in states.split()))

    found = timing.position(terms, timing.estimate(terms, GIFT), facts)

    assert (found.total_minor, found.effect, found.came_back) == (owed_minor, effect, came_back)


def test_a_cancellation_after_the_window_gives_nothing_back() -> None:
    """Tango takes a choice product back for five days after it was charged."""
    terms = BY_CODE["TANGO_CHOICE"].terms

    in_time = timing.position(terms, GIFT, told(State.OFFERED, State.CANCELLED, days=5))
    too_late = timing.position(terms, GIFT, told(State.OFFERED, State.CANCELLED, days=6))

    assert (in_time.total_minor, too_late.total_minor) == (0, 58_00)


@pytest.mark.parametrize("preset", sorted(BY_CODE))
def test_the_order_and_the_repeats_of_what_is_told_change_nothing(preset: str) -> None:
    terms = BY_CODE[preset].terms
    facts = [
        *told(State.OFFERED, State.OPENED, State.EXPIRED),
        amount(FactKind.PRICE, 1, ITEM=51_00),
    ]
    expected = timing.position(terms, GIFT, facts)

    for told_order in itertools.permutations(facts):
        assert timing.position(terms, GIFT, [*told_order, told_order[0]]) == expected


def test_a_later_moment_stands_for_those_that_nobody_told() -> None:
    terms = BY_CODE["SENDOSO_PHYSICAL"].terms

    found = timing.position(terms, GIFT, told(State.DELIVERED))

    assert found == timing.Position(GIFT, Effect.CHARGE, keeps_reserve=False)


def test_an_invoice_is_owed_whatever_the_terms_say() -> None:
    terms = BY_CODE["ALYCE"].terms
    facts = [*told(State.OFFERED), amount(FactKind.INVOICE, 3, ITEM=55_00)]

    found = timing.position(terms, GIFT, facts)

    assert found == timing.Position({"ITEM": 55_00}, Effect.CHARGE, keeps_reserve=False)


def test_a_part_that_was_given_back_is_subtracted_and_never_more_than_was_paid() -> None:
    terms = BY_CODE["SENDOSO_EGIFT"].terms
    charged = told(State.OFFERED)

    some = timing.position(terms, GIFT, [*charged, amount(FactKind.REFUND, 1, REFUND=20_00)])
    more = timing.position(terms, GIFT, [*charged, amount(FactKind.REFUND, 1, REFUND=90_00)])

    assert some.amounts == {**GIFT, "REFUND": -20_00}
    assert more.total_minor == 0


def test_a_credit_that_died_is_a_cost_again() -> None:
    """58.00 charged, 58.00 back as a credit, 40.00 of it lost: 40.00 is what the gift cost."""
    terms = BY_CODE["LOOP_AND_TIE"].terms
    facts = [*told(State.OFFERED, State.EXPIRED), amount(FactKind.BREAKAGE, 400, BREAKAGE=40_00)]

    found = timing.position(terms, GIFT, facts)

    assert found.amounts == {**GIFT, "REFUND": -58_00, "BREAKAGE": 40_00}
    assert (found.total_minor, found.came_back) == (40_00, Return.CREDIT)


def test_a_told_fee_or_tax_stays_as_told() -> None:
    terms = timing.Terms(fee_rate=500, tax_rate=1_000)

    assert timing.estimate(terms, {"ITEM": 10_10}) == {"ITEM": 10_10, "FEE": 51, "TAX": 1_06}
    assert timing.estimate(terms, {"ITEM": 10_10, "FEE": 0, "TAX": 7}) == {
        "ITEM": 10_10,
        "FEE": 0,
        "TAX": 7,
    }


@pytest.mark.parametrize(
    ("day", "back"),
    [
        # 1 April 2025 is a Tuesday, 1 June a Sunday, 1 February 2025 a Saturday.
        (dt.date(2025, 3, 31), dt.date(2025, 4, 1)),
        (dt.date(2025, 5, 1), dt.date(2025, 6, 2)),
        (dt.date(2025, 1, 31), dt.date(2025, 2, 3)),
        (dt.date(2024, 12, 15), dt.date(2025, 1, 1)),
    ],
)
def test_what_is_left_over_comes_back_on_the_next_months_first_working_day(
    day: dt.date, back: dt.date
) -> None:
    assert timing.returns_next_month(day) == back
