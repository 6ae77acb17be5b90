"""Tie-outs: the general ledger as it is imported, and what ties it to ours."""

from __future__ import annotations

import datetime as dt
from enum import Enum
from typing import Annotated, Any, ClassVar
from uuid import UUID

import strawberry
from strawberry import relay

from gifting.domain import closes as rules
from gifting.graphql import context, errors, fields, inputs, loaders, pages, scalars, types
from gifting.selectors import fiscal, reconciliations, records
from gifting.services import general_ledger
from gifting.services import reconciliations as tie_outs

KEY = "Yours for this request: the same one again has the same answer."
READERS = "Needs CLOSE_PERIODS or READ_ACCESS."

fields.describe(
    rules.Cause,
    name="DifferenceCause",
    description="Why the general ledger and ours differ.",
    values={
        "IN_GL_NOT_OURS": "The general ledger has it alone.",
        "OURS_NOT_IN_GL": "We have it alone.",
        "FX_DIFFERENCE": "Both have it, at two rates.",
        "TIMING": "Both have it, in two periods.",
        "MANUAL": "Anything else, in somebody's words.",
    },
)


@strawberry.type(description="A line that stands in one ledger alone.", directives=[scalars.FREE])
class DifferenceLine:
    """Show a cause."""

    id: UUID = fields.derived(lambda row, _: row.public_id, description="What to explain it by.")
    cause: rules.Cause = strawberry.field(description="What it is called.")
    amount_minor: scalars.MinorUnits = strawberry.field(
        description="What it adds to the general ledger over ours, in minor units of the run's "
        "currency."
    )
    is_explained: bool = strawberry.field(description="Named by evidence or by a person.")
    evidence: str = strawberry.field(description="The evidence; empty when there is none.")
    note: str | None = strawberry.field(description="What a person said; null when nobody did.")
    gl_reference: str | None = strawberry.field(
        description="The reference of the general ledger's line; null for a line of ours."
    )
    transfer_id: UUID | None = strawberry.field(
        description="The transfer of a line of ours; null for one of the general ledger."
    )


@strawberry.type(description="One comparison of the general ledger with ours.")
class ReconciliationRun(fields.Record):
    """Show a run."""

    rows: ClassVar = reconciliations.SOURCE

    public_id: relay.NodeID[UUID]
    gl_total: scalars.Money = fields.amount(
        "gl_total_minor", description="Debits less credits on the accounts of spend."
    )
    ours_total: scalars.Money = fields.amount(
        "ours_total_minor", description="What accrued and actual moved in the period."
    )
    explained: scalars.Money = fields.amount(
        "explained_minor", description="The sum of the named causes."
    )
    unexplained: scalars.Money = fields.amount(
        "unexplained_minor",
        description="General ledger minus ours minus explained, exactly; zero to sign.",
    )
    is_clear: bool = strawberry.field(description="Every line is matched or has its cause.")
    fiscal_period: types.FiscalPeriod | None = fields.link(
        loaders.FiscalPeriodByIdLoader, "fiscal_period_id", description="The period."
    )
    causes: list[DifferenceLine] = fields.link(
        loaders.CausesByRunIdLoader,
        "id",
        description="The first 250 lines that stand alone, the unexplained first.",
        directives=[scalars.ListSize(assumed_size=20)],
    )
    recorded_at: dt.datetime = strawberry.field(description="When it ran.")


@strawberry.input(description="Conditions on tie-outs; all that are given must hold.")
class ReconciliationRunFilter:
    fiscal_period_ids: list[relay.GlobalID] | None = inputs.ids(
        "FiscalPeriod", "Only runs of these periods."
    )
    currencies: list[str] | None = inputs.given("Only these ISO 4217 codes.")


@strawberry.input(description="Lines of the general ledger that are to be imported.")
class ImportGeneralLedgerInput:
    fiscal_period_id: relay.GlobalID = strawberry.field(description="The period of all lines.")
    name: str = strawberry.field(description="The file's name.")
    content: str = strawberry.field(
        description="The CSV: date, account, amount or debit and credit, currency, reference, memo."
    )


@strawberry.input(description="A period that is to be tied out.")
class ReconcilePeriodInput:
    fiscal_period_id: relay.GlobalID = strawberry.field(description="Which period.")
    currency: str = strawberry.field(description="ISO 4217 code of the lines to compare.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="A line that stands alone, and why.")
class ExplainDifferenceInput:
    difference_id: UUID = strawberry.field(description="The line's id in its run.")
    cause: rules.Cause = strawberry.field(description="What it is.")
    note: str = strawberry.field(description="Why; it is kept under your name.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.type(description="What became of a general ledger that was to be imported.")
class ImportGeneralLedgerPayload(errors.Payload):
    """Answer `importGeneralLedger`."""

    line_count: int | None = strawberry.field(
        default=None, description="Lines that were read; null when it was refused."
    )
    rejected_count: int | None = strawberry.field(
        default=None, description="Lines that were set aside; null when it was refused."
    )
    is_new: bool | None = strawberry.field(
        default=None,
        description="False when the lines were there and nothing was added; null when refused.",
    )


@strawberry.type(description="What became of a period that was to be tied out.")
class ReconcilePeriodPayload(errors.Payload):
    """Answer `reconcilePeriod`."""

    run: ReconciliationRun | None = strawberry.field(
        default=None, description="The run; null when it was refused."
    )


@strawberry.type(description="What became of a line that was to be explained.")
class ExplainDifferencePayload(errors.Payload):
    """Answer `explainDifference`."""

    is_explained: bool | None = strawberry.field(
        default=None, description="True; the next run counts it. Null when it was refused."
    )


@strawberry.enum(description="What tie-outs can be ordered by.")
class ReconciliationRunOrderField(Enum):
    RECORDED_AT = strawberry.enum_value("id", description="When they ran.")


ReconciliationRunOrder = inputs.order(ReconciliationRunOrderField, "tie-outs")


@strawberry.type
class Query:
    """Hold the tie-outs' part of the schema's query type."""

    reconciliation_runs: pages.Connection[ReconciliationRun] = pages.connection(
        reconciliations.SOURCE,
        where=reconciliations.Where,
        conditions=ReconciliationRunFilter,
        order=ReconciliationRunOrder,
        unsaid_order=records.Order("id", is_descending=True),
        description=f"All tie-outs of the general ledger. {READERS}",
    )


@strawberry.type
class Mutation:
    """Hold the tie-outs' part of the schema's mutation type."""

    @strawberry.field(
        description="Import the general ledger's lines of a period; the same lines add nothing, "
        "and the latest import counts. Needs CLOSE_PERIODS.",
        extensions=[errors.RefusalsAsUserErrors(ImportGeneralLedgerPayload)],
    )
    def import_general_ledger(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            ImportGeneralLedgerInput, strawberry.argument(description="The file.")
        ],
    ) -> ImportGeneralLedgerPayload:
        made = general_ledger.import_file(
            actor=info.context.actor,
            period_id=_period(info, input.fiscal_period_id),
            name=input.name,
            content=input.content.encode(errors="surrogatepass"),
        )
        return ImportGeneralLedgerPayload(
            line_count=made.line_count, rejected_count=made.rejected_count, is_new=made.is_new
        )

    @strawberry.field(
        description="Compare the latest import of a period with ours, line by line. Needs "
        "CLOSE_PERIODS.",
        extensions=[errors.RefusalsAsUserErrors(ReconcilePeriodPayload)],
    )
    def reconcile_period(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            ReconcilePeriodInput, strawberry.argument(description="What to compare.")
        ],
    ) -> ReconcilePeriodPayload:
        answer = tie_outs.run(
            actor=info.context.actor,
            key=input.idempotency_key,
            period_id=_period(info, input.fiscal_period_id),
            currency=input.currency,
        )
        return ReconcilePeriodPayload(
            run=_shown(info, reconciliations.SOURCE, answer.response["run"])
        )

    @strawberry.field(
        description="Say why a line stands in one ledger alone; later runs count it as explained. "
        "Needs CLOSE_PERIODS.",
        extensions=[errors.RefusalsAsUserErrors(ExplainDifferencePayload)],
    )
    def explain_difference(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            ExplainDifferenceInput, strawberry.argument(description="Which line, and why.")
        ],
    ) -> ExplainDifferencePayload:
        tie_outs.explain(
            actor=info.context.actor,
            key=input.idempotency_key,
            difference=input.difference_id,
            cause=input.cause,
            note=input.note,
        )
        return ExplainDifferencePayload(is_explained=True)


def _period(info: context.Info, asked: relay.GlobalID) -> int:
    public_id = inputs.public_id(asked, node="FiscalPeriod", field="fiscal_period_id")
    return fiscal.PERIODS.key(
        actor=info.context.actor, public_id=public_id, field="fiscal_period_id"
    )


def _shown(info: context.Info, source: records.Source[Any], public_id: str) -> Any:
    wanted = UUID(public_id)
    return source.by_public_ids(actor=info.context.actor, ids=[wanted]).get(wanted)
