"""The writes of procurement: each field reads its input, makes one call and shows the result."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import strawberry

from gifting.domain import access, matching, money
from gifting.graphql import context, errors
from gifting.graphql.procurement import inputs as asked
from gifting.graphql.procurement import types
from gifting.selectors import budgets as budget_records
from gifting.selectors import fiscal, records, sends
from gifting.selectors import invoices as invoice_records
from gifting.selectors import orders as order_records
from gifting.selectors import outside as outside_records
from gifting.selectors import vendors as vendor_records
from gifting.services import contracts, invoices, matches, orders, outside, receipts, vendors


@strawberry.type(description="What became of an order.")
class PurchaseOrderPayload(errors.Payload):
    purchase_order: types.PurchaseOrder | None = strawberry.field(
        default=None, description="The order; null when it was refused."
    )


@strawberry.type(description="What became of a receipt.")
class RecordReceiptPayload(errors.Payload):
    receipt: types.Receipt | None = strawberry.field(
        default=None, description="The receipt; null when it was refused."
    )


@strawberry.type(description="What became of an invoice.")
class RecordVendorInvoicePayload(errors.Payload):
    vendor_invoice: types.VendorInvoice | None = strawberry.field(
        default=None, description="The invoice; null when it was refused or is a copy."
    )
    duplicate_of: types.VendorInvoice | None = strawberry.field(
        default=None,
        description="The invoice that is here already; the copy was posted nowhere and waits in "
        "the queue. `userErrors` says so as DUPLICATE_INVOICE.",
    )


@strawberry.type(description="What became of a credit note.")
class RecordCreditNotePayload(errors.Payload):
    credit_note: types.CreditNote | None = strawberry.field(
        default=None, description="The credit note; null when it was refused."
    )


@strawberry.type(description="What became of an exception.")
class SettleMatchExceptionPayload(errors.Payload):
    match_exception: types.MatchException | None = strawberry.field(
        default=None, description="The exception; null when it was refused."
    )


@strawberry.type(description="What became of a tolerance.")
class SetMatchTolerancePayload(errors.Payload):
    is_set: bool = strawberry.field(default=False, description="True when it counts from now on.")


@strawberry.type(description="What became of an agreed price.")
class ContractPricePayload(errors.Payload):
    contract_price: types.ContractPrice | None = strawberry.field(
        default=None, description="The price; null when it was refused."
    )


@strawberry.type(description="What became of an identity.")
class VendorIdentityPayload(errors.Payload):
    vendor_identity: types.VendorIdentity | None = strawberry.field(
        default=None, description="The identity; null when it was refused."
    )


@strawberry.type(description="What became of a merge or its end.")
class VendorMergePayload(errors.Payload):
    vendor_merge: types.VendorMerge | None = strawberry.field(
        default=None, description="The event; null when it was refused."
    )


@strawberry.type(description="What became of lines of other systems.")
class RecordOutsideSpendPayload(errors.Payload):
    recorded: int = strawberry.field(default=0, description="Lines that are new.")
    known: int = strawberry.field(default=0, description="Lines that had been told before.")


@strawberry.type(description="What became of a claim.")
class ClaimOutsideSpendPayload(errors.Payload):
    outside_spend: types.OutsideSpend | None = strawberry.field(
        default=None, description="The line; null when it was refused."
    )


@strawberry.type
class Mutation:
    """Hold the procurement part of the schema's mutation type."""

    @strawberry.field(
        description="Place an order and reserve the cost of each line in its budget, all or "
        "none. Needs WRITE_SENDS.",
        extensions=[errors.RefusalsAsUserErrors(PurchaseOrderPayload)],
    )
    def place_purchase_order(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            asked.PlacePurchaseOrderInput, strawberry.argument(description="The order.")
        ],
    ) -> PurchaseOrderPayload:
        actor = info.context.actor
        public_id = orders.place(
            actor=actor,
            key=input.idempotency_key,
            vendor_id=_key(actor, vendor_records.SOURCE, input.vendor_id, "vendor_id"),
            number=input.number,
            cost_center_id=_key(actor, fiscal.COST_CENTERS, input.cost_center_id, "cost_center_id"),
            currency=input.currency,
            ordered_on=input.ordered_on,
            lines=[_order_line(actor, line) for line in input.lines],
            is_blanket=input.is_blanket,
        )
        return PurchaseOrderPayload(purchase_order=_shown(actor, order_records.ORDERS, public_id))

    @strawberry.field(
        description="Give back what an order still reserves. Needs WRITE_SENDS.",
        extensions=[errors.RefusalsAsUserErrors(PurchaseOrderPayload)],
    )
    def close_purchase_order(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            asked.ClosePurchaseOrderInput, strawberry.argument(description="Which order.")
        ],
    ) -> PurchaseOrderPayload:
        actor = info.context.actor
        public_id = orders.close(
            actor=actor,
            key=input.idempotency_key,
            order=_public(actor, order_records.ORDERS, input.order_id, "order_id"),
            closed_on=input.closed_on,
        )
        return PurchaseOrderPayload(purchase_order=_shown(actor, order_records.ORDERS, public_id))

    @strawberry.field(
        description="Record that something arrived; an order line's money moves from "
        "committed to accrued. Needs WRITE_SENDS.",
        extensions=[errors.RefusalsAsUserErrors(RecordReceiptPayload)],
    )
    def record_receipt(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            asked.RecordReceiptInput, strawberry.argument(description="The proof.")
        ],
    ) -> RecordReceiptPayload:
        actor = info.context.actor
        public_id = receipts.receive(
            actor=actor,
            key=input.idempotency_key,
            kind=input.kind,
            quantity=input.quantity,
            received_on=input.received_on,
            proof=input.proof,
            source=input.source,
            source_id=input.source_id,
            at=info.context.at,
            order_line_id=_any(
                actor, order_records.ORDER_LINES, input.order_line_id, "order_line_id"
            ),
            send_id=_any(actor, sends.SOURCE, input.send_id, "send_id"),
        )
        return RecordReceiptPayload(receipt=_shown(actor, order_records.RECEIPTS, public_id))

    @strawberry.field(
        description="Enter an invoice: post it, match it, and queue what does not fit. "
        "Needs WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(RecordVendorInvoicePayload)],
    )
    def record_vendor_invoice(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            asked.RecordVendorInvoiceInput, strawberry.argument(description="The invoice.")
        ],
    ) -> RecordVendorInvoicePayload:
        actor = info.context.actor
        taken = invoices.take(
            actor=actor,
            key=input.idempotency_key,
            vendor_id=_key(actor, vendor_records.SOURCE, input.vendor_id, "vendor_id"),
            number=input.number,
            currency=input.currency,
            invoiced_on=input.invoiced_on,
            total_minor=input.total_minor,
            lines=[_invoice_line(actor, line) for line in input.lines],
            at=info.context.at,
            source=input.source,
        )
        shown = _shown(actor, invoice_records.INVOICES, taken.invoice)
        if not taken.is_duplicate:
            return RecordVendorInvoicePayload(vendor_invoice=shown)
        known = errors.UserError(code="DUPLICATE_INVOICE", message=taken.message, field="number")
        return RecordVendorInvoicePayload(duplicate_of=shown, user_errors=[known])

    @strawberry.field(
        description="Take a credit note off an invoice: refund it and match the invoice "
        "anew. Needs WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(RecordCreditNotePayload)],
    )
    def record_credit_note(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            asked.RecordCreditNoteInput, strawberry.argument(description="The credit note.")
        ],
    ) -> RecordCreditNotePayload:
        actor = info.context.actor
        public_id = invoices.credit(
            actor=actor,
            key=input.idempotency_key,
            invoice=_public(actor, invoice_records.INVOICES, input.invoice_id, "invoice_id"),
            number=input.number,
            credited_on=input.credited_on,
            reason=input.reason,
            lines=[_credit_line(actor, line) for line in input.lines],
            at=info.context.at,
        )
        return RecordCreditNotePayload(
            credit_note=_shown(actor, invoice_records.CREDIT_NOTES, public_id)
        )

    @strawberry.field(
        description="Resolve an exception that was repaired (needs WRITE_BUDGETS), or waive "
        "one that is accepted (needs APPROVE, and another person than who "
        "entered the invoice).",
        extensions=[errors.RefusalsAsUserErrors(SettleMatchExceptionPayload)],
    )
    def settle_match_exception(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            asked.SettleMatchExceptionInput,
            strawberry.argument(description="Which exception, and how."),
        ],
    ) -> SettleMatchExceptionPayload:
        actor = info.context.actor
        public_id = matches.settle(
            actor=actor,
            key=input.idempotency_key,
            exception=_public(
                actor, invoice_records.EXCEPTIONS, input.exception_id, "exception_id"
            ),
            resolution=input.resolution,
            reason=input.reason,
            at=info.context.at,
        )
        return SettleMatchExceptionPayload(
            match_exception=_shown(actor, invoice_records.EXCEPTIONS, public_id)
        )

    @strawberry.field(
        description="Say how far invoices entered from now on may be off. Needs WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(SetMatchTolerancePayload)],
    )
    def set_match_tolerance(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            asked.SetMatchToleranceInput, strawberry.argument(description="The tolerance.")
        ],
    ) -> SetMatchTolerancePayload:
        matches.set_tolerance(
            actor=info.context.actor,
            key=input.idempotency_key,
            currency=input.currency,
            starts_on=input.starts_on,
            tolerance=matching.Tolerance(
                price_basis_points=input.price_basis_points,
                price_absolute_minor=input.price_absolute_minor,
                quantity_basis_points=input.quantity_basis_points,
                quantity_absolute=input.quantity_absolute,
            ),
        )
        return SetMatchTolerancePayload(is_set=True)

    @strawberry.field(
        description="Agree a price with an item's vendor. Needs WRITE_VENDORS.",
        extensions=[errors.RefusalsAsUserErrors(ContractPricePayload)],
    )
    def agree_contract_price(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            asked.AgreeContractPriceInput, strawberry.argument(description="The price.")
        ],
    ) -> ContractPricePayload:
        actor = info.context.actor
        item = _key(actor, vendor_records.GIFT_ITEMS, input.gift_item_id, "gift_item_id")
        public_id = contracts.agree(
            actor=actor,
            key=input.idempotency_key,
            gift_item_id=item,
            currency=input.currency,
            starts_on=input.starts_on,
            ends_on=input.ends_on,
            reference=input.reference,
            tiers=[(tier.minimum_quantity, tier.unit_price_minor) for tier in input.tiers],
        )
        return ContractPricePayload(
            contract_price=_shown(actor, order_records.CONTRACT_PRICES, public_id)
        )

    @strawberry.field(
        description="End an agreed price. Needs WRITE_VENDORS.",
        extensions=[errors.RefusalsAsUserErrors(ContractPricePayload)],
    )
    def end_contract_price(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            asked.EndContractPriceInput, strawberry.argument(description="Which price, and when.")
        ],
    ) -> ContractPricePayload:
        actor = info.context.actor
        public_id = contracts.end(
            actor=actor,
            key=input.idempotency_key,
            contract=_public(
                actor,
                order_records.CONTRACT_PRICES,
                input.contract_price_id,
                "contract_price_id",
            ),
            ends_on=input.ends_on,
        )
        return ContractPricePayload(
            contract_price=_shown(actor, order_records.CONTRACT_PRICES, public_id)
        )

    @strawberry.field(
        description="Say by what a vendor is known elsewhere. Needs WRITE_VENDORS.",
        extensions=[errors.RefusalsAsUserErrors(VendorIdentityPayload)],
    )
    def identify_vendor(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            asked.IdentifyVendorInput, strawberry.argument(description="Who, and by what.")
        ],
    ) -> VendorIdentityPayload:
        actor = info.context.actor
        public_id = vendors.identify(
            actor=actor,
            key=input.idempotency_key,
            vendor_id=_key(actor, vendor_records.SOURCE, input.vendor_id, "vendor_id"),
            kind=input.kind,
            value=input.value,
        )
        return VendorIdentityPayload(
            vendor_identity=_shown(actor, vendor_records.IDENTITIES, public_id)
        )

    @strawberry.field(
        description="Say that something no longer stands for a vendor. Needs WRITE_VENDORS.",
        extensions=[errors.RefusalsAsUserErrors(VendorIdentityPayload)],
    )
    def retire_vendor_identity(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            asked.RetireVendorIdentityInput, strawberry.argument(description="Which identity.")
        ],
    ) -> VendorIdentityPayload:
        actor = info.context.actor
        public_id = vendors.retire_identity(
            actor=actor,
            key=input.idempotency_key,
            identity=_public(actor, vendor_records.IDENTITIES, input.identity_id, "identity_id"),
            at=info.context.at,
        )
        return VendorIdentityPayload(
            vendor_identity=_shown(actor, vendor_records.IDENTITIES, public_id)
        )

    @strawberry.field(
        description="Say that two vendors are one company: totals by company follow, no row "
        "is rewritten. Needs WRITE_VENDORS.",
        extensions=[errors.RefusalsAsUserErrors(VendorMergePayload)],
    )
    def merge_vendors(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            asked.MergeVendorsInput, strawberry.argument(description="Which two.")
        ],
    ) -> VendorMergePayload:
        actor = info.context.actor
        public_id = vendors.merge(
            actor=actor,
            key=input.idempotency_key,
            vendor_id=_key(actor, vendor_records.SOURCE, input.vendor_id, "vendor_id"),
            into_id=_key(actor, vendor_records.SOURCE, input.into_id, "into_id"),
            reason=input.reason,
        )
        return VendorMergePayload(vendor_merge=_shown(actor, vendor_records.MERGES, public_id))

    @strawberry.field(
        description="Undo a merge: every total is as before it. Needs WRITE_VENDORS.",
        extensions=[errors.RefusalsAsUserErrors(VendorMergePayload)],
    )
    def unmerge_vendors(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            asked.UnmergeVendorsInput, strawberry.argument(description="Which merge.")
        ],
    ) -> VendorMergePayload:
        actor = info.context.actor
        public_id = vendors.unmerge(
            actor=actor,
            key=input.idempotency_key,
            merge=_public(actor, vendor_records.MERGES, input.merge_id, "merge_id"),
            reason=input.reason,
        )
        return VendorMergePayload(vendor_merge=_shown(actor, vendor_records.MERGES, public_id))

    @strawberry.field(
        description="Take in lines that were spent outside the tool, each once. Needs "
        "WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(RecordOutsideSpendPayload)],
    )
    def record_outside_spend(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            asked.RecordOutsideSpendInput, strawberry.argument(description="The lines.")
        ],
    ) -> RecordOutsideSpendPayload:
        told = outside.record(
            actor=info.context.actor,
            key=input.idempotency_key,
            lines=[
                outside.Line(
                    source=line.source,
                    native_id=line.native_id,
                    merchant=line.merchant,
                    spent_on=line.spent_on,
                    amount=money.Money(line.amount.amount_minor, line.amount.currency),
                    payee=line.payee,
                )
                for line in input.lines
            ],
        )
        return RecordOutsideSpendPayload(recorded=told.recorded, known=told.known)

    @strawberry.field(
        description="Charge a line of outside spend to a budget, as a fact. Needs WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(ClaimOutsideSpendPayload)],
    )
    def claim_outside_spend(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            asked.ClaimOutsideSpendInput,
            strawberry.argument(description="Which line, and for what."),
        ],
    ) -> ClaimOutsideSpendPayload:
        actor = info.context.actor
        public_id = outside.claim(
            actor=actor,
            key=input.idempotency_key,
            outside_spend=_public(
                actor, outside_records.SOURCE, input.outside_spend_id, "outside_spend_id"
            ),
            budget_id=_key(actor, budget_records.SOURCE, input.budget_id, "budget_id"),
            at=info.context.at,
            vendor_id=_any(actor, vendor_records.SOURCE, input.vendor_id, "vendor_id"),
        )
        return ClaimOutsideSpendPayload(
            outside_spend=_shown(actor, outside_records.SOURCE, public_id)
        )


def _order_line(actor: access.Actor, line: asked.PurchaseOrderLineInput) -> orders.Line:
    return orders.Line(
        line.description,
        _key(actor, budget_records.SOURCE, line.budget_id, "budget_id"),
        line.quantity,
        line.unit_price_minor,
        nonrecoverable_tax_minor=line.nonrecoverable_tax_minor,
        recoverable_tax_minor=line.recoverable_tax_minor,
        gift_item_id=_any(actor, vendor_records.GIFT_ITEMS, line.gift_item_id, "gift_item_id"),
        gl_account=line.gl_account,
        finance_tag=line.finance_tag,
    )


def _invoice_line(actor: access.Actor, line: asked.VendorInvoiceLineInput) -> invoices.Line:
    return invoices.Line(
        line.description,
        line.quantity,
        line.net_minor,
        nonrecoverable_tax_minor=line.nonrecoverable_tax_minor,
        recoverable_tax_minor=line.recoverable_tax_minor,
        order_line_id=_any(actor, order_records.ORDER_LINES, line.order_line_id, "order_line_id"),
        budget_id=_any(actor, budget_records.SOURCE, line.budget_id, "budget_id"),
        gl_account=line.gl_account,
        finance_tag=line.finance_tag,
    )


def _credit_line(actor: access.Actor, line: asked.CreditNoteLineInput) -> invoices.Credit:
    return invoices.Credit(
        _key(actor, invoice_records.INVOICE_LINES, line.invoice_line_id, "invoice_line_id"),
        line.net_minor,
        nonrecoverable_tax_minor=line.nonrecoverable_tax_minor,
        recoverable_tax_minor=line.recoverable_tax_minor,
    )


_key = asked.key_of
_any = asked.key_of_any
_public = asked.public_id_of


def _shown(actor: access.Actor, source: records.Source[Any], public_id: UUID) -> Any:
    """Return a record as the actor sees it; one who may write it may not be one who reads it."""
    if not source.may_read(actor):
        return None
    return source.by_public_ids(actor=actor, ids=[public_id]).get(public_id)
