"""What was delivered and is not invoiced at the end of a period, with its proof and its reversal.

    accrual  = goods received, not invoiced (GRNI) = (received - invoiced units) x order price
    expense of a period = accrual at its end - accrual at the end of the one before
                          + invoices posted in it - credit notes posted in it

Every accrual is reversed on the first day of the next period, in the journal export alone: the
ledger moves the same money from accrued to actual when the invoice comes, so that no fund is ever
charged twice. A paper counts in the period it is posted to, not on its own date: what belongs to a
closed period is posted to the next one. Price variance is listed apart and is no part of it.

Money that the ledger holds as accrued for something else than an order, such as a send that spends
a budget without one, is listed by its commitment, with the vendor if all its sends have one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection

from gifting import models
from gifting.domain import access, refusals

MOST_PROOFS: Final = 50


class UnknownPeriod(refusals.NotFound):
    code = "UNKNOWN_PERIOD"


class Source(StrEnum):
    """What an accrual is of: an order line, or another commitment of the ledger."""

    ORDER = "ORDER"
    COMMITMENT = "COMMITMENT"


class Proof(NamedTuple):
    """A receipt whose units are not invoiced, or not all of them."""

    public_id: UUID
    kind: str
    received_on: dt.date
    quantity: int
    proof: str


class Accrual(NamedTuple):
    """One line of the list: what to book at the end of the period, and when to take it back.

    `public_id` is that of the order line or of the commitment; a commitment has no units.
    """

    source: Source
    public_id: UUID
    vendor_id: int | None
    vendor_name: str
    cost_center_id: int
    cost_center_code: str
    campaign_id: int | None
    budget_id: int
    gl_account: str
    finance_tag: str
    reference: str
    description: str
    currency: str
    quantity: int
    unit_price_minor: int
    amount_minor: int
    fiscal_period_id: int
    accrued_on: dt.date
    reverses_on: dt.date
    proofs: tuple[Proof, ...]


class PriceVariance(NamedTuple):
    """By how much an invoice line posted in the period differs from its order's price."""

    invoice_line: UUID
    invoice_number: str
    vendor_id: int
    budget_id: int
    cost_center_id: int
    gl_account: str
    finance_tag: str
    currency: str
    quantity: int
    amount_minor: int


class Recognition(NamedTuple):
    """What the purchases of one currency cost in a period, and what that is made of."""

    currency: str
    accrued_minor: int
    reversed_minor: int
    invoiced_minor: int
    credited_minor: int

    @property
    def expense_minor(self) -> int:
        charged = self.accrued_minor + self.invoiced_minor
        return charged - self.reversed_minor - self.credited_minor


def at_period_end(*, actor: access.Actor, fiscal_period_id: int) -> tuple[Accrual, ...]:
    """List what to accrue at the end of a period; raises Forbidden and UnknownPeriod."""
    actor.require(access.Permission.READ_BUDGETS)
    period = _period(fiscal_period_id)
    found = [*_of_orders(actor, period), *_of_commitments(actor, period)]
    return tuple(sorted(found, key=lambda each: (each.vendor_name, each.reference, each.public_id)))


def price_variances(*, actor: access.Actor, fiscal_period_id: int) -> tuple[PriceVariance, ...]:
    """List how far the invoices posted in a period were off their orders' prices.

    Credit notes are not netted: they are on the list of credit notes. Raises Forbidden.
    """
    actor.require(access.Permission.READ_BUDGETS)
    rows = _rows(_VARIANCES, {"period": fiscal_period_id, **_seen(actor)})
    return tuple(PriceVariance(*row) for row in rows)


def recognition(*, actor: access.Actor, fiscal_period_id: int) -> tuple[Recognition, ...]:
    """Return what purchases cost in a period, by currency; raises Forbidden and UnknownPeriod."""
    actor.require(access.Permission.READ_BUDGETS)
    period = _period(fiscal_period_id)
    before = (
        models.FiscalPeriod.objects.filter(
            calendar_id=period.calendar_id, starts_on__lt=period.starts_on
        )
        .order_by("-starts_on")
        .first()
    )
    posted = {
        currency: (int(invoiced), int(credited))
        for currency, invoiced, credited in _rows(
            _POSTED, {"period": fiscal_period_id, **_seen(actor)}
        )
    }
    now, then = _totals(actor, period), _totals(actor, before)
    return tuple(
        Recognition(
            currency,
            accrued_minor=now.get(currency, 0),
            reversed_minor=then.get(currency, 0),
            invoiced_minor=posted.get(currency, (0, 0))[0],
            credited_minor=posted.get(currency, (0, 0))[1],
        )
        for currency in sorted({*now, *then, *posted})
    )


def _totals(actor: access.Actor, period: models.FiscalPeriod | None) -> dict[str, int]:
    """Sum the accruals of orders, which is what the invoices of orders take back."""
    totals: dict[str, int] = {}
    for row in _rows(_ORDERS, _cut(actor, period)) if period else ():
        currency, quantity, price = row[12], row[13], row[14]
        totals[currency] = totals.get(currency, 0) + quantity * price
    return totals


def _of_orders(actor: access.Actor, period: models.FiscalPeriod) -> list[Accrual]:
    rows = _rows(_ORDERS, _cut(actor, period))
    proofs = _proofs({row[0]: (row[13], row[15]) for row in rows}, period)
    return [
        Accrual._make(
            (
                Source.ORDER,
                *row[1:15],
                row[13] * row[14],
                *_dates(period),
                proofs.get(row[0], ()),
            )
        )
        for row in rows
    ]


def _of_commitments(actor: access.Actor, period: models.FiscalPeriod) -> list[Accrual]:
    return [
        Accrual._make((Source.COMMITMENT, *row[:12], 0, 0, row[12], *_dates(period), ()))
        for row in _rows(_COMMITMENTS, _cut(actor, period))
    ]


def _dates(period: models.FiscalPeriod) -> tuple[int, dt.date, dt.date]:
    """Return the period, its last day and the first day of the next one."""
    return period.pk, period.ends_on - dt.timedelta(days=1), period.ends_on


def _proofs(
    open_units: Mapping[int, tuple[int, int]], period: models.FiscalPeriod
) -> dict[int, tuple[Proof, ...]]:
    """Return the receipts of the units that are not invoiced: the last ones of each line."""
    receipts: Iterable[Any] = (
        models.Receipt.objects.filter(
            order_line_id__in=list(open_units), fiscal_period__starts_on__lte=period.starts_on
        )
        .order_by("order_line_id", "-received_on", "-source", "-source_id")
        .values_list("order_line_id", "public_id", "kind", "received_on", "quantity", "proof")
    )
    left = {line: units for line, (units, _) in open_units.items()}
    found: dict[int, list[Proof]] = {}
    for line, *proof in receipts:
        if left[line] > 0 and len(found.setdefault(line, [])) < MOST_PROOFS:
            left[line] -= proof[3]
            found[line].append(Proof(*proof))
    return {line: tuple(reversed(proofs)) for line, proofs in found.items()}


def _period(fiscal_period_id: int) -> models.FiscalPeriod:
    period = models.FiscalPeriod.objects.filter(id=fiscal_period_id).first()
    if period is None:
        raise UnknownPeriod("There is no such fiscal period.", field="fiscal_period")
    return period


def _cut(actor: access.Actor, period: models.FiscalPeriod | None) -> dict[str, Any]:
    return {
        "calendar": period.calendar_id if period else None,
        "starts_on": period.starts_on if period else None,
        **_seen(actor),
    }


def _seen(actor: access.Actor) -> dict[str, Any]:
    limits = actor.cost_center_ids
    return {"centers": None if limits is None else list(limits)}


def _rows(statement: str, values: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


# What was posted up to and in a period, whose calendar tells which periods come before it.
_ORDERS: Final = """
    WITH passed AS (
        SELECT id FROM gifting_fiscalperiod
        WHERE calendar_id = %(calendar)s AND starts_on <= %(starts_on)s
    ), received AS (
        SELECT order_line_id, sum(quantity)::bigint AS units FROM gifting_receipt
        WHERE order_line_id IS NOT NULL AND fiscal_period_id IN (SELECT id FROM passed)
        GROUP BY order_line_id
    ), invoiced AS (
        SELECT billed.order_line_id, sum(billed.quantity)::bigint AS units
        FROM gifting_vendorinvoiceline AS billed
        JOIN gifting_vendorinvoice AS invoice ON invoice.id = billed.invoice_id
        WHERE billed.order_line_id IS NOT NULL
            AND invoice.fiscal_period_id IN (SELECT id FROM passed)
        GROUP BY billed.order_line_id
    )
    SELECT line.id, line.public_id, vendor.id, vendor.name, center.id, center.code,
        budget.campaign_id, budget.id, line.gl_account, line.finance_tag, placed.number,
        line.description, placed.currency,
        received.units - coalesce(invoiced.units, 0) AS units, line.unit_price_minor,
        coalesce(invoiced.units, 0)
    FROM received
    JOIN gifting_purchaseorderline AS line ON line.id = received.order_line_id
    JOIN gifting_purchaseorder AS placed ON placed.id = line.order_id
    JOIN gifting_vendor AS vendor ON vendor.id = placed.vendor_id
    JOIN gifting_budget AS budget ON budget.id = line.budget_id
    JOIN gifting_costcenter AS center ON center.id = budget.cost_center_id
    LEFT JOIN invoiced ON invoiced.order_line_id = line.id
    WHERE received.units > coalesce(invoiced.units, 0) AND line.unit_price_minor > 0
        AND (%(centers)s::bigint[] IS NULL OR budget.cost_center_id = ANY (%(centers)s))
    ORDER BY line.id
"""

_COMMITMENTS: Final = """
    WITH passed AS (
        SELECT id FROM gifting_fiscalperiod
        WHERE calendar_id = %(calendar)s AND starts_on <= %(starts_on)s
    ), held AS (
        SELECT step.commitment_id, sum(CASE step.to_bucket WHEN 'ACCRUED' THEN step.amount_minor
            ELSE -step.amount_minor END)::bigint AS amount
        FROM gifting_transfer AS step
        WHERE step.commitment_id IS NOT NULL AND 'ACCRUED' IN (step.from_bucket, step.to_bucket)
            AND step.fiscal_period_id IN (SELECT id FROM passed)
            AND NOT EXISTS (
                SELECT FROM gifting_purchaseorderline AS line
                WHERE line.commitment_id = step.commitment_id)
        GROUP BY step.commitment_id
    ), served AS (
        SELECT link.commitment_id, min(send.vendor_id) AS vendor_id
        FROM gifting_sendcommitment AS link JOIN gifting_send AS send ON send.id = link.send_id
        WHERE link.commitment_id IN (SELECT commitment_id FROM held)
        GROUP BY link.commitment_id HAVING count(DISTINCT send.vendor_id) = 1
    )
    SELECT reserved.public_id, vendor.id, coalesce(vendor.name, ''), center.id, center.code,
        budget.campaign_id, budget.id, '', '', pend.reference, budget.name, fund.currency,
        held.amount
    FROM held
    JOIN gifting_commitment AS reserved ON reserved.id = held.commitment_id
    JOIN gifting_transfer AS pend ON pend.id = reserved.pend_id
    JOIN gifting_fund AS fund ON fund.id = reserved.fund_id
    JOIN gifting_budget AS budget ON budget.id = fund.budget_id
    JOIN gifting_costcenter AS center ON center.id = budget.cost_center_id
    LEFT JOIN served ON served.commitment_id = held.commitment_id
    LEFT JOIN gifting_vendor AS vendor ON vendor.id = served.vendor_id
    WHERE held.amount > 0
        AND (%(centers)s::bigint[] IS NULL OR budget.cost_center_id = ANY (%(centers)s))
    ORDER BY reserved.id
"""

_VARIANCES: Final = """
    SELECT billed.public_id, invoice.number, invoice.vendor_id, budget.id, budget.cost_center_id,
        coalesce(nullif(billed.gl_account, ''), line.gl_account),
        coalesce(nullif(billed.finance_tag, ''), line.finance_tag), invoice.currency,
        billed.quantity, billed.net_minor - billed.quantity * line.unit_price_minor
    FROM gifting_vendorinvoiceline AS billed
    JOIN gifting_vendorinvoice AS invoice ON invoice.id = billed.invoice_id
    JOIN gifting_purchaseorderline AS line ON line.id = billed.order_line_id
    JOIN gifting_budget AS budget ON budget.id = billed.budget_id
    WHERE invoice.fiscal_period_id = %(period)s
        AND billed.net_minor <> billed.quantity * line.unit_price_minor
        AND (%(centers)s::bigint[] IS NULL OR budget.cost_center_id = ANY (%(centers)s))
    ORDER BY billed.id
"""

_POSTED: Final = """
    WITH posted AS (
        SELECT invoice.currency, billed.budget_id,
            billed.net_minor + billed.nonrecoverable_tax_minor AS invoiced, 0::bigint AS credited
        FROM gifting_vendorinvoiceline AS billed
        JOIN gifting_vendorinvoice AS invoice ON invoice.id = billed.invoice_id
        WHERE invoice.fiscal_period_id = %(period)s
        UNION ALL
        SELECT note.currency, billed.budget_id, 0,
            off.net_minor + off.nonrecoverable_tax_minor
        FROM gifting_creditnoteline AS off
        JOIN gifting_creditnote AS note ON note.id = off.credit_note_id
        JOIN gifting_vendorinvoiceline AS billed ON billed.id = off.invoice_line_id
        WHERE note.fiscal_period_id = %(period)s
    )
    SELECT posted.currency, sum(posted.invoiced), sum(posted.credited)
    FROM posted JOIN gifting_budget AS budget ON budget.id = posted.budget_id
    WHERE %(centers)s::bigint[] IS NULL OR budget.cost_center_id = ANY (%(centers)s)
    GROUP BY posted.currency ORDER BY posted.currency
"""
