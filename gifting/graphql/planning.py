"""Plans of budgets: forecast versions and their lines, shared budgets, and what scopes them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import relay

from gifting.domain import budgets, money
from gifting.graphql import budget_changes, context, errors, inputs
from gifting.graphql import budgets as budget_types
from gifting.services import dimensions, forecasts, shared


@strawberry.input(description="A forecast version to begin; its name is taken once.")
class BeginForecastInput:
    name: str = strawberry.field(description="Its name, unique: 1 to 255 characters.")


@strawberry.input(description="What one budget plans; written again, the newer plan counts.")
class PlanForecastInput:
    forecast_version_id: UUID = strawberry.field(description="In which version.")
    budget_id: relay.GlobalID = strawberry.field(description="Which budget.")
    planned: inputs.MoneyInput = strawberry.field(description="For the whole period.")
    remaining: inputs.MoneyInput = strawberry.field(
        description="Planned and not committed yet; the EAC counts it."
    )
    quantity: int = strawberry.field(description="Gifts in the whole period; not below zero.")


@strawberry.input(description="A shared budget to make; its name is taken once.")
class CreateSharedBudgetInput:
    name: str = strawberry.field(description="Its name, unique: 1 to 255 characters.")
    currency: str = strawberry.field(description="ISO 4217, such as USD; the sides' own.")


@strawberry.input(description="A value that budgets may be scoped by; naming it twice is one.")
class NameBudgetDimensionInput:
    kind: budgets.DimensionKind = strawberry.field(description="Of which dimension.")
    code: str = strawberry.field(description="Its code: 1 to 64 characters.")
    name: str = strawberry.field(default="", description="How people call it; the code without.")


@strawberry.type
class Mutation:
    """Hold the plans' part of the schema's mutation type."""

    @strawberry.field(
        description="Begin a forecast version, which has no lines yet. Needs WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(budget_changes.BudgetChangePayload)],
    )
    def begin_forecast(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            BeginForecastInput, strawberry.argument(description="The version.")
        ],
    ) -> budget_changes.BudgetChangePayload:
        made = forecasts.begin(actor=info.context.actor, name=input.name)
        return budget_changes.BudgetChangePayload(is_repeat=False, made_id=made)

    @strawberry.field(
        description="Say what a budget plans in a version that is not submitted, instead of what "
        "it said before. Needs WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(budget_changes.BudgetChangePayload)],
    )
    def plan_forecast(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            PlanForecastInput, strawberry.argument(description="The line.")
        ],
    ) -> budget_changes.BudgetChangePayload:
        forecasts.plan(
            actor=info.context.actor,
            version=input.forecast_version_id,
            budget_id=budget_types.key_of(info, input.budget_id, "Budget", "budget_id"),
            planned=money.Money(input.planned.amount_minor, input.planned.currency),
            remaining=money.Money(input.remaining.amount_minor, input.remaining.currency),
            quantity=input.quantity,
        )
        return budget_changes.BudgetChangePayload(is_repeat=False)

    @strawberry.field(
        description="Make a shared budget, which has no terms yet. Needs WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(budget_changes.BudgetChangePayload)],
    )
    def create_shared_budget(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            CreateSharedBudgetInput, strawberry.argument(description="The shared budget.")
        ],
    ) -> budget_changes.BudgetChangePayload:
        made = shared.create(actor=info.context.actor, name=input.name, currency=input.currency)
        return budget_changes.BudgetChangePayload(is_repeat=False, made_id=made)

    @strawberry.field(
        description="Name a value that budgets may be scoped by. Needs WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(budget_changes.BudgetChangePayload)],
    )
    def name_budget_dimension(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            NameBudgetDimensionInput, strawberry.argument(description="The value.")
        ],
    ) -> budget_changes.BudgetChangePayload:
        dimensions.name_value(
            actor=info.context.actor, kind=input.kind, code=input.code, name=input.name
        )
        return budget_changes.BudgetChangePayload(is_repeat=False)
