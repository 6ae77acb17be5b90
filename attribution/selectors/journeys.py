"""Read opportunities and touches as arrays, an account range at a time, so that memory is bounded.

Rows leave PostgreSQL by binary COPY and become arrays without a loop over rows. Instants stay in
microseconds since 2000-01-01 UTC, PostgreSQL's own count; a kernel that compares instants does not
mind the epoch.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from django.db import connection
from psycopg import sql

from attribution.domain import binary_copy, journey

BATCH_TOUCHES: Final = 500_000
EPOCH: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)

_OPPORTUNITIES: Final = (
    binary_copy.Column("id", "i8"),
    binary_copy.Column("account", "i8"),
    binary_copy.Column("opened_at", "i8"),
    binary_copy.Column("closed_at", "i8"),
    binary_copy.Column("amount_minor", "i8"),
    binary_copy.Column("has_amount", "b"),
    binary_copy.Column("currency", "S3"),
    binary_copy.Column("fiscal_period", "i8"),
)
_TOUCHES: Final = (
    binary_copy.Column("id", "i8"),
    binary_copy.Column("account", "i8"),
    binary_copy.Column("occurred_at", "i8"),
    binary_copy.Column("campaign", "i8"),
    binary_copy.Column("vendor", "i8"),
    binary_copy.Column("cost_center", "i8"),
    binary_copy.Column("channel", "i4"),
)
_SIZES: Final = (binary_copy.Column("account", "i8"), binary_copy.Column("touches", "i8"))

_SELECT_OPPORTUNITIES: Final = """
    SELECT id, coalesce(account_id, 0), coalesce(opened_at, closed_at), closed_at,
        coalesce(amount_minor, 0), amount_minor IS NOT NULL, currency, fiscal_period_id
    FROM attribution_opportunity
    WHERE status = 'WON' AND {range}
"""
_SELECT_TOUCHES: Final = """
    SELECT id, account_id, occurred_at, coalesce(campaign_id, 0), coalesce(vendor_id, 0),
        coalesce(cost_center_id, 0), array_position({channels}::text[], channel::text)
    FROM attribution_touchpoint
    WHERE NOT is_retracted AND account_id >= {first} AND account_id < {last}
"""
_SELECT_SIZES: Final = """
    SELECT account_id, count(*) FROM attribution_touchpoint
    WHERE NOT is_retracted GROUP BY account_id ORDER BY account_id
"""

Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Batch:
    """The won opportunities of a range of accounts, with all touches of these accounts."""

    opportunities: Columns
    touches: Columns
    channels: tuple[str, ...]

    def journeys_in(self) -> tuple[journey.Opportunities, journey.Touches]:
        """Return what the kernel reads."""
        deals, touches = self.opportunities, self.touches
        return (
            journey.Opportunities(
                id=deals["id"],
                account=deals["account"],
                opened_at=deals["opened_at"],
                closed_at=deals["closed_at"],
                amount_minor=deals["amount_minor"],
                has_amount=deals["has_amount"],
            ),
            journey.Touches(
                id=touches["id"],
                account=touches["account"],
                occurred_at=touches["occurred_at"],
                channel=touches["channel"].astype(np.int64) - 1,
                campaign=np.where(touches["campaign"] == 0, journey.NO_GROUP, touches["campaign"]),
            ),
        )


def batches(*, batch_touches: int = BATCH_TOUCHES) -> Iterator[Batch]:
    """Yield every won opportunity once; only the largest account may exceed the batch size."""
    channels = _channels()
    for first, last in _ranges(batch_touches):
        touches = _copy(
            sql.SQL(_SELECT_TOUCHES).format(
                channels=sql.Literal(list(channels)),
                first=sql.Literal(first),
                last=sql.Literal(last),
            ),
            _TOUCHES,
        )
        within = sql.SQL("account_id >= {} AND account_id < {}").format(
            sql.Literal(first), sql.Literal(last)
        )
        yield Batch(_opportunities(within), touches, channels)
    yield Batch(_opportunities(sql.SQL("account_id IS NULL")), binary_copy.none(_TOUCHES), channels)


def microseconds(at: dt.datetime) -> int:
    """Count an instant the way the batches do."""
    return (at - EPOCH) // dt.timedelta(microseconds=1)


def _opportunities(within: sql.Composable) -> Columns:
    return _copy(sql.SQL(_SELECT_OPPORTUNITIES).format(range=within), _OPPORTUNITIES)


def _channels() -> tuple[str, ...]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT channel FROM attribution_touchpoint ORDER BY channel")
        return tuple(channel for (channel,) in cursor)


def _ranges(batch_touches: int) -> Iterator[tuple[int, int]]:
    """Cut the accounts into ranges of about as many touches, without a gap between them."""
    sizes = _copy(sql.SQL(_SELECT_SIZES), _SIZES)
    batch_of = np.cumsum(sizes["touches"]) // batch_touches
    starts = np.flatnonzero(np.diff(batch_of, prepend=-1))
    edges = [1, *(int(account) for account in sizes["account"][starts[1:]]), 2**63 - 1]
    yield from itertools.pairwise(edges)


def _copy(query: sql.Composable, columns: Sequence[binary_copy.Column]) -> Columns:
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query)
    with connection.cursor() as cursor, cursor.copy(statement) as rows:
        return binary_copy.read(b"".join(rows), columns)
