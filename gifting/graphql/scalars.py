"""The small vocabulary of the API: strict scalars, money, what a figure stands on, and its price.

The rule kept here: nothing is rounded on the way out and nothing is guessed on the way in. Python's
own readers take full-width digits, underscores, "NaN" and dates without a time zone; each text is
therefore matched against an ASCII pattern before it is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Final, NewType, cast
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry.schema_directive import Location
from strawberry.types.scalar import ScalarDefinition

from gifting.domain import money

# Integers beyond this are changed in silence by readers that keep numbers as doubles (JavaScript).
LARGEST_SAFE_INTEGER: Final = 2**53 - 1
SHOWN_CHARACTERS: Final = 40
CURRENCY: Final = "ISO 4217 code of the currency; the organization's own when left out."

_INTEGER: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_DECIMAL: Final = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DATE_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)

MinorUnits = NewType("MinorUnits", int)


def write_minor_units(value: int) -> int | str:
    """Write a number where every reader keeps it exact, and its digits as text beyond that."""
    return value if -LARGEST_SAFE_INTEGER <= value <= LARGEST_SAFE_INTEGER else str(value)


def read_minor_units(value: object) -> int:
    """Read a whole number or its digits; refuse what does not fit in 64 bits."""
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if type(value) is int and money.MIN_AMOUNT_MINOR <= value <= money.MAX_AMOUNT_MINOR:
        return value
    raise _unreadable(value, "a whole number of minor units that fits in 64 bits, such as 123456")


def read_decimal(value: object) -> Decimal:
    """Read a plain decimal written as text; a JSON fraction has already been rounded."""
    if type(value) is int:
        value = str(value)
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    raise _unreadable(value, 'a plain decimal as text, such as "1234.56"')


def read_date(value: object) -> date:
    """Read YYYY-MM-DD."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise _unreadable(value, 'a day of the calendar, such as "2026-02-28"')


def read_date_time(value: object) -> datetime:
    """Read a moment of RFC 3339; one without a time zone is not a moment."""
    if isinstance(value, str) and _DATE_TIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise _unreadable(value, 'a moment with its time zone, such as "2026-02-28T09:30:00Z"')


def write_date_time(value: datetime) -> str:
    """Write a moment in UTC."""
    if value.tzinfo is None:
        raise ValueError("A datetime without a time zone reached the API.")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def read_uuid(value: object) -> UUID:
    """Read a UUID in its usual form with four dashes."""
    if isinstance(value, str) and _UUID.fullmatch(value):
        return UUID(value)
    raise _unreadable(value, 'a UUID, such as "3f2b8c1e-0d4a-4c55-9c6e-1f7a2b3c4d5e"')


def _unreadable(value: object, wanted: str) -> GraphQLError:
    shown = ascii(value[:SHOWN_CHARACTERS] if isinstance(value, str) else value)[:SHOWN_CHARACTERS]
    return GraphQLError(f"{shown} is not readable here. Write {wanted}.")


# The schema is built with this map: a Python type on a field becomes the scalar beside it.
SCALARS: Final[Mapping[object, ScalarDefinition]] = MappingProxyType(
    {
        MinorUnits: strawberry.scalar(
            name="MinorUnits",
            description=(
                "A whole number of minor units (cents) of a currency, exact to 64 bits. A JSON "
                "number up to 9007199254740991 either way, which every reader keeps exact; beyond "
                "that its digits as a string. Both forms are accepted as input."
            ),
            serialize=write_minor_units,
            parse_value=read_minor_units,
        ),
        Decimal: strawberry.scalar(
            name="Decimal",
            description='An exact plain decimal, written as text: "1234.56". No exponent.',
            serialize=str,
            parse_value=read_decimal,
        ),
        date: strawberry.scalar(
            name="Date",
            description='A day of the calendar, without a time zone: "2026-02-28".',
            specified_by_url="https://scalars.graphql.org/andimarek/local-date.html",
            serialize=date.isoformat,
            parse_value=read_date,
        ),
        datetime: strawberry.scalar(
            name="DateTime",
            description=(
                'A moment: "2026-02-28T09:30:00Z". Written in UTC; as input, any offset is '
                "accepted and none is refused."
            ),
            specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
            serialize=write_date_time,
            parse_value=read_date_time,
        ),
        UUID: strawberry.scalar(
            name="UUID",
            description='A random identifier: "3f2b8c1e-0d4a-4c55-9c6e-1f7a2b3c4d5e".',
            serialize=str,
            parse_value=read_uuid,
        ),
    }
)


@strawberry.schema_directive(
    locations=[Location.OBJECT, Location.FIELD_DEFINITION],
    description="What one object of this type, or this field, counts against the cost limit.",
)
class Cost:
    """State the price of a field or a type; unsaid, an object is 1 and a mutation 10."""

    weight: str = strawberry.directive_field(name="weight")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="listSize",
    description="How many entries this list is taken to hold when its cost is counted.",
)
class ListSize:
    """State the size of a list that takes no `first` or `last`."""

    assumed_size: int = strawberry.directive_field(name="assumedSize")


# A value made from a row that is already in hand costs the server nothing.
FREE: Final = Cost(weight="0")


@strawberry.type(
    description="An exact amount of one currency. The minor units are the truth; the text is them.",
    directives=[FREE],
)
class Money:
    """Show a domain `Money`, which has the same attributes: see `money_of`."""

    amount_minor: MinorUnits = strawberry.field(
        description="The amount in minor units of the currency: cents for USD, yen for JPY."
    )
    decimal_text: str = strawberry.field(
        name="amount",
        description="The same amount in major units as exact decimal text, such as 1234.56.",
    )
    currency: str = strawberry.field(description="The ISO 4217 code of the currency, such as USD.")


def money_of(value: money.Money) -> Money:
    """Show the money as it is: it answers to the same names, so a page of amounts is not copied."""
    return cast("Money", value)


@strawberry.enum(description="Which facts a figure counts.")
class Basis(Enum):
    """The accounting view behind a figure."""

    ACCRUAL = strawberry.enum_value(
        "ACCRUAL", description="Facts count in the period they happened in, paid or not."
    )
    CLOSED_IN_PERIOD = strawberry.enum_value(
        "CLOSED_IN_PERIOD", description="Revenue counts in the period its opportunity closed in."
    )


@strawberry.type(description="How old the data behind a figure is.", directives=[FREE])
class Freshness:
    """Say through which moment the figure's sources are known."""

    data_through: datetime | None = strawberry.field(
        description="The latest moment recorded in the data behind the figure; null without data."
    )
    age_seconds: int | None = strawberry.field(
        description="Seconds from that moment to the figure's as-of moment; null without data."
    )


def freshness(data_through: datetime | None, *, as_of: datetime) -> Freshness:
    """Say how old data is at a moment."""
    age = None if data_through is None else max(as_of - data_through, timedelta(0))
    return Freshness(
        data_through=data_through, age_seconds=None if age is None else int(age.total_seconds())
    )


@strawberry.type(
    description="What a figure stands on: without it two figures cannot be compared.",
    directives=[FREE],
)
class FigureBasis:
    """Carry basis, model, as-of and freshness beside every figure."""

    basis: Basis = strawberry.field(description="Which facts the figure counts.")
    model: str | None = strawberry.field(
        description="The attribution model that divided the credit; null where none was used."
    )
    as_of: datetime = strawberry.field(description="The moment the figure is true for.")
    freshness: Freshness = strawberry.field(description="How old the data behind the figure is.")
    is_synthetic: bool = strawberry.field(
        description="True when the figure rests on generated sandbox data, in whole or in part."
    )


@strawberry.type(
    description="A ratio of two amounts, with the formula and both sides of it.",
    directives=[FREE],
)
class Ratio:
    """Give a ratio that finance can check: never a bare percentage."""

    value: Decimal | None = strawberry.field(
        description="Numerator divided by denominator, such as 0.25; null when there is a reason."
    )
    numerator: Money = strawberry.field(description="The upper amount.")
    denominator: Money = strawberry.field(description="The lower amount.")
    formula: str = strawberry.field(description="The formula in words.")
    null_reason: str | None = strawberry.field(
        description="Why there is no value, such as a denominator of zero; null with a value."
    )
