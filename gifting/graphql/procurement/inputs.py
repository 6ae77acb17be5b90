"""What may be asked of procurement: filters, orders and the inputs of its mutations."""

from __future__ import annotations

import datetime as dt
from enum import Enum
from typing import Any, Final
from uuid import UUID

import strawberry
from strawberry import relay

from gifting.domain import access, documents, matching
from gifting.graphql import fields, inputs, scalars
from gifting.models import orders as order_models
from gifting.models import outside as outside_models
from gifting.selectors import records

KEY: Final = (
    "Made by the client, 1 to 255 visible ASCII characters: the same request with the same key "
    "acts once."
)
UNITS: Final = "In units; of a blanket order in minor units of the currency."


fields.describe(
    order_models.ReceiptKind,
    name="ReceiptKind",
    description="How something is proved to have arrived.",
    values={"DELIVERY": "Delivered, by the carrier's proof.", "REDEMPTION": "Redeemed."},
)
fields.describe(
    outside_models.OutsideSource,
    name="OutsideSource",
    description="The system that a line of outside spend comes from.",
    values={
        "CARD": "A company card.",
        "EXPENSE": "An expense report.",
        "AP": "Accounts payable.",
        "GL": "The general ledger.",
    },
)
fields.describe(
    documents.IdentityKind,
    name="VendorIdentityKind",
    description="By what a vendor is known elsewhere.",
    values={
        "TAX_ID": "A tax number.",
        "DOMAIN": "A domain of the internet.",
        "NAME": "A name, without case, punctuation and legal form.",
        "PAYEE": "An account that is paid; only a digest of it is kept.",
    },
)
fields.describe(
    matching.Outcome,
    name="MatchOutcome",
    description="What the three-way match says of an invoice line.",
    values={
        "MATCHED": "Ordered, received and invoiced alike.",
        "WITHIN_TOLERANCE": "Off by no more than the tolerance allows.",
        "PRICE_VARIANCE": "The price is further off the order's than allowed.",
        "QTY_VARIANCE": "More was invoiced than ordered and received, beyond what is allowed.",
        "NO_RECEIPT": "Nothing of the order line has arrived.",
        "NO_PO": "The line names no order.",
        "DUPLICATE": "The invoice is here already; the copy was not posted.",
    },
)
fields.describe(
    matching.Resolution,
    name="MatchResolution",
    description="How an exception left the queue.",
    values={
        "CLEARED": "A later paper made it fit.",
        "RESOLVED": "Somebody repaired what was wrong.",
        "WAIVED": "Somebody, not who entered the invoice, accepts it as it is.",
    },
)


def key_of(
    actor: access.Actor, source: records.Source[Any], asked: relay.GlobalID, field: str
) -> int:
    """Return the internal key of a record that the actor sees; raises Forbidden and NotFound."""
    public_id = inputs.public_id(asked, node=source.model.__name__, field=field)
    return source.key(actor=actor, public_id=public_id, field=field)


def key_of_any(
    actor: access.Actor, source: records.Source[Any], asked: relay.GlobalID | None, field: str
) -> int | None:
    """Return the internal key of a record that may be left out."""
    return None if asked is None else key_of(actor, source, asked, field)


def public_id_of(
    actor: access.Actor, source: records.Source[Any], asked: relay.GlobalID, field: str
) -> UUID:
    """Return the public id of a record that the actor sees; raises Forbidden and NotFound."""
    key_of(actor, source, asked, field)
    return inputs.read_public_id(asked.node_id, field=field)


def _key() -> Any:
    return strawberry.field(description=KEY)


def _order_field(name: str, values: dict[str, tuple[str, str]], of: str) -> Any:
    """Make the enumeration of what records can be ordered by."""
    members = {
        code: strawberry.enum_value(column, description=text)
        for code, (column, text) in values.items()
    }
    made: Any = Enum(name, members)  # type: ignore[misc]  # made at run time
    made.__module__ = __name__
    return strawberry.enum(made, description=f"What {of} can be ordered by.")


RECORDED: Final = ("id", "The order in which they were recorded.")

PurchaseOrderOrder = inputs.order(
    _order_field(
        "PurchaseOrderOrderField",
        {"ORDERED_ON": ("ordered_on", "The day of the order."), "RECORDED": RECORDED},
        "purchase orders",
    ),
    "purchase orders",
)
ReceiptOrder = inputs.order(
    _order_field(
        "ReceiptOrderField",
        {"RECEIVED_ON": ("received_on", "The day of the receipt."), "RECORDED": RECORDED},
        "receipts",
    ),
    "receipts",
)
VendorInvoiceOrder = inputs.order(
    _order_field(
        "VendorInvoiceOrderField",
        {"INVOICED_ON": ("invoiced_on", "The date on the invoice."), "RECORDED": RECORDED},
        "invoices",
    ),
    "invoices",
)
CreditNoteOrder = inputs.order(
    _order_field(
        "CreditNoteOrderField",
        {"CREDITED_ON": ("credited_on", "The date on it."), "RECORDED": RECORDED},
        "credit notes",
    ),
    "credit notes",
)
MatchExceptionOrder = inputs.order(
    _order_field(
        "MatchExceptionOrderField",
        {"OPENED_AT": ("opened_at", "When it was found."), "RECORDED": RECORDED},
        "exceptions",
    ),
    "exceptions",
)
ContractPriceOrder = inputs.order(
    _order_field(
        "ContractPriceOrderField",
        {"STARTS_ON": ("starts_on", "The first day that it holds."), "RECORDED": RECORDED},
        "agreed prices",
    ),
    "agreed prices",
)
VendorIdentityOrder = inputs.order(
    _order_field("VendorIdentityOrderField", {"RECORDED": RECORDED}, "identities"), "identities"
)
VendorMergeOrder = inputs.order(
    _order_field("VendorMergeOrderField", {"RECORDED": RECORDED}, "merges"), "merges"
)
OutsideSpendOrder = inputs.order(
    _order_field(
        "OutsideSpendOrderField",
        {"SPENT_ON": ("spent_on", "The day of the line."), "RECORDED": RECORDED},
        "outside spend",
    ),
    "outside spend",
)


@strawberry.input(description="Conditions on purchase orders; all that are given must hold.")
class PurchaseOrderFilter:
    vendor_ids: list[relay.GlobalID] | None = inputs.ids("Vendor", "Only from these vendors.")
    numbers: list[str] | None = inputs.given("Only with one of these numbers, as written.")
    ordered_from: dt.date | None = inputs.given("Only ordered on this day or later.")
    ordered_before: dt.date | None = inputs.given("Only ordered before this day.")


@strawberry.input(description="Conditions on receipts; all that are given must hold.")
class ReceiptFilter:
    purchase_order_line_ids: list[relay.GlobalID] | None = inputs.ids(
        "PurchaseOrderLine", "Only of these order lines."
    )
    send_ids: list[relay.GlobalID] | None = inputs.ids("Send", "Only of these sends.")
    received_from: dt.date | None = inputs.given("Only received on this day or later.")
    received_before: dt.date | None = inputs.given("Only received before this day.")


@strawberry.input(description="Conditions on invoices; all that are given must hold.")
class VendorInvoiceFilter:
    vendor_ids: list[relay.GlobalID] | None = inputs.ids("Vendor", "Only from these vendors.")
    numbers: list[str] | None = inputs.given("Only with one of these numbers, as written.")
    invoiced_from: dt.date | None = inputs.given("Only dated this day or later.")
    invoiced_before: dt.date | None = inputs.given("Only dated before this day.")


@strawberry.input(description="Conditions on credit notes; all that are given must hold.")
class CreditNoteFilter:
    vendor_invoice_ids: list[relay.GlobalID] | None = inputs.ids("VendorInvoice", "Only of these.")


@strawberry.input(description="Conditions on exceptions; all that are given must hold.")
class MatchExceptionFilter:
    outcomes: list[matching.Outcome] | None = inputs.given("Only with one of these outcomes.")
    is_open: bool | None = inputs.given("Only those that nobody settled, or only settled ones.")
    vendor_invoice_ids: list[relay.GlobalID] | None = inputs.ids("VendorInvoice", "Only of these.")


@strawberry.input(description="Conditions on agreed prices; all that are given must hold.")
class ContractPriceFilter:
    vendor_ids: list[relay.GlobalID] | None = inputs.ids("Vendor", "Only of these vendors.")


@strawberry.input(description="Conditions on identities; all that are given must hold.")
class VendorIdentityFilter:
    vendor_ids: list[relay.GlobalID] | None = inputs.ids("Vendor", "Only of these vendors.")
    kinds: list[documents.IdentityKind] | None = inputs.given("Only of these kinds.")
    is_in_use: bool | None = inputs.given("Only those that stand for a vendor, or only others.")


@strawberry.input(description="Conditions on merges; all that are given must hold.")
class VendorMergeFilter:
    vendor_ids: list[relay.GlobalID] | None = inputs.ids("Vendor", "Only of these names.")
    is_merge: bool | None = inputs.given("Only merges, or only the ends of some.")


@strawberry.input(description="Conditions on outside spend; all that are given must hold.")
class OutsideSpendFilter:
    sources: list[outside_models.OutsideSource] | None = inputs.given("Only from these sources.")
    vendor_ids: list[relay.GlobalID] | None = inputs.ids("Vendor", "Only probably by these.")
    is_unclaimed: bool | None = inputs.given("Only what no budget bears, or only what one does.")
    is_of_unknown_vendor: bool | None = inputs.given("Only of merchants that nobody knows, or not.")
    spent_from: dt.date | None = inputs.given("Only spent on this day or later.")
    spent_before: dt.date | None = inputs.given("Only spent before this day.")


@strawberry.input(description="Which purchases a figure is about.")
class PurchaseWindow:
    starts_on: dt.date = strawberry.field(description="The first day.")
    ends_on: dt.date = strawberry.field(description="The first day after.")
    currency: str | None = strawberry.field(default=None, description=scalars.CURRENCY)


@strawberry.input(description="A line to be ordered.")
class PurchaseOrderLineInput:
    description: str = strawberry.field(description="What is ordered: 1 to 255 characters.")
    budget_id: relay.GlobalID = strawberry.field(description="The budget that it is reserved in.")
    quantity: scalars.MinorUnits = strawberry.field(description=f"1 or more. {UNITS}")
    unit_price_minor: scalars.MinorUnits = strawberry.field(
        description="The price of one unit, in minor units; 1 in a blanket order."
    )
    nonrecoverable_tax_minor: scalars.MinorUnits = strawberry.field(
        default=scalars.MinorUnits(0), description="Tax that stays a cost, in minor units."
    )
    recoverable_tax_minor: scalars.MinorUnits = strawberry.field(
        default=scalars.MinorUnits(0), description="Tax that comes back, in minor units."
    )
    gift_item_id: relay.GlobalID | None = strawberry.field(
        default=None, description="The vendor's item, if it is one."
    )
    gl_account: str = strawberry.field(default="", description="Its account in the books.")
    finance_tag: str = strawberry.field(default="", description="Finance's tag.")


@strawberry.input(description="An order to be placed; its lines are reserved, all or none.")
class PlacePurchaseOrderInput:
    idempotency_key: str = _key()
    vendor_id: relay.GlobalID = strawberry.field(description="Who sells.")
    number: str = strawberry.field(description="Its number, unique for the vendor.")
    cost_center_id: relay.GlobalID = strawberry.field(description="Who orders.")
    currency: str = strawberry.field(description="ISO 4217 code: that of the budgets.")
    ordered_on: dt.date = strawberry.field(description="The day of the order.")
    lines: list[PurchaseOrderLineInput] = strawberry.field(description="1 to 200 lines.")
    is_blanket: bool = strawberry.field(
        default=False, description="True when the lines are amounts to call off."
    )


@strawberry.input(description="An order of which no more will come.")
class ClosePurchaseOrderInput:
    idempotency_key: str = _key()
    order_id: relay.GlobalID = strawberry.field(description="Which order.")
    closed_on: dt.date = strawberry.field(description="The day of closing.")


@strawberry.input(description="Proof that something arrived: of an order line, a send or both.")
class RecordReceiptInput:
    idempotency_key: str = _key()
    kind: order_models.ReceiptKind = strawberry.field(description="How it is proved.")
    quantity: scalars.MinorUnits = strawberry.field(description=f"1 or more. {UNITS}")
    received_on: dt.date = strawberry.field(description="The day of arrival or redemption.")
    proof: str = strawberry.field(description="The carrier's or platform's own number.")
    source: str = strawberry.field(description="The system that tells it.")
    source_id: str = strawberry.field(description="Its number there; a second one is refused.")
    order_line_id: relay.GlobalID | None = strawberry.field(
        default=None, description="The order line of which it is."
    )
    send_id: relay.GlobalID | None = strawberry.field(
        default=None, description="The send that it proves."
    )


@strawberry.input(description="A position of an invoice: of an order line, or of a budget.")
class VendorInvoiceLineInput:
    description: str = strawberry.field(description="What is invoiced: 1 to 255 characters.")
    quantity: scalars.MinorUnits = strawberry.field(description=f"1 or more. {UNITS}")
    net_minor: scalars.MinorUnits = strawberry.field(description="Without tax, in minor units.")
    nonrecoverable_tax_minor: scalars.MinorUnits = strawberry.field(
        default=scalars.MinorUnits(0), description="Tax that stays a cost, in minor units."
    )
    recoverable_tax_minor: scalars.MinorUnits = strawberry.field(
        default=scalars.MinorUnits(0), description="Tax that comes back, in minor units."
    )
    order_line_id: relay.GlobalID | None = strawberry.field(
        default=None, description="The order line that it is of."
    )
    budget_id: relay.GlobalID | None = strawberry.field(
        default=None, description="What bears it when it is of no order."
    )
    gl_account: str = strawberry.field(default="", description="Its account in the books.")
    finance_tag: str = strawberry.field(default="", description="Finance's tag.")


@strawberry.input(description="An invoice to be entered: posted, matched, and never posted twice.")
class RecordVendorInvoiceInput:
    idempotency_key: str = _key()
    vendor_id: relay.GlobalID = strawberry.field(description="Who asks.")
    number: str = strawberry.field(description="Its number, as it stands on the invoice.")
    currency: str = strawberry.field(description="ISO 4217 code: that of the budgets.")
    invoiced_on: dt.date = strawberry.field(description="The date on the invoice.")
    total_minor: scalars.MinorUnits = strawberry.field(
        description="The total with all tax, in minor units; the lines must add up to it."
    )
    lines: list[VendorInvoiceLineInput] = strawberry.field(description="1 to 200 lines.")
    source: str = strawberry.field(default="API", description="Where it comes from.")


@strawberry.input(description="What is taken off one line of an invoice, in minor units.")
class CreditNoteLineInput:
    invoice_line_id: relay.GlobalID = strawberry.field(description="Which line.")
    net_minor: scalars.MinorUnits = strawberry.field(description="Without tax.")
    nonrecoverable_tax_minor: scalars.MinorUnits = strawberry.field(
        default=scalars.MinorUnits(0), description="Of the tax that stayed a cost."
    )
    recoverable_tax_minor: scalars.MinorUnits = strawberry.field(
        default=scalars.MinorUnits(0), description="Of the tax that comes back."
    )


@strawberry.input(description="A credit note to be entered.")
class RecordCreditNoteInput:
    idempotency_key: str = _key()
    invoice_id: relay.GlobalID = strawberry.field(description="The invoice that it is for.")
    number: str = strawberry.field(description="Its number, as it stands on the credit note.")
    credited_on: dt.date = strawberry.field(description="The date on the credit note.")
    reason: str = strawberry.field(description="Why.")
    lines: list[CreditNoteLineInput] = strawberry.field(description="1 to 200 lines.")


@strawberry.input(description="An exception to be settled.")
class SettleMatchExceptionInput:
    idempotency_key: str = _key()
    exception_id: relay.GlobalID = strawberry.field(description="Which exception.")
    resolution: matching.Resolution = strawberry.field(
        description="RESOLVED or WAIVED; whoever entered the invoice does not waive."
    )
    reason: str = strawberry.field(description="Why.")


@strawberry.input(description="How far invoices may be off; the lower of two limits counts.")
class SetMatchToleranceInput:
    idempotency_key: str = _key()
    currency: str = strawberry.field(description="ISO 4217 code of the invoices.")
    starts_on: dt.date = strawberry.field(description="For invoices of this date and later.")
    price_basis_points: int = strawberry.field(description="Of the order's price, 0 to 10000.")
    price_absolute_minor: scalars.MinorUnits = strawberry.field(
        description="Of one invoice line, in minor units."
    )
    quantity_basis_points: int = strawberry.field(description="Of the order, 0 to 10000.")
    quantity_absolute: scalars.MinorUnits = strawberry.field(description=f"At most. {UNITS}")


@strawberry.input(description="The price of a unit from so many units on.")
class PriceTierInput:
    minimum_quantity: scalars.MinorUnits = strawberry.field(description="From so many units on.")
    unit_price_minor: scalars.MinorUnits = strawberry.field(description="In minor units.")


@strawberry.input(description="A price to be agreed.")
class AgreeContractPriceInput:
    idempotency_key: str = _key()
    gift_item_id: relay.GlobalID = strawberry.field(description="The item, of its vendor.")
    currency: str = strawberry.field(description="ISO 4217 code of the price.")
    starts_on: dt.date = strawberry.field(description="The first day that it holds.")
    ends_on: dt.date | None = strawberry.field(default=None, description="The first day after.")
    reference: str = strawberry.field(description="The contract that says it.")
    tiers: list[PriceTierInput] = strawberry.field(
        description="1 to 50 tiers, the first from 1 unit."
    )


@strawberry.input(description="An agreed price to be ended.")
class EndContractPriceInput:
    idempotency_key: str = _key()
    contract_price_id: relay.GlobalID = strawberry.field(description="Which price.")
    ends_on: dt.date = strawberry.field(description="The first day that it no longer holds.")


@strawberry.input(description="By what a vendor is known elsewhere.")
class IdentifyVendorInput:
    idempotency_key: str = _key()
    vendor_id: relay.GlobalID = strawberry.field(description="Which vendor.")
    kind: documents.IdentityKind = strawberry.field(description="What it is.")
    value: str = strawberry.field(description="As it stands on an invoice or a statement.")


@strawberry.input(description="What no longer stands for a vendor.")
class RetireVendorIdentityInput:
    idempotency_key: str = _key()
    identity_id: relay.GlobalID = strawberry.field(description="Which identity.")


@strawberry.input(description="Two vendors that are one company.")
class MergeVendorsInput:
    idempotency_key: str = _key()
    vendor_id: relay.GlobalID = strawberry.field(description="The name that is another one's.")
    into_id: relay.GlobalID = strawberry.field(description="The vendor that it is.")
    reason: str = strawberry.field(description="How that is known.")


@strawberry.input(description="A merge that was wrong.")
class UnmergeVendorsInput:
    idempotency_key: str = _key()
    merge_id: relay.GlobalID = strawberry.field(description="Which merge.")
    reason: str = strawberry.field(description="How that is known.")


@strawberry.input(description="A line of another system.")
class OutsideSpendLineInput:
    source: outside_models.OutsideSource = strawberry.field(description="Where it comes from.")
    native_id: str = strawberry.field(description="Its id there; told once.")
    merchant: str = strawberry.field(description="As the source says.")
    spent_on: dt.date = strawberry.field(description="The day of the line.")
    amount: inputs.MoneyInput = strawberry.field(description="What was spent; above zero.")
    payee: str = strawberry.field(
        default="", description="The account that was paid, to guess by; not kept."
    )


@strawberry.input(description="Lines of other systems to be taken in.")
class RecordOutsideSpendInput:
    idempotency_key: str = _key()
    lines: list[OutsideSpendLineInput] = strawberry.field(description="1 to 500 lines.")


@strawberry.input(description="A line to be charged to a budget.")
class ClaimOutsideSpendInput:
    idempotency_key: str = _key()
    outside_spend_id: relay.GlobalID = strawberry.field(description="Which line.")
    budget_id: relay.GlobalID = strawberry.field(description="The budget that bears it.")
    vendor_id: relay.GlobalID | None = strawberry.field(
        default=None, description="Who it was, if that is certain now."
    )
