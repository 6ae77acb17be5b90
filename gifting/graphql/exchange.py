"""Exchange rates in the API: what is known, what an amount is, and figures without the market."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

import strawberry

from gifting.domain import exchange, money
from gifting.graphql import context, fields, inputs, scalars
from gifting.selectors import exchange as selectors

MOST_RATES: Final = 400

RateType = fields.describe(
    exchange.RateType,
    name="RateType",
    description="What an exchange rate is good for.",
    values={
        "SPOT": "The market's of its day; used for 7 days.",
        "AVERAGE": "Of a period, dated with its first day; used for 35 days.",
        "CLOSING": "Of a period's end; SPOT stands in for it; used for 7 days.",
        "HISTORICAL": "Of the day that something was bought; SPOT stands in for it.",
        "BUDGET": "What a year was planned with, dated with its first day; used for 371 days.",
    },
)


@strawberry.type(
    description="What one unit of a currency cost in another, as it was published.",
    directives=[scalars.FREE],
)
class ExchangeRate:
    """Show a rate."""

    public_id: UUID = strawberry.field(description="Its id, which postings name.")
    base: str = strawberry.field(description="ISO 4217 code of what one unit is of.")
    quote: str = strawberry.field(description="ISO 4217 code of what it costs.")
    rate_type: exchange.RateType = strawberry.field(description="What it is good for.")
    rate_date: dt.date = strawberry.field(description="The day that it is of.")
    rate: Decimal = strawberry.field(description="Units of the quote for one unit of the base.")
    source: str = strawberry.field(description="The file that it came with.")
    is_own: bool = strawberry.field(
        description="True for the organization's own, which win over those that all share."
    )


@strawberry.type(description="An amount in another currency, and the rates that it follows from.")
class ConversionPreview:
    """Show a conversion that was not posted."""

    amount: scalars.Money = strawberry.field(
        description="Minor units x the rates, rounded half-even once at the currency's decimals."
    )
    rate_type: exchange.RateType = strawberry.field(description="The type that was used.")
    asked_on: dt.date = strawberry.field(description="The day that a rate was asked for.")
    used_on: dt.date = strawberry.field(description="The day of the rate; the older one of two.")
    legs: list[ExchangeRate] = strawberry.field(
        directives=[scalars.ListSize(assumed_size=2)],
        description="The rate; two of them through the euro; none for the same currency.",
    )


@strawberry.type
class Query:
    """Hold the currencies' part of the schema's query type."""

    @strawberry.field(
        description=(
            "The rates of a pair, newest day first, at most 400; a correction stands before what "
            "it corrects. Needs a permission to read figures."
        ),
        directives=[scalars.ListSize(assumed_size=MOST_RATES)],
    )
    def exchange_rates(
        self,
        info: context.Info,
        *,
        base: Annotated[str, strawberry.argument(description="ISO 4217 code.")],
        quote: Annotated[str, strawberry.argument(description="ISO 4217 code.")],
        from_date: Annotated[dt.date, strawberry.argument(description="The first day.")],
        to_date: Annotated[dt.date, strawberry.argument(description="The last day, included.")],
        rate_type: Annotated[
            exchange.RateType, strawberry.argument(description="What they are good for.")
        ] = exchange.RateType.SPOT,
    ) -> list[ExchangeRate]:
        found = selectors.known(
            actor=info.context.actor,
            base=base,
            quote=quote,
            from_date=from_date,
            to_date=to_date,
            rate_type=rate_type,
            most=MOST_RATES,
        )
        return [shown(rate) for rate in found]

    @strawberry.field(
        description=(
            "What an amount is in another currency on a day, by the last known rate; nothing is "
            "posted. Refused with RATE_STALE or RATE_MISSING. Needs a permission to read figures."
        )
    )
    def convert(
        self,
        info: context.Info,
        *,
        amount: Annotated[inputs.MoneyInput, strawberry.argument(description="The amount.")],
        to_currency: Annotated[str, strawberry.argument(description="ISO 4217 code.")],
        on: Annotated[dt.date, strawberry.argument(description="The day.")],
        rate_type: Annotated[
            exchange.RateType, strawberry.argument(description="Which kind of rate.")
        ] = exchange.RateType.SPOT,
    ) -> ConversionPreview:
        asked = money.Money(amount.amount_minor, amount.currency)
        path = selectors.path(
            actor=info.context.actor,
            from_currency=asked.currency,
            to_currency=to_currency,
            on=on,
            rate_type=rate_type,
        )
        return ConversionPreview(
            amount=scalars.money_of(path.convert(asked)),
            rate_type=path.rate_type,
            asked_on=path.asked_on,
            used_on=path.used_on,
            legs=[shown(leg) for leg in path.legs],
        )


def shown(rate: exchange.Rate) -> ExchangeRate:
    """Show a rate of the rooms below."""
    return ExchangeRate(
        public_id=rate.public_id,
        base=rate.base,
        quote=rate.quote,
        rate_type=rate.rate_type,
        rate_date=rate.rate_date,
        rate=rate.rate,
        source=rate.source,
        is_own=rate.is_own,
    )
