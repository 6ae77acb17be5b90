"""What a period's spend is made of, line by line: the side of a tie-out that is ours.

spend of the period = what was invoiced in it, net of what came back
                    + what is accrued when it ends - what was accrued when the one before ended

SPEND is a transfer into ACTUAL, or out of it below zero. ACCRUAL is what of a delivery is still
accrued at the end of the period: the deliveries of a commitment are invoiced oldest first. REVERSAL
is the accrual of the period before, taken back. The sum is what accrued and actual moved.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection

from gifting import models
from gifting.domain import access
from gifting.domain.journals import batches

# Whoever closes the books reads them, and whoever audits.
READERS: Final = (access.Permission.CLOSE_PERIODS, access.Permission.READ_ACCESS)


class Line(NamedTuple):
    """A part of a period's spend; `batch_number` is the journal that told of it."""

    transfer_id: int
    public_id: UUID
    role: batches.Kind
    amount_minor: int
    currency: str
    effective_on: dt.date
    reference: str
    finance_tag: str
    component: str
    recipient_class: str
    cost_center_id: int
    budget_name: str
    batch_number: int | None
    is_foreign: bool
    is_rate: bool

    @property
    def tag(self) -> str:
        """What the line is found by in the general ledger."""
        return self.finance_tag or self.reference or str(self.public_id)


def require(actor: access.Actor) -> None:
    """Refuse an actor who does not read the books; raises Forbidden."""
    if not any(actor.may(permission) for permission in READERS):
        actor.require(READERS[0])


def lines(*, actor: access.Actor, period: models.FiscalPeriod) -> list[Line]:
    """Return all lines of the period's spend; raises Forbidden."""
    before = (
        models.FiscalPeriod.objects.filter(
            calendar_id=period.calendar_id, ends_on__lte=period.starts_on
        )
        .order_by("-ends_on")
        .first()
    )
    earlier = accruals(actor=actor, period=before, told_in=period) if before else []
    back = [
        line._replace(role=batches.Kind.REVERSAL, amount_minor=-line.amount_minor)
        for line in earlier
    ]
    return [*spends(actor=actor, period=period), *accruals(actor=actor, period=period), *back]


def spends(*, actor: access.Actor, period: models.FiscalPeriod) -> list[Line]:
    """Return what was invoiced in the period and what came back; raises Forbidden."""
    require(actor)
    return _read(_SPENDS, {"period": period.pk})


def accruals(
    *,
    actor: access.Actor,
    period: models.FiscalPeriod,
    told_in: models.FiscalPeriod | None = None,
) -> list[Line]:
    """Return what is delivered and not invoiced when the period ends; raises Forbidden."""
    require(actor)
    kind = batches.Kind.REVERSAL if told_in else batches.Kind.ACCRUAL
    return _read(
        _ACCRUALS,
        {
            "calendar": period.calendar_id,
            "ends_on": period.ends_on,
            "told_in": (told_in or period).pk,
            "kind": kind.value,
        },
    )


def _read(statement: str, parameters: dict[str, Any]) -> list[Line]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows = map(Line._make, cursor.fetchall())
        return [row._replace(role=batches.Kind(row.role)) for row in rows]


# A transfer is coded by its own operation, or by the one that it follows from; what nobody coded is
# known from its send, whose cost may be of one component alone.
_SHOWN: Final = """
    SELECT part.id, part.public_id, part.role, part.amount, fund.currency, part.effective_on,
        coalesce(nullif(part.reference, ''), nullif(pend.reference, ''), source.reference, ''),
        coalesce(nullif(coding.finance_tag, ''), sent.external_id, ''),
        coalesce(nullif(coding.component, ''), sent.component, ''),
        coalesce(nullif(coding.recipient_class, ''), sent.recipient_class, ''),
        budget.cost_center_id, budget.name,
        (SELECT batch.number FROM gifting_journalitem AS item
         JOIN gifting_journalbatch AS batch
            ON batch.organization_id = item.organization_id AND batch.id = item.batch_id
         WHERE item.organization_id = part.organization_id AND item.transfer_id = part.id
            AND item.kind = part.told_as AND NOT item.is_voided
            AND item.fiscal_period_id = part.told_in),
        part.conversion_id IS NOT NULL, part.cause = 'FX'
    FROM part
    JOIN gifting_fund AS fund
        ON fund.organization_id = part.organization_id AND fund.id = part.fund_id
    JOIN gifting_budget AS budget
        ON budget.organization_id = fund.organization_id AND budget.id = fund.budget_id
    LEFT JOIN gifting_commitment AS commitment
        ON commitment.organization_id = part.organization_id AND commitment.id = part.commitment_id
    LEFT JOIN gifting_transfer AS pend
        ON pend.organization_id = part.organization_id AND pend.id = commitment.pend_id
    LEFT JOIN gifting_transfer AS source
        ON source.organization_id = part.organization_id
        AND source.id = coalesce(part.refunds_id, part.reverses_id)
    LEFT JOIN LATERAL (
        SELECT known.* FROM gifting_spendcoding AS known
        WHERE known.organization_id = part.organization_id
            AND known.operation_id IN (part.operation_id, pend.operation_id, source.operation_id)
        ORDER BY known.operation_id = part.operation_id DESC, known.id DESC LIMIT 1
    ) AS coding ON true
    LEFT JOIN LATERAL (
        SELECT send.external_id, nullif(recipient.recipient_class, 'UNKNOWN') AS recipient_class, (
            SELECT min(line.component) FROM gifting_costshare AS share
            JOIN gifting_costline AS line
                ON line.organization_id = share.organization_id AND line.id = share.cost_line_id
            WHERE share.organization_id = part.organization_id
                AND share.operation_id = posting.operation_id
            HAVING count(DISTINCT line.component) = 1) AS component
        FROM gifting_sendposting AS posting
        JOIN gifting_send AS send
            ON send.organization_id = posting.organization_id AND send.id = posting.send_id
        LEFT JOIN gifting_recipient AS recipient
            ON recipient.organization_id = send.organization_id AND recipient.id = send.recipient_id
        WHERE posting.organization_id = part.organization_id
            AND posting.operation_id IN (
                part.operation_id, pend.operation_id, source.operation_id)
        ORDER BY posting.operation_id = part.operation_id DESC, posting.id DESC LIMIT 1
    ) AS sent ON true
    ORDER BY part.id
"""
_SPENDS: Final = (
    """
    WITH part AS (
        SELECT step.*, 'SPEND' AS role, 'SPEND' AS told_as, step.fiscal_period_id AS told_in,
            CASE step.to_bucket WHEN 'ACTUAL' THEN 1 ELSE -1 END * step.amount_minor AS amount
        FROM gifting_transfer AS step
        WHERE step.fiscal_period_id = %(period)s
            AND 'ACTUAL' IN (step.from_bucket, step.to_bucket)
    )"""
    + _SHOWN
)
_ACCRUALS: Final = (
    """
    WITH step AS (
        SELECT moved.* FROM gifting_transfer AS moved
        JOIN gifting_fiscalperiod AS period ON period.organization_id = moved.organization_id
            AND period.id = moved.fiscal_period_id
        WHERE period.calendar_id = %(calendar)s AND period.ends_on <= %(ends_on)s
            AND 'ACCRUED' IN (moved.from_bucket, moved.to_bucket)
    ), flow AS (
        SELECT commitment_id,
            coalesce(sum(amount_minor) FILTER (WHERE to_bucket = 'ACCRUED'), 0) AS delivered,
            coalesce(sum(amount_minor) FILTER (WHERE from_bucket = 'ACCRUED'), 0) AS settled,
            max(id) FILTER (WHERE from_bucket = 'ACCRUED') AS last_settled_id
        FROM step GROUP BY 1
    ), still_open AS (
        SELECT delivery.id,
            least(delivery.amount_minor, delivery.so_far - flow.settled)::bigint AS amount
        FROM (
            SELECT id, commitment_id, amount_minor,
                sum(amount_minor) OVER (PARTITION BY commitment_id ORDER BY id) AS so_far
            FROM step WHERE to_bucket = 'ACCRUED'
        ) AS delivery JOIN flow USING (commitment_id)
        WHERE delivery.so_far > flow.settled
        UNION ALL
        -- Invoiced in an earlier period than it was delivered in.
        SELECT last_settled_id, (delivered - settled)::bigint FROM flow WHERE settled > delivered
    ), part AS (
        SELECT step.*, 'ACCRUAL' AS role, %(kind)s AS told_as, %(told_in)s AS told_in,
            still_open.amount
        FROM still_open JOIN step USING (id)
    )"""
    + _SHOWN
)
