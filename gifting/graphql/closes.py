"""Closes: checklists, versions of closing figures and restatements."""

from __future__ import annotations

import datetime as dt
from enum import Enum
from typing import Annotated, Any, ClassVar, cast
from uuid import UUID

import strawberry
from strawberry import relay

from gifting.domain import closes as rules
from gifting.domain import ledger, money
from gifting.graphql import context, errors, fields, inputs, loaders, pages, scalars, types
from gifting.selectors import closes as close_records
from gifting.selectors import fiscal, records
from gifting.services import closes, periods

KEY = "Yours for this request: the same one again has the same answer."
READERS = "Needs CLOSE_PERIODS or READ_ACCESS."

fields.describe(
    rules.Item,
    name="CloseItem",
    description="An item of the checklist of a close.",
    values={
        "SOFT_CLOSED": "The period takes decisions from those alone who close it.",
        "ACCRUALS": "What is delivered and not invoiced is in a journal, to the unit.",
        "EXCEPTIONS": "Every overrun is settled.",
        "INVOICES": "Every invoice that matched nothing is settled.",
        "CODING": "All spend has a general ledger account.",
        "JOURNALS": "All that was invoiced is in a journal.",
        "TIE_OUT": "The general ledger is tied out and nothing is unexplained.",
    },
)


@strawberry.type(description="An item of a close's checklist as found.", directives=[scalars.FREE])
class CloseCheck:
    """Show a domain `Check`, which has the same attributes."""

    item: rules.Item = strawberry.field(description="Which item.")
    is_met: bool = strawberry.field(description="Whether nothing of it is open.")
    open_count: int = strawberry.field(description="How many records are open.")
    detail: str = strawberry.field(description="What was found, for people.")


@strawberry.type(description="One version of the figures that a period was closed with.")
class PeriodClose(fields.Record):
    """Show a version."""

    rows: ClassVar = close_records.CLOSES

    public_id: relay.NodeID[UUID]
    version: int = strawberry.field(description="1 for the first close of the period.")
    line_count: int = strawberry.field(
        description="How many lines it has: one a fund and bucket, and one an account."
    )
    control_total: str = fields.derived(
        lambda row, _: str(row.control_total_minor),
        description="Sum of what all lines stood at, in minor units of whatever currency: a number "
        "to compare, not an amount.",
    )
    sha256: str = strawberry.field(description="SHA-256 of all lines.")
    recorded_at: dt.datetime = strawberry.field(description="When the period was closed.")
    fiscal_period: types.FiscalPeriod | None = fields.link(
        loaders.FiscalPeriodByIdLoader, "fiscal_period_id", description="The closed period."
    )


@strawberry.type(description="A fact of a closed period that was posted later, to another one.")
class Restatement(fields.Record):
    """Show a restatement."""

    rows: ClassVar = close_records.RESTATEMENTS

    public_id: relay.NodeID[UUID]
    cause: str = strawberry.field(
        description="The kind of request that brought it, such as INVOICE or REFUND."
    )
    amount: scalars.Money = fields.amount("amount_minor", description="What moved.")
    spend_change: scalars.Money = fields.amount(
        "spend_change_minor",
        description="By how much the closed period's accrued and actual spend would differ.",
    )
    effective_on: dt.date = strawberry.field(description="The day it happened.")
    transfer_id: UUID = fields.derived(
        lambda row, _: row.transfer_public_id, description="The transfer in the ledger."
    )
    belongs_to: types.FiscalPeriod | None = fields.link(
        loaders.FiscalPeriodByIdLoader, "belongs_to_id", description="The closed period of its day."
    )
    posted_to: types.FiscalPeriod | None = fields.link(
        loaders.FiscalPeriodByIdLoader, "posted_to_id", description="The period that counts it."
    )
    recorded_at: dt.datetime = strawberry.field(description="When it was posted.")


@strawberry.type(
    description="A line that two versions of closing figures tell differently.",
    directives=[scalars.FREE],
)
class ClosingDifference:
    """Show a difference."""

    what: str = strawberry.field(description="The bucket of the fund, or the account.")
    before: scalars.Money | None = strawberry.field(
        description="What the earlier version stood at; null without such a line."
    )
    after: scalars.Money | None = strawberry.field(
        description="What the later version stood at; null without such a line."
    )


@strawberry.input(description="Conditions on closes; all that are given must hold.")
class PeriodCloseFilter:
    fiscal_period_ids: list[relay.GlobalID] | None = inputs.ids(
        "FiscalPeriod", "Only closes of these periods."
    )


@strawberry.input(description="Conditions on restatements; all that are given must hold.")
class RestatementFilter:
    belongs_to_ids: list[relay.GlobalID] | None = inputs.ids(
        "FiscalPeriod", "Only facts of these closed periods."
    )
    posted_to_ids: list[relay.GlobalID] | None = inputs.ids(
        "FiscalPeriod", "Only facts that these periods count."
    )
    currencies: list[str] | None = inputs.given("Only these ISO 4217 codes.")


@strawberry.enum(description="What records of the books can be ordered by.")
class BooksOrderField(Enum):
    RECORDED_AT = strawberry.enum_value("id", description="When they were recorded.")


BooksOrder = inputs.order(BooksOrderField, "records of the books")


@strawberry.input(description="A close that is to be prepared.")
class PrepareCloseInput:
    fiscal_period_id: relay.GlobalID = strawberry.field(description="Which period.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="An item of a close that is to be waived.")
class WaiveCloseItemInput:
    preparation_id: UUID = strawberry.field(description="Which preparation.")
    item: rules.Item = strawberry.field(description="Which item.")
    reason: str = strawberry.field(description="Why; it is kept under your name.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="A period that is to be closed.")
class ClosePeriodInput:
    preparation_id: UUID = strawberry.field(description="The latest preparation.")
    reason: str = strawberry.field(description="Why; it is kept with the event.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="A period that is to be opened again.")
class ReopenPeriodInput:
    fiscal_period_id: relay.GlobalID = strawberry.field(description="Which period.")
    reason: str = strawberry.field(description="Why; it is kept with the event.")


@strawberry.type(description="What became of a close that was to be prepared.")
class PrepareClosePayload(errors.Payload):
    """Answer `prepareClose`."""

    preparation_id: UUID | None = strawberry.field(
        default=None, description="What to waive and sign by; null when it was refused."
    )
    checks: list[CloseCheck] | None = strawberry.field(
        default=None,
        description="Every item of the checklist; null when it was refused.",
        directives=[scalars.ListSize(assumed_size=len(rules.Item))],
    )


@strawberry.type(description="What became of an item that was to be waived.")
class WaiveCloseItemPayload(errors.Payload):
    """Answer `waiveCloseItem`."""

    item: rules.Item | None = strawberry.field(
        default=None, description="The waived item; null when it was refused."
    )


@strawberry.type(description="What became of a period that was to be closed.")
class ClosePeriodPayload(errors.Payload):
    """Answer `closePeriod`."""

    period_close: PeriodClose | None = strawberry.field(
        default=None, description="The stored figures; null when it was refused."
    )


@strawberry.type(description="What became of a period that was to be opened again.")
class ReopenPeriodPayload(errors.Payload):
    """Answer `reopenPeriod`."""

    fiscal_period: types.FiscalPeriod | None = strawberry.field(
        default=None, description="The open period; null when it was refused."
    )


@strawberry.type
class Query:
    """Hold the closes' part of the schema's query type."""

    period_closes: pages.Connection[PeriodClose] = pages.connection(
        close_records.CLOSES,
        where=close_records.CloseWhere,
        conditions=PeriodCloseFilter,
        order=BooksOrder,
        unsaid_order=records.Order("id", is_descending=True),
        description=f"All versions of closing figures. {READERS}",
    )
    restatements: pages.Connection[Restatement] = pages.connection(
        close_records.RESTATEMENTS,
        where=close_records.RestatementWhere,
        conditions=RestatementFilter,
        order=BooksOrder,
        unsaid_order=records.Order("id", is_descending=True),
        description=f"The restatement log. {READERS}",
    )

    @strawberry.field(
        description="What two versions of closing figures of a period tell differently, line by "
        f"line. {READERS}",
        directives=[scalars.ListSize(assumed_size=100)],
    )
    def closing_differences(
        self,
        info: context.Info,
        before_id: Annotated[relay.GlobalID, strawberry.argument(description="A version.")],
        after_id: Annotated[relay.GlobalID, strawberry.argument(description="A later version.")],
    ) -> list[ClosingDifference]:
        found = close_records.differences_between(
            actor=info.context.actor,
            before=inputs.public_id(before_id, node="PeriodClose", field="before_id"),
            after=inputs.public_id(after_id, node="PeriodClose", field="after_id"),
        )
        return [_difference(each) for each in found]


@strawberry.type
class Mutation:
    """Hold the closes' part of the schema's mutation type."""

    @strawberry.field(
        description="Close a period softly, if it is open, and run the checklist of its close. "
        "Needs CLOSE_PERIODS.",
        extensions=[errors.RefusalsAsUserErrors(PrepareClosePayload)],
    )
    def prepare_close(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            PrepareCloseInput, strawberry.argument(description="Which period.")
        ],
    ) -> PrepareClosePayload:
        answer = closes.prepare(
            actor=info.context.actor,
            key=input.idempotency_key,
            period_id=_period(info, input.fiscal_period_id),
        )
        checks = tuple(map(rules.Check.from_plain, answer.response["checks"]))
        return PrepareClosePayload(
            preparation_id=UUID(answer.response["preparation"]),
            checks=cast("list[CloseCheck]", checks),
        )

    @strawberry.field(
        description="Let a close pass although an item is open, under one's own name; not for "
        "whoever prepared it. Needs APPROVE.",
        extensions=[errors.RefusalsAsUserErrors(WaiveCloseItemPayload)],
    )
    def waive_close_item(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            WaiveCloseItemInput, strawberry.argument(description="Which item, and why.")
        ],
    ) -> WaiveCloseItemPayload:
        closes.waive(
            actor=info.context.actor,
            key=input.idempotency_key,
            preparation=input.preparation_id,
            item=input.item,
            reason=input.reason,
        )
        return WaiveCloseItemPayload(item=input.item)

    @strawberry.field(
        description="Sign the latest preparation and close its period; not for whoever prepared "
        "it. Needs CLOSE_PERIODS.",
        extensions=[errors.RefusalsAsUserErrors(ClosePeriodPayload)],
    )
    def close_period(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            ClosePeriodInput, strawberry.argument(description="Which preparation.")
        ],
    ) -> ClosePeriodPayload:
        answer = closes.close(
            actor=info.context.actor,
            key=input.idempotency_key,
            preparation=input.preparation_id,
            reason=input.reason,
        )
        shown = _shown(info, close_records.CLOSES, answer.response["close"])
        return ClosePeriodPayload(period_close=shown)

    @strawberry.field(
        description="Open a closed period again; the figures it was closed with stay. Needs "
        "CLOSE_PERIODS.",
        extensions=[errors.RefusalsAsUserErrors(ReopenPeriodPayload)],
    )
    def reopen_period(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            ReopenPeriodInput, strawberry.argument(description="Which period, and why.")
        ],
    ) -> ReopenPeriodPayload:
        actor = info.context.actor
        period_id = _period(info, input.fiscal_period_id)
        periods.move(
            actor=actor,
            period_id=period_id,
            status=ledger.PeriodStatus.OPEN,
            reason=input.reason,
        )
        shown = fiscal.PERIODS.by_ids(actor=actor, ids=[period_id]).get(period_id)
        return ReopenPeriodPayload(fiscal_period=cast("Any", shown))


def _period(info: context.Info, asked: relay.GlobalID) -> int:
    public_id = inputs.public_id(asked, node="FiscalPeriod", field="fiscal_period_id")
    return fiscal.PERIODS.key(
        actor=info.context.actor, public_id=public_id, field="fiscal_period_id"
    )


def _shown(info: context.Info, source: records.Source[Any], public_id: str) -> Any:
    wanted = UUID(public_id)
    return source.by_public_ids(actor=info.context.actor, ids=[wanted]).get(wanted)


def _difference(found: close_records.Difference) -> ClosingDifference:
    def shown(amount_minor: int | None) -> scalars.Money | None:
        if amount_minor is None:
            return None
        return scalars.money_of(money.Money(amount_minor, found.currency))

    what = found.account_code or f"{found.bucket} of fund {found.fund_id}"
    return ClosingDifference(
        what=what, before=shown(found.before_minor), after=shown(found.after_minor)
    )
