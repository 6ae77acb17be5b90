"""Money: exact values, splits worked by hand, and everything that is refused."""

from __future__ import annotations

import pytest

from gifting.domain import money, refusals
from gifting.domain.money import Money

MAX = money.MAX_AMOUNT_MINOR


@pytest.mark.parametrize(
    ("text", "currency", "amount_minor"),
    [
        ("1234.56", "USD", 123456),
        ("1234.5", "USD", 123450),
        ("1234", "USD", 123400),
        ("-0.05", "USD", -5),
        ("-0", "USD", 0),
        ("007.10", "EUR", 710),
        ("1500", "JPY", 1500),
        ("1.234", "KWD", 1234),
        ("92233720368547758.07", "USD", MAX),
        ("-92233720368547758.08", "USD", -MAX - 1),
    ],
)
def test_plain_decimals_are_read_to_the_unit(text: str, currency: str, amount_minor: int) -> None:
    assert Money.parse(text, currency) == Money(amount_minor, currency)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1\n",
        "+1",
        ".5",
        "5.",
        "1,234.56",
        "1_000",
        "1e308",
        "0x10",
        "NaN",
        "Infinity",
        "-",
        "--1",
        "1.2.3",
        "$1",
        "\uff11\uff12",
        "\u0661\u0662",
        "1\x00",
        "9" * 41,
        "9" * 5000,
    ],
)
def test_anything_but_plain_ascii_digits_is_refused(text: str) -> None:
    with pytest.raises(money.AmountNotReadable) as refused:
        Money.parse(text, "USD")

    assert refused.value.code == "AMOUNT_NOT_READABLE"
    assert refused.value.field == "amount"
    assert len(refused.value.message) < 200
    assert refused.value.message.isprintable()


@pytest.mark.parametrize(
    ("text", "currency"), [("1.999", "USD"), ("1.5", "JPY"), ("1.0000", "KWD")]
)
def test_more_decimals_than_the_currency_has_are_refused(text: str, currency: str) -> None:
    with pytest.raises(money.TooManyDecimals) as refused:
        Money.parse(text, currency)

    assert refused.value.code == "TOO_MANY_DECIMALS"


@pytest.mark.parametrize("text", ["92233720368547758.08", "-92233720368547758.09", "9" * 40])
def test_an_amount_beyond_64_bits_is_refused(text: str) -> None:
    with pytest.raises(money.AmountOutOfRange) as refused:
        Money.parse(text, "USD")

    assert refused.value.code == "AMOUNT_OUT_OF_RANGE"


def test_an_amount_too_long_to_print_is_refused_in_words() -> None:
    with pytest.raises(money.AmountOutOfRange, match="does not fit in 64 bits"):
        Money(10**5000, "USD")


@pytest.mark.parametrize("amount", [1.0, True, None, "1"])
def test_only_whole_numbers_are_amounts(amount: object) -> None:
    with pytest.raises(money.AmountNotInteger) as refused:
        Money(amount, "USD")  # type: ignore[arg-type] # the refusal of wrong types is the subject

    assert refused.value.code == "AMOUNT_NOT_INTEGER"


@pytest.mark.parametrize(
    "currency", ["usd", "US", "XXX", "USD ", "", "\uff35\uff33\uff24", "U" * 9999]
)
def test_only_known_currency_codes_are_taken(currency: str) -> None:
    with pytest.raises(money.UnknownCurrency) as refused:
        Money(1, currency)

    assert refused.value.code == "UNKNOWN_CURRENCY"
    assert len(refused.value.message) < 200


@pytest.mark.parametrize(
    ("amount", "shown", "decimal"),
    [
        (Money(123456, "USD"), "1,234.56 USD", "1234.56"),
        (Money(-5, "USD"), "-0.05 USD", "-0.05"),
        (Money(0, "EUR"), "0.00 EUR", "0.00"),
        (Money(1234567, "JPY"), "1,234,567 JPY", "1234567"),
        (Money(1234567, "KWD"), "1,234.567 KWD", "1234.567"),
        (Money(-MAX - 1, "USD"), "-92,233,720,368,547,758.08 USD", "-92233720368547758.08"),
    ],
)
def test_an_amount_is_shown_with_the_decimals_of_its_currency(
    amount: Money, shown: str, decimal: str
) -> None:
    assert amount.format() == shown
    assert str(amount) == shown
    assert amount.decimal_text == decimal


def test_amounts_of_one_currency_add_subtract_multiply_and_compare() -> None:
    gift, fee = Money(10000, "USD"), Money(250, "USD")

    assert gift + fee == Money(10250, "USD")
    assert gift - fee == Money(9750, "USD")
    assert -gift == Money(-10000, "USD")
    assert fee * 3 == Money(750, "USD")
    assert (fee < gift, gift < fee, gift <= gift, fee > gift, gift >= fee) == (  # noqa: PLR0124 - equality at the edge
        True,
        False,
        True,
        False,
        True,
    )


@pytest.mark.parametrize("operation", ["__add__", "__sub__", "__lt__", "__le__"])
def test_two_currencies_never_mix(operation: str) -> None:
    with pytest.raises(money.CurrencyMismatch) as refused:
        getattr(Money(1, "USD"), operation)(Money(1, "EUR"))

    assert refused.value.code == "CURRENCY_MISMATCH"
    assert refused.value.message == (
        "0.01 USD and 0.01 EUR are in two currencies. Convert one of them first, at a dated rate."
    )


def test_equal_numbers_of_two_currencies_are_not_equal() -> None:
    assert Money(1, "USD") != Money(1, "EUR")


def test_a_sum_beyond_64_bits_is_refused() -> None:
    with pytest.raises(money.AmountOutOfRange):
        Money(MAX, "USD") + Money(1, "USD")
    with pytest.raises(money.AmountOutOfRange):
        -Money(-MAX - 1, "USD")


def test_a_quantity_must_be_whole() -> None:
    with pytest.raises(money.AmountNotInteger):
        Money(100, "USD") * 1.5  # type: ignore[operator] # the refusal of wrong types is the subject


def test_a_total_may_pass_the_bounds_on_the_way() -> None:
    amounts = [Money(MAX, "USD"), Money(MAX, "USD"), Money(-MAX, "USD")]

    assert money.total(amounts, "USD") == Money(MAX, "USD")


def test_a_total_of_nothing_is_zero_and_mixes_no_currencies() -> None:
    assert money.total([], "JPY") == Money.zero("JPY")
    with pytest.raises(money.CurrencyMismatch):
        money.total([Money(1, "USD"), Money(1, "EUR")], "USD")


@pytest.mark.parametrize(
    ("amount_minor", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (1, [1, 1], [1, 0]),
        (101, [2, 0, 1], [67, 0, 34]),
        (5, [3, 3, 4], [2, 1, 2]),
        (0, [7, 9], [0, 0]),
        (MAX, [1, MAX], [1, MAX - 1]),
        (-MAX - 1, [1, 1], [-(2**62), -(2**62)]),
    ],
)
def test_splits_equal_those_worked_by_hand(
    amount_minor: int, weights: list[int], parts: list[int]
) -> None:
    """Worked: 5 in 3:3:4 is 1.5, 1.5, 2.0; floors 1, 1, 2; the fifth goes to the earlier tie."""
    split = Money(amount_minor, "USD").split(weights)

    assert split == tuple(Money(part, "USD") for part in parts)


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [-1]])
def test_weights_that_divide_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(money.WeightsUnusable) as refused:
        money.split(Money(100, "USD"), weights)

    assert refused.value.code == "WEIGHTS_UNUSABLE"
    assert isinstance(refused.value, refusals.Invalid)


def test_weights_must_be_whole() -> None:
    with pytest.raises(money.AmountNotInteger):
        money.split(Money(100, "USD"), [0.5, 0.5])  # type: ignore[list-item] # wrong types are the subject
