"""Budgets with funds, and money that moves in them, in the organization that the test entered."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from gifting import models
from gifting.domain import access, money
from gifting.domain import ledger as rules
from gifting.services import budgets, ledger, operations, periods
from tests.factories import organizations, sends

DAY = sends.DAY


def actor() -> access.Actor:
    return access.Actor.system(organization_id=organizations.here())


def key() -> str:
    return f"key-{organizations.next_number()}"


def usd(amount_minor: int) -> money.Money:
    return money.Money(amount_minor, "USD")


def make_budget(
    amount_minor: int = 100_00,
    *,
    cost_center: models.CostCenter | None = None,
    campaign: models.Campaign | None = None,
    day: dt.date = DAY,
) -> models.Budget:
    """Approve a budget of a cost center of its own, or of a campaign, which opens its fund."""
    return sends.make_budget(
        amount_minor=amount_minor,
        cost_center=cost_center or organizations.make_cost_center(),
        campaign=campaign,
        day=day,
    )


def fund_of(budget: models.Budget) -> models.Fund:
    return models.Fund.objects.get(budget=budget)


def balances(budget: models.Budget) -> rules.Balances:
    fund = fund_of(budget)
    return rules.Balances(
        allocated=fund.allocated_minor,
        committed=fund.committed_minor,
        accrued=fund.accrued_minor,
        actual=fund.actual_minor,
        overrun=fund.overrun_minor,
    )


def commit(
    *shares: tuple[models.Budget, int],
    idempotency_key: str | None = None,
    day: dt.date = DAY,
    expires_at: dt.datetime | None = None,
    reason: str = "",
) -> operations.Answer:
    return ledger.commit(
        actor=actor(),
        key=idempotency_key or key(),
        shares=[ledger.Share(budget.pk, usd(amount)) for budget, amount in shares],
        effective_on=day,
        expires_at=expires_at,
        overrun_reason=reason,
    )


def make_commitment(
    budget: models.Budget | None = None,
    amount_minor: int = 40_00,
    *,
    expires_at: dt.datetime | None = None,
) -> models.Commitment:
    answer = commit((budget or make_budget(), amount_minor), expires_at=expires_at)
    return models.Commitment.objects.get(public_id=answer.response["commitments"][0])


def accrue(commitment: models.Commitment, amount_minor: int) -> operations.Answer:
    return ledger.accrue(actor=actor(), key=key(), **_of(commitment, amount_minor))


def void(commitment: models.Commitment, amount_minor: int) -> operations.Answer:
    return ledger.void(actor=actor(), key=key(), **_of(commitment, amount_minor))


def release(commitment: models.Commitment, amount_minor: int) -> operations.Answer:
    return ledger.release(actor=actor(), key=key(), **_of(commitment, amount_minor))


def invoice(commitment: models.Commitment, amount_minor: int) -> operations.Answer:
    return ledger.invoice(
        actor=actor(), key=key(), reason="Freight came on top", **_of(commitment, amount_minor)
    )


def record_fact(
    budget: models.Budget, amount_minor: int, *, day: dt.date = DAY
) -> operations.Answer:
    return ledger.record_fact(
        actor=actor(),
        key=key(),
        budget_id=budget.pk,
        amount=usd(amount_minor),
        effective_on=day,
        reason="Bought on a card",
    )


def refund(spend: operations.Answer, amount_minor: int) -> operations.Answer:
    return ledger.refund(
        actor=actor(),
        key=key(),
        spend=UUID(spend.response["spend"]),
        amount=usd(amount_minor),
        effective_on=DAY,
    )


def revise(budget: models.Budget, amount_minor: int) -> operations.Answer:
    return budgets.revise(
        actor=actor(),
        key=key(),
        budget_id=budget.pk,
        amount=usd(amount_minor),
        reason="The plan changed",
        effective_on=DAY,
    )


def transfer(
    from_budget: models.Budget, to_budget: models.Budget, amount_minor: int
) -> operations.Answer:
    return budgets.transfer(
        actor=actor(),
        key=key(),
        from_budget_id=from_budget.pk,
        to_budget_id=to_budget.pk,
        amount=usd(amount_minor),
        reason="Needed more over there",
        effective_on=DAY,
    )


def move_period(status: rules.PeriodStatus, *, day: dt.date = DAY) -> None:
    periods.move(
        actor=actor(),
        period_id=sends.period_of(day).pk,
        status=status,
        reason="The books are done",
    )


def make_budget_entry() -> models.BudgetEntry:
    return make_budget().entries.get()


def make_fund() -> models.Fund:
    return fund_of(make_budget())


def make_period_event() -> models.PeriodEvent:
    """Close a period softly, or open it again: a second event of one period changes it back."""
    period = sends.period_of(DAY)
    is_open = period.status == rules.PeriodStatus.OPEN
    move_period(rules.PeriodStatus.SOFT_CLOSED if is_open else rules.PeriodStatus.OPEN)
    return models.PeriodEvent.objects.latest("id")


def make_transfer() -> models.Transfer:
    return models.Transfer.objects.get(id=make_commitment().pend_id)


def make_operation() -> models.Operation:
    return models.Operation.objects.get(id=make_transfer().operation_id)


def make_seal() -> models.LedgerSeal:
    """Chain an operation to those before it."""
    operation = make_operation()
    seal = models.LedgerSeal.objects.create(
        organization_id=organizations.here(), operation=operation
    )
    seal.refresh_from_db()
    return seal


def make_overrun_exception() -> models.OverrunException:
    answer = record_fact(make_budget(10_00), 15_00)
    return models.OverrunException.objects.get(transfer__operation__public_id=answer.operation_id)


def make_lineage() -> models.FundingLineage:
    answer = record_fact(make_budget(10_00), 5_00)
    return models.FundingLineage.objects.get(transfer__operation__public_id=answer.operation_id)


def make_fund_ancestor() -> models.FundAncestor:
    above = organizations.make_cost_center()
    make_budget(cost_center=above)
    below = make_budget(cost_center=organizations.make_cost_center(parent=above))
    return models.FundAncestor.objects.get(fund__budget=below)


def make_funding_source() -> models.FundingSource:
    return models.FundingSource.objects.get(entry__budget=make_budget())


def _of(commitment: models.Commitment, amount_minor: int) -> dict[str, Any]:
    return {
        "commitment": commitment.public_id,
        "amount": usd(amount_minor),
        "effective_on": DAY,
    }
