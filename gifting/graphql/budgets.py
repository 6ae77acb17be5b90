"""Budgets at work: the tree with all figures, the register, forecasts, and what sides share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Annotated, Final
from uuid import UUID

import strawberry
from strawberry import relay

from gifting.domain import budgets as rules
from gifting.domain import ledger as ledger_rules
from gifting.domain import money, shared
from gifting.graphql import context, fields, inputs, scalars
from gifting.selectors import budgets as budget_records
from gifting.selectors import fiscal, forecasts, funds
from gifting.selectors import shared as shared_views

MOST_NODES: Final = 1_000
USED: Final = "(committed + accrued + actual) / revised"
FUNDED: Final = "the side's contribution / all contributions"
SIDE_USED: Final = "the side's committed + accrued + actual / the same of all sides"
DECIMALS: Final = Decimal("0.000001")

Enforcement = fields.describe(
    rules.Enforcement,
    name="BudgetEnforcement",
    description="What happens to a decision above the room of a budget.",
    values={
        "HARD": "It is refused.",
        "SOFT": "It is accepted with a reason; the overrun waits for someone to settle it.",
        "ADVISORY": "It is accepted with a warning.",
    },
)
Rollover = fields.describe(
    rules.Rollover,
    name="BudgetRollover",
    description="What of a budget reaches the next period.",
    values={
        "LAPSE": "Nothing; what is available lapses.",
        "CARRY_COMMITTED": "Open commitments with the money that backs them.",
        "CARRY_ALL": "What is available as well, up to a cap.",
    },
)
EntryKind = fields.describe(
    ledger_rules.EntryKind,
    name="BudgetEntryKind",
    description="Why a register entry changed what a budget may spend.",
    values={
        "ORIGINAL": "The amount first approved.",
        "REVISION": "More or less than before.",
        "TRANSFER_OUT": "To another budget.",
        "TRANSFER_IN": "From another budget.",
        "CARRY_FORWARD": "From an earlier period, or into a later one.",
        "LAPSE": "Unused at the end.",
    },
)
PeriodStatus = fields.describe(
    ledger_rules.PeriodStatus,
    name="FiscalPeriodStatus",
    description="What a period still takes.",
    values={
        "OPEN": "Decisions and facts.",
        "SOFT_CLOSED": "Facts, and decisions of those who close periods.",
        "CLOSED": "Nothing.",
    },
)
Mode = fields.describe(
    shared.Mode,
    name="SharedBudgetMode",
    description="Whether the sides lend each other in a period.",
    values={"SHARED": "They do, by the manager.", "SEPARATE": "Each keeps to its own."},
)


@strawberry.type(
    description="A budget in its tree with all of its figures, in its own currency. Uses of a "
    "budget are uses of those above it, so that figures are not added up the tree.",
    directives=[scalars.FREE],
)
class BudgetNode:
    """Show a budget's figures."""

    depth: int = strawberry.field(description="0 at the top of what the viewer sees.")
    cost_center_code: str = strawberry.field(description="The cost center that it is of.")
    budget_id: relay.GlobalID = strawberry.field(description="The budget.")
    name: str = strawberry.field(description="The budget's name.")
    is_scoped: bool = strawberry.field(
        description="Whether it limits what names its program, person, region or GL account, "
        "beside the budget that is spent."
    )
    enforcement: rules.Enforcement = strawberry.field(description="How hard its limit is.")
    original: scalars.Money = strawberry.field(description="First approved.")
    revised: scalars.Money = strawberry.field(description="The sum of its register.")
    requested: scalars.Money = strawberry.field(description="Waits for an approval.")
    committed: scalars.Money = strawberry.field(description="Reserved, not delivered or invoiced.")
    accrued: scalars.Money = strawberry.field(description="Delivered, not invoiced.")
    actual: scalars.Money = strawberry.field(description="Invoiced, net of refunds.")
    overrun: scalars.Money = strawberry.field(description="By how much the revised is passed.")
    available: scalars.Money = strawberry.field(
        description="revised + overrun - committed - accrued - actual; never below zero."
    )
    net_position: scalars.Money = strawberry.field(description="available - overrun.")
    forecast: scalars.Money | None = strawberry.field(
        description="actual + accrued + committed + remaining planned of the version that was "
        "asked for; null without a line in it."
    )
    percent_used: scalars.Ratio = strawberry.field(
        description="(committed + accrued + actual) / revised, as a part of one."
    )


@strawberry.type(description="A change of what a budget may spend.", directives=[scalars.FREE])
class BudgetRegisterEntry:
    """Show a register entry."""

    id: UUID = strawberry.field(description="Its id.")
    kind: ledger_rules.EntryKind = strawberry.field(description="Why.")
    amount_minor: str = strawberry.field(
        description="Minor units of the budget's currency; below zero takes away."
    )
    effective_on: dt.date = strawberry.field(description="Its day.")
    reason: str = strawberry.field(description="Why, in words.")
    pair_id: UUID | None = strawberry.field(description="Shared by both sides of a transfer.")
    recorded_at: dt.datetime = strawberry.field(description="When it was recorded.")


@strawberry.type(description="A limit that was passed, and why.", directives=[scalars.FREE])
class BudgetOverrun:
    """Show an overrun."""

    id: UUID = strawberry.field(description="What it is settled by.")
    budget_name: str = strawberry.field(description="Whose limit.")
    amount: scalars.Money = strawberry.field(description="By how much.")
    kind: str = strawberry.field(
        description="FACT and DECISION wait to be settled; a WARNING does not."
    )
    reason: str = strawberry.field(description="Why.")
    opened_at: dt.datetime = strawberry.field(description="When.")
    resolved_at: dt.datetime | None = strawberry.field(description="When it was settled.")
    resolution: str = strawberry.field(description="How; empty while it is open.")


@strawberry.type(
    description="Why actual spend is not what a forecast version planned; the causes sum to the "
    "total, to the minor unit.",
    directives=[scalars.FREE],
)
class BudgetVariance:
    """Show domain causes."""

    total_minor: str = strawberry.field(description="Actual - planned, in minor units.")
    volume_minor: str = strawberry.field(
        description="The plan's average price for the actual number of gifts - planned."
    )
    mix_minor: str = strawberry.field(
        description="The plan's prices for the actual gifts - its average price for as many."
    )
    price_minor: str = strawberry.field(description="What gifts cost beside the plan's prices.")
    timing_minor: str = strawberry.field(description="Posted to other periods than the budget's.")
    fx_minor: str = strawberry.field(description="What a changed exchange rate alone moved.")


@strawberry.type(description="A side of a shared budget.", directives=[scalars.FREE])
class SharedBudgetSide:
    """Show a side."""

    budget_name: str = strawberry.field(description="The side's budget.")
    contribution: scalars.Money = strawberry.field(description="What it funds.")
    floor: scalars.Money = strawberry.field(description="What lending never takes from it.")
    used: scalars.Money = strawberry.field(description="committed + accrued + actual.")
    lent: scalars.Money = strawberry.field(description="Lent and not repaid yet.")
    borrowed: scalars.Money = strawberry.field(description="Borrowed and still owed.")
    paid_by_others: scalars.Money = strawberry.field(
        description="What it spent that another side's money paid, by the lineage of each spend."
    )
    share_funded: scalars.Ratio = strawberry.field(
        description="Its contribution / all contributions."
    )
    share_used: scalars.Ratio = strawberry.field(description="Its use / all use.")
    gap: Decimal | None = strawberry.field(
        description="share used - share funded, to six decimals; null without any use."
    )


@strawberry.type(
    description="A shared budget under the terms that hold in one period.",
    directives=[scalars.FREE],
)
class SharedBudgetView:
    """Show a shared budget."""

    terms_id: UUID = strawberry.field(description="The terms that hold.")
    name: str = strawberry.field(description="Its name.")
    mode: shared.Mode = strawberry.field(description="Shared or separate in this period.")
    sides: list[SharedBudgetSide] = strawberry.field(
        description="Who funded and who used.", directives=[scalars.ListSize(assumed_size=4)]
    )
    short_end: Decimal | None = strawberry.field(
        description="How far the side that fared worst stayed below what it funded, to six "
        "decimals; 0 is fair, null without any use."
    )


@strawberry.type
class Query:
    """Hold the budgets' part of the schema's query type."""

    @strawberry.field(
        description="Budgets of the periods from the company down to campaigns and scoped limits, "
        "depth first. Needs READ_BUDGETS.",
        directives=[scalars.ListSize(assumed_size=100)],
    )
    def budget_tree(
        self,
        info: context.Info,
        fiscal_period_ids: Annotated[
            list[relay.GlobalID], strawberry.argument(description="Which periods.")
        ],
        forecast_version_id: Annotated[
            UUID | None, strawberry.argument(description="Which forecast to show.")
        ] = None,
    ) -> list[BudgetNode]:
        actor = info.context.actor
        period_ids = [
            key_of(info, each, "FiscalPeriod", "fiscal_period_ids") for each in fiscal_period_ids
        ]
        planned = (
            {
                each.budget_id: each.eac_minor
                for each in forecasts.estimates(actor=actor, version=forecast_version_id)
            }
            if forecast_version_id
            else {}
        )
        tree = funds.tree(actor=actor, fiscal_period_ids=period_ids)
        nodes = (node for branch in tree for node in _nodes(branch, planned, 0))
        return [node for node, _ in zip(nodes, range(MOST_NODES), strict=False)]

    @strawberry.field(
        description="What changed what a budget may spend, the oldest first. Needs READ_BUDGETS.",
        directives=[scalars.ListSize(assumed_size=100)],
    )
    def budget_register(
        self,
        info: context.Info,
        budget_id: Annotated[relay.GlobalID, strawberry.argument(description="Which budget.")],
    ) -> list[BudgetRegisterEntry]:
        found = budget_records.register(
            actor=info.context.actor, budget_id=key_of(info, budget_id, "Budget", "budget_id")
        )
        return [
            BudgetRegisterEntry(
                id=each.public_id,
                kind=each.kind,
                amount_minor=str(each.amount_minor),
                effective_on=each.effective_on,
                reason=each.reason,
                pair_id=each.pair_id,
                recorded_at=each.recorded_at,
            )
            for each in found
        ]

    @strawberry.field(
        description="Limits that were passed, the newest first. Needs READ_BUDGETS.",
        directives=[scalars.ListSize(assumed_size=100)],
    )
    def budget_overruns(
        self,
        info: context.Info,
        is_open: Annotated[
            bool | None, strawberry.argument(description="Only those that wait, or do not.")
        ] = None,
    ) -> list[BudgetOverrun]:
        return [
            BudgetOverrun(
                id=each.public_id,
                budget_name=each.budget_name,
                amount=scalars.money_of(each.amount),
                kind=each.kind.value,
                reason=each.reason,
                opened_at=each.opened_at,
                resolved_at=each.resolved_at,
                resolution=each.resolution,
            )
            for each in funds.overruns(actor=info.context.actor, is_open=is_open)
        ]

    @strawberry.field(
        description="Why what was spent is not what a forecast version planned, over budgets of "
        "one currency. Needs READ_BUDGETS."
    )
    def budget_variance(
        self,
        info: context.Info,
        forecast_version_id: Annotated[UUID, strawberry.argument(description="The plan.")],
        budget_ids: Annotated[
            list[relay.GlobalID] | None, strawberry.argument(description="Only these budgets.")
        ] = None,
    ) -> BudgetVariance:
        causes = forecasts.explain(
            actor=info.context.actor,
            version=forecast_version_id,
            budget_ids=None
            if budget_ids is None
            else [key_of(info, each, "Budget", "budget_ids") for each in budget_ids],
        )
        return BudgetVariance(
            total_minor=str(causes.total_minor),
            volume_minor=str(causes.volume_minor),
            mix_minor=str(causes.mix_minor),
            price_minor=str(causes.price_minor),
            timing_minor=str(causes.timing_minor),
            fx_minor=str(causes.fx_minor),
        )

    @strawberry.field(
        description="A shared budget, period by period: who funded, who used, and how fair it is. "
        "Needs READ_BUDGETS.",
        directives=[scalars.ListSize(assumed_size=12)],
    )
    def shared_budget(
        self,
        info: context.Info,
        id: Annotated[UUID, strawberry.argument(description="Which one.")],  # noqa: A002 - its own name
    ) -> list[SharedBudgetView]:
        found = shared_views.views(actor=info.context.actor, shared_budget=id)
        return [_shared(view) for view in found]


def _nodes(branch: funds.Branch, planned: dict[int, int], depth: int) -> Iterator[BudgetNode]:
    for found in branch.budgets:
        yield _node(found, branch.code, planned.get(found.budget_id), depth)
    for child in branch.branches:
        yield from _nodes(child, planned, depth + bool(branch.budgets))


def _node(
    found: funds.Figures, cost_center_code: str, planned: int | None, depth: int
) -> BudgetNode:
    def shown(amount_minor: int) -> scalars.Money:
        return scalars.money_of(money.Money(amount_minor, found.currency))

    used = found.committed_minor + found.accrued_minor + found.actual_minor
    return BudgetNode(
        depth=depth + (found.campaign_id is not None or bool(found.scope)),
        cost_center_code=cost_center_code,
        budget_id=relay.GlobalID("Budget", str(found.public_id)),
        name=found.name,
        is_scoped=bool(found.scope),
        enforcement=found.enforcement,
        original=shown(found.original_minor),
        revised=shown(found.revised_minor),
        requested=shown(found.requested_minor),
        committed=shown(found.committed_minor),
        accrued=shown(found.accrued_minor),
        actual=shown(found.actual_minor),
        overrun=shown(found.overrun_minor),
        available=shown(found.available_minor),
        net_position=shown(found.net_position_minor),
        forecast=None if planned is None else shown(planned),
        percent_used=_ratio(shown(used), shown(found.revised_minor), USED),
    )


def _shared(view: shared_views.View) -> SharedBudgetView:
    def shown(amount_minor: int) -> scalars.Money:
        return scalars.money_of(money.Money(amount_minor, view.currency))

    funded = sum(side.contribution_minor for side in view.sides)
    used = sum(side.used_minor for side in view.sides)
    return SharedBudgetView(
        terms_id=view.terms,
        name=view.name,
        mode=view.mode,
        sides=[
            SharedBudgetSide(
                budget_name=side.budget_name,
                contribution=shown(side.contribution_minor),
                floor=shown(side.floor_minor),
                used=shown(side.used_minor),
                lent=shown(side.lent_minor),
                borrowed=shown(side.borrowed_minor),
                paid_by_others=shown(side.paid_by_others_minor),
                share_funded=_ratio(shown(side.contribution_minor), shown(funded), FUNDED),
                share_used=_ratio(shown(side.used_minor), shown(used), SIDE_USED),
                gap=_decimal(side.gap),
            )
            for side in view.sides
        ],
        short_end=_decimal(view.short_end),
    )


def _ratio(part: scalars.Money, whole: scalars.Money, formula: str) -> scalars.Ratio:
    value = None
    if whole.amount_minor:
        value = _decimal(Fraction(part.amount_minor, whole.amount_minor))
    return scalars.Ratio(
        value=value,
        numerator=part,
        denominator=whole,
        formula=formula,
        null_reason=None if whole.amount_minor else "The denominator is zero.",
    )


def _decimal(exact: Fraction | None) -> Decimal | None:
    if exact is None:
        return None
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(
        DECIMALS, ROUND_HALF_EVEN
    )


def key_of(info: context.Info, asked: relay.GlobalID, node: str, field: str) -> int:
    """Return the internal key of a period or budget that the viewer sees."""
    source = fiscal.PERIODS if node == "FiscalPeriod" else budget_records.SOURCE
    public_id = inputs.public_id(asked, node=node, field=field)
    return source.key(actor=info.context.actor, public_id=public_id, field=field)
