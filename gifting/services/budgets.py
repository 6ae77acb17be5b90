"""Approve budgets; what was approved first never changes."""

from __future__ import annotations

from gifting import models
from gifting.domain import access, money, refusals, texts
from gifting.services import conflicts


class BudgetExists(refusals.Conflict):
    code = "BUDGET_EXISTS"


class BudgetNegative(refusals.Invalid):
    code = "BUDGET_NEGATIVE"


def approve(
    *,
    actor: access.Actor,
    name: str,
    amount: money.Money,
    cost_center_id: int,
    fiscal_period_id: int,
    campaign_id: int | None = None,
) -> int:
    """Record the original budget of a cost center, or of a campaign in it; return its id.

    Raises Forbidden, TextUnusable, BudgetExists and BudgetNegative.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    texts.require(name, field="name", most=texts.NAME_LENGTH)
    if amount.amount_minor < 0:
        raise BudgetNegative(
            f"A budget of {amount} is below zero. Write what may be spent.", field="amount"
        )
    budget = models.Budget(
        organization_id=actor.organization_id,
        name=name,
        cost_center_id=cost_center_id,
        campaign_id=campaign_id,
        fiscal_period_id=fiscal_period_id,
        original_amount_minor=amount.amount_minor,
        currency=amount.currency,
    )
    exists = BudgetExists(
        f"A budget in {amount.currency} for this cost center, campaign and fiscal period exists. "
        "Its original amount stays; choose another period.",
        field="fiscal_period",
    )
    with conflicts.refusing("budget_scope_is_unique", exists):
        budget.save()
    return budget.pk


def rename(*, actor: access.Actor, budget_id: int, name: str) -> None:
    """Give a budget another name; raises Forbidden."""
    actor.require(access.Permission.WRITE_BUDGETS)
    models.Budget.objects.filter(id=budget_id).update(name=name)
