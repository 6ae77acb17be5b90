"""Returns: what spending earned, as an exact fraction with its formula beside it.

    ROI_ATTRIBUTED_NET     (attributed won revenue - landed cost) / landed cost
    ROAS_ATTRIBUTED        attributed won revenue / landed cost
    COST_PER_WON           landed cost / won opportunities touched

Sources: ROMI and ROAS as finance departments use them; the revenue is attributed, not incremental,
and no margin is taken. Units: ROI and ROAS are plain ratios (1 is 100 %); cost per won opportunity
is in minor units. Rounding: none in the fraction; `decimal_text` rounds half to even. A cost of 0,
or nothing won, gives no value and a reason: nothing divided by nothing is not 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from gifting.domain import money

DECIMALS: Final = 4


class Formula(StrEnum):
    ROI_ATTRIBUTED_NET = "ROI_ATTRIBUTED_NET"
    ROAS_ATTRIBUTED = "ROAS_ATTRIBUTED"
    COST_PER_WON = "COST_PER_WON"


FORMULA_TEXT: Final = MappingProxyType(
    {
        Formula.ROI_ATTRIBUTED_NET: "(attributed won revenue - landed cost) / landed cost",
        Formula.ROAS_ATTRIBUTED: "attributed won revenue / landed cost",
        Formula.COST_PER_WON: "landed cost / won opportunities touched",
    }
)

NO_COST: Final = "No cost is recorded, so there is nothing to divide by."
COST_BELOW_ZERO: Final = "The cost is below zero after refunds, so the ratio has no meaning."
COST_NOT_SHOWN: Final = (
    "The cost is charged to cost centers that are not shown, so there is nothing to divide by."
)
NOTHING_WON: Final = "No won opportunity was touched, so there is nothing to divide by."


@dataclass(frozen=True, slots=True)
class Return:
    """Hold a ratio's two integers, the formula that made them and why it has no value, if so."""

    formula: Formula
    numerator: int
    denominator: int
    reason: str = ""

    @property
    def formula_text(self) -> str:
        return FORMULA_TEXT[self.formula]

    @property
    def ratio(self) -> Fraction | None:
        """Return the exact value, or None when there is a reason for having none."""
        return None if self.reason else Fraction(self.numerator, self.denominator)

    @property
    def decimal_text(self) -> str | None:
        """Write the value with four decimals, half to even."""
        if self.ratio is None:
            return None
        # Rounding a fraction is exact, and what rounds to nothing has no sign.
        scaled = round(self.ratio * 10**DECIMALS)
        whole, decimals = divmod(abs(scaled), 10**DECIMALS)
        return f"{'-' if scaled < 0 else ''}{whole}.{decimals:0{DECIMALS}}"


def roi_attributed_net(*, revenue: money.Money, cost: money.Money) -> Return:
    """Divide what is left of the revenue after its cost by the cost; raises CurrencyMismatch."""
    _require_one_currency(revenue, cost)
    # Two amounts of 64 bits may differ by more than one amount can hold.
    gain_minor = revenue.amount_minor - cost.amount_minor
    return _over_cost(Formula.ROI_ATTRIBUTED_NET, gain_minor, cost)


def roi_of_cost_not_shown(*, revenue: money.Money) -> Return:
    """Give the revenue no return, since what stands against it may not be seen."""
    return Return(
        formula=Formula.ROI_ATTRIBUTED_NET,
        numerator=revenue.amount_minor,
        denominator=0,
        reason=COST_NOT_SHOWN,
    )


def roas_attributed(*, revenue: money.Money, cost: money.Money) -> Return:
    """Divide the revenue by its cost; raises CurrencyMismatch."""
    _require_one_currency(revenue, cost)
    return _over_cost(Formula.ROAS_ATTRIBUTED, revenue.amount_minor, cost)


def cost_per_won(*, cost: money.Money, won_count: int) -> Return:
    """Divide the cost by the won opportunities that it touched."""
    return Return(
        formula=Formula.COST_PER_WON,
        numerator=cost.amount_minor,
        denominator=won_count,
        reason="" if won_count else NOTHING_WON,
    )


def _over_cost(formula: Formula, earned_minor: int, cost: money.Money) -> Return:
    return Return(
        formula=formula,
        numerator=earned_minor,
        denominator=cost.amount_minor,
        reason=_cost_reason(cost.amount_minor),
    )


def _require_one_currency(revenue: money.Money, cost: money.Money) -> None:
    if revenue.currency != cost.currency:
        raise money.CurrencyMismatch(
            f"{revenue} cannot be divided by {cost}. Convert one of them first, at a dated rate.",
            field="currency",
        )


def _cost_reason(cost_minor: int) -> str:
    if cost_minor == 0:
        return NO_COST
    return COST_BELOW_ZERO if cost_minor < 0 else ""
