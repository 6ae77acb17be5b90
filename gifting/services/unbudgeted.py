"""Let a budget bear what a send from a file cost: paid elsewhere, known here, and owed anyway.

The rules kept here: each change of the send's cost is borne once, whole, by one budget. It is a
fact, so that what no room is left for is taken from OVERRUN, with an exception.

Locks: the key, the send, its period, its funds by id.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, OuterRef

from gifting import models
from gifting.domain import access, money, refusals
from gifting.domain.ledger import OperationKind
from gifting.services import charges, dimensions, ledger, operations, periods, postings
from gifting.services.operations import Answer, Plan


class SendPaysItself(refusals.Conflict):
    code = "SEND_PAYS_ITSELF"


class AlreadyBudgeted(refusals.Conflict):
    code = "ALREADY_BUDGETED"


def post(*, actor: access.Actor, key: str, send: UUID, budget_id: int, reason: str) -> Answer:
    """Post to the budget what no budget bears of the send's cost; the answer names the spend.

    It is posted on the last day of that cost, or in the next period that is not closed. Budgets
    that are scoped by the send's program or sender take it as well. Raises Forbidden, UnknownSend,
    SendPaysItself, AlreadyBudgeted, UnknownBudget, ScopedBudget, CurrencyMismatch,
    AmountNotPositive and TextUnusable; never BudgetExceeded.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    why = operations.text(reason, field="reason")

    def plan(operation_id: UUID) -> Plan:
        row = _lock(actor, send)
        lines = _unborne(row)
        amount = _sum(lines)
        fund_id = ledger.require_budgets(
            actor=actor, currency=amount.currency, budget_ids=[budget_id]
        )[budget_id]
        day = max(line.occurred_on for line in lines)
        posting = postings.Posting(
            periods.of_fact(actor=actor, day=day), day, f"send:{row.public_id}"
        )
        periods.hold(period_id=posting.period_id)
        reach_id = dimensions.reach_of(actor, fund_id, dimensions.of_send(row, {}))
        funds = postings.lock_funds([fund_id], reach_id=reach_id)
        steps = postings.spend_at_will(
            posting, fund_id, funds, amount.amount_minor, reach_id=reach_id
        )

        def then(operation_pk: int) -> None:
            _bear(row, lines, fund_id, operation_pk)

        return Plan(
            response={"spend": str(operation_id), "amount_minor": amount.amount_minor},
            steps=tuple(steps),
            payments=tuple(postings.paid(funds[fund_id], steps)),
            overrun_reason=why,
            then=then,
        )

    return operations.perform(
        actor=actor,
        kind=OperationKind.FACT,
        key=key,
        request={"post_cost_of": send, "budget": budget_id, "reason": reason},
        plan=plan,
    )


def _lock(actor: access.Actor, send: UUID) -> models.Send:
    """Lock a send whose money is not in the ledger by a request of its own."""
    row = (
        models.Send.objects.select_for_update(no_key=True, of=("self",))
        .select_related("campaign__program")
        .filter(public_id=send)
        .first()
    )
    if row is None:
        raise charges.UnknownSend("There is no such send.", field="send")
    actor.require_cost_center(row.cost_center_id)
    if models.SendRequest.objects.filter(send=row).exists():
        raise SendPaysItself(
            "This send was requested here, and the budgets of its request bear its cost.",
            field="send",
        )
    return row


def _unborne(send: models.Send) -> list[models.CostLine]:
    borne = models.CostShare.objects.filter(cost_line_id=OuterRef("pk"))
    lines = models.CostLine.objects.filter(~Exists(borne), send=send).exclude(change_minor=0)
    return list(lines.order_by("id"))


def _sum(lines: list[models.CostLine]) -> money.Money:
    """Add up what is to be borne; raises AlreadyBudgeted, CurrencyMismatch, AmountNotPositive."""
    if not lines:
        raise AlreadyBudgeted(
            "Budgets bear all that is known of this send's cost. Look at its postings.",
            field="send",
        )
    total = money.Money.zero(lines[0].currency)
    for line in lines:
        total += money.Money(line.change_minor, line.currency)
    ledger.require_positive(total)
    return total


def _bear(send: models.Send, lines: list[models.CostLine], fund_id: int, operation_pk: int) -> None:
    models.SendPosting.objects.create(
        organization_id=send.organization_id, send=send, operation_id=operation_pk
    )
    models.CostShare.objects.bulk_create(
        models.CostShare(
            organization_id=send.organization_id,
            cost_line=line,
            fund_id=fund_id,
            operation_id=operation_pk,
            amount_minor=line.change_minor,
        )
        for line in lines
    )
