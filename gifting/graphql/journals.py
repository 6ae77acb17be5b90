"""Journal batches: what the accounting system is told, and the files that tell it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any, ClassVar
from uuid import UUID

import strawberry
from strawberry import relay

from gifting.domain.journals import batches, formats
from gifting.graphql import context, errors, fields, inputs, loaders, pages, scalars, types
from gifting.selectors import fiscal, records
from gifting.selectors import journals as batch_records
from gifting.services import journals

MOST_FILES = 100

Kind = fields.describe(
    batches.Kind,
    name="JournalKind",
    description="What a journal batch tells.",
    values={
        "SPEND": "What was invoiced in the period, and what came back.",
        "ACCRUAL": "What is delivered and not invoiced when the period ends.",
        "REVERSAL": "An accrual taken back on the first day of the next period.",
    },
)
Format = fields.describe(
    batches.Format,
    name="JournalFormat",
    description="How a journal batch is written.",
    values={
        "XERO": "CSV of Xero's manual journals; as many files as 300 lines each need.",
        "QBO": "CSV of QuickBooks Online's journal import.",
        "NETSUITE": "CSV of NetSuite's journal import, one entry a subsidiary.",
        "CSV": "Neutral CSV with the ids of our transfers.",
        "JSON": "Neutral JSON with the ids of our transfers.",
        "HLEDGER": "Text for hledger, with balance assertions.",
        "BEANCOUNT": "Text for Beancount, with balance assertions.",
    },
)


@strawberry.type(description="What was posted together to the accounting system, numbered.")
class JournalBatch(fields.Record):
    """Show a batch."""

    rows: ClassVar = batch_records.SOURCE

    public_id: relay.NodeID[UUID]
    number: int = strawberry.field(description="Its number, without gaps from 1.")
    reference: str = fields.derived(
        lambda row, _: batches.reference(row.number),
        description="The number as the accounting system shows it, such as TRB-000012.",
    )
    kind: batches.Kind = strawberry.field(description="What it tells.")
    dated_on: dt.date = strawberry.field(description="The day that it is posted on.")
    item_count: int = strawberry.field(description="How many transfers it tells of.")
    total: scalars.Money = fields.amount(
        "total_minor",
        description="The sum of its items, which is that of its debits and of its credits.",
    )
    content_sha256: str = strawberry.field(
        description="SHA-256 of what it says, in whatever format."
    )
    fiscal_period: types.FiscalPeriod | None = fields.link(
        loaders.FiscalPeriodByIdLoader, "fiscal_period_id", description="The period it posts to."
    )
    voided_at: dt.datetime | None = strawberry.field(
        description="When it was voided; null while it is in force."
    )
    void_reason: str = strawberry.field(description="Why it was voided; empty while in force.")
    recorded_at: dt.datetime = strawberry.field(description="When it was made.")


@strawberry.type(
    description="A file of a batch: the same bytes at every download.", directives=[scalars.FREE]
)
class JournalFile:
    """Show a file."""

    name: str = strawberry.field(description="Its name.")
    sha256: str = strawberry.field(description="SHA-256 of its bytes.")
    content: str = strawberry.field(description="Its text, UTF-8.")


@strawberry.input(description="Conditions on journal batches; all that are given must hold.")
class JournalBatchFilter:
    numbers: list[int] | None = inputs.given("Only batches with one of these numbers.")
    kinds: list[batches.Kind] | None = inputs.given("Only batches of these kinds.")
    fiscal_period_ids: list[relay.GlobalID] | None = inputs.ids(
        "FiscalPeriod", "Only batches of these periods."
    )
    is_in_force: bool | None = inputs.given("Only batches that are, or are not, in force.")


@strawberry.enum(description="What journal batches can be ordered by.")
class JournalBatchOrderField(Enum):
    NUMBER = strawberry.enum_value("number", description="The batch's number.")
    DATED_ON = strawberry.enum_value("dated_on", description="The day it is posted on.")


JournalBatchOrder = inputs.order(JournalBatchOrderField, "journal batches")


@strawberry.input(description="A journal batch that is to be made.")
class CreateJournalBatchInput:
    fiscal_period_id: relay.GlobalID = strawberry.field(description="Which period.")
    kind: batches.Kind = strawberry.field(
        description="SPEND or ACCRUAL; an accrual brings its reversal."
    )
    currency: str = strawberry.field(description="ISO 4217 code of the budgets' currency.")
    idempotency_key: str = strawberry.field(
        description="Yours for this request: the same one again has the same answer."
    )


@strawberry.input(description="A journal batch that is to be voided.")
class VoidJournalBatchInput:
    journal_batch_id: relay.GlobalID = strawberry.field(description="Which batch.")
    reason: str = strawberry.field(description="Why; it is kept with the batch.")
    idempotency_key: str = strawberry.field(
        description="Yours for this request: the same one again has the same answer."
    )


@strawberry.type(description="What became of a journal batch that was to be made.")
class CreateJournalBatchPayload(errors.Payload):
    """Answer `createJournalBatch`."""

    journal_batch: JournalBatch | None = strawberry.field(
        default=None, description="The new batch; null when it was refused."
    )
    reversal: JournalBatch | None = strawberry.field(
        default=None, description="What takes an accrual back; null for others."
    )


@strawberry.type(description="What became of a journal batch that was to be voided.")
class VoidJournalBatchPayload(errors.Payload):
    """Answer `voidJournalBatch`."""

    journal_batch: JournalBatch | None = strawberry.field(
        default=None, description="The voided batch; null when it was refused."
    )


@strawberry.type
class Query:
    """Hold the journals' part of the schema's query type."""

    journal_batches: pages.Connection[JournalBatch] = pages.connection(
        batch_records.SOURCE,
        where=batch_records.Where,
        conditions=JournalBatchFilter,
        order=JournalBatchOrder,
        unsaid_order=records.Order("number", is_descending=True),
        description="The journal batches. Needs CLOSE_PERIODS or READ_ACCESS.",
    )

    @strawberry.field(
        description="The files of a journal batch in a format, as first written. Needs "
        "CLOSE_PERIODS or READ_ACCESS.",
        directives=[scalars.ListSize(assumed_size=MOST_FILES)],
    )
    def journal_files(
        self,
        info: context.Info,
        journal_batch_id: Annotated[
            relay.GlobalID, strawberry.argument(description="Which batch.")
        ],
        written_as: Annotated[batches.Format, strawberry.argument(description="In which format.")],
    ) -> list[JournalFile]:
        public_id = inputs.public_id(
            journal_batch_id, node="JournalBatch", field="journal_batch_id"
        )
        found = journals.files(actor=info.context.actor, batch=public_id, written_as=written_as)
        return _files(found)


@strawberry.type
class Mutation:
    """Hold the journals' part of the schema's mutation type."""

    @strawberry.field(
        description="Make a numbered journal batch of what the period's spend or accruals were "
        "not told of yet. Needs CLOSE_PERIODS.",
        extensions=[errors.RefusalsAsUserErrors(CreateJournalBatchPayload)],
    )
    def create_journal_batch(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            CreateJournalBatchInput, strawberry.argument(description="The batch.")
        ],
    ) -> CreateJournalBatchPayload:
        actor = info.context.actor
        period = inputs.public_id(
            input.fiscal_period_id, node="FiscalPeriod", field="fiscal_period_id"
        )
        answer = journals.create(
            actor=actor,
            key=input.idempotency_key,
            period_id=fiscal.PERIODS.key(actor=actor, public_id=period, field="fiscal_period_id"),
            kind=input.kind,
            currency=input.currency,
        )
        return CreateJournalBatchPayload(
            journal_batch=_shown(info, answer.response["batch"]),
            reversal=_shown(info, answer.response["reversal"]),
        )

    @strawberry.field(
        description="Void a journal batch; its number stays, what it told may be told again, and "
        "the reversal of an accrual is voided with it. Needs CLOSE_PERIODS.",
        extensions=[errors.RefusalsAsUserErrors(VoidJournalBatchPayload)],
    )
    def void_journal_batch(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            VoidJournalBatchInput, strawberry.argument(description="Which batch, and why.")
        ],
    ) -> VoidJournalBatchPayload:
        public_id = inputs.public_id(
            input.journal_batch_id, node="JournalBatch", field="journal_batch_id"
        )
        journals.void(
            actor=info.context.actor,
            key=input.idempotency_key,
            batch=public_id,
            reason=input.reason,
            at=info.context.at,
        )
        return VoidJournalBatchPayload(journal_batch=_shown(info, str(public_id)))


def _shown(info: context.Info, public_id: str | None) -> Any:
    if public_id is None:
        return None
    wanted = UUID(public_id)
    found = batch_records.SOURCE.by_public_ids(actor=info.context.actor, ids=[wanted])
    return found.get(wanted)


def _files(found: Sequence[batches.File]) -> list[JournalFile]:
    return [
        JournalFile(
            name=file.name, sha256=formats.sha256(file.content), content=file.content.decode()
        )
        for file in found
    ]
