"""Returns: exact fractions, and a reason where there is no value."""

from __future__ import annotations

from fractions import Fraction

import pytest

from attribution.domain import returns
from gifting.domain import money


def usd(amount_minor: int) -> money.Money:
    return money.Money(amount_minor, "USD")


def test_roi_is_the_gain_over_the_cost() -> None:
    """500.00 earned on 100.00 spent: (500 - 100) / 100 = 4."""
    roi = returns.roi_attributed_net(revenue=usd(500_00), cost=usd(100_00))

    assert roi.ratio == Fraction(4)
    assert roi.decimal_text == "4.0000"
    assert roi.formula_text == "(attributed won revenue - landed cost) / landed cost"


def test_nothing_earned_is_a_loss_of_everything() -> None:
    assert returns.roi_attributed_net(revenue=usd(0), cost=usd(5)).decimal_text == "-1.0000"


def test_roas_does_not_take_the_cost_off() -> None:
    assert returns.roas_attributed(revenue=usd(500_00), cost=usd(100_00)).ratio == Fraction(5)


@pytest.mark.parametrize(
    ("revenue_minor", "cost_minor", "text"),
    [(100_005, 100_000, "1.0000"), (100_015, 100_000, "1.0002"), (2, 3, "0.6667")],
)
def test_a_ratio_is_rounded_half_to_even(revenue_minor: int, cost_minor: int, text: str) -> None:
    roas = returns.roas_attributed(revenue=usd(revenue_minor), cost=usd(cost_minor))

    assert roas.decimal_text == text


@pytest.mark.parametrize(
    ("cost_minor", "reason"), [(0, returns.NO_COST), (-1, returns.COST_BELOW_ZERO)]
)
def test_a_cost_that_cannot_divide_gives_a_reason(cost_minor: int, reason: str) -> None:
    roi = returns.roi_attributed_net(revenue=usd(100), cost=usd(cost_minor))

    assert (roi.ratio, roi.decimal_text, roi.reason) == (None, None, reason)


def test_a_cost_that_is_not_shown_gives_a_reason_of_its_own() -> None:
    roi = returns.roi_of_cost_not_shown(revenue=usd(100))

    assert (roi.ratio, roi.reason) == (None, returns.COST_NOT_SHOWN)
    assert (roi.numerator, roi.denominator) == (100, 0)


def test_the_largest_amounts_divide_exactly() -> None:
    roas = returns.roas_attributed(revenue=usd(2**63 - 1), cost=usd(1))

    assert roas.decimal_text == "9223372036854775807.0000"


def test_a_loss_too_small_to_show_has_no_sign() -> None:
    roi = returns.roi_attributed_net(revenue=usd(10**9 - 1), cost=usd(10**9))

    assert roi.ratio == Fraction(-1, 10**9)
    assert roi.decimal_text == "0.0000"


def test_a_gain_may_be_larger_than_any_amount() -> None:
    roi = returns.roi_attributed_net(revenue=usd(-(2**63)), cost=usd(2**63 - 1))

    assert roi.numerator == -(2**64) + 1
    assert roi.decimal_text == "-2.0000"


def test_two_currencies_are_not_divided() -> None:
    with pytest.raises(money.CurrencyMismatch, match=r"^0\.01 USD cannot be divided by 0\.01 EUR"):
        returns.roas_attributed(revenue=usd(1), cost=money.Money(1, "EUR"))
    with pytest.raises(money.CurrencyMismatch):
        returns.roi_attributed_net(revenue=usd(1), cost=money.Money(1, "EUR"))


def test_cost_per_won_needs_something_won() -> None:
    assert returns.cost_per_won(cost=usd(300), won_count=2).ratio == Fraction(150)
    assert returns.cost_per_won(cost=usd(300), won_count=0).reason == returns.NOTHING_WON
