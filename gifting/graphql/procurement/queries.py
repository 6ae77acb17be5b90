"""The reads of procurement: each field is one call into a selector."""

from __future__ import annotations

from typing import Annotated, cast

import strawberry
from strawberry import relay

from gifting.domain import money
from gifting.graphql import context, inputs, pages, scalars
from gifting.graphql.procurement import figures, types
from gifting.graphql.procurement import inputs as asked
from gifting.selectors import (
    accruals,
    fiscal,
    invoices,
    orders,
    outside,
    purchasing,
    records,
    vendors,
)

LATEST: records.Order = records.Order("id", is_descending=True)
READS_ORDERS = "Needs READ_BUDGETS or READ_SPEND."
READS_INVOICES = "Needs WRITE_BUDGETS, APPROVE or READ_ACCESS."
Window = Annotated[asked.PurchaseWindow, strawberry.argument(description="Which purchases.")]


@strawberry.type
class Query:
    """Hold the procurement part of the schema's query type."""

    purchase_orders: pages.Connection[types.PurchaseOrder] = pages.connection(
        orders.ORDERS,
        where=orders.OrderWhere,
        conditions=asked.PurchaseOrderFilter,
        order=asked.PurchaseOrderOrder,
        unsaid_order=LATEST,
        description=f"The purchase orders that the viewer sees. {READS_ORDERS}",
    )
    receipts: pages.Connection[types.Receipt] = pages.connection(
        orders.RECEIPTS,
        where=orders.ReceiptWhere,
        conditions=asked.ReceiptFilter,
        order=asked.ReceiptOrder,
        unsaid_order=LATEST,
        description=f"The proofs of delivery and redemption. {READS_ORDERS}",
    )
    contract_prices: pages.Connection[types.ContractPrice] = pages.connection(
        orders.CONTRACT_PRICES,
        where=orders.ContractPriceWhere,
        conditions=asked.ContractPriceFilter,
        order=asked.ContractPriceOrder,
        unsaid_order=LATEST,
        description=f"The prices agreed with vendors. {READS_ORDERS}",
    )
    vendor_invoices: pages.Connection[types.VendorInvoice] = pages.connection(
        invoices.INVOICES,
        where=invoices.InvoiceWhere,
        conditions=asked.VendorInvoiceFilter,
        order=asked.VendorInvoiceOrder,
        unsaid_order=LATEST,
        description=f"The vendors' invoices. {READS_INVOICES}",
    )
    credit_notes: pages.Connection[types.CreditNote] = pages.connection(
        invoices.CREDIT_NOTES,
        where=invoices.CreditNoteWhere,
        conditions=asked.CreditNoteFilter,
        order=asked.CreditNoteOrder,
        unsaid_order=LATEST,
        description=f"The vendors' credit notes. {READS_INVOICES}",
    )
    match_exceptions: pages.Connection[types.MatchException] = pages.connection(
        invoices.EXCEPTIONS,
        where=invoices.ExceptionWhere,
        conditions=asked.MatchExceptionFilter,
        order=asked.MatchExceptionOrder,
        unsaid_order=LATEST,
        description=f"The queue of what does not fit, and what left it. {READS_INVOICES}",
    )
    vendor_identities: pages.Connection[types.VendorIdentity] = pages.connection(
        vendors.IDENTITIES,
        where=vendors.IdentityWhere,
        conditions=asked.VendorIdentityFilter,
        order=asked.VendorIdentityOrder,
        unsaid_order=LATEST,
        description="By what vendors are known. Needs READ_CAMPAIGNS or READ_SPEND.",
    )
    vendor_merges: pages.Connection[types.VendorMerge] = pages.connection(
        vendors.MERGES,
        where=vendors.MergeWhere,
        conditions=asked.VendorMergeFilter,
        order=asked.VendorMergeOrder,
        unsaid_order=LATEST,
        description="The merges of vendors, and their ends. Needs READ_CAMPAIGNS or READ_SPEND.",
    )
    outside_spend: pages.Connection[types.OutsideSpend] = pages.connection(
        outside.SOURCE,
        where=outside.Where,
        conditions=asked.OutsideSpendFilter,
        order=asked.OutsideSpendOrder,
        unsaid_order=LATEST,
        description=(
            "What was spent outside the tool; senders see what their cost centers bear. Needs "
            "READ_BUDGETS."
        ),
    )

    @strawberry.field(
        description="What to accrue at the end of a fiscal period, with proof, reversal and the "
        "expense that follows. Needs READ_BUDGETS."
    )
    def accruals(
        self,
        info: context.Info,
        fiscal_period_id: Annotated[
            relay.GlobalID, strawberry.argument(description="The period at whose end.")
        ],
    ) -> figures.AccrualList:
        actor = info.context.actor
        period = asked.key_of(actor, fiscal.PERIODS, fiscal_period_id, "fiscal_period_id")
        rows = accruals.at_period_end(actor=actor, fiscal_period_id=period)
        variances = accruals.price_variances(actor=actor, fiscal_period_id=period)
        info.context.meet(rows)
        info.context.meet(variances)
        totals: dict[str, int] = {}
        for row in rows:
            totals[row.currency] = totals.get(row.currency, 0) + row.amount_minor
        # The rows have the types' own attributes.
        return figures.AccrualList(
            accruals=cast("list[figures.Accrual]", rows[: figures.MOST_ROWS]),
            totals=[
                scalars.money_of(money.Money(total, currency))
                for currency, total in sorted(totals.items())
            ],
            price_variances=cast(
                "list[figures.InvoicePriceVariance]", variances[: figures.MOST_ROWS]
            ),
            recognition=cast(
                "list[figures.PurchaseRecognition]",
                accruals.recognition(actor=actor, fiscal_period_id=period),
            ),
        )

    @strawberry.field(
        description="Vendors by legal entity, their concentration, prices of like items and what "
        "volume tiers would have saved. Needs READ_SPEND."
    )
    def vendor_consolidation(
        self, info: context.Info, window: Window
    ) -> figures.VendorConsolidation:
        wanted = _window(info, window)
        found = purchasing.consolidation(actor=info.context.actor, window=wanted)
        shown = figures.consolidation(found, wanted.currency)
        info.context.meet(shown.entities)
        return shown

    @strawberry.field(
        description="What was bought outside orders, agreed prices and the tool, with the rows on "
        "both sides. Needs READ_SPEND."
    )
    def maverick_rate(self, info: context.Info, window: Window) -> figures.MaverickRate:
        wanted = _window(info, window)
        found = purchasing.maverick(actor=info.context.actor, window=wanted)
        return figures.maverick(found, wanted.currency)

    @strawberry.field(
        description="Pairs of vendors whose names are alike, for review: at most 100, the likest "
        "first. Needs READ_CAMPAIGNS or READ_SPEND.",
        directives=[scalars.ListSize(assumed_size=20)],
    )
    def vendor_merge_candidates(self, info: context.Info) -> list[figures.VendorMergeCandidate]:
        found = vendors.candidates(actor=info.context.actor)
        info.context.meet(found)
        return cast("list[figures.VendorMergeCandidate]", list(found))


def _window(info: context.Info, window: asked.PurchaseWindow) -> purchasing.Window:
    currency = window.currency or info.context.organization.currency
    money.exponent(currency)
    if window.starts_on >= window.ends_on:
        raise inputs.IdOfOtherType("A window ends after its first day.", field="window")
    return purchasing.Window(currency, window.starts_on, window.ends_on)
