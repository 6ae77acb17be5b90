"""The reads of the attribution room: each field is one call into a selector."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, cast

import strawberry
from strawberry import relay

from attribution.domain import multitouch, returns
from attribution.graphql import inputs, types
from attribution.selectors import accounts, credits, opportunities, roi, runs, touchpoints  # noqa: A004 - credits is the own word
from gifting.domain import money
from gifting.graphql import context, pages, scalars
from gifting.graphql import inputs as gifting_inputs
from gifting.graphql import types as gifting_types
from gifting.selectors import records, spend

Currency = Annotated[str | None, strawberry.argument(description=scalars.CURRENCY)]
Model = Annotated[
    inputs.AttributionModel, strawberry.argument(description="How touches share the revenue.")
]
Cut = Annotated[
    gifting_inputs.Cut | None,
    strawberry.argument(description="Which part is meant; its periods choose revenue and cost."),
]


@strawberry.type
class Query:
    """Hold the attribution part of the schema's query type."""

    accounts: pages.Connection[types.Account] = pages.connection(
        accounts.SOURCE,
        where=accounts.Where,
        conditions=inputs.AccountFilter,
        order=inputs.AccountOrder,
        unsaid_order=records.Order("name"),
        description="The accounts that are sold to. Needs READ_ATTRIBUTION.",
    )
    opportunities: pages.Connection[types.Opportunity] = pages.connection(
        opportunities.SOURCE,
        where=opportunities.Where,
        conditions=inputs.OpportunityFilter,
        order=inputs.OpportunityOrder,
        unsaid_order=records.Order("id", is_descending=True),
        description="The company's opportunities. Needs READ_ATTRIBUTION.",
    )
    touchpoints: pages.Connection[types.Touchpoint] = pages.connection(
        touchpoints.SOURCE,
        where=touchpoints.Where,
        conditions=inputs.TouchpointFilter,
        order=inputs.TouchpointOrder,
        unsaid_order=records.Order("occurred_at", is_descending=True),
        description=(
            "Gifts and digital touches on one timeline; senders see those of their own cost "
            "centers. Needs READ_ATTRIBUTION."
        ),
    )
    attribution_runs: pages.Connection[types.AttributionRun] = pages.connection(
        runs.SOURCE,
        where=runs.Where,
        conditions=inputs.AttributionRunFilter,
        order=inputs.AttributionRunOrder,
        unsaid_order=records.Order("as_of", is_descending=True),
        description="The computations that figures come from. Needs READ_ATTRIBUTION.",
    )

    @strawberry.field(
        description=(
            "Who earned the won revenue, from the current run of a model. A sender's slices show "
            "the own cost centers; the others are one slice. Needs READ_ATTRIBUTION."
        )
    )
    def attribution(
        self,
        info: context.Info,
        model: Model,
        currency: Currency = None,
        cut: Cut = None,
        group_by: Annotated[
            inputs.AttributionDimension | None,
            strawberry.argument(description="What to make slices of."),
        ] = None,
    ) -> types.AttributionFigure:
        return _attribution(
            info.context,
            model=model,
            currency=_currency(info.context, currency),
            cut=gifting_inputs.cut(cut),
            dimension=group_by,
        )

    @strawberry.field(
        description=(
            "What each campaign cost, earned and was allowed to cost, from the current run of a "
            "model. A sender's spend and budgets are those of the own cost centers; the credit of "
            "the others is one row without its cost. Needs READ_ATTRIBUTION, READ_SPEND and "
            "READ_BUDGETS."
        )
    )
    def roi(
        self, info: context.Info, model: Model, currency: Currency = None, cut: Cut = None
    ) -> types.RoiFigure:
        return _roi(
            info.context,
            model=model,
            currency=_currency(info.context, currency),
            cut=gifting_inputs.cut(cut),
        )


def _attribution(
    request: context.Context,
    *,
    model: multitouch.Model,
    currency: str,
    cut: spend.Cut,
    dimension: credits.Dimension | None,
) -> types.AttributionFigure:
    actor = request.actor
    totals = credits.totals(actor=actor, model=model.value, currency=currency, cut=cut)
    rows = (
        credits.by(actor=actor, model=model.value, dimension=dimension, currency=currency, cut=cut)
        if dimension
        else ()
    )
    rule = multitouch.RULES[model]
    return types.AttributionFigure(
        run_id=totals.run.public_id,
        basis=_basis(request, totals.run),
        formula=gifting_types.Formula(
            id=f"{model.value}_{totals.run.rule_version}",
            text=rule.formula,
            unit="minor units of the currency",
        ),
        won_revenue=scalars.money_of(totals.won_revenue),
        attributed=scalars.money_of(totals.attributed),
        unattributed=scalars.money_of(totals.unattributed),
        slices=cast("list[types.AttributionSlice]", rows),
    )


def _roi(
    request: context.Context, *, model: multitouch.Model, currency: str, cut: spend.Cut
) -> types.RoiFigure:
    report = roi.by_campaign(actor=request.actor, model=model.value, currency=currency, cut=cut)
    formula = returns.Formula.ROI_ATTRIBUTED_NET
    return types.RoiFigure(
        run_id=report.totals.run.public_id,
        basis=_basis(request, report.totals.run),
        basis_text=roi.BASIS,
        formula=gifting_types.Formula(
            id=formula.value, text=returns.FORMULA_TEXT[formula], unit="ratio; 1 is 100 %"
        ),
        budget=scalars.money_of(report.budget),
        spend=scalars.money_of(report.spend),
        won_revenue=scalars.money_of(report.totals.won_revenue),
        attributed=scalars.money_of(report.totals.attributed),
        unattributed=scalars.money_of(report.totals.unattributed),
        costed_credit=scalars.money_of(report.costed_credit),
        roi=_ratio(report.roi, currency),
        campaigns=[_campaign_return(row, currency) for row in report.campaigns],
    )


def _campaign_return(row: roi.CampaignReturn, currency: str) -> types.CampaignReturn:
    return types.CampaignReturn(
        id=(None if row.campaign_id is None else relay.GlobalID("Campaign", str(row.campaign_id))),
        name=row.name,
        budget=scalars.money_of(row.budget) if row.budget else None,
        spend=scalars.money_of(row.spend),
        credit=scalars.money_of(row.credit),
        touch_count=row.touch_count,
        roi=_ratio(row.roi, currency),
    )


def _ratio(found: returns.Return, currency: str) -> scalars.Ratio:
    return scalars.Ratio(
        value=None if found.decimal_text is None else Decimal(found.decimal_text),
        numerator=scalars.money_of(money.Money(found.numerator, currency)),
        denominator=scalars.money_of(money.Money(found.denominator, currency)),
        formula=found.formula_text,
        null_reason=found.reason or None,
    )


def _basis(request: context.Context, run: credits.RunRecord) -> scalars.FigureBasis:
    return scalars.FigureBasis(
        basis=scalars.Basis.CLOSED_IN_PERIOD,
        model=run.model,
        as_of=run.as_of,
        freshness=scalars.freshness(run.finished_at, as_of=request.at),
        is_synthetic=request.organization.is_synthetic,
    )


def _currency(request: context.Context, asked: str | None) -> str:
    currency = asked or request.organization.currency
    money.exponent(currency)
    return currency
