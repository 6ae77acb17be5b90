"""Estimates that turned out otherwise, in both periods: where they stood, and where they moved.

An adjustment is a cost line after an estimate of the same component of a send. Its change belongs
to the period in which it became known; the estimate stays in the period in which it was made. So

    cost of a period  =  estimates made in it + adjustments made in it + costs never estimated
"""

from __future__ import annotations

import datetime as dt
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from gifting.domain import access

MOST_ADJUSTMENTS: Final = 5_000


class Adjustment(NamedTuple):
    """One change of an estimate, in minor units of its currency."""

    send: UUID
    component: str
    currency: str
    estimated_minor: int
    adjusted_minor: int
    change_minor: int
    estimated_on: dt.date
    estimated_in_id: int
    adjusted_on: dt.date
    adjusted_in_id: int
    is_final: bool


def of_period(*, actor: access.Actor, fiscal_period_id: int) -> tuple[Adjustment, ...]:
    """Return the adjustments that were made in a period, or of estimates that were, oldest first.

    At most 5,000. Needs READ_SPEND; senders see their own cost centers.
    """
    actor.require(access.Permission.READ_SPEND)
    limits = None if actor.cost_center_ids is None else list(actor.cost_center_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            _ADJUSTMENTS,
            {"period": fiscal_period_id, "limits": limits, "most": MOST_ADJUSTMENTS},
        )
        return tuple(Adjustment(*row) for row in cursor.fetchall())


_ADJUSTMENTS: Final = """
    SELECT send.public_id, line.component, line.currency, before.amount_minor, line.amount_minor,
        line.change_minor, before.occurred_on, before.fiscal_period_id, line.occurred_on,
        line.fiscal_period_id, line.basis = 'ACTUAL'
    FROM gifting_costline AS line
    JOIN gifting_costline AS before ON before.organization_id = line.organization_id
        AND before.send_id = line.send_id AND before.component = line.component
        AND before.version = line.version - 1 AND before.basis = 'ESTIMATED'
    JOIN gifting_send AS send
        ON send.organization_id = line.organization_id AND send.id = line.send_id
    WHERE line.change_minor <> 0
        AND %(period)s IN (line.fiscal_period_id, before.fiscal_period_id)
        AND (%(limits)s::bigint[] IS NULL OR line.cost_center_id = ANY (%(limits)s::bigint[]))
    ORDER BY line.occurred_on, line.id LIMIT %(most)s
"""
