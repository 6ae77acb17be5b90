"""Exchange: how an amount of one currency becomes one of another, once and exactly.

Formula: minor units out = minor units in x rate of each leg x 10^(exponent out - exponent in),
rounded half-even once, at the exponent of the currency that comes out. A rate says what one unit of
its base costs in its quote; a leg that goes the other way divides by it, so that nothing is rounded
on the way. Legs through a third currency (the euro) are both named.

Which rate is used is decided in `gifting.selectors.exchange`: the last one known on or before the
day asked for, and not older than its type allows. Nothing here is interpolated.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Final
from uuid import UUID

from gifting.domain import money, refusals

PIVOT: Final = "EUR"
RATE_DIGITS: Final = 20
RATE_DECIMALS: Final = 10


class RateType(StrEnum):
    """What a rate is good for."""

    SPOT = "SPOT"
    AVERAGE = "AVERAGE"
    CLOSING = "CLOSING"
    HISTORICAL = "HISTORICAL"
    BUDGET = "BUDGET"


# For so many days after its own a rate is used. Markets close for four days at most, so a week-old
# one is no longer published. An average is dated with the first day of its period (five weeks at
# most), a budget rate with the first day of its year (53 weeks at most).
MOST_DAYS_OLD: Final[Mapping[RateType, int]] = MappingProxyType(
    {
        RateType.SPOT: 7,
        RateType.CLOSING: 7,
        RateType.AVERAGE: 35,
        RateType.HISTORICAL: 36_525,
        RateType.BUDGET: 371,
    }
)


class RateMissing(refusals.NotFound):
    """No rate of the pair is dated on or before the day."""

    code = "RATE_MISSING"


class RateStale(refusals.Conflict):
    """The last rate of the pair is too old on the day."""

    code = "RATE_STALE"


class RateUnusable(refusals.Invalid):
    """The text is no rate, or not one that is kept exactly."""

    code = "RATE_UNUSABLE"


@dataclass(frozen=True, slots=True)
class Rate:
    """One unit of the base costs so much of the quote, on a day, as somebody published it."""

    rate_id: int
    public_id: UUID
    base: str
    quote: str
    rate_type: RateType
    rate_date: dt.date
    rate: Decimal
    source: str
    is_own: bool

    def leg(self, from_currency: str) -> Fraction:
        """Return what one unit of the currency costs in the other one."""
        exact = Fraction(self.rate)
        return exact if from_currency == self.base else 1 / exact


@dataclass(frozen=True, slots=True)
class Path:
    """How to get from one currency to another: no leg, one, or two through the euro."""

    from_currency: str
    to_currency: str
    rate_type: RateType
    asked_on: dt.date
    legs: tuple[Rate, ...] = ()

    @property
    def used_on(self) -> dt.date:
        """Give the day of the rate that was used, of the older one where there are two."""
        return min((leg.rate_date for leg in self.legs), default=self.asked_on)

    @property
    def factor(self) -> Fraction:
        """Give what one unit of the first currency costs in the last one."""
        factor = Fraction(1)
        currency = self.from_currency
        for leg in self.legs:
            factor *= leg.leg(currency)
            currency = leg.quote if currency == leg.base else leg.base
        return factor

    def convert(self, amount: money.Money) -> money.Money:
        """Convert an amount; raises CurrencyMismatch and AmountOutOfRange."""
        if amount.currency != self.from_currency:
            raise money.CurrencyMismatch(
                f"{amount} is not in {self.from_currency}. Ask for its own rate.", field="currency"
            )
        shift = money.exponent(self.to_currency) - money.exponent(self.from_currency)
        exact = amount.amount_minor * self.factor * Fraction(10) ** shift
        return money.Money(round_half_even(exact), self.to_currency)


def round_half_even(exact: Fraction) -> int:
    """Round to the nearest whole number; a tie goes to the even one, of either sign."""
    return round(exact)


def share_minor(whole_minor: int, part: int, of: int) -> int:
    """Give the whole's share of part / of, rounded half-even."""
    return round_half_even(Fraction(whole_minor * part, of))


def read_rate(text: str) -> Decimal:
    """Read a plain decimal above zero with at most ten decimals; raises RateUnusable."""
    digits, _, decimals = text.partition(".")
    if not (text.isascii() and digits.isdigit() and (decimals.isdigit() or "." not in text)):
        raise RateUnusable(
            f"{text[:40]!a} is no rate. Write digits with a point before the decimals.",
            field="rate",
        )
    if len(digits.lstrip("0")) > RATE_DIGITS - RATE_DECIMALS or len(decimals) > RATE_DECIMALS:
        raise RateUnusable(
            f"{text[:40]!a} has more digits than a rate keeps: ten before the point and ten after.",
            field="rate",
        )
    rate = Decimal(text)
    if not rate:
        raise RateUnusable("A rate is above zero.", field="rate")
    return rate
