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

from attribution.domain import binary_copy, configurations, journey

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
_TOUCH_COLUMNS: Final = """
    coalesce(touch.campaign_id, 0), coalesce(touch.vendor_id, 0),
    coalesce(touch.cost_center_id, 0), array_position({channels}::text[], touch.channel::text)
"""
_SELECT_TOUCHES: Final = f"""
    SELECT touch.id, touch.account_id, {{moment}}, {_TOUCH_COLUMNS}
    FROM attribution_touchpoint AS touch {{anchor}}
    WHERE NOT touch.is_retracted
        AND touch.account_id >= {{first}} AND touch.account_id < {{last}}
"""
# A touch belongs to each won opportunity in which its contact has a role.
_SELECT_TOUCHES_BY_ROLE: Final = f"""
    SELECT touch.id, role.opportunity_id, {{moment}}, {_TOUCH_COLUMNS}
    FROM (
        SELECT DISTINCT role.opportunity_id, role.contact_id
        FROM attribution_opportunitycontactrole AS role
        JOIN attribution_opportunity AS deal ON deal.id = role.opportunity_id
        WHERE deal.status = 'WON' AND (role.is_primary OR NOT {{primary_only}}) AND {{range}}
    ) AS role
    JOIN attribution_touchpoint AS touch ON touch.contact_id = role.contact_id {{anchor}}
    WHERE NOT touch.is_retracted
"""
# The moment of a gift, from the steps of its send.
_MOMENTS: Final = {
    configurations.WindowAnchor.DELIVERED: ("touch.occurred_at", ""),
    configurations.WindowAnchor.SENT: (
        "coalesce(send.sent_at, touch.occurred_at)",
        "LEFT JOIN gifting_send AS send ON send.id = touch.send_id",
    ),
    configurations.WindowAnchor.OPENED: (
        "coalesce(opened.occurred_at, touch.occurred_at)",
        """LEFT JOIN (
            SELECT send_id, min(occurred_at) AS occurred_at FROM gifting_sendevent
            WHERE to_state = 'OPENED' GROUP BY send_id
        ) AS opened ON opened.send_id = touch.send_id""",
    ),
}
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
    is_by_opportunity: bool = False

    def journeys_in(self) -> tuple[journey.Opportunities, journey.Touches]:
        """Return what the kernel reads."""
        deals, touches = self.opportunities, self.touches
        return (
            journey.Opportunities(
                id=deals["id"],
                account=deals["id"] if self.is_by_opportunity else deals["account"],
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


def batches(
    chosen: configurations.Configuration, *, batch_touches: int = BATCH_TOUCHES
) -> Iterator[Batch]:
    """Yield every won opportunity once; only the largest account may exceed the batch size."""
    reading = _Reading(chosen, _channels())
    for first, last in _ranges(batch_touches):
        yield reading.accounts(first, last)
    yield reading.without_account()


@dataclass(frozen=True, slots=True)
class _Reading:
    """How touches are read: which belong to whom, when they happened and what they are called."""

    chosen: configurations.Configuration
    channels: tuple[str, ...]

    @property
    def is_by_role(self) -> bool:
        return self.chosen.contact_mapping is not configurations.ContactMapping.ALL_CONTACTS

    def accounts(self, first: int, last: int) -> Batch:
        within = sql.SQL("account_id >= {} AND account_id < {}").format(
            sql.Literal(first), sql.Literal(last)
        )
        if self.is_by_role:
            return self._by_role(within)
        touches = self._touches(_SELECT_TOUCHES, first=sql.Literal(first), last=sql.Literal(last))
        return self._batch(within, touches)

    def without_account(self) -> Batch:
        within = sql.SQL("account_id IS NULL")
        if self.is_by_role:
            return self._by_role(within)
        return self._batch(within, binary_copy.none(_TOUCHES))

    def _by_role(self, within: sql.Composable) -> Batch:
        primary_only = self.chosen.contact_mapping is configurations.ContactMapping.PRIMARY_ROLE
        touches = self._touches(
            _SELECT_TOUCHES_BY_ROLE,
            primary_only=sql.Literal(primary_only),
            range=within,
        )
        return self._batch(within, touches)

    def _touches(self, query: str, **parts: sql.Composable) -> Columns:
        moment, anchor = _MOMENTS[self.chosen.window_anchor]
        return _copy(
            sql.SQL(query).format(
                channels=sql.Literal(list(self.channels)),
                moment=sql.SQL(moment),
                anchor=sql.SQL(anchor),
                **parts,
            ),
            _TOUCHES,
        )

    def _batch(self, within: sql.Composable, touches: Columns) -> Batch:
        shown = [self.chosen.channel_scheme.get(channel, channel) for channel in self.channels]
        names = tuple(sorted(set(shown)))
        place = np.array([names.index(name) + 1 for name in shown], dtype=np.int32)
        if len(touches["channel"]):
            touches = {**touches, "channel": place[touches["channel"] - 1]}
        return Batch(_opportunities(within), touches, names, self.is_by_role)


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
