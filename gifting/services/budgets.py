"""Approve budgets, and change what they may spend by entries of their registers.

What was approved first never changes. Every change has a reason and an approver, and is one
operation under a key of its caller's (see `operations`); it is undone by the opposite entry.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection
from typing import Final

from gifting import models
from gifting.domain import access, money, refusals, texts
from gifting.domain.ledger import EntryKind, OperationKind
from gifting.services import conflicts, ledger, operations, periods

_PAIRS: Final = {
    OperationKind.TRANSFER: (EntryKind.TRANSFER_OUT, EntryKind.TRANSFER_IN),
    OperationKind.CARRY_FORWARD: (EntryKind.CARRY_FORWARD, EntryKind.CARRY_FORWARD),
}


class BudgetExists(refusals.Conflict):
    code = "BUDGET_EXISTS"


class BudgetNegative(refusals.Invalid):
    code = "BUDGET_NEGATIVE"


class RevisionEmpty(refusals.Invalid):
    code = "REVISION_EMPTY"


class SameBudget(refusals.Invalid):
    code = "SAME_BUDGET"


class NothingToLapse(refusals.Conflict):
    code = "NOTHING_TO_LAPSE"


def approve(
    *,
    actor: access.Actor,
    name: str,
    amount: money.Money,
    cost_center_id: int,
    fiscal_period_id: int,
    campaign_id: int | None = None,
    scope: Collection[int] = (),
) -> int:
    """Record the original budget of a cost center, or of a campaign in it; return its id.

    One that is scoped by dimension values is a limit of what names all of them, beside the budget
    that it is spent from. Raises Forbidden, TextUnusable, BudgetExists and BudgetNegative.
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
        scope=sorted(set(scope)),
        approved_by_id=actor.user_id,
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


def revise(
    *,
    actor: access.Actor,
    key: str,
    budget_id: int,
    amount: money.Money,
    reason: str,
    effective_on: dt.date,
    requested_by_id: int | None = None,
) -> operations.Answer:
    """Add to what a budget may spend, or take away with an amount below zero.

    Raises Forbidden, UnknownBudget, RevisionEmpty, CurrencyMismatch, BudgetExceeded when more is
    used than would be left, PeriodClosed, and what `operations.perform` refuses.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    if amount.amount_minor == 0:
        raise RevisionEmpty("A revision by zero changes nothing. Write an amount.", field="amount")
    why = operations.text(reason, field="reason")

    def plan(_: uuid.UUID) -> operations.Plan:
        _require_currency(budget_id, amount)
        entry = operations.Entry(
            budget_id=budget_id,
            fiscal_period_id=periods.of_decision(actor=actor, day=effective_on),
            kind=EntryKind.REVISION,
            amount_minor=amount.amount_minor,
            effective_on=effective_on,
            reason=why,
            requested_by_id=requested_by_id,
        )
        return operations.Plan(response=_answer(amount), entries=(entry,))

    return operations.perform(
        actor=actor,
        kind=OperationKind.REVISE,
        key=key,
        request=_request(amount, reason, effective_on, budget_id, requested_by_id=requested_by_id),
        plan=plan,
    )


def transfer(
    *,
    actor: access.Actor,
    key: str,
    from_budget_id: int,
    to_budget_id: int,
    amount: money.Money,
    reason: str,
    effective_on: dt.date,
    requested_by_id: int | None = None,
) -> operations.Answer:
    """Move money that is not used from one budget to another, on both sides or on none.

    Refuses as `revise` does, and with AmountNotPositive and SameBudget.
    """
    return _pair(
        actor=actor,
        kind=OperationKind.TRANSFER,
        key=key,
        from_budget_id=from_budget_id,
        to_budget_id=to_budget_id,
        amount=amount,
        reason=reason,
        effective_on=effective_on,
        requested_by_id=requested_by_id,
    )


def carry_forward(
    *,
    actor: access.Actor,
    key: str,
    from_budget_id: int,
    to_budget_id: int,
    amount: money.Money,
    reason: str,
    effective_on: dt.date,
) -> operations.Answer:
    """Carry what is left of a budget into one of a later period; refuses as `transfer` does."""
    return _pair(
        actor=actor,
        kind=OperationKind.CARRY_FORWARD,
        key=key,
        from_budget_id=from_budget_id,
        to_budget_id=to_budget_id,
        amount=amount,
        reason=reason,
        effective_on=effective_on,
    )


def lapse(
    *, actor: access.Actor, key: str, budget_id: int, reason: str, effective_on: dt.date
) -> operations.Answer:
    """Let all that is available in a budget lapse.

    Raises Forbidden, UnknownBudget, NothingToLapse, PeriodClosed and TextUnusable.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    why = operations.text(reason, field="reason")

    def plan(_: uuid.UUID) -> operations.Plan:
        period_id = periods.of_decision(actor=actor, day=effective_on)
        periods.hold(period_id=period_id)
        left = ledger.lock_room(budget_id=budget_id)
        if left.amount_minor <= 0:
            raise NothingToLapse("Nothing is left in the budget that could lapse.")
        entry = operations.Entry(
            budget_id=budget_id,
            fiscal_period_id=period_id,
            kind=EntryKind.LAPSE,
            amount_minor=-left.amount_minor,
            effective_on=effective_on,
            reason=why,
        )
        return operations.Plan(response=_answer(left), entries=(entry,))

    return operations.perform(
        actor=actor,
        kind=OperationKind.LAPSE,
        key=key,
        request={"budgets": [budget_id], "reason": reason, "effective_on": effective_on},
        plan=plan,
    )


def _pair(
    *,
    actor: access.Actor,
    kind: OperationKind,
    key: str,
    from_budget_id: int,
    to_budget_id: int,
    amount: money.Money,
    reason: str,
    effective_on: dt.date,
    requested_by_id: int | None = None,
) -> operations.Answer:
    actor.require(access.Permission.WRITE_BUDGETS)
    ledger.require_positive(amount)
    if from_budget_id == to_budget_id:
        raise SameBudget("Money moves between two budgets. Name another one.", field="to_budget")
    why = operations.text(reason, field="reason")

    def plan(_: uuid.UUID) -> operations.Plan:
        period_id = periods.of_decision(actor=actor, day=effective_on)
        pair_id = uuid.uuid4()
        sides = zip((from_budget_id, to_budget_id), _PAIRS[kind], (-1, 1), strict=True)
        entries = []
        for budget_id, entry_kind, sign in sides:
            _require_currency(budget_id, amount)
            entries.append(
                operations.Entry(
                    budget_id=budget_id,
                    fiscal_period_id=period_id,
                    kind=entry_kind,
                    amount_minor=sign * amount.amount_minor,
                    effective_on=effective_on,
                    reason=why,
                    pair_id=pair_id,
                    requested_by_id=requested_by_id,
                )
            )
        return operations.Plan(response=_answer(amount), entries=tuple(entries))

    return operations.perform(
        actor=actor,
        kind=kind,
        key=key,
        request=_request(
            amount,
            reason,
            effective_on,
            from_budget_id,
            to_budget_id,
            requested_by_id=requested_by_id,
        ),
        plan=plan,
    )


def _request(
    amount: money.Money,
    reason: str,
    effective_on: dt.date,
    *budget_ids: int,
    requested_by_id: int | None,
) -> dict[str, object]:
    asked = {
        "budgets": budget_ids,
        "amount": [amount.amount_minor, amount.currency],
        "reason": reason,
        "effective_on": effective_on,
    }
    return asked if requested_by_id is None else {**asked, "requested_by": requested_by_id}


def _answer(amount: money.Money) -> dict[str, object]:
    return {"amount_minor": amount.amount_minor, "currency": amount.currency}


def _require_currency(budget_id: int, amount: money.Money) -> None:
    ledger.require_currency(ledger.fund_of(budget_id=budget_id), amount)
