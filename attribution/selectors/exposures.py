"""Deals with a known account and opening, as who lays touches over them needs to see them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.db import connection

from gifting.domain import access

EPOCH: Final = dt.date(1970, 1, 1)
TIERS: Final = 4

# Accounts are ranked by their own win rate, the only sign of a better deal that every export has.
_DEALS: Final = """
    WITH ranked AS (
        SELECT account.id, ntile({tiers}) OVER (ORDER BY avg((deal.status = 'WON')::int)
            FILTER (WHERE deal.status <> 'OPEN') NULLS FIRST, account.external_id) - 1 AS tier
        FROM attribution_account AS account
        JOIN attribution_opportunity AS deal ON deal.account_id = account.id
        GROUP BY account.id, account.external_id
    )
    SELECT deal.external_id, account.external_id, account.source, account.country, ranked.tier,
        row_number() OVER (PARTITION BY account.id ORDER BY deal.opened_at, deal.external_id) - 1,
        (deal.opened_at AT TIME ZONE %(time_zone)s)::date - %(epoch)s,
        (deal.closed_at AT TIME ZONE %(time_zone)s)::date - %(epoch)s
    FROM attribution_opportunity AS deal
    JOIN attribution_account AS account ON account.id = deal.account_id
    JOIN ranked ON ranked.id = account.id
    WHERE deal.opened_at IS NOT NULL
    ORDER BY account.source, account.external_id, deal.opened_at, deal.external_id
"""
_SPAN: Final = """
    SELECT count(*), min((opened_at AT TIME ZONE %(time_zone)s)::date),
        max((greatest(opened_at, closed_at) AT TIME ZONE %(time_zone)s)::date)
    FROM attribution_opportunity WHERE account_id IS NOT NULL AND opened_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Exposure:
    """A deal; days count from 1970-01-01, `tier` from 0 for the accounts that win least."""

    opportunity: str
    account: str
    account_source: str
    country: str
    tier: int
    sequence: int
    opened_day: int
    closed_day: int | None


@dataclass(frozen=True, slots=True)
class Span:
    """How many deals there are, and the days between which they opened and closed."""

    count: int
    first_day: dt.date
    last_day: dt.date


def span(*, actor: access.Actor, time_zone: str) -> Span | None:
    """Return the span of the deals with a known account and opening; None without any."""
    actor.require(access.Permission.READ_ATTRIBUTION)
    with connection.cursor() as cursor:
        cursor.execute(_SPAN, {"time_zone": time_zone})
        count, first_day, last_day = cursor.fetchone()
        return Span(count, first_day, last_day) if count else None


def by_account(
    *, actor: access.Actor, time_zone: str, batch_size: int
) -> Iterator[tuple[Exposure, ...]]:
    """Yield the deals in batches of about this size, an account never in two of them."""
    actor.require(access.Permission.READ_ATTRIBUTION)
    batch: list[Exposure] = []
    with connection.chunked_cursor() as cursor:
        cursor.execute(_DEALS.format(tiers=TIERS), {"time_zone": time_zone, "epoch": EPOCH})
        for row in cursor:
            deal = Exposure(*row)
            if len(batch) >= batch_size and _owner(batch[-1]) != _owner(deal):
                yield tuple(batch)
                batch = []
            batch.append(deal)
    if batch:
        yield tuple(batch)


def _owner(deal: Exposure) -> tuple[str, str]:
    return deal.account_source, deal.account
