"""Money conserves every unit, whatever it is divided by."""

from __future__ import annotations

from fractions import Fraction

import hypothesis
from hypothesis import strategies as st

from gifting.domain import currencies, money
from gifting.domain.money import Money

amounts_minor = st.integers(money.MIN_AMOUNT_MINOR + 1, money.MAX_AMOUNT_MINOR)
small_or_any = st.one_of(st.integers(-1000, 1000), amounts_minor)
currency_codes = st.sampled_from(sorted(currencies.EXPONENTS))
amounts = st.builds(Money, small_or_any, currency_codes)
weight_lists = st.lists(
    st.one_of(st.integers(0, 5), st.integers(0, 2**70)), min_size=1, max_size=12
).filter(any)


@hypothesis.given(amount=amounts, weights=weight_lists)
def test_the_parts_of_a_split_add_up_and_lie_within_one_unit_of_exact(
    amount: Money, weights: list[int]
) -> None:
    parts = money.split(amount, weights)

    assert money.total(parts, amount.currency) == amount
    for part, weight in zip(parts, weights, strict=True):
        exact = Fraction(amount.amount_minor * weight, sum(weights))
        assert abs(part.amount_minor - exact) < 1


@hypothesis.given(amount=amounts, weights=weight_lists)
def test_a_negative_amount_splits_as_the_mirror_of_the_positive_one(
    amount: Money, weights: list[int]
) -> None:
    mirrored = tuple(-part for part in money.split(amount, weights))

    assert money.split(-amount, weights) == mirrored


@hypothesis.given(amount=amounts, weights=weight_lists)
def test_units_left_over_go_to_the_largest_remainders_and_then_to_the_earliest(
    amount: Money, weights: list[int]
) -> None:
    """The rule in its slow form: hand out the units one by one, each to the best claim left."""
    size = abs(amount.amount_minor)
    exact = [Fraction(size * weight, sum(weights)) for weight in weights]
    expected = [share.numerator // share.denominator for share in exact]
    claims = [share - floor for share, floor in zip(exact, expected, strict=True)]
    while sum(expected) < size:
        winner = claims.index(max(claims))
        expected[winner] += 1
        claims[winner] = Fraction(-1)

    parts = money.split(amount, weights)

    assert [abs(part.amount_minor) for part in parts] == expected


@hypothesis.given(amount=amounts, weights=weight_lists, scale=st.integers(1, 2**40))
def test_only_the_proportions_of_the_weights_matter(
    amount: Money, weights: list[int], scale: int
) -> None:
    scaled = [weight * scale for weight in weights]

    assert money.split(amount, scaled) == money.split(amount, weights)


@hypothesis.given(amount=amounts, count=st.integers(1, 50))
def test_equal_weights_give_parts_that_differ_by_one_unit_at_most(
    amount: Money, count: int
) -> None:
    parts = [part.amount_minor for part in money.split(amount, [1] * count)]

    assert max(parts) - min(parts) <= 1


@hypothesis.given(amount=amounts)
def test_what_is_written_is_read_back(amount: Money) -> None:
    assert Money.parse(amount.decimal_text, amount.currency) == amount
    assert amount.format().replace(",", "") == f"{amount.decimal_text} {amount.currency}"


@hypothesis.given(
    text=st.text(max_size=30) | st.from_regex(r"-?[0-9]{1,21}(\.[0-9]{1,4})?", fullmatch=True),
    currency=currency_codes,
)
def test_any_text_is_an_amount_or_a_refusal(text: str, currency: str) -> None:
    try:
        amount = Money.parse(text, currency)
    except (money.AmountNotReadable, money.TooManyDecimals, money.AmountOutOfRange):
        return

    assert text.isascii()
    assert Fraction(text) * 10 ** money.exponent(currency) == amount.amount_minor


@hypothesis.given(
    left=st.integers(-(2**61), 2**61), right=st.integers(-(2**61), 2**61), currency=currency_codes
)
def test_a_difference_undoes_a_sum(left: int, right: int, currency: str) -> None:
    gift, fee = Money(left, currency), Money(right, currency)

    assert gift + fee - fee == gift
    assert gift - fee == -(fee - gift)
    assert (gift < fee) is (gift - fee < Money.zero(currency))
