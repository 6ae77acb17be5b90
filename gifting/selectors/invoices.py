"""Invoices, credit notes, matches and the queue of exceptions, as rows for readers.

One invoice may be borne by many cost centers, so senders, who see their own alone, do not read
invoices; whoever books, approves or audits does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from gifting import models
from gifting.domain import access
from gifting.selectors import records

READERS = (
    access.Permission.WRITE_BUDGETS,
    access.Permission.APPROVE,
    access.Permission.READ_ACCESS,
)


class InvoiceRecord(NamedTuple):
    """An invoice's row."""

    id: int
    public_id: UUID
    number: str
    currency: str
    invoiced_on: dt.date
    total_minor: int
    source: str
    recorded_at: dt.datetime
    vendor_id: int
    fiscal_period_id: int


class InvoiceLineRecord(NamedTuple):
    """An invoice line's row."""

    invoice_id: int
    id: int
    public_id: UUID
    number: int
    description: str
    quantity: int
    net_minor: int
    nonrecoverable_tax_minor: int
    recoverable_tax_minor: int
    gl_account: str
    finance_tag: str
    order_line_id: int | None
    budget_id: int
    invoice__currency: str


class MatchRecord(NamedTuple):
    """A part of a match; the run with the highest number counts."""

    invoice_line_id: int
    run: int
    outcome: str
    quantity: int
    amount_minor: int
    excess_quantity: int
    price_variance_minor: int
    order_line_id: int | None
    receipt_id: int | None
    invoice_line__invoice__currency: str


class CreditNoteRecord(NamedTuple):
    """A credit note's row."""

    id: int
    public_id: UUID
    number: str
    currency: str
    credited_on: dt.date
    reason: str
    recorded_at: dt.datetime
    vendor_id: int
    invoice_id: int
    fiscal_period_id: int


class CreditNoteLineRecord(NamedTuple):
    """What a credit note takes off one invoice line."""

    credit_note_id: int
    invoice_line_id: int
    net_minor: int
    nonrecoverable_tax_minor: int
    recoverable_tax_minor: int
    credit_note__currency: str


class ExceptionRecord(NamedTuple):
    """An exception's row."""

    id: int
    public_id: UUID
    outcome: str
    detail: str
    opened_at: dt.datetime
    resolution: str
    reason: str
    resolved_at: dt.datetime | None
    invoice_id: int
    invoice_line_id: int | None
    requested_by_name: str | None
    resolved_by_name: str | None


@dataclass(frozen=True, slots=True)
class InvoiceWhere(records.Where):
    """Conditions on invoices."""

    vendor_ids: Collection[UUID] | None = records.lookup("vendor__public_id__in")
    numbers: Collection[str] | None = records.lookup("number__in")
    invoiced_from: dt.date | None = records.lookup("invoiced_on__gte")
    invoiced_before: dt.date | None = records.lookup("invoiced_on__lt")


@dataclass(frozen=True, slots=True)
class CreditNoteWhere(records.Where):
    """Conditions on credit notes."""

    vendor_invoice_ids: Collection[UUID] | None = records.lookup("invoice__public_id__in")


@dataclass(frozen=True, slots=True)
class ExceptionWhere(records.Where):
    """Conditions on exceptions."""

    outcomes: Collection[str] | None = records.lookup("outcome__in")
    is_open: bool | None = records.lookup("resolved_at__isnull")
    vendor_invoice_ids: Collection[UUID] | None = records.lookup("invoice__public_id__in")


INVOICES = records.Source(model=models.VendorInvoice, record=InvoiceRecord, permissions=READERS)
INVOICE_LINES = records.Source(
    model=models.VendorInvoiceLine, record=InvoiceLineRecord, permissions=READERS
)
LINES_OF_INVOICES = records.Details(
    model=models.VendorInvoiceLine,
    record=InvoiceLineRecord,
    whole=INVOICES,
    link="invoice_id",
    order=("number",),
)
MATCHES_OF_LINES = records.Details(
    model=models.Match,
    record=MatchRecord,
    whole=INVOICE_LINES,
    link="invoice_line_id",
    order=("-run", "id"),
)
CREDIT_NOTES = records.Source(model=models.CreditNote, record=CreditNoteRecord, permissions=READERS)
LINES_OF_CREDIT_NOTES = records.Details(
    model=models.CreditNoteLine,
    record=CreditNoteLineRecord,
    whole=CREDIT_NOTES,
    link="credit_note_id",
    order=("id",),
)
EXCEPTIONS = records.Source(
    model=models.MatchException,
    record=ExceptionRecord,
    permissions=READERS,
    columns={
        "requested_by_name": "requested_by__username",
        "resolved_by_name": "resolved_by__username",
    },
)
