"""The money of sends through the API: asked for, decided, told, charged, given back and lost."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, ClassVar, Final, cast
from uuid import UUID

import strawberry
from strawberry import relay

from gifting.domain import (
    access,
    budgets,
    credit_memos,
    decisions,
    lifecycle,
    money,
    presets,
    timing,
)
from gifting.graphql import context, errors, fields, inputs, loaders, scalars, types
from gifting.models import sends as send_models
from gifting.selectors import adjustments, campaigns, fiscal, records, sends, vendors
from gifting.selectors import budgets as budget_records
from gifting.selectors import credit_memos as credit_records
from gifting.selectors import funding as traces
from gifting.services import charges, requests, unbudgeted
from gifting.services import credit_memos as memos
from gifting.services import decisions as deciding
from gifting.services import timing as terms

KEY: Final = (
    "Made by the client, 1 to 255 visible ASCII characters: the same request with the same key "
    "acts once."
)
OVERRUN_REASON: Final = (
    "Why a SOFT budget may be passed, 1 to 4000 characters; kept with the decision, and settled by "
    "somebody. A HARD budget is never passed, an ADVISORY one always."
)
MOST_ADJUSTMENTS: Final = 500

fields.describe(
    timing.GiftKind,
    name="PurchaseKind",
    description="What is bought, as far as vendors take money for it in different ways.",
    values={
        "ANY": "Whatever has no terms of its own.",
        "EGIFT": "A gift card or code, sent by mail.",
        "PHYSICAL": "A thing that is shipped.",
        "LINK": "An offer that costs nothing until somebody takes it.",
        "MARKETPLACE": "A thing that another shop sells through the platform.",
        "CHOICE": "The recipient chooses among gifts.",
    },
)
fields.describe(
    decisions.Mode,
    name="BatchMode",
    description="What happens to a batch that does not fit as a whole.",
    values={
        "ALL_OR_NOTHING": "Nothing of it is reserved.",
        "AS_MANY_AS_FIT": "In the order of the request, each that fits what is left.",
    },
)
fields.describe(
    credit_memos.UseKind,
    name="CreditUseKind",
    description="What became of a part of a credit.",
    values={
        "USED": "It paid for a gift.",
        "EXPIRED": "It was lost: breakage.",
        "WITHDRAWN": "The vendor took it back.",
    },
)
PRESETS: Final = ", ".join(presets.BY_CODE)


@strawberry.type(description="An amount that a vendor owes in gifts, until its last day.")
class CreditMemo(fields.Record):
    """Show a credit memo."""

    rows: ClassVar = credit_records.SOURCE

    public_id: relay.NodeID[UUID]
    reference: str = strawberry.field(description="The vendor's id of it, or our own.")
    source: str = strawberry.field(description="Who told of it.")
    issued_on: dt.date = strawberry.field(description="Its first day.")
    expires_on: dt.date | None = strawberry.field(
        description="The first day on which it is worth nothing; null for never."
    )
    amount: scalars.Money = fields.amount("amount_minor", description="What it was worth.")
    left: scalars.Money = fields.amount(
        "left_minor", description="Its amount less what was used, withdrawn or lost."
    )
    vendor: types.Vendor | None = fields.link(
        loaders.VendorByIdLoader, "vendor_id", description=f"Who owes it. {types.UNSEEN}"
    )
    send: types.Send | None = fields.link(
        loaders.SendByIdLoader, "send_id", description="The send whose money came back as it."
    )


@strawberry.type(description="One vendor's credits and recoverable money in one currency.")
class Breakage:
    """Show a row of the report of breakage."""

    vendor: str = strawberry.field(description="The vendor's name.")
    issued: scalars.Money = fields.amount("issued_minor", description="Credits issued in the days.")
    used: scalars.Money = fields.amount("used_minor", description="Credits used in the days.")
    withdrawn: scalars.Money = fields.amount(
        "withdrawn_minor", description="Credits taken back in the days."
    )
    breakage: scalars.Money = fields.amount(
        "breakage_minor", description="What died with its credits in the days."
    )
    open: scalars.Money = fields.amount(
        "open_minor", description="What is left of all credits at the end of the days."
    )
    expiring: scalars.Money = fields.amount(
        "expiring_minor", description="The part of `open` that dies in the 90 days after them."
    )
    recoverable: scalars.Money = fields.amount(
        "recoverable_minor",
        description="Charged for gifts nobody accepted, that would come back if they expired now, "
        "by the terms of each.",
    )
    kept: scalars.Money = fields.amount(
        "kept_minor",
        description="Charged for gifts that ended unreceived, of which none came back.",
    )


@strawberry.type(description="A change of an estimate, in both of its periods.")
class CostAdjustment:
    """Show an adjustment."""

    send_id: relay.GlobalID = fields.derived(
        lambda row, _: relay.GlobalID("Send", str(row.send)), description="The send's id."
    )
    component: send_models.Component = fields.derived(
        lambda row, _: send_models.Component(row.component), description="Which part of the cost."
    )
    estimated: scalars.Money = fields.amount("estimated_minor", description="What was expected.")
    adjusted: scalars.Money = fields.amount("adjusted_minor", description="What it became.")
    change: scalars.Money = fields.amount(
        "change_minor", description="adjusted - estimated, which counts in `adjustedIn`."
    )
    estimated_on: dt.date = strawberry.field(description="The day of the estimate.")
    adjusted_on: dt.date = strawberry.field(description="The day of the change.")
    is_final: bool = strawberry.field(description="True when it was charged, not estimated anew.")
    estimated_in: types.FiscalPeriod | None = fields.link(
        loaders.FiscalPeriodByIdLoader, "estimated_in_id", description="The estimate's period."
    )
    adjusted_in: types.FiscalPeriod | None = fields.link(
        loaders.FiscalPeriodByIdLoader, "adjusted_in_id", description="The change's period."
    )


@strawberry.type(description="The spend of one currency by where it stands in the ledger.")
class SpendTrace:
    """Show where spend stands."""

    currency: str = strawberry.field(description="ISO 4217 code.")
    total: scalars.Money = fields.amount("total_minor", description="All costs of sends.")
    budgeted: scalars.Money = fields.amount(
        "budgeted_minor", description="Borne by budgets, each change traced to a posting."
    )
    unbudgeted: scalars.Money = fields.amount(
        "unbudgeted_minor", description="total - budgeted: facts from files, paid elsewhere."
    )
    unbudgeted_lines: int = strawberry.field(description="How many changes that is.")


@strawberry.input(description="A part of what a send costs.")
class CostInput:
    component: send_models.Component = strawberry.field(description="Which part.")
    amount: inputs.MoneyInput = strawberry.field(description="How much.")


@strawberry.input(description="A budget that pays for a send.")
class SendShareInput:
    budget_id: relay.GlobalID = strawberry.field(description="Which budget, in the currency.")
    weight: int = strawberry.field(
        default=1, description="It pays in proportion to it, by largest remainder; 1 to 1,000,000."
    )


@strawberry.input(description="A value that budgets may be scoped by.")
class SendDimensionInput:
    kind: budgets.DimensionKind = strawberry.field(description="Which dimension; each once.")
    code: str = strawberry.field(
        description="The code of the value. One that nobody named yet scopes no budget."
    )


@strawberry.input(description="A send that budget money is to pay for.")
class RequestSendInput:
    idempotency_key: str = strawberry.field(
        description="The client's own id of the send. The same request under it is the same send."
    )
    campaign_id: relay.GlobalID = strawberry.field(description="What it is sent for.")
    vendor_id: relay.GlobalID = strawberry.field(description="Who supplies it.")
    cost_center_id: relay.GlobalID = strawberry.field(description="Whose cost it is.")
    estimate: list[CostInput] = strawberry.field(
        description="What it will probably cost, by component, in one currency."
    )
    shares: list[SendShareInput] = strawberry.field(description="Who pays, 1 to 100 budgets.")
    gift_kind: timing.GiftKind = strawberry.field(
        default=timing.GiftKind.ANY, description="What is bought; decides the vendor's terms."
    )
    recipient_send_id: relay.GlobalID | None = strawberry.field(
        default=None, description="A send to the same recipient, who is known through sends alone."
    )
    account_reference: str = strawberry.field(default="", description="The CRM's account id.")
    sender_reference: str = strawberry.field(default="", description="The CRM's id of the sender.")
    quantity: int = strawberry.field(default=1, description="How many of the gift; at least 1.")
    nature: str = strawberry.field(default="", description="What it is, for the gift register.")
    purpose: str = strawberry.field(default="", description="Why it is given.")
    dimensions: list[SendDimensionInput] = strawberry.field(
        default_factory=list,
        description="What else it is counted by: every budget that is scoped by these values takes "
        "it as well. The campaign's program and the sender are known, and count before these.",
    )


@strawberry.input(description="A batch of sends that are decided together.")
class RequestSendBatchInput:
    idempotency_key: str = strawberry.field(description="The client's own id of the batch.")
    sends: list[RequestSendInput] = strawberry.field(
        description="1 to 1,000 sends, in the order in which they are taken."
    )


@strawberry.input(description="Which send to decide on.")
class ApproveSendInput:
    idempotency_key: str = strawberry.field(description=KEY)
    send_id: relay.GlobalID = strawberry.field(description="Which send.")
    overrun_reason: str = strawberry.field(default="", description=OVERRUN_REASON)


@strawberry.input(description="Which batch to decide on.")
class ApproveSendBatchInput:
    idempotency_key: str = strawberry.field(description=KEY)
    batch_id: UUID = strawberry.field(description="What `requestSendBatch` returned.")
    mode: decisions.Mode = strawberry.field(description="What happens when it does not fit.")
    overrun_reason: str = strawberry.field(default="", description=OVERRUN_REASON)


@strawberry.input(description="What happened to a send.")
class SendMomentInput:
    idempotency_key: str = strawberry.field(
        description="The id of the event at its source; a state is counted once, whatever its id."
    )
    send_id: relay.GlobalID = strawberry.field(description="Which send.")
    occurred_at: dt.datetime | None = strawberry.field(
        default=None, description="When it happened; now when not given."
    )


@strawberry.input(description="What a vendor charged for a send.")
class RecordSendChargeInput:
    idempotency_key: str = strawberry.field(
        description="The vendor's own id of the charge; other amounts under it are refused."
    )
    send_id: relay.GlobalID = strawberry.field(description="Which send.")
    costs: list[CostInput] = strawberry.field(
        description="The whole charge by component; a later one stands for an earlier one."
    )
    is_final: bool = strawberry.field(
        default=True,
        description="True for what was charged; false for a price that the terms make due.",
    )
    occurred_at: dt.datetime | None = strawberry.field(
        default=None, description="When it was charged; now when not given."
    )


@strawberry.input(description="What a vendor gave back of a charge.")
class RefundSendInput:
    idempotency_key: str = strawberry.field(description="The vendor's own id of the refund.")
    send_id: relay.GlobalID = strawberry.field(description="Which send.")
    amount: inputs.MoneyInput = strawberry.field(description="How much came back; above zero.")
    occurred_at: dt.datetime | None = strawberry.field(
        default=None, description="When; now when not given."
    )


@strawberry.input(description="A credit that a vendor gave.")
class IssueCreditMemoInput:
    idempotency_key: str = strawberry.field(description="The vendor's own id of the credit.")
    vendor_id: relay.GlobalID = strawberry.field(description="Which vendor.")
    amount: inputs.MoneyInput = strawberry.field(description="What it is worth; above zero.")
    issued_on: dt.date = strawberry.field(description="Its first day.")
    source: str = strawberry.field(description="Who told of it, such as a mail.")
    expires_on: dt.date | None = strawberry.field(
        default=None, description="The first day on which it is worth nothing."
    )


@strawberry.input(description="A use of a credit.")
class UseCreditMemoInput:
    idempotency_key: str = strawberry.field(description="The id of the payment at its source.")
    credit_memo_id: relay.GlobalID = strawberry.field(description="Which credit.")
    send_id: relay.GlobalID = strawberry.field(description="The send that it paid, of its vendor.")
    amount: inputs.MoneyInput = strawberry.field(description="How much of it; above zero.")
    used_on: dt.date = strawberry.field(description="The day, before its last one.")


@strawberry.input(description="Terms of a vendor, from a preset.")
class AddMoneyTimingInput:
    vendor_id: relay.GlobalID = strawberry.field(description="Which vendor.")
    preset: str = strawberry.field(description=f"One of {PRESETS}.")
    starts_on: dt.date = strawberry.field(description="The first day on which they hold.")


@strawberry.type(description="What became of a send.")
class SendPayload(errors.Payload):
    send: types.Send | None = strawberry.field(
        default=None, description="The send as it is now; null when nothing was done."
    )


@strawberry.input(description="The cost of a send from a file, and who bears it after all.")
class PostSendCostInput:
    idempotency_key: str = strawberry.field(description=KEY)
    send_id: relay.GlobalID = strawberry.field(description="Which send.")
    budget_id: relay.GlobalID = strawberry.field(description="Which budget, in its currency.")
    reason: str = strawberry.field(description="Why: 1 to 4000 characters.")


@strawberry.type(description="What became of a batch of sends.")
class SendBatchPayload(errors.Payload):
    batch_id: UUID | None = strawberry.field(
        default=None, description="The batch; null when it was refused."
    )
    approved_ids: list[relay.GlobalID] = strawberry.field(
        default_factory=list, description="The sends whose money is reserved, in their order."
    )
    refused_ids: list[relay.GlobalID] = strawberry.field(
        default_factory=list, description="The sends that did not fit, or that a rule forbids."
    )


@strawberry.type(description="What became of a credit.")
class CreditMemoPayload(errors.Payload):
    credit_memo: CreditMemo | None = strawberry.field(
        default=None, description="The credit as it is now; null when nothing was done."
    )


@strawberry.type(description="What became of terms.")
class MoneyTimingPayload(errors.Payload):
    is_set: bool = strawberry.field(default=False, description="True when they hold.")


@strawberry.type
class Query:
    """Hold what can be read of the money of sends."""

    @strawberry.field(
        description="The credits of vendors, oldest first; the first 100. Needs READ_SPEND.",
        directives=[scalars.ListSize(assumed_size=records.MOST_RECORDS)],
    )
    def credit_memos(self, info: context.Info) -> list[CreditMemo]:
        page = credit_records.SOURCE.page(
            actor=info.context.actor,
            where=records.Where(),
            order=records.Order("id"),
            window=records.Window(first=records.MOST_RECORDS),
        )
        info.context.meet(list(page.records))
        return cast("list[CreditMemo]", list(page.records))

    @strawberry.field(
        description="What became of credits, and what money can still be had back, by vendor and "
        "currency. Needs READ_SPEND.",
        directives=[scalars.ListSize(assumed_size=20)],
    )
    def breakage(
        self,
        info: context.Info,
        starts_on: Annotated[dt.date, strawberry.argument(description="The first day.")],
        ends_on: Annotated[dt.date, strawberry.argument(description="The first day after.")],
    ) -> list[Breakage]:
        found = credit_records.breakage(
            actor=info.context.actor, starts_on=starts_on, ends_on=ends_on
        )
        return cast("list[Breakage]", list(found))

    @strawberry.field(
        description="Estimates that were adjusted in a period, or made in it and adjusted in "
        "another; the first 500. Needs READ_SPEND.",
        directives=[scalars.ListSize(assumed_size=50)],
    )
    def cost_adjustments(
        self,
        info: context.Info,
        fiscal_period_id: Annotated[
            relay.GlobalID, strawberry.argument(description="Which period.")
        ],
    ) -> list[CostAdjustment]:
        actor = info.context.actor
        period = _key(actor, fiscal.PERIODS, fiscal_period_id, "fiscal_period_id")
        found = adjustments.of_period(actor=actor, fiscal_period_id=period)[:MOST_ADJUSTMENTS]
        info.context.meet(list(found))
        return cast("list[CostAdjustment]", list(found))

    @strawberry.field(
        description="Where the costs of sends stand: borne by budgets, or paid elsewhere. Needs "
        "READ_SPEND.",
        directives=[scalars.ListSize(assumed_size=3)],
    )
    def spend_traces(self, info: context.Info) -> list[SpendTrace]:
        return cast("list[SpendTrace]", list(traces.trace(actor=info.context.actor)))


@strawberry.type
class Mutation:
    """Hold what can be done about the money of sends."""

    @strawberry.field(
        description="Ask for a send. Nothing is reserved before it is approved. Needs WRITE_SENDS.",
        extensions=[errors.RefusalsAsUserErrors(SendPayload)],
    )
    def request_send(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            RequestSendInput, strawberry.argument(description="The send.")
        ],
    ) -> SendPayload:
        actor = info.context.actor
        made = requests.request(actor=actor, asked=_asked(actor, input), at=info.context.at)
        return SendPayload(send=_shown(actor, sends.SOURCE, made))

    @strawberry.field(
        description="Ask for sends that are decided together. Needs WRITE_SENDS.",
        extensions=[errors.RefusalsAsUserErrors(SendBatchPayload)],
    )
    def request_send_batch(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            RequestSendBatchInput, strawberry.argument(description="The batch.")
        ],
    ) -> SendBatchPayload:
        actor = info.context.actor
        batch = requests.request_batch(
            actor=actor,
            reference=input.idempotency_key,
            asked=[_asked(actor, each) for each in input.sends],
            at=info.context.at,
        )
        return SendBatchPayload(batch_id=batch)

    @strawberry.field(
        description="Decide on a send: budget room, approval matrix and gift rules in one step. "
        "An approval reserves the whole estimate. What was refused, or waits for others, is said "
        "in `userErrors`, and the decision kept. Needs APPROVE, or WRITE_SENDS where the matrix "
        "asks nobody.",
        extensions=[errors.RefusalsAsUserErrors(SendPayload)],
    )
    def approve_send(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            ApproveSendInput, strawberry.argument(description="Which send.")
        ],
    ) -> SendPayload:
        actor = info.context.actor
        send = _send(actor, input.send_id)
        decided = deciding.decide(
            actor=actor,
            key=input.idempotency_key,
            send=send,
            at=info.context.at,
            overrun_reason=input.overrun_reason,
        )
        return SendPayload(
            send=_shown(actor, sends.SOURCE, send),
            user_errors=[
                errors.UserError(code=reason.code, message=reason.message, field=None)
                for reason in decided.reasons
            ],
        )

    @strawberry.field(
        description="Decide on a batch: its money is reserved at once, and its sends draw from "
        "it. Needs what `approveSend` needs.",
        extensions=[errors.RefusalsAsUserErrors(SendBatchPayload)],
    )
    def approve_send_batch(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            ApproveSendBatchInput, strawberry.argument(description="Which batch.")
        ],
    ) -> SendBatchPayload:
        decided = deciding.decide_batch(
            actor=info.context.actor,
            key=input.idempotency_key,
            batch=input.batch_id,
            mode=input.mode,
            at=info.context.at,
            overrun_reason=input.overrun_reason,
        )
        return SendBatchPayload(
            batch_id=input.batch_id,
            approved_ids=[relay.GlobalID("Send", str(each)) for each in decided.approved],
            refused_ids=[relay.GlobalID("Send", str(each)) for each in decided.refused],
        )

    @strawberry.field(
        description="Let an approved send go: it is offered, or on its way. Needs WRITE_SENDS.",
        extensions=[errors.RefusalsAsUserErrors(SendPayload)],
    )
    def dispatch_send(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            SendMomentInput, strawberry.argument(description="Which send, and when.")
        ],
    ) -> SendPayload:
        actor = info.context.actor
        send = _send(actor, input.send_id)
        moment = _moment(info.context, input, lifecycle.State.OFFERED)
        charges.dispatch(actor=actor, send=send, moment=moment)
        return SendPayload(send=_shown(actor, sends.SOURCE, send))

    @strawberry.field(
        description="Record that a gift arrived. Needs WRITE_SENDS.",
        extensions=[errors.RefusalsAsUserErrors(SendPayload)],
    )
    def record_delivery(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            SendMomentInput, strawberry.argument(description="Which send, and when.")
        ],
    ) -> SendPayload:
        return _tell(info.context, input, lifecycle.State.DELIVERED)

    @strawberry.field(
        description="Record that a gift was accepted, or redeemed. Needs WRITE_SENDS.",
        extensions=[errors.RefusalsAsUserErrors(SendPayload)],
    )
    def record_acceptance(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            SendMomentInput, strawberry.argument(description="Which send, and when.")
        ],
    ) -> SendPayload:
        return _tell(info.context, input, lifecycle.State.ACCEPTED)

    @strawberry.field(
        description="Cancel a send; its reserve comes back, and what was charged by its terms. "
        "Needs WRITE_SENDS.",
        extensions=[errors.RefusalsAsUserErrors(SendPayload)],
    )
    def cancel_send(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            SendMomentInput, strawberry.argument(description="Which send, and when.")
        ],
    ) -> SendPayload:
        return _tell(info.context, input, lifecycle.State.CANCELLED)

    @strawberry.field(
        description="Record what a vendor charges for a send; what was not reserved is owed all "
        "the same, as an overrun. A final charge needs WRITE_BUDGETS, a price WRITE_SENDS.",
        extensions=[errors.RefusalsAsUserErrors(SendPayload)],
    )
    def record_send_charge(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            RecordSendChargeInput, strawberry.argument(description="The charge.")
        ],
    ) -> SendPayload:
        actor = info.context.actor
        send = _send(actor, input.send_id)
        charge = charges.Charge(
            _costs(input.costs),
            input.idempotency_key,
            _instant(input.occurred_at, info.context),
        )
        record = charges.record_invoice if input.is_final else charges.record_price
        record(actor=actor, send=send, charge=charge)
        return SendPayload(send=_shown(actor, sends.SOURCE, send))

    @strawberry.field(
        description="Record what a vendor gave back of a charge. Needs WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(SendPayload)],
    )
    def refund_send(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            RefundSendInput, strawberry.argument(description="The refund.")
        ],
    ) -> SendPayload:
        actor = info.context.actor
        send = _send(actor, input.send_id)
        charge = charges.Charge(
            {timing.REFUND: _money(input.amount)},
            input.idempotency_key,
            _instant(input.occurred_at, info.context),
        )
        charges.record_refund(actor=actor, send=send, charge=charge)
        return SendPayload(send=_shown(actor, sends.SOURCE, send))

    @strawberry.field(
        description="Let a budget bear what a send from a file cost: owed whatever is left in it, "
        "beyond it an overrun with an exception. Each cost is borne once. Needs WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(SendPayload)],
    )
    def post_send_cost(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            PostSendCostInput, strawberry.argument(description="Which send, and who bears it.")
        ],
    ) -> SendPayload:
        actor = info.context.actor
        send = _send(actor, input.send_id)
        unbudgeted.post(
            actor=actor,
            key=input.idempotency_key,
            send=send,
            budget_id=_key(actor, budget_records.SOURCE, input.budget_id, "budget_id"),
            reason=input.reason,
        )
        return SendPayload(send=_shown(actor, sends.SOURCE, send))

    @strawberry.field(
        description="Record a credit that a vendor gave. Needs WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(CreditMemoPayload)],
    )
    def issue_credit_memo(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            IssueCreditMemoInput, strawberry.argument(description="The credit.")
        ],
    ) -> CreditMemoPayload:
        actor = info.context.actor
        made = memos.issue(
            actor=actor,
            vendor_id=_key(actor, vendors.SOURCE, input.vendor_id, "vendor_id"),
            amount=_money(input.amount),
            issued_on=input.issued_on,
            expires_on=input.expires_on,
            reference=input.idempotency_key,
            source=input.source,
        )
        return CreditMemoPayload(credit_memo=_shown(actor, credit_records.SOURCE, made))

    @strawberry.field(
        description="Record that a credit paid for a part of a send. Needs WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(CreditMemoPayload)],
    )
    def use_credit_memo(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            UseCreditMemoInput, strawberry.argument(description="The use.")
        ],
    ) -> CreditMemoPayload:
        actor = info.context.actor
        credit = inputs.public_id(input.credit_memo_id, node="CreditMemo", field="credit_memo_id")
        memos.use(
            actor=actor,
            credit=credit,
            send=_send(actor, input.send_id),
            amount=_money(input.amount),
            used_on=input.used_on,
            reference=input.idempotency_key,
        )
        return CreditMemoPayload(credit_memo=_shown(actor, credit_records.SOURCE, credit))

    @strawberry.field(
        description="Let a vendor's terms hold from a day on, as a preset says. Needs "
        "WRITE_VENDORS.",
        extensions=[errors.RefusalsAsUserErrors(MoneyTimingPayload)],
    )
    def add_money_timing(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            AddMoneyTimingInput, strawberry.argument(description="Which terms.")
        ],
    ) -> MoneyTimingPayload:
        actor = info.context.actor
        terms.add_preset(
            actor=actor,
            vendor_id=_key(actor, vendors.SOURCE, input.vendor_id, "vendor_id"),
            code=input.preset,
            starts_on=input.starts_on,
        )
        return MoneyTimingPayload(is_set=True)


def _asked(actor: access.Actor, asked: RequestSendInput) -> requests.Asked:
    recipient_id = None
    if asked.recipient_send_id is not None:
        known = _send(actor, asked.recipient_send_id)
        recipient_id = sends.SOURCE.by_public_ids(actor=actor, ids=[known])[known].recipient_id
    return requests.Asked(
        reference=asked.idempotency_key,
        gift=requests.Gift(
            campaign_id=_key(actor, campaigns.SOURCE, asked.campaign_id, "campaign_id"),
            vendor_id=_key(actor, vendors.SOURCE, asked.vendor_id, "vendor_id"),
            cost_center_id=_key(actor, fiscal.COST_CENTERS, asked.cost_center_id, "cost_center_id"),
            recipient_id=recipient_id,
            account_reference=asked.account_reference,
            sender_reference=asked.sender_reference,
            quantity=asked.quantity,
        ),
        estimate=_costs(asked.estimate),
        shares=[
            requests.Share(
                _key(actor, budget_records.SOURCE, share.budget_id, "budget_id"), share.weight
            )
            for share in asked.shares
        ],
        gift_kind=asked.gift_kind,
        nature=asked.nature,
        purpose=asked.purpose,
        dimensions={each.kind: each.code for each in asked.dimensions},
    )


def _tell(request: context.Context, asked: SendMomentInput, state: lifecycle.State) -> SendPayload:
    send = _send(request.actor, asked.send_id)
    charges.tell(actor=request.actor, send=send, moment=_moment(request, asked, state))
    return SendPayload(send=_shown(request.actor, sends.SOURCE, send))


def _moment(
    request: context.Context, asked: SendMomentInput, state: lifecycle.State
) -> charges.Moment:
    at = _instant(asked.occurred_at, request)
    return charges.Moment(state, at, source_event_id=asked.idempotency_key)


def _instant(told: dt.datetime | None, request: context.Context) -> dt.datetime:
    """Return when it happened: now when nobody said, and in UTC when no zone was given."""
    at = told or request.at
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)


def _costs(told: list[CostInput]) -> dict[str, money.Money]:
    """Add up amounts by component; raises CurrencyMismatch."""
    costs: dict[str, money.Money] = {}
    for each in told:
        amount = _money(each.amount)
        name = each.component.value
        costs[name] = costs[name] + amount if name in costs else amount
    return costs


def _money(given: inputs.MoneyInput) -> money.Money:
    return money.Money(given.amount_minor, given.currency)


def _send(actor: access.Actor, asked: relay.GlobalID) -> UUID:
    """Return the public id of a send that the actor sees; raises Forbidden and NotFound."""
    public_id = inputs.public_id(asked, node="Send", field="send_id")
    if actor.may(access.Permission.READ_SPEND):
        sends.SOURCE.key(actor=actor, public_id=public_id, field="send_id")
    return public_id


def _key(
    actor: access.Actor, source: records.Source[Any], asked: relay.GlobalID, field: str
) -> int:
    public_id = inputs.public_id(asked, node=source.model.__name__, field=field)
    return source.key(actor=actor, public_id=public_id, field=field)


def _shown(actor: access.Actor, source: records.Source[Any], public_id: UUID) -> Any:
    """Return a record as the actor sees it; one who may write it may not be one who reads it."""
    if not source.may_read(actor):
        return None
    return source.by_public_ids(actor=actor, ids=[public_id]).get(public_id)
