"""The reads of the gifting room: each field is one call into a selector."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast
from uuid import UUID

import strawberry
from strawberry import relay

from gifting.domain import money
from gifting.graphql import context, fields, inputs, pages, scalars, types
from gifting.selectors import budgets, campaigns, fiscal, records, sends, spend, tokens, vendors

SPEND_FORMULA: Final = types.Formula(
    id="SPEND_LANDED",
    text="sum of the changes of all cost components: item, personalization, packaging, handling, "
    "shipping, duty, fee and tax, less refunds, plus what was lost when credits died",
    unit="minor units of the currency",
)


@strawberry.type
class Query:
    """Hold the gifting part of the schema's query type."""

    campaigns: pages.Connection[types.Campaign] = pages.connection(
        campaigns.SOURCE,
        where=campaigns.Where,
        conditions=inputs.CampaignFilter,
        order=inputs.CampaignOrder,
        unsaid_order=records.Order("code"),
        description="The campaigns that the viewer sees. Needs READ_CAMPAIGNS.",
    )
    sends: pages.Connection[types.Send] = pages.connection(
        sends.SOURCE,
        where=sends.Where,
        conditions=inputs.SendFilter,
        order=inputs.SendOrder,
        unsaid_order=records.Order("id", is_descending=True),
        description="The sends that the viewer sees. Needs READ_SPEND.",
    )
    vendors: pages.Connection[types.Vendor] = pages.connection(
        vendors.SOURCE,
        where=vendors.Where,
        conditions=inputs.VendorFilter,
        order=inputs.VendorOrder,
        unsaid_order=records.Order("name"),
        description="The vendors. Needs READ_CAMPAIGNS or READ_SPEND.",
    )
    budgets: pages.Connection[types.Budget] = pages.connection(
        budgets.SOURCE,
        where=budgets.Where,
        conditions=inputs.BudgetFilter,
        order=inputs.BudgetOrder,
        unsaid_order=records.Order("id"),
        description="The budgets that the viewer sees. Needs READ_BUDGETS.",
    )
    cost_centers: pages.Connection[types.CostCenter] = pages.connection(
        fiscal.COST_CENTERS,
        where=fiscal.CostCenterWhere,
        conditions=inputs.CostCenterFilter,
        order=inputs.CostCenterOrder,
        unsaid_order=records.Order("code"),
        description="The cost centers that the viewer sees. Needs a permission to read figures.",
    )
    fiscal_periods: pages.Connection[types.FiscalPeriod] = pages.connection(
        fiscal.PERIODS,
        where=fiscal.FiscalPeriodWhere,
        conditions=inputs.FiscalPeriodFilter,
        order=inputs.FiscalPeriodOrder,
        unsaid_order=records.Order("starts_on"),
        description="The fiscal periods that facts fall into. Needs a permission to read figures.",
    )

    service_tokens: pages.Connection[types.ServiceToken] = pages.connection(
        tokens.SOURCE,
        where=tokens.Where,
        conditions=inputs.ServiceTokenFilter,
        order=inputs.ServiceTokenOrder,
        unsaid_order=records.Order("name"),
        description="The keys of machines. Needs READ_ACCESS.",
    )

    @strawberry.field(description="Who asks, what they may do, and for which organization.")
    def viewer(self, info: context.Info) -> types.Viewer:
        actor = info.context.actor
        return types.Viewer(
            role=actor.role,
            permissions=sorted(actor.permissions),
            # The record has the type's own attributes.
            organization=cast("types.Organization", info.context.organization),
        )

    @strawberry.field(description="The record of an id; null when there is none for the viewer.")
    def node(
        self,
        info: context.Info,
        id: Annotated[  # noqa: A002 - Relay's own name
            relay.GlobalID, strawberry.argument(description="An id that this API gave out.")
        ],
    ) -> relay.Node | None:
        found: relay.Node | None = _nodes(info, [id])[0]
        return found

    @strawberry.field(
        description="The records of up to 100 ids, in their order; null for what is not there.",
        directives=[scalars.ListSize(assumed_size=records.MOST_RECORDS)],
    )
    def nodes(
        self,
        info: context.Info,
        ids: Annotated[
            list[relay.GlobalID], strawberry.argument(description="Ids that this API gave out.")
        ],
    ) -> list[relay.Node | None]:
        if len(ids) > records.MOST_RECORDS:
            raise records.PageUnusable(
                f"{len(ids)} ids are more than the {records.MOST_RECORDS} that may be asked for.",
                field="ids",
            )
        return _nodes(info, ids)

    @strawberry.field(
        description=(
            "What gifts cost, from the rollup that moves with the cost lines. Senders see their "
            "own cost centers. Needs READ_SPEND."
        )
    )
    def spend(
        self,
        info: context.Info,
        currency: Annotated[str | None, strawberry.argument(description=scalars.CURRENCY)] = None,
        cut: Annotated[
            inputs.Cut | None, strawberry.argument(description="Which part of the spend.")
        ] = None,
        group_by: Annotated[
            inputs.SpendDimension | None, strawberry.argument(description="What to make slices of.")
        ] = None,
    ) -> types.SpendFigure:
        return _spend(
            info.context,
            currency=currency or info.context.organization.currency,
            cut=inputs.cut(cut),
            dimension=group_by,
        )


def _nodes(info: context.Info, ids: list[relay.GlobalID]) -> list[Any]:
    """Find records of any types: one query a type, None for what is not there."""
    wanted: dict[type[fields.Record], list[UUID]] = {}
    for each in ids:
        public_id = inputs.read_public_id(each.node_id, field="id")
        wanted.setdefault(_type_of(info, each), []).append(public_id)
    found: dict[tuple[str, UUID], Any] = {}
    for kind, public_ids in wanted.items():
        rows = kind.rows.by_public_ids(actor=info.context.actor, ids=public_ids)
        info.context.meet(list(rows.values()))
        found |= {(kind.__name__, public_id): row for public_id, row in rows.items()}
    return [found.get((each.type_name, UUID(each.node_id))) for each in ids]


def _type_of(info: context.Info, asked: relay.GlobalID) -> type[fields.Record]:
    definition = info.schema.get_type_by_name(asked.type_name)
    origin = getattr(definition, "origin", None)
    if not (isinstance(origin, type) and issubclass(origin, fields.Record)):
        raise inputs.IdOfOtherType("An id is not one that this API gave out.", field="id")
    return origin


def _spend(
    request: context.Context, *, currency: str, cut: spend.Cut, dimension: spend.Dimension | None
) -> types.SpendFigure:
    actor = request.actor
    money.exponent(currency)
    summary = spend.summary(actor=actor, currency=currency, cut=cut)
    rows = (
        spend.by(actor=actor, dimension=dimension, currency=currency, cut=cut) if dimension else ()
    )
    return types.SpendFigure(
        basis=scalars.FigureBasis(
            basis=scalars.Basis.ACCRUAL,
            model=None,
            as_of=request.at,
            freshness=scalars.freshness(summary.changed_at, as_of=request.at),
            is_synthetic=request.organization.is_synthetic,
        ),
        formula=SPEND_FORMULA,
        total=scalars.money_of(summary.total),
        slices=cast("list[types.SpendSlice]", rows),
    )
