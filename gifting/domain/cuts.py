"""How spend is cut: by what, by which facts, and which measures of a slice may be added up.

The rule kept here: a sum is made of slices that lie beside each other, in one currency. A measure
whose slices lie inside each other (a department with all below it) or that is a ratio (a share)
has no sum, and asking for one is refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from gifting.domain import money, refusals

NONE_LABEL: Final = "(none)"


class Dimension(StrEnum):
    """What spend can be cut by."""

    VENDOR = "VENDOR"
    DEPARTMENT = "DEPARTMENT"
    PROGRAM = "PROGRAM"
    CAMPAIGN = "CAMPAIGN"
    PERSON = "PERSON"
    CURRENCY = "CURRENCY"
    PERIOD = "PERIOD"
    COMPONENT = "COMPONENT"


class Basis(StrEnum):
    """Which facts count as spend."""

    # Every cost line: what gifts cost, estimated until it is billed.
    LANDED_COST = "LANDED_COST"
    # The ledger: delivered or invoiced.
    ACCRUAL = "ACCRUAL"
    # The ledger: invoiced alone.
    INVOICED = "INVOICED"


class Measure(StrEnum):
    """What a slice tells."""

    SPEND = "SPEND"
    ROLLED_UP = "ROLLED_UP"
    SHARE = "SHARE"


ADDITIVE: Final = frozenset({Measure.SPEND})
# What always has a slice without a value, even an empty one: nobody has to wonder where it is.
OPTIONAL: Final = frozenset({Dimension.PROGRAM, Dimension.PERSON})


class NotAdditive(refusals.Invalid):
    code = "NOT_ADDITIVE"


class CutTwice(refusals.Invalid):
    code = "CUT_TWICE"


def add_up(measure: Measure, amounts: Iterable[money.Money]) -> tuple[money.Money, ...]:
    """Return one sum for each currency, sorted by code; raises NotAdditive."""
    if measure not in ADDITIVE:
        raise NotAdditive(
            f"Slices of {measure} do not add up: they overlap or are ratios. Add up SPEND.",
            field="measure",
        )
    sums: dict[str, int] = defaultdict(int)
    for amount in amounts:
        sums[amount.currency] += amount.amount_minor
    return tuple(money.Money(sums[currency], currency) for currency in sorted(sums))


def require_two(cut: Dimension, then: Dimension | None) -> None:
    """Refuse a pair of one dimension with itself; raises CutTwice."""
    if cut is then:
        raise CutTwice(f"Spend is cut by {cut} already. Choose another second cut.", field="then")
