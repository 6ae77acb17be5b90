"""Policies, requests, dimensions and rollovers, in the organization that the test entered."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from gifting import models
from gifting.domain import budgets
from gifting.services import dimensions, ledger, operations, policies, spend_requests
from tests.factories import ledger as money
from tests.factories import organizations

NEXT_DAY = money.DAY + dt.timedelta(days=32)


def set_policy(budget: models.Budget, **changes: Any) -> None:
    policies.set_policy(
        actor=money.actor(),
        key=money.key(),
        budget_id=budget.pk,
        policy=policies.Policy(**changes),
        reason="As finance decided",
    )


def request(
    *shares: tuple[models.Budget, int], values: tuple[int, ...] = (), idempotency_key: str = ""
) -> list[UUID]:
    answer = spend_requests.request(
        actor=money.actor(),
        key=idempotency_key or money.key(),
        shares=[ledger.Share(budget.pk, money.usd(amount)) for budget, amount in shares],
        effective_on=money.DAY,
        reference="send:1",
        dimension_values=values,
    )
    return [UUID(each) for each in answer.response["requests"]]


def withdraw(*requests: UUID) -> operations.Answer:
    return spend_requests.withdraw(
        actor=money.actor(), key=money.key(), requests=requests, reason="Not needed any more"
    )


def commit(
    budget: models.Budget,
    amount_minor: int,
    *,
    request: UUID | None = None,
    values: tuple[int, ...] = (),
    reason: str = "",
) -> models.Commitment:
    answer = ledger.commit(
        actor=money.actor(),
        key=money.key(),
        shares=[ledger.Share(budget.pk, money.usd(amount_minor), request)],
        effective_on=money.DAY,
        dimension_values=values,
        overrun_reason=reason,
    )
    return models.Commitment.objects.get(public_id=answer.response["commitments"][0])


def value(code: str = "EMEA", kind: budgets.DimensionKind = budgets.DimensionKind.REGION) -> int:
    return dimensions.name_value(actor=money.actor(), kind=kind, code=code)


def scoped_budget(
    amount_minor: int, *values: int, cost_center: models.CostCenter | None = None
) -> models.Budget:
    """Approve a budget that limits what names all of the values, company-wide unless told."""
    period = money.make_budget().fiscal_period
    return models.Budget.objects.create(
        organization_id=organizations.here(),
        cost_center=cost_center or organizations.root_cost_center(),
        fiscal_period=period,
        name="Limit",
        original_amount_minor=amount_minor,
        currency="USD",
        scope=sorted(values),
    )


def roll_over(
    budget: models.Budget, to_budget: models.Budget | None, *, idempotency_key: str = ""
) -> operations.Answer:
    return policies.roll_over(
        actor=money.actor(),
        key=idempotency_key or money.key(),
        budget_id=budget.pk,
        to_budget_id=to_budget.pk if to_budget else None,
        reason="The period ends",
        effective_on=money.DAY,
    )


def make_policy() -> models.BudgetPolicy:
    budget = money.make_budget()
    set_policy(budget, enforcement=budgets.Enforcement.SOFT)
    return models.BudgetPolicy.objects.get(budget=budget)


def make_value() -> models.DimensionValue:
    return models.DimensionValue.objects.get(id=value(f"R-{organizations.next_number()}"))


def make_reach() -> models.Reach:
    named = value(f"R-{organizations.next_number()}")
    commitment = commit(money.make_budget(), 1_00, values=(named,))
    return models.Reach.objects.get(id=commitment.pend.reach_id)


def make_request() -> models.SpendRequest:
    (asked,) = request((money.make_budget(), 10_00))
    return models.SpendRequest.objects.get(public_id=asked)


def make_outcome() -> models.RequestOutcome:
    asked = make_request()
    withdraw(asked.public_id)
    return models.RequestOutcome.objects.get(request=asked)


def make_rollover() -> models.Rollover:
    budget = money.make_budget()
    roll_over(budget, None)
    return models.Rollover.objects.get(budget=budget)
