"""Reports in the API: as they are, as of a snapshot, what changed since, and who signed."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Final, cast
from uuid import UUID

import strawberry
from strawberry import relay

from gifting.domain import exchange, reports
from gifting.graphql import context, errors, fields, inputs, scalars
from gifting.selectors import reports as selectors
from gifting.services import reports as services

MOST_SNAPSHOTS: Final = 100
UNSAID_SNAPSHOTS: Final = 20
# What a report is assumed to have, to price a request; rows of figures cost nothing more.
ASSUMED_ROWS: Final = 100
KINDS: Final = "BUDGETS, REGISTER, COMMITMENTS, POSTINGS or SPEND."
NEEDS: Final = "Needs READ_BUDGETS, or READ_SPEND for SPEND, and a view of the whole organization."

SignRole = fields.describe(
    reports.SignRole,
    name="SignRole",
    description="What a signature under a report means.",
    values={
        "PREPARER": "Made it, and signs first. Needs WRITE_BUDGETS.",
        "REVIEWER": "Looked it through. Needs APPROVE.",
        "APPROVER": "Stands for it; never who prepared it. Needs APPROVE.",
    },
)


@strawberry.input(description="What a report is asked for; what is left out is not narrowed.")
class ReportParametersInput:
    by: list[str] | None = strawberry.field(
        default=None,
        description="Of SPEND: vendor, campaign, cost_center, fiscal_period, component; each once.",
    )
    budget_ids: list[relay.GlobalID] | None = strawberry.field(
        default=None, description="Not of SPEND: these budgets alone."
    )
    fiscal_period_ids: list[relay.GlobalID] | None = strawberry.field(
        default=None, description="These fiscal periods alone."
    )
    vendor_ids: list[relay.GlobalID] | None = strawberry.field(
        default=None, description="Of SPEND: these vendors alone."
    )
    campaign_ids: list[relay.GlobalID] | None = strawberry.field(
        default=None, description="Of SPEND: these campaigns alone."
    )
    cost_center_ids: list[relay.GlobalID] | None = strawberry.field(
        default=None, description="Of SPEND: these cost centers alone."
    )
    currency: str | None = strawberry.field(
        default=None, description="ISO 4217 code: rows of this currency alone."
    )


@strawberry.input(description="The rates that a report is shown in another currency by.")
class RateSetInput:
    currency: str = strawberry.field(description="ISO 4217 code of the reporting currency.")
    rate_type: exchange.RateType = strawberry.field(description="Which kind of rates.")
    on: dt.date = strawberry.field(description="The day that rates are asked for.")


@strawberry.input(description="A report to be taken.")
class TakeSnapshotInput:
    idempotency_key: str = strawberry.field(
        description="Made by the client: the same key gives the same snapshot again."
    )
    kind: str = strawberry.field(description=KINDS)
    parameters: ReportParametersInput | None = strawberry.field(
        default=None, description="What it is narrowed to; all when left out."
    )
    rate_set: RateSetInput | None = strawberry.field(
        default=None, description="Also in this currency; not converted when left out."
    )


@strawberry.input(description="A signature. The same one again is the same one.")
class SignOffInput:
    snapshot_id: UUID = strawberry.field(description="The snapshot that is signed.")
    role: reports.SignRole = strawberry.field(description="What the signature means.")
    sha256: str = strawberry.field(description="The hash of what was looked at.")
    note: str = strawberry.field(default="", description="Up to 1,000 characters.")


@strawberry.type(description="One line of a report.", directives=[scalars.FREE])
class ReportRow:
    keys: list[str] = strawberry.field(description="What it is of, in the order of `keys`.")
    measures: list[scalars.MinorUnits] = strawberry.field(
        description="Minor units of the row's currency, in the order of `measures`."
    )


@strawberry.type(description="The sum of a measure in a currency.", directives=[scalars.FREE])
class ReportTotal:
    measure: str = strawberry.field(description="Which measure.")
    currency: str = strawberry.field(description="ISO 4217 code; currencies are not added up.")
    total: scalars.MinorUnits = strawberry.field(description="The sum, in its minor units.")


@strawberry.type(description="Rows that are the sum of append-only facts.")
class Report:
    kind: str = strawberry.field(description=KINDS)
    as_of: UUID | None = strawberry.field(
        description="The snapshot whose facts count; null for those of now."
    )
    keys: list[str] = strawberry.field(description="The names of the key columns.")
    measures: list[str] = strawberry.field(description="The names of the measures.")
    rows: list[ReportRow] = strawberry.field(
        directives=[scalars.ListSize(assumed_size=ASSUMED_ROWS)],
        description="The lines, sorted by their keys.",
    )
    totals: list[ReportTotal] = strawberry.field(
        directives=[scalars.ListSize(assumed_size=ASSUMED_ROWS)], description="The control totals."
    )


@strawberry.type(
    description="A figure in the reporting currency, with the market's part apart.",
    directives=[scalars.FREE],
)
class ConstantCurrencyRow:
    keys: list[str] = strawberry.field(description="Which figure.")
    actual: list[scalars.MinorUnits] = strawberry.field(
        description="By the rates asked for, in minor units of the reporting currency."
    )
    constant: list[scalars.MinorUnits] = strawberry.field(
        description="By the BUDGET rates of the same day: what was planned with."
    )
    effect: list[scalars.MinorUnits] = strawberry.field(
        description="actual - constant: what exchange rates alone moved."
    )


@strawberry.type(description="A signature under a snapshot.", directives=[scalars.FREE])
class SignOff:
    role: reports.SignRole = strawberry.field(description="What it means.")
    person: str = strawberry.field(description="The login of who signed.")
    signed_at: dt.datetime = strawberry.field(description="When it was signed.")
    note: str = strawberry.field(description="What was written beside it.")


@strawberry.type(
    description="A report as it was taken, with the evidence of what it was made from."
)
class ReportSnapshot:
    public_id: UUID = strawberry.field(description="Its id.")
    kind: str = strawberry.field(description=KINDS)
    taken_at: dt.datetime = strawberry.field(description="When it was taken.")
    sha256: str = strawberry.field(description="The hash of its bytes.")
    row_count: int = strawberry.field(description="How many rows it has.")
    logic_version: int = strawberry.field(description="The version of the report's formula.")
    code_version: str = strawberry.field(description="The digest of the formula's text.")
    signatures: list[SignOff] = strawberry.field(
        directives=[scalars.ListSize(assumed_size=len(reports.SignRole))],
        description="Who signed, in order.",
    )


@strawberry.type(
    description="How one figure differs from what was signed.", directives=[scalars.FREE]
)
class ReportChange:
    keys: list[str] = strawberry.field(description="Which figure.")
    was: list[scalars.MinorUnits] = strawberry.field(description="What was signed.")
    now: list[scalars.MinorUnits] = strawberry.field(description="What it is now.")
    difference: list[scalars.MinorUnits] = strawberry.field(
        description="now - was: exactly the sum of the facts that came since."
    )


@strawberry.type(description="A fact that a report did not hold.", directives=[scalars.FREE])
class ReportFact:
    kind: str = strawberry.field(description="TRANSFER, ENTRY or COST_LINE.")
    id: UUID = strawberry.field(description="The public id of the fact.")
    fact_on: dt.date = strawberry.field(description="The day that it is of.")
    recorded_at: dt.datetime = strawberry.field(description="When it was recorded.")
    keys: list[str] = strawberry.field(description="The figure that it moves.")
    measures: list[scalars.MinorUnits] = strawberry.field(description="By how much.")


@strawberry.type(description="What a report would say differently now.")
class ReportChanges:
    sha256: str = strawberry.field(description="The hash of what was signed, found again.")
    is_same: bool = strawberry.field(description="True when no fact came since.")
    keys: list[str] = strawberry.field(description="The names of the key columns.")
    measures: list[str] = strawberry.field(description="The names of the measures.")
    figures: list[ReportChange] = strawberry.field(
        directives=[scalars.ListSize(assumed_size=ASSUMED_ROWS)],
        description="The figures that differ.",
    )
    facts: list[ReportFact] = strawberry.field(
        directives=[scalars.ListSize(assumed_size=ASSUMED_ROWS)],
        description="What made them differ.",
    )


@strawberry.type(description="What became of a report that was to be taken.")
class TakeSnapshotPayload(errors.Payload):
    snapshot: ReportSnapshot | None = strawberry.field(
        default=None, description="The snapshot; null when it was refused."
    )
    document: str | None = strawberry.field(
        default=None, description="Its bytes as text: canonical JSON, whose hash is sha256."
    )


@strawberry.type(description="What became of a signature.")
class SignOffPayload(errors.Payload):
    snapshot: ReportSnapshot | None = strawberry.field(
        default=None, description="The snapshot with its signatures; null when it was refused."
    )


@strawberry.type
class Query:
    """Hold the reports' part of the schema's query type."""

    @strawberry.field(
        description=f"A report of spending or budgets, now or as of a snapshot. {NEEDS}"
    )
    def report(
        self,
        info: context.Info,
        *,
        kind: Annotated[str, strawberry.argument(description=KINDS)],
        parameters: Annotated[
            ReportParametersInput | None, strawberry.argument(description="What it is narrowed to.")
        ] = None,
        as_of: Annotated[
            UUID | None, strawberry.argument(description="A snapshot: what was there at it.")
        ] = None,
    ) -> Report:
        actor = info.context.actor
        asked = selectors.read_parameters(kind=kind, given=_parameters(parameters))
        cut = None if as_of is None else selectors.cut_of(actor=actor, snapshot=as_of)
        table = selectors.run(actor=actor, kind=kind, parameters=asked, cut=cut)
        return Report(
            kind=kind,
            as_of=as_of,
            keys=list(table.keys),
            measures=list(table.measures),
            rows=cast("list[ReportRow]", list(table.rows)),
            totals=[
                ReportTotal(measure=measure, currency=currency, total=scalars.MinorUnits(total))
                for currency, sums in sorted(table.totals().items())
                for measure, total in sums.items()
            ],
        )

    @strawberry.field(
        directives=[scalars.ListSize(assumed_size=ASSUMED_ROWS)],
        description="A report in one currency, by a day's rates and by the plan's, so that what "
        f"the market moved stands apart. Refused with RATE_MISSING where nobody planned. {NEEDS}",
    )
    def constant_currency(
        self,
        info: context.Info,
        *,
        kind: Annotated[str, strawberry.argument(description=KINDS)],
        rate_set: Annotated[
            RateSetInput, strawberry.argument(description="The reporting currency and the rates.")
        ],
        parameters: Annotated[
            ReportParametersInput | None, strawberry.argument(description="What it is narrowed to.")
        ] = None,
        as_of: Annotated[
            UUID | None, strawberry.argument(description="A snapshot: what was there at it.")
        ] = None,
    ) -> list[ConstantCurrencyRow]:
        actor = info.context.actor
        asked = selectors.read_parameters(kind=kind, given=_parameters(parameters))
        cut = None if as_of is None else selectors.cut_of(actor=actor, snapshot=as_of)
        found = selectors.constant_currency(
            actor=actor,
            table=selectors.run(actor=actor, kind=kind, parameters=asked, cut=cut),
            rate_set=selectors.read_rate_set(_rate_set(rate_set)) or {},
            cut=cut,
        )
        # The figures have the type's own attributes.
        return cast("list[ConstantCurrencyRow]", list(found))

    @strawberry.field(
        description="The bytes of a snapshot as text, found again from the facts; refused with "
        f"SNAPSHOT_DIFFERS when they are not what was signed. {NEEDS}"
    )
    def snapshot_document(
        self,
        info: context.Info,
        *,
        snapshot_id: Annotated[UUID, strawberry.argument(description="The snapshot.")],
    ) -> str:
        found = services.rerun(actor=info.context.actor, snapshot=snapshot_id)
        return found.document.decode()

    @strawberry.field(
        description=f"The snapshots, the last taken first, at most 100. {NEEDS}",
        directives=[scalars.ListSize(assumed_size=UNSAID_SNAPSHOTS)],
    )
    def report_snapshots(
        self,
        info: context.Info,
        *,
        first: Annotated[
            int, strawberry.argument(description="This many, 1 to 100.")
        ] = UNSAID_SNAPSHOTS,
    ) -> list[ReportSnapshot]:
        most = max(1, min(first, MOST_SNAPSHOTS))
        found = selectors.snapshots(actor=info.context.actor, most=most)
        return cast("list[ReportSnapshot]", list(found))

    @strawberry.field(
        description="What a snapshot would say differently now, figure by figure, and every fact "
        f"that came since, at most 10,000. {NEEDS}"
    )
    def changes_since_sign_off(
        self,
        info: context.Info,
        *,
        snapshot_id: Annotated[UUID, strawberry.argument(description="The snapshot.")],
    ) -> ReportChanges:
        # The answer has the type's own attributes.
        found: Any = services.changes(actor=info.context.actor, snapshot=snapshot_id)
        return cast("ReportChanges", found)


@strawberry.type
class Mutation:
    """Hold the reports' part of the schema's mutation type."""

    @strawberry.field(
        description=f"Take a report of what is committed at this moment. {NEEDS}",
        extensions=[errors.RefusalsAsUserErrors(TakeSnapshotPayload)],
    )
    def take_snapshot(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            TakeSnapshotInput, strawberry.argument(description="The report.")
        ],
    ) -> TakeSnapshotPayload:
        actor = info.context.actor
        taken = services.take(
            actor=actor,
            key=input.idempotency_key,
            kind=input.kind,
            parameters=_parameters(input.parameters),
            rate_set=_rate_set(input.rate_set),
        )
        return TakeSnapshotPayload(
            snapshot=_shown(info, taken.public_id), document=taken.document.decode()
        )

    @strawberry.field(
        description="Sign a snapshot, which is read again first. One person signs it once.",
        extensions=[errors.RefusalsAsUserErrors(SignOffPayload)],
    )
    def sign_off(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            SignOffInput, strawberry.argument(description="The signature.")
        ],
    ) -> SignOffPayload:
        services.sign(
            actor=info.context.actor,
            snapshot=input.snapshot_id,
            role=input.role,
            sha256=input.sha256,
            note=input.note,
        )
        return SignOffPayload(snapshot=_shown(info, input.snapshot_id))


def _shown(info: context.Info, snapshot: UUID) -> ReportSnapshot:
    (found,) = selectors.snapshots(actor=info.context.actor, most=1, ids=[snapshot])
    return cast("ReportSnapshot", found)


def _parameters(asked: ReportParametersInput | None) -> dict[str, Any]:
    if asked is None:
        return {}
    given = {
        "by": asked.by,
        "budgets": _ids(asked.budget_ids, "budget_ids"),
        "periods": _ids(asked.fiscal_period_ids, "fiscal_period_ids"),
        "vendors": _ids(asked.vendor_ids, "vendor_ids"),
        "campaigns": _ids(asked.campaign_ids, "campaign_ids"),
        "cost_centers": _ids(asked.cost_center_ids, "cost_center_ids"),
        "currency": asked.currency,
    }
    return {name: value for name, value in given.items() if value is not None}


def _ids(asked: list[relay.GlobalID] | None, field: str) -> list[UUID] | None:
    if asked is None:
        return None
    return [inputs.read_public_id(each.node_id, field=field) for each in asked]


def _rate_set(asked: RateSetInput | None) -> dict[str, str] | None:
    if asked is None:
        return None
    return {
        "currency": asked.currency,
        "rate_type": asked.rate_type.value,
        "on": asked.on.isoformat(),
    }
