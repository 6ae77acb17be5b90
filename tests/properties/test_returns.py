"""Returns behave as a ratio must, whatever the amounts."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import hypothesis
from hypothesis import strategies as st

from attribution.domain import returns
from gifting.domain import money
from gifting.domain.money import Money

revenues = st.integers(-(10**6), 10**6) | st.integers(money.MIN_AMOUNT_MINOR, 2**63 - 1)
costs = st.integers(1, 10**5) | st.integers(1, 2**63 - 1)


def roi(revenue_minor: int, cost_minor: int) -> returns.Return:
    return returns.roi_attributed_net(
        revenue=Money(revenue_minor, "USD"), cost=Money(cost_minor, "USD")
    )


@hypothesis.given(revenue_minor=st.integers(0, 2**63 - 1), cost_minor=costs, more=costs)
def test_roi_falls_when_the_cost_rises(revenue_minor: int, cost_minor: int, more: int) -> None:
    dearer_minor = min(cost_minor + more, 2**63 - 1)
    cheap, dear = roi(revenue_minor, cost_minor).ratio, roi(revenue_minor, dearer_minor).ratio

    assert cheap is not None
    assert dear is not None
    assert dear <= cheap
    assert (dear == cheap) is (revenue_minor == 0 or dearer_minor == cost_minor)


@hypothesis.given(
    revenue_minor=st.integers(0, 10**12),
    cost_minor=st.integers(1, 10**12),
    scale=st.integers(1, 10**6),
)
def test_scaling_all_money_leaves_the_ratio_as_it_is(
    revenue_minor: int, cost_minor: int, scale: int
) -> None:
    scaled = roi(revenue_minor * scale, cost_minor * scale)

    assert scaled.ratio == roi(revenue_minor, cost_minor).ratio


@hypothesis.given(revenue_minor=revenues, cost_minor=costs)
def test_roas_is_one_more_than_roi(revenue_minor: int, cost_minor: int) -> None:
    roas = returns.roas_attributed(
        revenue=Money(revenue_minor, "USD"), cost=Money(cost_minor, "USD")
    )

    net = roi(revenue_minor, cost_minor).ratio
    assert net is not None
    assert roas.ratio == net + 1


@hypothesis.given(revenue_minor=revenues, cost_minor=costs)
def test_the_text_is_the_ratio_rounded_half_to_even(revenue_minor: int, cost_minor: int) -> None:
    found = roi(revenue_minor, cost_minor)

    with localcontext(prec=60):
        exact = Decimal(found.numerator) / Decimal(found.denominator)
        expected = exact.quantize(Decimal("0.0001"), rounding=ROUND_HALF_EVEN)
    assert found.decimal_text is not None
    assert Decimal(found.decimal_text) == expected
