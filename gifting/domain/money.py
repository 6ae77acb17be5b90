"""Money: a whole number of minor units (cents) and the ISO 4217 currency they are in.

The rule kept here: no unit is made or lost. Amounts are Python integers inside PostgreSQL's bigint;
a float never enters, two currencies never mix, and a division is always a `split`, whose parts add
up to the whole. The number of decimals belongs to the currency (JPY 0, USD 2, KWD 3), see
`currencies`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from gifting.domain import currencies, refusals

MAX_AMOUNT_MINOR: Final = 2**63 - 1
MIN_AMOUNT_MINOR: Final = -(2**63)

# Python's own readers take full-width digits, underscores, spaces, "NaN" and "1e308" for numbers.
_DECIMAL_TEXT: Final = re.compile(
    r"(?P<whole>-?[0-9]{1,40})(?:\.(?P<decimals>[0-9]{1,40}))?", re.ASCII
)
_LONGEST_SHOWN: Final = 40


class AmountNotInteger(refusals.Invalid):
    code = "AMOUNT_NOT_INTEGER"


class AmountOutOfRange(refusals.Invalid):
    code = "AMOUNT_OUT_OF_RANGE"


class AmountNotReadable(refusals.Invalid):
    code = "AMOUNT_NOT_READABLE"


class TooManyDecimals(refusals.Invalid):
    code = "TOO_MANY_DECIMALS"


class UnknownCurrency(refusals.Invalid):
    code = "UNKNOWN_CURRENCY"


class CurrencyMismatch(refusals.Invalid):
    code = "CURRENCY_MISMATCH"


class WeightsUnusable(refusals.Invalid):
    code = "WEIGHTS_UNUSABLE"


@dataclass(frozen=True, slots=True)
class Money:
    """Hold `amount_minor` minor units of `currency`; refuse anything else at the door."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        exponent(self.currency)
        _require_integer(self.amount_minor)
        if not MIN_AMOUNT_MINOR <= self.amount_minor <= MAX_AMOUNT_MINOR:
            raise AmountOutOfRange(
                f"The amount of {self.currency} does not fit in 64 bits of minor units. Split it "
                "over several records.",
                field="amount",
            )

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(0, currency)

    @classmethod
    def parse(cls, text: str, currency: str) -> Self:
        """Read a plain decimal such as `-1234.56`.

        Raises UnknownCurrency, AmountNotReadable, TooManyDecimals or AmountOutOfRange.
        """
        places = exponent(currency)
        match = _DECIMAL_TEXT.fullmatch(text)
        if match is None:
            raise AmountNotReadable(
                f"{_shown(text)} is not an amount of {currency}. Write digits with a point before "
                "the decimals and nothing else, for example 1234.56.",
                field="amount",
            )
        decimals = match["decimals"] or ""
        if len(decimals) > places:
            raise TooManyDecimals(
                f"{_shown(text)} has more decimals than {currency} has ({places}). Round it at its "
                "source.",
                field="amount",
            )
        return cls(int(match["whole"] + decimals.ljust(places, "0")), currency)

    def __add__(self, other: Money) -> Money:
        self._require_same_currency(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._require_same_currency(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount_minor, self.currency)

    def __mul__(self, quantity: int) -> Money:
        _require_integer(quantity)
        return Money(self.amount_minor * quantity, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._require_same_currency(other)
        return self.amount_minor < other.amount_minor

    def __le__(self, other: Money) -> bool:
        self._require_same_currency(other)
        return self.amount_minor <= other.amount_minor

    def __gt__(self, other: Money) -> bool:
        return other < self

    def __ge__(self, other: Money) -> bool:
        return other <= self

    def __str__(self) -> str:
        return self.format()

    @property
    def decimal_text(self) -> str:
        """Give the plain decimal that `parse` reads back: `1234.56`."""
        return self._text(grouping="")

    def format(self) -> str:
        """Give the text for people: `1,234.56 USD`."""
        return f"{self._text(grouping=',')} {self.currency}"

    def split(self, weights: Sequence[int]) -> tuple[Money, ...]:
        """Divide in proportion to the weights, see `split`."""
        return split(self, weights)

    def _text(self, *, grouping: str) -> str:
        places = exponent(self.currency)
        whole, minor = divmod(abs(self.amount_minor), 10**places)
        sign = "-" if self.amount_minor < 0 else ""
        digits = f"{whole:,}" if grouping else str(whole)
        return f"{sign}{digits}.{minor:0{places}}" if places else f"{sign}{digits}"

    def _require_same_currency(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(
                f"{self} and {other} are in two currencies. Convert one of them first, at a dated "
                "rate.",
                field="currency",
            )


def exponent(currency: str) -> int:
    """Give the number of decimals of a currency; raises UnknownCurrency."""
    try:
        return currencies.EXPONENTS[currency]
    except (KeyError, TypeError):
        raise UnknownCurrency(
            f"{_shown(currency)} is not a currency code. Use three capital letters of ISO 4217, "
            "for example USD.",
            field="currency",
        ) from None


def total(amounts: Iterable[Money], currency: str) -> Money:
    """Add amounts of one currency; no amounts are zero of it."""
    # The sum may pass the bounds on the way and come back: only the result has to fit.
    total_minor = 0
    zero = Money.zero(currency)
    for amount in amounts:
        zero._require_same_currency(amount)  # noqa: SLF001 - this function is a part of the class
        total_minor += amount.amount_minor
    return Money(total_minor, currency)


def split(amount: Money, weights: Sequence[int]) -> tuple[Money, ...]:
    """Divide an amount in proportion to the weights, by largest remainder.

    The parts add up to the amount, each lies less than one minor unit from its exact share, units
    left over go to the largest remainders, ties to the earliest part, and split(-x) is -split(x).
    Raises WeightsUnusable when a weight is negative or all are zero.
    """
    return tuple(
        Money(part_minor, amount.currency)
        for part_minor in split_minor(amount.amount_minor, weights)
    )


def split_minor(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Divide a bare number of minor units as `split` does."""
    weight_sum = _weight_sum(weights)
    sign = -1 if amount_minor < 0 else 1
    shares = [divmod(abs(amount_minor) * weight, weight_sum) for weight in weights]
    left_over = abs(amount_minor) - sum(floor for floor, _ in shares)
    by_remainder = sorted(range(len(shares)), key=lambda index: -shares[index][1])
    favored = frozenset(by_remainder[:left_over])
    return [sign * (floor + (index in favored)) for index, (floor, _) in enumerate(shares)]


def _weight_sum(weights: Sequence[int]) -> int:
    for weight in weights:
        _require_integer(weight)
    if not any(weights) or min(weights) < 0:
        raise WeightsUnusable(
            "An amount can be divided only by weights of zero or more, at least one of them above "
            "zero.",
            field="weights",
        )
    return sum(weights)


def _require_integer(value: object) -> None:
    # bool is an int to Python; numpy's integers are not, and would overflow in silence.
    if type(value) is not int:
        raise AmountNotInteger(
            f"Money is counted in whole minor units, and {_shown(value)} is not a whole number.",
            field="amount",
        )


def _shown(value: object) -> str:
    text = ascii(value[:_LONGEST_SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
