"""The papers of procurement as the API shows them."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar, Final
from uuid import UUID

import strawberry
from strawberry import relay

from gifting.domain import documents, matching
from gifting.graphql import context, fields, scalars, types
from gifting.graphql import loaders as edges
from gifting.graphql.procurement import loaders
from gifting.models import orders as order_models
from gifting.models import outside as outside_models
from gifting.selectors import invoices, orders, outside, vendors

UNITS: Final = "In units; of a blanket order in minor units of the currency."


@strawberry.type(description="One line of an order: units at a price, or an amount to call off.")
class PurchaseOrderLine(fields.Record):
    """Show an order line."""

    rows: ClassVar = orders.ORDER_LINES

    public_id: relay.NodeID[UUID]
    number: int = strawberry.field(description="Its place in the order, from 1.")
    description: str = strawberry.field(description="What is ordered.")
    quantity: scalars.MinorUnits = strawberry.field(description=f"What is ordered. {UNITS}")
    received_quantity: scalars.MinorUnits = fields.derived(
        lambda line, request: _standing(line, request).received,
        description=f"What arrived, the sum of its receipts. {UNITS}",
    )
    invoiced_quantity: scalars.MinorUnits = fields.derived(
        lambda line, request: _standing(line, request).invoiced,
        description=f"What was invoiced, the sum of its invoice lines. {UNITS}",
    )
    unit_price: scalars.Money = fields.amount(
        "unit_price_minor", currency="order__currency", description="The price of one unit."
    )
    nonrecoverable_tax: scalars.Money = fields.amount(
        "nonrecoverable_tax_minor",
        currency="order__currency",
        description="Tax of the line that stays a cost of the budget.",
    )
    recoverable_tax: scalars.Money = fields.amount(
        "recoverable_tax_minor",
        currency="order__currency",
        description="Tax of the line that comes back; no cost.",
    )
    open_amount: scalars.Money = fields.amount(
        "open_minor",
        currency="order__currency",
        description="What the line still reserves in its budget: neither arrived nor given back.",
    )
    accrued_amount: scalars.Money = fields.amount(
        "commitment__accrued_minor",
        currency="order__currency",
        description="Goods received, not invoiced, at the order's price.",
    )
    gl_account: str = strawberry.field(description="Its account in the books; empty if none.")
    finance_tag: str = strawberry.field(description="Finance's tag; empty if none.")
    budget: types.Budget | None = fields.link(
        loaders.BudgetByIdLoader, "budget_id", description=f"What pays for it. {types.UNSEEN}"
    )
    gift_item: types.GiftItem | None = fields.link(
        edges.GiftItemByIdLoader, "gift_item_id", description="The item; null if none was named."
    )


@strawberry.type(description="What was ordered from a vendor under one number.")
class PurchaseOrder(fields.Record):
    """Show an order."""

    rows: ClassVar = orders.ORDERS

    public_id: relay.NodeID[UUID]
    number: str = strawberry.field(description="Its number, unique for the vendor.")
    currency: str = strawberry.field(description="ISO 4217 code of the currency.")
    ordered_on: dt.date = strawberry.field(description="Its day, in the organization's zone.")
    is_blanket: bool = strawberry.field(
        description="True when its lines are amounts to call off, not units."
    )
    recorded_at: dt.datetime = strawberry.field(description="When it was recorded here.")
    vendor: types.Vendor | None = fields.link(
        edges.VendorByIdLoader, "vendor_id", description="Who sells."
    )
    cost_center: types.CostCenter | None = fields.link(
        edges.CostCenterByIdLoader,
        "cost_center_id",
        description=f"Who ordered. {types.UNSEEN}",
    )
    lines: list[PurchaseOrderLine] = fields.link(
        loaders.LinesByOrderIdLoader,
        "id",
        description="Its lines, at most 200.",
        directives=[scalars.ListSize(assumed_size=5)],
    )


@strawberry.type(description="Proof that something arrived or was redeemed.")
class Receipt(fields.Record):
    """Show a receipt."""

    rows: ClassVar = orders.RECEIPTS

    public_id: relay.NodeID[UUID]
    kind: order_models.ReceiptKind = strawberry.field(description="How it is proved.")
    quantity: scalars.MinorUnits = strawberry.field(description=f"What arrived. {UNITS}")
    amount: scalars.Money = fields.amount(
        "amount_minor", description="Units x order price; 0 for a send without an order."
    )
    received_on: dt.date = strawberry.field(description="The day, in the organization's zone.")
    proof: str = strawberry.field(description="The carrier's or platform's own number.")
    source: str = strawberry.field(description="The system that told it.")
    source_id: str = strawberry.field(description="Its number there; told once.")
    vendor: types.Vendor | None = fields.link(
        edges.VendorByIdLoader, "vendor_id", description="Who supplied it."
    )
    order_line: PurchaseOrderLine | None = fields.link(
        loaders.OrderLineByIdLoader, "order_line_id", description="What of an order it is; or null."
    )
    send: types.Send | None = fields.link(
        edges.SendByIdLoader, "send_id", description="The send that it proves; or null."
    )


@strawberry.type(
    description="The price of a unit from so many units on.", directives=[scalars.FREE]
)
class PriceTier:
    """Show a tier."""

    minimum_quantity: scalars.MinorUnits = strawberry.field(description="From so many units on.")
    unit_price: scalars.Money = fields.amount(
        "unit_price_minor",
        currency="contract_price__currency",
        description="The price of one unit.",
    )


@strawberry.type(description="What a vendor agreed to ask for an item in some days.")
class ContractPrice(fields.Record):
    """Show an agreed price."""

    rows: ClassVar = orders.CONTRACT_PRICES

    public_id: relay.NodeID[UUID]
    currency: str = strawberry.field(description="ISO 4217 code of the currency.")
    starts_on: dt.date = strawberry.field(description="The first day that it holds.")
    ends_on: dt.date | None = strawberry.field(
        description="The first day after; null when it has no end."
    )
    reference: str = strawberry.field(description="The contract that says it.")
    vendor: types.Vendor | None = fields.link(
        edges.VendorByIdLoader, "vendor_id", description="Who agreed."
    )
    gift_item: types.GiftItem | None = fields.link(
        edges.GiftItemByIdLoader, "gift_item_id", description="The item that it is for."
    )
    tiers: list[PriceTier] = fields.link(
        loaders.TiersByContractPriceIdLoader,
        "id",
        description="The tiers, from the smallest volume on; at most 50.",
        directives=[scalars.ListSize(assumed_size=5)],
    )


@strawberry.type(
    description="Units of an invoice line that were ordered and received.",
    directives=[scalars.FREE],
)
class Match:
    """Show a part of the last match of an invoice line."""

    outcome: matching.Outcome = strawberry.field(description="What is said of the invoice line.")
    quantity: scalars.MinorUnits = strawberry.field(
        description=f"Matched; 0 when nothing is. {UNITS}"
    )
    amount: scalars.Money = fields.amount(
        "amount_minor",
        currency="invoice_line__invoice__currency",
        description="Matched units x the lower of order and invoice price.",
    )
    excess_quantity: scalars.MinorUnits = strawberry.field(
        description=f"Invoiced so far less the smaller of ordered and received. {UNITS}"
    )
    price_variance: scalars.Money = fields.amount(
        "price_variance_minor",
        currency="invoice_line__invoice__currency",
        description="Net amount less credits less units x order price; below zero is cheaper.",
    )
    receipt: Receipt | None = fields.link(
        loaders.ReceiptByIdLoader, "receipt_id", description="What arrived; null when unmatched."
    )


@strawberry.type(description="One position of an invoice.")
class VendorInvoiceLine(fields.Record):
    """Show an invoice line."""

    rows: ClassVar = invoices.INVOICE_LINES

    public_id: relay.NodeID[UUID]
    number: int = strawberry.field(description="Its place in the invoice, from 1.")
    description: str = strawberry.field(description="What is invoiced.")
    quantity: scalars.MinorUnits = strawberry.field(description=f"What is invoiced. {UNITS}")
    net: scalars.Money = fields.amount(
        "net_minor", currency="invoice__currency", description="The amount without tax."
    )
    nonrecoverable_tax: scalars.Money = fields.amount(
        "nonrecoverable_tax_minor",
        currency="invoice__currency",
        description="Tax that stays a cost: part of actual.",
    )
    recoverable_tax: scalars.Money = fields.amount(
        "recoverable_tax_minor",
        currency="invoice__currency",
        description="Tax that comes back: no part of actual.",
    )
    order_line: PurchaseOrderLine | None = fields.link(
        loaders.OrderLineByIdLoader, "order_line_id", description="What of an order it is; or null."
    )
    budget: types.Budget | None = fields.link(
        loaders.BudgetByIdLoader, "budget_id", description=f"What bears it. {types.UNSEEN}"
    )
    matches: list[Match] = fields.link(
        loaders.MatchesByInvoiceLineIdLoader,
        "id",
        description="The last match of the line, one entry a receipt; at most 250.",
        directives=[scalars.ListSize(assumed_size=3)],
    )


@strawberry.type(description="What a vendor asks for under one number.")
class VendorInvoice(fields.Record):
    """Show an invoice."""

    rows: ClassVar = invoices.INVOICES

    public_id: relay.NodeID[UUID]
    number: str = strawberry.field(
        description="Its number, unique for the vendor whatever its case, blanks, punctuation and "
        "leading zeros."
    )
    invoiced_on: dt.date = strawberry.field(description="The date on the invoice.")
    total: scalars.Money = fields.amount(
        "total_minor", description="As it stands on the invoice, with all tax."
    )
    source: str = strawberry.field(description="Where it came from.")
    recorded_at: dt.datetime = strawberry.field(description="When it was recorded here.")
    vendor: types.Vendor | None = fields.link(
        edges.VendorByIdLoader, "vendor_id", description="Who asks."
    )
    fiscal_period: types.FiscalPeriod | None = fields.link(
        edges.FiscalPeriodByIdLoader, "fiscal_period_id", description="Where it is posted."
    )
    lines: list[VendorInvoiceLine] = fields.link(
        loaders.LinesByInvoiceIdLoader,
        "id",
        description="Its lines, at most 200; they add up to the total.",
        directives=[scalars.ListSize(assumed_size=5)],
    )


@strawberry.type(description="What is taken off one invoice line.", directives=[scalars.FREE])
class CreditNoteLine:
    """Show a line of a credit note."""

    net: scalars.Money = fields.amount(
        "net_minor", currency="credit_note__currency", description="Taken off, without tax."
    )
    nonrecoverable_tax: scalars.Money = fields.amount(
        "nonrecoverable_tax_minor",
        currency="credit_note__currency",
        description="Taken off the tax that stayed a cost.",
    )
    recoverable_tax: scalars.Money = fields.amount(
        "recoverable_tax_minor",
        currency="credit_note__currency",
        description="Taken off the tax that comes back.",
    )
    invoice_line: VendorInvoiceLine | None = fields.link(
        loaders.InvoiceLineByIdLoader, "invoice_line_id", description="What it is taken off."
    )


@strawberry.type(description="What a vendor takes off an invoice afterwards.")
class CreditNote(fields.Record):
    """Show a credit note."""

    rows: ClassVar = invoices.CREDIT_NOTES

    public_id: relay.NodeID[UUID]
    number: str = strawberry.field(description="Its number, unique for the vendor.")
    credited_on: dt.date = strawberry.field(description="The date on the credit note.")
    reason: str = strawberry.field(description="Why.")
    recorded_at: dt.datetime = strawberry.field(description="When it was recorded here.")
    invoice: VendorInvoice | None = fields.link(
        loaders.InvoiceByIdLoader, "invoice_id", description="The invoice that it is for."
    )
    fiscal_period: types.FiscalPeriod | None = fields.link(
        edges.FiscalPeriodByIdLoader, "fiscal_period_id", description="Where it is posted."
    )
    lines: list[CreditNoteLine] = fields.link(
        loaders.LinesByCreditNoteIdLoader,
        "id",
        description="Its lines, at most 200.",
        directives=[scalars.ListSize(assumed_size=5)],
    )


@strawberry.type(description="Something that does not fit, for somebody to look at.")
class MatchException(fields.Record):
    """Show an exception of the queue."""

    rows: ClassVar = invoices.EXCEPTIONS

    public_id: relay.NodeID[UUID]
    outcome: matching.Outcome = strawberry.field(description="What is wrong.")
    detail: str = strawberry.field(description="What is wrong, in words.")
    opened_at: dt.datetime = strawberry.field(description="When it was found.")
    resolution: matching.Resolution | None = fields.derived(
        lambda row, _: row.resolution or None, description="How it was settled; null when open."
    )
    reason: str = strawberry.field(description="Why it was settled so; empty when open.")
    resolved_at: dt.datetime | None = strawberry.field(
        description="When it was settled; null when open."
    )
    requested_by_name: str | None = strawberry.field(
        description="The login name of who entered the invoice, and may not waive it."
    )
    resolved_by_name: str | None = strawberry.field(
        description="The login name of who settled it; null when a paper did, or when open."
    )
    invoice: VendorInvoice | None = fields.link(
        loaders.InvoiceByIdLoader, "invoice_id", description="The invoice; of a copy the first one."
    )
    invoice_line: VendorInvoiceLine | None = fields.link(
        loaders.InvoiceLineByIdLoader, "invoice_line_id", description="The line; null of a copy."
    )


@strawberry.type(description="By what a vendor is known elsewhere.")
class VendorIdentity(fields.Record):
    """Show an identity."""

    rows: ClassVar = vendors.IDENTITIES

    public_id: relay.NodeID[UUID]
    kind: documents.IdentityKind = strawberry.field(description="What it is.")
    value: str = strawberry.field(description="Normalized; of a payee a digest.")
    retired_at: dt.datetime | None = strawberry.field(
        description="When it stopped to stand for the vendor; null while it does."
    )
    vendor: types.Vendor | None = fields.link(
        edges.VendorByIdLoader, "vendor_id", description="The vendor that it stands for."
    )


@strawberry.type(description="Two vendors were found to be one company, or not to be after all.")
class VendorMerge(fields.Record):
    """Show an event of merging."""

    rows: ClassVar = vendors.MERGES

    public_id: relay.NodeID[UUID]
    reason: str = strawberry.field(description="Why.")
    recorded_at: dt.datetime = strawberry.field(description="When.")
    vendor: types.Vendor | None = fields.link(
        edges.VendorByIdLoader, "vendor_id", description="The name that stands for the other one."
    )
    into: types.Vendor | None = fields.link(
        edges.VendorByIdLoader, "into_id", description="The vendor that it is."
    )
    undoes: VendorMerge | None = fields.link(
        loaders.MergeByIdLoader, "undoes_id", description="The merge that ends here; null of one."
    )


@strawberry.type(description="A line of another system that was spent outside the tool.")
class OutsideSpend(fields.Record):
    """Show a line of outside spend."""

    rows: ClassVar = outside.SOURCE

    public_id: relay.NodeID[UUID]
    source: outside_models.OutsideSource = strawberry.field(description="Where it comes from.")
    native_id: str = strawberry.field(description="Its id there; told once.")
    merchant: str = strawberry.field(description="As the source says.")
    spent_on: dt.date = strawberry.field(description="The day of the line.")
    amount: scalars.Money = fields.amount("amount_minor", description="What was spent.")
    confidence_basis_points: int = strawberry.field(
        description="How sure the vendor is: 10000 is certain, 0 unknown."
    )
    claimed_at: dt.datetime | None = strawberry.field(
        description="When it was charged to a budget; null before."
    )
    vendor: types.Vendor | None = fields.link(
        edges.VendorByIdLoader, "vendor_id", description="Who it probably was; null when unknown."
    )
    budget: types.Budget | None = fields.link(
        loaders.BudgetByIdLoader, "budget_id", description="What it is charged to; null before."
    )


def _standing(line: orders.OrderLineRecord, request: context.Context) -> orders.LineStanding:
    """Bring the lines of the whole page along."""
    loader = request.loader(loaders.StandingByOrderLineIdLoader)
    if not loader.knows(line.id):
        loader.announce(each.id for each in request.siblings(line))
    return loader.load(line.id)
