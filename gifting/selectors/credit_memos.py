"""What vendors owe in gifts, what of it was lost, and what can still be had back.

By vendor and currency, in minor units, for the days of a report:

- issued: credits issued in it.
- used: paid for gifts in it; withdrawn: taken back by the vendor in it.
- breakage: died in it with money in them.
- open: what is left on its last day, of credits issued by then.
- expiring: the part of open that dies within the days that are asked about.
- recoverable: charged for gifts that nobody has accepted, and that their vendor would give back, as
  money or as a credit, if they ended today unopened, by the terms of each send.
- kept: charged for gifts that ended without being received, of which nothing came back.
"""

from __future__ import annotations

import datetime as dt
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from gifting import models
from gifting.domain import access
from gifting.selectors import records

READERS: Final = (access.Permission.READ_SPEND,)
SOON_DAYS: Final = 90


class CreditRecord(NamedTuple):
    """A credit memo's row."""

    id: int
    public_id: UUID
    vendor_id: int
    send_id: int | None
    currency: str
    amount_minor: int
    used_minor: int
    issued_on: dt.date
    expires_on: dt.date | None
    reference: str
    source: str

    @property
    def left_minor(self) -> int:
        return self.amount_minor - self.used_minor


class UseRecord(NamedTuple):
    """What became of a part of a credit."""

    credit_memo_id: int
    kind: str
    amount_minor: int
    used_on: dt.date
    send_id: int | None
    reference: str


class Breakage(NamedTuple):
    """One vendor's credits and recoverable money in one currency; see above."""

    vendor_id: int
    vendor: str
    currency: str
    issued_minor: int
    used_minor: int
    withdrawn_minor: int
    breakage_minor: int
    open_minor: int
    expiring_minor: int
    recoverable_minor: int
    kept_minor: int


class Where(records.Where):
    """Conditions on credit memos."""


SOURCE: Final = records.Source(
    model=models.CreditMemo,
    record=CreditRecord,
    permissions=READERS,
    cost_center="send__cost_center_id",
)
USES: Final = records.Details(
    model=models.CreditUse,
    record=UseRecord,
    whole=SOURCE,
    link="credit_memo_id",
    order=("used_on", "id"),
)


def breakage(
    *,
    actor: access.Actor,
    starts_on: dt.date,
    ends_on: dt.date,
    soon_days: int = SOON_DAYS,
) -> tuple[Breakage, ...]:
    """Return what became of credits from the first day up to, and without, the last.

    Needs READ_SPEND; one who sees a part of the company sees the credits of its sends.
    """
    actor.require(access.Permission.READ_SPEND)
    limits = None if actor.cost_center_ids is None else list(actor.cost_center_ids)
    values = {
        "from": starts_on,
        "to": ends_on,
        "soon": ends_on + dt.timedelta(days=soon_days),
        "limits": limits,
    }
    with connection.cursor() as cursor:
        cursor.execute(_BREAKAGE, values)
        return tuple(Breakage(*row) for row in cursor.fetchall())


_BREAKAGE: Final = """
    WITH memo AS (
        SELECT credit.* FROM gifting_creditmemo AS credit
        LEFT JOIN gifting_send AS send
            ON send.organization_id = credit.organization_id AND send.id = credit.send_id
        WHERE %(limits)s::bigint[] IS NULL OR send.cost_center_id = ANY (%(limits)s::bigint[])
    ), part AS (
        SELECT memo.vendor_id, memo.currency, 'ISSUED' AS name, memo.amount_minor AS amount
        FROM memo WHERE memo.issued_on >= %(from)s AND memo.issued_on < %(to)s
        UNION ALL
        SELECT memo.vendor_id, memo.currency, spent.kind, spent.amount_minor
        FROM memo JOIN gifting_credituse AS spent
            ON spent.organization_id = memo.organization_id AND spent.credit_memo_id = memo.id
        WHERE spent.used_on >= %(from)s AND spent.used_on < %(to)s
        UNION ALL
        SELECT memo.vendor_id, memo.currency,
            unnest(CASE WHEN memo.expires_on < %(soon)s THEN ARRAY['OPEN', 'EXPIRING']
                ELSE ARRAY['OPEN'] END),
            memo.amount_minor - coalesce((
                SELECT sum(spent.amount_minor) FROM gifting_credituse AS spent
                WHERE spent.organization_id = memo.organization_id
                    AND spent.credit_memo_id = memo.id AND spent.used_on < %(to)s), 0)
        FROM memo WHERE memo.issued_on < %(to)s
        UNION ALL
        SELECT send.vendor_id, request.currency,
            CASE WHEN send.state IN ('OFFERED', 'OPENED', 'CLICKED') THEN 'RECOVERABLE'
                ELSE 'KEPT' END,
            cost.amount
        FROM gifting_sendrequest AS request
        JOIN gifting_send AS send
            ON send.organization_id = request.organization_id AND send.id = request.send_id
        LEFT JOIN gifting_moneytiming AS terms ON terms.organization_id = request.organization_id
            AND terms.id = request.money_timing_id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(line.change_minor), 0)::bigint AS amount
            FROM gifting_costline AS line
            WHERE line.organization_id = send.organization_id AND line.send_id = send.id
                AND line.basis = 'ACTUAL' AND line.occurred_on < %(to)s
        ) AS cost
        WHERE cost.amount > 0
            AND (%(limits)s::bigint[] IS NULL OR send.cost_center_id = ANY (%(limits)s::bigint[]))
            AND (
                send.state IN ('DECLINED', 'EXPIRED', 'CANCELLED', 'FAILED', 'UNDELIVERABLE')
                OR (terms.on_expiry <> 'NOTHING' AND (send.state = 'OFFERED'
                    OR (send.state IN ('OPENED', 'CLICKED')
                        AND terms.returns_while <> 'UNOPENED')))
            )
    )
    SELECT part.vendor_id, vendor.name, part.currency,
        coalesce(sum(amount) FILTER (WHERE part.name = 'ISSUED'), 0)::bigint,
        coalesce(sum(amount) FILTER (WHERE part.name = 'USED'), 0)::bigint,
        coalesce(sum(amount) FILTER (WHERE part.name = 'WITHDRAWN'), 0)::bigint,
        coalesce(sum(amount) FILTER (WHERE part.name = 'EXPIRED'), 0)::bigint,
        coalesce(sum(amount) FILTER (WHERE part.name = 'OPEN'), 0)::bigint,
        coalesce(sum(amount) FILTER (WHERE part.name = 'EXPIRING'), 0)::bigint,
        coalesce(sum(amount) FILTER (WHERE part.name = 'RECOVERABLE'), 0)::bigint,
        coalesce(sum(amount) FILTER (WHERE part.name = 'KEPT'), 0)::bigint
    FROM part JOIN gifting_vendor AS vendor ON vendor.id = part.vendor_id
    GROUP BY part.vendor_id, vendor.name, part.currency
    ORDER BY vendor.name, part.vendor_id, part.currency
"""
