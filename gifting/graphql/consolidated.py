"""Consolidated spend as the API shows it: any cut, what it stands on, and that it adds up."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Final, cast

import strawberry
from strawberry import relay

from gifting.domain import cuts, money
from gifting.graphql import context, fields, inputs, scalars, types
from gifting.selectors import consolidated, spend

NODES: Final = {
    cuts.Dimension.VENDOR: "Vendor",
    cuts.Dimension.DEPARTMENT: "CostCenter",
    cuts.Dimension.CAMPAIGN: "Campaign",
    cuts.Dimension.PERIOD: "FiscalPeriod",
}
FORMULAS: Final = {
    cuts.Basis.LANDED_COST: types.Formula(
        id="CONSOLIDATED_LANDED_COST",
        text="sum of the changes of all cost lines, estimated or billed, in the fiscal period of "
        "each change",
        unit="minor units of the currency",
    ),
    cuts.Basis.ACCRUAL: types.Formula(
        id="CONSOLIDATED_ACCRUAL",
        text="sum of the transfers into ACCRUED and ACTUAL minus those out of them, in the fiscal "
        "period that each was posted in",
        unit="minor units of the currency",
    ),
    cuts.Basis.INVOICED: types.Formula(
        id="CONSOLIDATED_INVOICED",
        text="sum of the transfers into ACTUAL minus those out of it, in the fiscal period that "
        "each was posted in",
        unit="minor units of the currency",
    ),
}
SHARE_DECIMALS: Final = Decimal("0.000001")
SHARE: Final = "the slice's spend divided by all spend of the cut in the same currency"

Dimension = fields.describe(
    cuts.Dimension,
    name="CutDimension",
    description="What consolidated spend can be cut by.",
    values={
        "VENDOR": "One slice a vendor.",
        "DEPARTMENT": "One slice a cost center: its own spend, beside that with all below it.",
        "PROGRAM": "One slice a program of campaigns; campaigns of none share a slice.",
        "CAMPAIGN": "One slice a campaign.",
        "PERSON": "One slice a sender, by a pseudonym for who may not READ_PERSONAL_DATA.",
        "CURRENCY": "One slice a currency.",
        "PERIOD": "One slice a fiscal period: the one in which a change was recorded.",
        "COMPONENT": "One slice a cost component, such as shipping.",
    },
)
Basis = fields.describe(
    cuts.Basis,
    name="SpendBasis",
    description="Which facts count as spend.",
    values={
        "LANDED_COST": "Cost lines: all that gifts cost, estimated until it is billed.",
        "ACCRUAL": "The ledger: what was delivered or invoiced. Needs READ_BUDGETS as well.",
        "INVOICED": "The ledger: what was invoiced alone. Needs READ_BUDGETS as well.",
    },
)
Measure = fields.describe(
    cuts.Measure,
    name="SpendMeasure",
    description="What a slice tells.",
    values={
        "SPEND": "Its own spend. Slices lie beside each other and add up.",
        "ROLLED_UP": "A department's spend with all below it. Slices overlap and have no sum.",
        "SHARE": "The slice's part of the whole. A ratio has no sum.",
    },
)
Served = fields.describe(
    consolidated.Served,
    name="SpendServedFrom",
    description="Where a figure was read.",
    values={
        "ROLLUP": "In sums that move in the statement that adds the cost lines.",
        "COST_LINES": "In the cost lines themselves, which takes longer.",
        "LEDGER": "In the ledger's transfers.",
    },
)


@strawberry.type(description="What a slice is a slice of.", directives=[scalars.FREE])
class CutKey:
    """Name a slice."""

    dimension: cuts.Dimension = strawberry.field(description="The dimension.")
    id: relay.GlobalID | None = fields.derived(
        lambda key, _: (
            relay.GlobalID(NODES[key.dimension], str(key.id))
            if key.id and key.dimension in NODES
            else None
        ),
        description="The id of the record it is of; null where it is of none.",
    )
    label: str = strawberry.field(
        description='The name of the record, or "(none)" for what has no value of the dimension.'
    )


@strawberry.type(description="A part of the spend.")
class ConsolidatedSlice:
    """Show a slice."""

    keys: list[CutKey] = strawberry.field(
        description="What it is a slice of: one key, or two for a pair of cuts.",
        directives=[scalars.ListSize(assumed_size=2)],
    )
    amount: scalars.Money = strawberry.field(description="The slice's own spend.")
    rolled_up: scalars.Money | None = strawberry.field(
        description="Its spend with all below it; given for DEPARTMENT alone."
    )
    share: scalars.Ratio = strawberry.field(
        description="Its part of all spend of the cut in the same currency."
    )


@strawberry.type(
    description="The slices' sum beside that of the rows they stand on, in one currency.",
    directives=[scalars.FREE],
)
class SpendReconciliation:
    """Show that a cut adds up."""

    cut_total: scalars.Money = strawberry.field(description="The sum of the slices.")
    ledger_total: scalars.Money = strawberry.field(
        description="The sum of the cost lines, or of the ledger's transfers, read one by one."
    )
    difference: scalars.Money = strawberry.field(
        description="The first minus the second; anything but zero is a fault of the product."
    )
    row_count: int = strawberry.field(description="How many rows were added up.")


@strawberry.type(description="Spend by one cut or by a pair, in each currency.")
class ConsolidatedSpend:
    """Show a report of consolidated spend."""

    report: strawberry.Private[consolidated.Report]
    currency: strawberry.Private[str | None]
    where: strawberry.Private[spend.Cut]
    basis: scalars.FigureBasis = strawberry.field(description="What the figure stands on.")
    counts: cuts.Basis = strawberry.field(description="Which facts count as spend.")
    served_from: consolidated.Served = strawberry.field(description="Where it was read.")
    formula: types.Formula = strawberry.field(description="How it is computed.")
    slices: list[ConsolidatedSlice] = strawberry.field(
        description=(
            "The slices by currency, largest first. In each currency they add up to its total. "
            "More than 5000 are refused."
        ),
        directives=[scalars.ListSize(assumed_size=100)],
    )

    @strawberry.field(
        description=(
            "The sum of the slices, one for each currency. A measure whose slices overlap, or that "
            "is a ratio, is refused with NOT_ADDITIVE."
        ),
        directives=[scalars.ListSize(assumed_size=5)],
    )
    def totals(
        self,
        measure: Annotated[
            cuts.Measure, strawberry.argument(description="What to add up.")
        ] = cuts.Measure.SPEND,
    ) -> list[scalars.Money]:
        return [scalars.money_of(total) for total in self.report.totals(measure)]

    @strawberry.field(
        description=(
            "The same total from the rows themselves, one line a currency. It reads every row of "
            "the cut, so ask for it when it is looked at."
        ),
        directives=[scalars.ListSize(assumed_size=5)],
    )
    def reconciliation(self, info: context.Info) -> list[SpendReconciliation]:
        lines = consolidated.reconcile(
            actor=info.context.actor,
            report=self.report,
            currency=self.currency,
            where=self.where,
        )
        return [
            SpendReconciliation(
                cut_total=scalars.money_of(line.cut_total),
                ledger_total=scalars.money_of(line.ledger_total),
                difference=scalars.money_of(line.difference),
                row_count=line.row_count,
            )
            for line in lines
        ]


@strawberry.type
class Query:
    """Hold the consolidated part of the schema's query type."""

    @strawberry.field(
        description=(
            "Spend by any one dimension, or by a pair, with a slice for what has no value, so that "
            "every cut adds up. Senders see their own cost centers. Needs READ_SPEND."
        )
    )
    def consolidated_spend(
        self,
        info: context.Info,
        *,
        cut: Annotated[cuts.Dimension, strawberry.argument(description="What to cut by.")],
        then: Annotated[
            cuts.Dimension | None, strawberry.argument(description="What to cut each slice by.")
        ] = None,
        basis: Annotated[
            cuts.Basis, strawberry.argument(description="Which facts count.")
        ] = cuts.Basis.LANDED_COST,
        currency: Annotated[
            str | None,
            strawberry.argument(
                description="ISO 4217 code; each currency for itself when left out."
            ),
        ] = None,
        where: Annotated[
            inputs.Cut | None, strawberry.argument(description="Which part of the spend.")
        ] = None,
    ) -> ConsolidatedSpend:
        request = info.context
        part = inputs.cut(where)
        report = consolidated.get(
            actor=request.actor, cut=cut, then=then, basis=basis, currency=currency, where=part
        )
        return ConsolidatedSpend(
            report=report,
            currency=currency,
            where=part,
            basis=scalars.FigureBasis(
                basis=scalars.Basis.ACCRUAL,
                model=None,
                as_of=request.at,
                freshness=scalars.freshness(report.changed_at, as_of=request.at),
                is_synthetic=request.organization.is_synthetic,
            ),
            counts=report.basis,
            served_from=report.served,
            formula=FORMULAS[report.basis],
            slices=_slices(report),
        )


def _slices(report: consolidated.Report) -> list[ConsolidatedSlice]:
    totals = {total.currency: total for total in report.totals()}
    return [
        ConsolidatedSlice(
            # The keys have the type's own attributes.
            keys=cast("list[CutKey]", each.keys),
            amount=scalars.money_of(each.amount),
            rolled_up=None if each.rolled_up is None else scalars.money_of(each.rolled_up),
            share=share(each.amount, totals[each.amount.currency]),
        )
        for each in report.slices
    ]


def share(part: money.Money, whole: money.Money) -> scalars.Ratio:
    """Divide exactly, and show six decimals."""
    value = None
    if whole.amount_minor:
        exact = Decimal(part.amount_minor) / Decimal(whole.amount_minor)
        value = exact.quantize(SHARE_DECIMALS, ROUND_HALF_EVEN)
    return scalars.Ratio(
        value=value,
        numerator=scalars.money_of(part),
        denominator=scalars.money_of(whole),
        formula=SHARE,
        null_reason=None if whole.amount_minor else "There is no spend in this currency.",
    )
