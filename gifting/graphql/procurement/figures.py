"""Figures of procurement: the accrual list, the evidence for fewer vendors, the maverick rate."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Final

import strawberry

from gifting.domain import money
from gifting.graphql import fields, scalars, types
from gifting.graphql import loaders as edges
from gifting.graphql.procurement import loaders
from gifting.selectors import accruals, purchasing

MOST_ROWS: Final = 500
DECIMALS: Final = Decimal("0.000001")
CAPPED: Final = f"At most {MOST_ROWS}; the figures count all."

fields.describe(
    accruals.Source,
    name="AccrualSource",
    description="What an accrual is of.",
    values={"ORDER": "A line of an order.", "COMMITMENT": "Another commitment of the ledger."},
)


@strawberry.type(
    description="A receipt whose units are not all invoiced.", directives=[scalars.FREE]
)
class AccrualProof:
    """Show a proof of delivery."""

    kind: str = strawberry.field(description="DELIVERY or REDEMPTION.")
    received_on: dt.date = strawberry.field(description="The day of arrival.")
    quantity: scalars.MinorUnits = strawberry.field(description="Units of the receipt.")
    proof: str = strawberry.field(description="The carrier's or platform's own number.")


@strawberry.type(
    description="What was delivered and is not invoiced at the end of a period.",
    directives=[scalars.FREE],
)
class Accrual:
    """Show a line of the accrual list."""

    source: accruals.Source = strawberry.field(description="What it is of.")
    vendor_name: str = strawberry.field(description="Who supplied it; empty when not known.")
    cost_center_code: str = strawberry.field(description="The cost center of the budget.")
    gl_account: str = strawberry.field(description="The account in the books; empty if none.")
    finance_tag: str = strawberry.field(description="Finance's tag; empty if none.")
    reference: str = strawberry.field(description="The order's number, or the commitment's words.")
    description: str = strawberry.field(description="What it is.")
    quantity: scalars.MinorUnits = strawberry.field(
        description="Received less invoiced units; 0 of a commitment."
    )
    amount: scalars.Money = fields.amount(
        "amount_minor", description="Received less invoiced units x order price."
    )
    accrued_on: dt.date = strawberry.field(description="The last day of the period.")
    reverses_on: dt.date = strawberry.field(
        description="The first day of the next period, on which the journal takes it back."
    )
    proofs: list[AccrualProof] = strawberry.field(
        description="The receipts that prove it; at most 50.",
        directives=[scalars.ListSize(assumed_size=2)],
    )
    budget: types.Budget | None = fields.link(
        loaders.BudgetByIdLoader, "budget_id", description=f"What bears it. {types.UNSEEN}"
    )
    vendor: types.Vendor | None = fields.link(
        edges.VendorByIdLoader, "vendor_id", description="Who supplied it; or null."
    )


@strawberry.type(
    description="By how much an invoice line differs from its order's price; no accrual.",
    directives=[scalars.FREE],
)
class InvoicePriceVariance:
    """Show a price variance."""

    invoice_number: str = strawberry.field(description="The number of the invoice.")
    gl_account: str = strawberry.field(description="The account in the books; empty if none.")
    finance_tag: str = strawberry.field(description="Finance's tag; empty if none.")
    quantity: scalars.MinorUnits = strawberry.field(description="Invoiced units.")
    amount: scalars.Money = fields.amount(
        "amount_minor", description="Net amount - units x order price; below zero is cheaper."
    )
    vendor: types.Vendor | None = fields.link(
        edges.VendorByIdLoader, "vendor_id", description="Who asked."
    )


@strawberry.type(
    description="What purchases of one currency cost in a period.", directives=[scalars.FREE]
)
class PurchaseRecognition:
    """Show what the expense of a period is made of."""

    accrued: scalars.Money = fields.amount(
        "accrued_minor", description="Orders: received, not invoiced at the end of the period."
    )
    reversed_amount: scalars.Money = fields.amount(
        "reversed_minor", description="The accrual of the period before, taken back."
    )
    invoiced: scalars.Money = fields.amount(
        "invoiced_minor", description="Invoices posted: net + non-recoverable tax."
    )
    credited: scalars.Money = fields.amount(
        "credited_minor", description="Credit notes posted: net + non-recoverable tax."
    )
    expense: scalars.Money = fields.amount(
        "expense_minor", description="Accrued - reversed + invoiced - credited."
    )


@strawberry.type(description="The accrual list of a period.", directives=[scalars.FREE])
class AccrualList:
    """Show what to accrue, what varied, and what the period costs."""

    accruals: list[Accrual] = strawberry.field(
        description=f"What was delivered and not invoiced. {CAPPED}",
        directives=[scalars.ListSize(assumed_size=20)],
    )
    totals: list[scalars.Money] = strawberry.field(
        description="The sum of all accruals, one amount a currency.",
        directives=[scalars.ListSize(assumed_size=3)],
    )
    price_variances: list[InvoicePriceVariance] = strawberry.field(
        description=f"What invoices of the period were off their orders' prices. {CAPPED}",
        directives=[scalars.ListSize(assumed_size=20)],
    )
    recognition: list[PurchaseRecognition] = strawberry.field(
        description="What purchases cost in the period, one entry a currency.",
        directives=[scalars.ListSize(assumed_size=3)],
    )


@strawberry.type(description="What one legal entity was paid.", directives=[scalars.FREE])
class EntitySpend:
    """Show the purchases from one company, whatever its names."""

    name: str = strawberry.field(description="The vendor that stands for it; empty if unknown.")
    vendors: int = strawberry.field(description="Under how many names it was paid.")
    amount: scalars.Money = strawberry.field(description="Invoices net of credits + outside spend.")
    vendor: types.Vendor | None = fields.link(
        edges.VendorByIdLoader, "entity_id", description="The vendor; null of unknown merchants."
    )
    entity_id: strawberry.Private[int | None]


@strawberry.type(description="What one unit of like items cost.", directives=[scalars.FREE])
class ItemPrices:
    """Show how far prices of items that are called alike lie apart."""

    name: str = strawberry.field(description="The items' name, without case and punctuation.")
    vendors: int = strawberry.field(description="How many companies sold it.")
    quantity: scalars.MinorUnits = strawberry.field(description="Units bought.")
    lowest: scalars.Money = strawberry.field(description="The lowest price of a unit, net.")
    median: scalars.Money = strawberry.field(description="The median over invoice lines.")
    highest: scalars.Money = strawberry.field(description="The highest price of a unit, net.")


@strawberry.type(
    description="What units would have cost at the tier that their sum reaches.",
    directives=[scalars.FREE],
)
class TierSaving:
    """Show what the volume tier of a contract would have saved."""

    item_name: str = strawberry.field(description="The item's name.")
    quantity: scalars.MinorUnits = strawberry.field(description="Units bought in the window.")
    minimum_quantity: scalars.MinorUnits = strawberry.field(description="Where the tier begins.")
    unit_price: scalars.Money = strawberry.field(description="The tier's price of a unit.")
    paid: scalars.Money = strawberry.field(description="Paid for them, net of credits.")
    would_have_paid: scalars.Money = strawberry.field(description="Units x the tier's price.")
    saving: scalars.Money = strawberry.field(description="Paid - would have paid; not below zero.")


@strawberry.type(description="How spread purchases are, and what that costs.")
class VendorConsolidation:
    """Show the evidence for fewer vendors."""

    vendors: int = strawberry.field(description="Names that were paid.")
    legal_entities: int = strawberry.field(description="Companies that were paid, after merges.")
    top_three: scalars.Ratio = strawberry.field(
        description="The share of the three largest companies."
    )
    tail: scalars.Ratio = strawberry.field(
        description="The share of those beyond the first 80% of the purchases."
    )
    tail_entities: int = strawberry.field(description="How many companies the tail has.")
    entities: list[EntitySpend] = strawberry.field(
        description=f"Purchases by company, the largest first. {CAPPED}",
        directives=[scalars.ListSize(assumed_size=20)],
    )
    prices: list[ItemPrices] = strawberry.field(
        description=f"Prices of like items. {CAPPED}",
        directives=[scalars.ListSize(assumed_size=20)],
    )
    savings: list[TierSaving] = strawberry.field(
        description=f"What volume tiers would have saved. {CAPPED}",
        directives=[scalars.ListSize(assumed_size=20)],
    )


@strawberry.type(description="One purchase behind a figure.", directives=[scalars.FREE])
class PurchaseRow:
    """Show an invoice line or a line of outside spend."""

    kind: str = strawberry.field(description="INVOICE, or the source of outside spend.")
    reference: str = strawberry.field(description="The invoice's number, or the id at the source.")
    vendor_name: str = strawberry.field(description="The company; empty if unknown.")
    bought_on: dt.date = strawberry.field(description="The date on it.")
    amount: scalars.Money = strawberry.field(description="Net of credits.")
    has_order: bool = strawberry.field(description="True when an order stands behind it.")
    has_contract: bool = strawberry.field(description="True when a price was agreed on the day.")


@strawberry.type(description="What was bought outside orders, agreed prices and the tool.")
class MaverickRate:
    """Show the rate with the rows on both sides of it."""

    rate: scalars.Ratio = strawberry.field(description="Maverick purchases / all purchases.")
    maverick: list[PurchaseRow] = strawberry.field(
        description=f"The rows of the numerator. {CAPPED}",
        directives=[scalars.ListSize(assumed_size=20)],
    )
    compliant: list[PurchaseRow] = strawberry.field(
        description=f"The other rows of the denominator. {CAPPED}",
        directives=[scalars.ListSize(assumed_size=20)],
    )


@strawberry.type(description="Two vendors that may be one company.", directives=[scalars.FREE])
class VendorMergeCandidate:
    """Show a pair for review."""

    likeness_basis_points: int = strawberry.field(
        description="How alike the names are, by trigrams: 10000 is the same."
    )
    vendor: types.Vendor | None = fields.link(
        edges.VendorByIdLoader, "vendor_id", description="One of them."
    )
    other: types.Vendor | None = fields.link(
        edges.VendorByIdLoader, "other_id", description="The other one."
    )


def consolidation(found: purchasing.Consolidation, currency: str) -> VendorConsolidation:
    """Show the evidence in its currency."""
    return VendorConsolidation(
        vendors=found.vendors,
        legal_entities=found.legal_entities,
        top_three=_ratio(found.top, currency, "purchases of the three largest / all purchases"),
        tail=_ratio(
            purchasing.Share(found.tail_minor, found.total_minor),
            currency,
            "purchases from companies beyond the first 80% / all purchases",
        ),
        tail_entities=len(found.tail),
        entities=[
            EntitySpend(
                name=each.name,
                vendors=each.vendors,
                amount=_amount(each.amount_minor, currency),
                entity_id=each.entity_id,
            )
            for each in found.entities[:MOST_ROWS]
        ],
        prices=[
            ItemPrices(
                name=each.name,
                vendors=each.vendors,
                quantity=scalars.MinorUnits(each.quantity),
                lowest=_amount(each.lowest_minor, currency),
                median=_amount(each.median_minor, currency),
                highest=_amount(each.highest_minor, currency),
            )
            for each in found.prices[:MOST_ROWS]
        ],
        savings=[
            TierSaving(
                item_name=each.item_name,
                quantity=scalars.MinorUnits(each.quantity),
                minimum_quantity=scalars.MinorUnits(each.minimum_quantity),
                unit_price=_amount(each.unit_price_minor, currency),
                paid=_amount(each.paid_minor, currency),
                would_have_paid=_amount(each.would_have_paid_minor, currency),
                saving=_amount(each.saving_minor, currency),
            )
            for each in found.savings[:MOST_ROWS]
        ],
    )


def maverick(found: purchasing.Maverick, currency: str) -> MaverickRate:
    """Show the rate in its currency."""
    return MaverickRate(
        rate=_ratio(found.rate, currency, "maverick purchases / all purchases"),
        maverick=[_row(each, currency) for each in found.outside[:MOST_ROWS]],
        compliant=[_row(each, currency) for each in found.inside[:MOST_ROWS]],
    )


def _row(each: purchasing.Purchase, currency: str) -> PurchaseRow:
    return PurchaseRow(
        kind=each.kind,
        reference=each.reference,
        vendor_name=each.entity_name,
        bought_on=each.bought_on,
        amount=_amount(each.amount_minor, currency),
        has_order=each.has_order,
        has_contract=each.has_contract,
    )


def _amount(amount_minor: int, currency: str) -> scalars.Money:
    return scalars.money_of(money.Money(amount_minor, currency))


def _ratio(share: purchasing.Share, currency: str, formula: str) -> scalars.Ratio:
    value = share.value
    return scalars.Ratio(
        value=None if value is None else _decimal(value),
        numerator=_amount(share.numerator_minor, currency),
        denominator=_amount(share.denominator_minor, currency),
        formula=formula,
        null_reason="Nothing was bought." if value is None else None,
    )


def _decimal(value: Fraction) -> Decimal:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return exact.quantize(DECIMALS, ROUND_HALF_EVEN)
