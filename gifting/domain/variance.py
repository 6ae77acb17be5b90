"""Why what was spent is not what was planned: causes that sum to the variance, to the minor unit.

For lines of plan (amount, quantity) and actual (amount, quantity), with what is known of exchange
rates and of money that belongs to other periods taken out first:

- fx and timing are known amounts of a line, taken as they are.
- price = what is left of the actual amount - the plan's price for the actual quantity.
- volume = the plan's average price for the actual total quantity - the planned amount.
- mix = the plan's prices for the actual quantities - its average price for their total.

price + volume + mix + fx + timing = actual - planned, exactly: each step is rounded once, half to
even, and the next one starts from the rounded figure. A line without a plan has no planned price:
all of it is mix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Line:
    """One budget's plan and actual, in minor units of one currency."""

    planned_minor: int
    planned_quantity: int
    actual_minor: int
    actual_quantity: int
    fx_minor: int = 0
    timing_minor: int = 0

    @property
    def own_minor(self) -> int:
        """What is left to explain by price, volume and mix."""
        return self.actual_minor - self.fx_minor - self.timing_minor

    @property
    def at_plan_minor(self) -> int:
        """The actual quantity at the planned price."""
        if not self.planned_quantity:
            return self.own_minor
        return round(Fraction(self.planned_minor * self.actual_quantity, self.planned_quantity))


@dataclass(frozen=True, slots=True)
class Causes:
    """The variance and what caused it."""

    total_minor: int
    volume_minor: int
    mix_minor: int
    price_minor: int
    timing_minor: int
    fx_minor: int


def explain(lines: Sequence[Line]) -> Causes:
    """Explain the difference between actual and planned."""
    planned = sum(line.planned_minor for line in lines)
    quantity = sum(line.planned_quantity for line in lines)
    at_plan = sum(line.at_plan_minor for line in lines)
    actual_quantity = sum(line.actual_quantity for line in lines)
    at_average = round(Fraction(planned * actual_quantity, quantity)) if quantity else planned
    return Causes(
        total_minor=sum(line.actual_minor for line in lines) - planned,
        volume_minor=at_average - planned,
        mix_minor=at_plan - at_average,
        price_minor=sum(line.own_minor for line in lines) - at_plan,
        timing_minor=sum(line.timing_minor for line in lines),
        fx_minor=sum(line.fx_minor for line in lines),
    )
