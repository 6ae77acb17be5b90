"""Where the cost of sends stands in the ledger, and what of it stands outside.

Every cost line is in one of two places, and together they are the consolidated spend:

- budgeted: borne by funds. Its shares sum to its change and are what their operations posted.
- unbudgeted: a fact from a file, of a gift that was paid elsewhere. No fund bears it.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection

from gifting import models
from gifting.domain import access
from gifting.selectors import records, sends


class Traced(NamedTuple):
    """The spend of one currency, in minor units, by where it stands."""

    currency: str
    total_minor: int
    budgeted_minor: int
    unbudgeted_minor: int
    unbudgeted_lines: int


class DecisionRecord(NamedTuple):
    """One answer to a request, with what decided it."""

    send_id: int
    public_id: UUID
    outcome: str
    reasons: Any
    facts: Any
    inputs_hash: str
    formula: str
    versions: Any
    recorded_at: dt.datetime


class DrawRecord(NamedTuple):
    """What of a commitment is there for a send."""

    send_id: int
    commitment__public_id: UUID
    amount_minor: int
    fund__currency: str
    fund__budget__public_id: UUID
    commitment__expires_at: dt.datetime | None


class ShareRecord(NamedTuple):
    """What one budget bore of a send's component."""

    cost_line__send_id: int
    cost_line__component: str
    cost_line__version: int
    amount_minor: int
    fund__currency: str
    fund__budget__public_id: UUID
    operation__public_id: UUID


DECISIONS: Final = records.Details(
    model=models.SendDecision,
    record=DecisionRecord,
    whole=sends.SOURCE,
    link="send_id",
    order=("-id",),
)
DRAWS: Final = records.Details(
    model=models.SendCommitment,
    record=DrawRecord,
    whole=sends.SOURCE,
    link="send_id",
    order=("fund_id",),
)
SHARES: Final = records.Details(
    model=models.CostShare,
    record=ShareRecord,
    whole=sends.SOURCE,
    link="cost_line__send_id",
    order=("cost_line_id", "fund_id"),
)


def trace(*, actor: access.Actor) -> tuple[Traced, ...]:
    """Return the spend by currency, budgeted and not, which sum to it. Needs READ_SPEND."""
    actor.require(access.Permission.READ_SPEND)
    limits = None if actor.cost_center_ids is None else list(actor.cost_center_ids)
    with connection.cursor() as cursor:
        cursor.execute(_TRACE, {"limits": limits})
        return tuple(Traced(*row) for row in cursor.fetchall())


_TRACE: Final = """
    SELECT line.currency, sum(line.change_minor)::bigint,
        coalesce(sum(shared.amount), 0)::bigint,
        (sum(line.change_minor) - coalesce(sum(shared.amount), 0))::bigint,
        count(*) FILTER (WHERE shared.amount IS NULL AND line.change_minor <> 0)
    FROM gifting_costline AS line
    LEFT JOIN (
        SELECT cost_line_id, sum(amount_minor) AS amount FROM gifting_costshare GROUP BY 1
    ) AS shared ON shared.cost_line_id = line.id
    WHERE %(limits)s::bigint[] IS NULL OR line.cost_center_id = ANY (%(limits)s::bigint[])
    GROUP BY 1 ORDER BY 1
"""
