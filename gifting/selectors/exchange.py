"""Find the rate of a day: the last one known, never one of later, never one too old.

The rule: a rate of the pair dated on or before the day asked for, the latest of them, and of one
day the newest row; not older than its type allows (`exchange.MOST_DAYS_OLD`). The organization's
own rates win over those that the deployment shares. Where a pair has none, its two legs through
the euro are taken. CLOSING and HISTORICAL rates are the market's of their day where nobody gave
others, so that SPOT stands in for them; AVERAGE and BUDGET rates are somebody's decision.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from django.db import connection

from gifting.domain import access, exchange, money
from gifting.selectors import fiscal

STANDS_IN: Final = frozenset({exchange.RateType.CLOSING, exchange.RateType.HISTORICAL})


class Cut(NamedTuple):
    """What was there at a moment: the transactions that were over, on which server."""

    snapshot: str
    epoch: int


def path(
    *,
    actor: access.Actor,
    from_currency: str,
    to_currency: str,
    on: dt.date,
    rate_type: exchange.RateType = exchange.RateType.SPOT,
    cut: Cut | None = None,
) -> exchange.Path:
    """Return the rates that lead from one currency to the other on a day, as of a cut.

    Raises Forbidden, UnknownCurrency, RateMissing and RateStale.
    """
    _require_reader(actor)
    for code in (from_currency, to_currency):
        money.exponent(code)
    if from_currency == to_currency:
        return exchange.Path(from_currency, to_currency, rate_type, on)
    try:
        legs = _legs(from_currency, to_currency, on, rate_type, cut)
    except exchange.RateMissing:
        if rate_type not in STANDS_IN:
            raise
        rate_type = exchange.RateType.SPOT
        legs = _legs(from_currency, to_currency, on, rate_type, cut)
    return exchange.Path(from_currency, to_currency, rate_type, on, legs)


def known(
    *,
    actor: access.Actor,
    base: str,
    quote: str,
    from_date: dt.date,
    to_date: dt.date,
    rate_type: exchange.RateType = exchange.RateType.SPOT,
    most: int,
) -> tuple[exchange.Rate, ...]:
    """Return the rates of a pair in a range of days, newest day first, own and shared."""
    _require_reader(actor)
    with connection.cursor() as cursor:
        cursor.execute(
            _KNOWN,
            {
                "base": base,
                "quote": quote,
                "type": rate_type.value,
                "first": from_date,
                "last": to_date,
                "most": most,
            },
        )
        return tuple(_rate(row) for row in cursor.fetchall())


def _require_reader(actor: access.Actor) -> None:
    if not any(actor.may(permission) for permission in fiscal.READERS):
        actor.require(access.Permission.READ_SPEND)


def _legs(
    from_currency: str,
    to_currency: str,
    on: dt.date,
    rate_type: exchange.RateType,
    cut: Cut | None,
) -> tuple[exchange.Rate, ...]:
    """Find the pair itself, or both ways through the euro."""
    pivot = exchange.PIVOT
    direct = _last_known(from_currency, to_currency, on, rate_type, cut)
    found = _usable(direct, on)
    if found is not None:
        return (found,)
    if pivot in {from_currency, to_currency}:
        raise _refusal(from_currency, to_currency, on, rate_type, direct)
    legs = []
    for one, other in ((from_currency, pivot), (pivot, to_currency)):
        rates = _last_known(one, other, on, rate_type, cut)
        leg = _usable(rates, on)
        if leg is None:
            raise _refusal(one, other, on, rate_type, rates)
        legs.append(leg)
    return tuple(legs)


def _usable(rates: Iterable[exchange.Rate], on: dt.date) -> exchange.Rate | None:
    return next(
        (
            rate
            for rate in rates
            if (on - rate.rate_date).days <= exchange.MOST_DAYS_OLD[rate.rate_type]
        ),
        None,
    )


def _refusal(
    one: str,
    other: str,
    on: dt.date,
    rate_type: exchange.RateType,
    rates: tuple[exchange.Rate, ...],
) -> exchange.RateMissing | exchange.RateStale:
    if not rates:
        return exchange.RateMissing(
            f"There is no {rate_type} rate of {one} and {other} dated on or before {on}. Import "
            "one.",
            field="currency",
        )
    last = max(rate.rate_date for rate in rates)
    return exchange.RateStale(
        f"The last {rate_type} rate of {one} and {other} before {on} is of {last}, and it is used "
        f"for {exchange.MOST_DAYS_OLD[rate_type]} days. Import a newer one.",
        field="currency",
    )


def _last_known(
    one: str, other: str, on: dt.date, rate_type: exchange.RateType, cut: Cut | None
) -> tuple[exchange.Rate, ...]:
    """Return the last rate of each owner and direction: own first, then the latest."""
    values: dict[str, Any] = {"one": one, "other": other, "type": rate_type.value, "on": on}
    if cut is not None:
        values |= {"snapshot": cut.snapshot, "epoch": cut.epoch}
    with connection.cursor() as cursor:
        cursor.execute(_LAST if cut is None else _LAST_OF_CUT, values)
        return tuple(_rate(row) for row in cursor.fetchall())


def _rate(row: tuple[Any, ...]) -> exchange.Rate:
    rate_id, public_id, base, quote, rate_type, rate_date, rate, source, is_own = row
    return exchange.Rate(
        rate_id,
        public_id,
        base,
        quote,
        exchange.RateType(rate_type),
        rate_date,
        rate,
        source,
        is_own,
    )


_COLUMNS: Final = (
    "rate.id, rate.public_id, rate.base, rate.quote, rate.rate_type, rate.rate_date, rate.rate,"
    " file.source"
)
_OWN: Final = f"""
    SELECT {_COLUMNS}, true AS is_own FROM gifting_organizationrate AS rate
    JOIN gifting_ratefile AS file
        ON file.organization_id = rate.organization_id AND file.id = rate.file_id"""
_SHARED: Final = f"""
    SELECT {_COLUMNS}, false AS is_own FROM gifting_referencerate AS rate
    JOIN gifting_referencefile AS file ON file.id = rate.file_id"""


def _last(visible: str) -> str:
    """Compose the look-up: one index step for each owner and direction."""
    parts = [
        f"""({table} WHERE rate.base = %({base})s AND rate.quote = %({quote})s
            AND rate.rate_type = %(type)s AND rate.rate_date <= %(on)s {visible}
            ORDER BY rate.rate_date DESC, rate.id DESC LIMIT 1)"""
        for table in (_OWN, _SHARED)
        for base, quote in (("one", "other"), ("other", "one"))
    ]
    return (
        f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS found"
        " ORDER BY is_own DESC, rate_date DESC, id DESC"
    )


_LAST: Final = _last("")
_LAST_OF_CUT: Final = _last(
    "AND was_there(rate.transaction_id, rate.cluster_epoch, %(snapshot)s::pg_snapshot,"
    " %(epoch)s::smallint)"
)
_KNOWN: Final = f"""
    SELECT * FROM ({_OWN} UNION ALL {_SHARED}) AS rate
    WHERE base = %(base)s AND quote = %(quote)s AND rate_type = %(type)s
        AND rate_date BETWEEN %(first)s AND %(last)s
    ORDER BY rate_date DESC, is_own DESC, id DESC LIMIT %(most)s"""
