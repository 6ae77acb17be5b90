"""Tax splits worked by hand, from the publications that the rules name."""

from __future__ import annotations

import datetime as dt

import pytest

from gifting.domain import gift_rules, money, rule_book, tax
from gifting.domain.gift_rules import Cost, GiftKind

SPRING = dt.date(2026, 3, 1)


def rule(code: str, version: int = 1) -> tax.Rule:
    return next(
        each for each in rule_book.TAX_RULES if (each.code, each.version) == (code, version)
    )


def given(key: int, day: dt.date, cost: Cost, **more: object) -> tax.Given:
    return tax.Given(key=key, given_on=day, cost=cost, **more)  # type: ignore[arg-type]  # what a gift takes


def total(parts: dict[int, tax.Split]) -> tax.Split:
    return sum(parts.values(), tax.Split())


def test_three_baskets_of_80_dollars_are_deductible_up_to_75() -> None:
    """Publication 463: Bob gives three baskets at $80 to one company, $240 in all.

    Three executives take one home each: 3 x $25 = $75 deductible, $240 - $75 = $165 not.
    """
    executives = [
        tax.split(rule("US-274B"), [given(key, SPRING, Cost(item=80_00))]) for key in (1, 2, 3)
    ]

    split = sum((total(dict(each)) for each in executives), tax.Split())

    assert split == tax.Split(within_minor=75_00, beyond_minor=165_00)
    assert split.spent_minor == 240_00


def test_engraving_packing_and_mailing_stay_deductible_beside_the_25_dollars() -> None:
    """$40 item, $6 engraving, $4 packing, $9 mailing: 25 + 6 + 4 + 9 = 44 deductible, 15 not."""
    cost = Cost(item=40_00, personalization=6_00, handling=4_00, shipping=9_00)

    split = total(dict(tax.split(rule("US-274B"), [given(1, SPRING, cost)])))

    assert split == tax.Split(within_minor=44_00, beyond_minor=15_00)


def test_the_second_gift_of_a_year_finds_what_the_first_left_of_the_cap() -> None:
    """$20 then $12 in one year: 20 + 5 deductible; the next year starts anew."""
    gifts = [
        given(1, SPRING, Cost(item=20_00)),
        given(2, dt.date(2026, 12, 31), Cost(item=12_00)),
        given(3, dt.date(2027, 1, 1), Cost(item=12_00)),
    ]

    parts = tax.split(rule("US-274B"), gifts)

    assert parts == {1: tax.Split(20_00, 0), 2: tax.Split(5_00, 7_00), 3: tax.Split(12_00, 0)}


@pytest.mark.parametrize(
    ("item", "has_name", "is_wide", "within"),
    [
        (4_00, True, True, 4_00),
        (4_01, True, True, 0),
        (4_00, False, True, 0),
        (4_00, True, False, 0),
    ],
)
def test_pens_of_4_dollars_with_the_name_given_widely_use_none_of_the_cap(
    *, item: int, has_name: bool, is_wide: bool, within: int
) -> None:
    """The $25 of the year are used up first, so that only an exempt pen is deductible."""
    gifts = [
        given(1, SPRING, Cost(item=25_00)),
        given(2, SPRING, Cost(item=item), has_advert=has_name, is_widely_given=is_wide),
    ]

    parts = tax.split(rule("US-274B"), gifts)

    assert parts[2] == tax.Split(within, item - within)


@pytest.mark.parametrize(("item", "split"), [(50_00, (50_00, 0)), (50_01, (0, 50_01))])
def test_a_british_gift_is_allowed_up_to_50_pounds_and_not_at_all_above(
    item: int, split: tuple[int, int]
) -> None:
    gifts = [given(1, SPRING, Cost(item=item), has_advert=True)]

    parts = tax.split(rule("GB-BIM45070"), gifts)

    assert parts[1] == tax.Split(*split)


@pytest.mark.parametrize(
    "more",
    [
        {"has_advert": False},
        {"has_advert": True, "kind": GiftKind.FOOD_OR_DRINK},
        {"has_advert": True, "kind": GiftKind.TOBACCO},
        {"has_advert": True, "kind": GiftKind.VOUCHER},
    ],
)
def test_a_british_gift_without_an_advert_or_to_be_consumed_is_disallowed(
    more: dict[str, object],
) -> None:
    parts = tax.split(rule("GB-BIM45070"), [given(1, SPRING, Cost(item=10_00), **more)])

    assert parts[1] == tax.Split(0, 10_00)


def test_two_gifts_of_30_pounds_pass_both_years_and_fail_the_twelve_months() -> None:
    """October and April lie in two calendar years of £30 each, and in 12 months of £60."""
    gifts = [
        given(1, dt.date(2025, 10, 1), Cost(item=30_00), has_advert=True),
        given(2, dt.date(2026, 4, 1), Cost(item=30_00), has_advert=True),
    ]

    by_year = tax.split(rule("GB-BIM45070"), gifts)
    by_twelve_months = tax.split(rule("GB-VAT"), gifts)

    assert total(dict(by_year)) == tax.Split(60_00, 0)
    assert total(dict(by_twelve_months)) == tax.Split(0, 60_00)


def test_twelve_months_end_the_day_before_their_day_comes_back() -> None:
    gifts = [
        given(1, dt.date(2025, 10, 1), Cost(item=30_00)),
        given(2, dt.date(2026, 10, 1), Cost(item=30_00)),
    ]

    assert total(dict(tax.split(rule("GB-VAT"), gifts))) == tax.Split(60_00, 0)


@pytest.mark.parametrize(
    ("version", "item", "branding", "shipping", "split"),
    [
        (1, 30_00, 5_00, 9_00, (44_00, 0)),
        (1, 30_00, 5_01, 9_00, (0, 44_01)),
        (2, 45_00, 5_00, 9_00, (59_00, 0)),
        (2, 45_00, 5_01, 9_00, (0, 59_01)),
    ],
)
def test_a_german_gift_counts_its_branding_and_not_its_shipping(
    version: int, item: int, branding: int, shipping: int, split: tuple[int, int]
) -> None:
    cost = Cost(item=item, personalization=branding, shipping=shipping)

    parts = tax.split(rule("DE-4-5-1", version), [given(1, SPRING, cost)])

    assert parts[1] == tax.Split(*split)


@pytest.mark.parametrize(("freight", "is_free"), [(5_00, True), (5_01, False)])
def test_a_french_gift_counts_tax_packing_and_freight(*, freight: int, is_free: bool) -> None:
    """€50 + €13 tax + €5 packing + €5 freight = €73.00."""
    cost = Cost(item=50_00, tax=13_00, handling=5_00, shipping=freight)

    parts = tax.split(rule("FR-VAT"), [given(1, SPRING, cost)])

    assert (parts[1].beyond_minor == 0) is is_free
    assert parts[1].spent_minor == 68_00 + freight


def test_every_rule_of_the_book_says_where_it_comes_from() -> None:
    every: list[gift_rules.Rule | tax.Rule] = [*rule_book.GIFT_RULES, *rule_book.TAX_RULES]

    assert all(each.source and "not legal advice" in each.reviewer for each in every)
    assert len({(type(each), each.code, each.version) for each in every}) == len(every)


@pytest.mark.parametrize(
    ("day", "limit"), [(dt.date(2026, 3, 29), 100_00), (dt.date(2026, 3, 30), 300_00)]
)
def test_a_new_version_takes_over_on_its_day(day: dt.date, limit: int) -> None:
    found = {each.code: each for each in gift_rules.in_force(rule_book.GIFT_RULES, day)}

    assert found["FINRA-3220"].limit == money.Money(limit, "USD")
