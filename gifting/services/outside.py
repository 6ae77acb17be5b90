"""Take in gift money that was spent outside the tool, and claim it to budgets.

Every line stays a row of its own: nobody lowers a budget to make room for it. Claiming it posts a
fact, once, which overruns a budget that has no room rather than be refused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gifting import models
from gifting.domain import access, documents, matching, money, refusals
from gifting.domain.ledger import OperationKind
from gifting.selectors import vendors as vendor_records
from gifting.services import ledger, operations, orders, standings, vendors
from gifting.services.operations import Plan

MOST_LINES: Final = 500
CLAIMED: Final = "Spent outside the tool and claimed afterwards."


class UnknownOutsideSpend(refusals.NotFound):
    code = "UNKNOWN_OUTSIDE_SPEND"


class OutsideSpendClaimed(refusals.Conflict):
    code = "OUTSIDE_SPEND_CLAIMED"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a card statement, an expense report, accounts payable or the general ledger."""

    source: models.outside.OutsideSource
    native_id: str
    merchant: str
    spent_on: dt.date
    amount: money.Money
    payee: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of the lines: new ones, and those that had been told before."""

    recorded: int
    known: int


def record(*, actor: access.Actor, key: str, lines: Sequence[Line]) -> Recorded:
    """Take lines in, each once, and guess which vendor each was.

    Raises Forbidden, LinesUnusable, TextUnusable, AmountNotPositive and what `operations.perform`
    refuses.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    if not 1 <= len(lines) <= MOST_LINES:
        raise orders.LinesUnusable(f"Send 1 to {MOST_LINES} lines at a time.", field="lines")
    for line in lines:
        _require(line)

    def plan(_: UUID) -> Plan:
        added = models.OutsideSpend.objects.bulk_create(
            [_row(actor, line) for line in _new(lines)], ignore_conflicts=True
        )
        told = {"recorded": len(added), "known": len(lines) - len(added)}
        return Plan(response=told)

    answer = operations.perform(
        actor=actor,
        kind=OperationKind.RECORD_OUTSIDE,
        key=key,
        request={"lines": [_plain(line) for line in lines]},
        plan=plan,
    )
    return Recorded(**answer.response)


def claim(
    *,
    actor: access.Actor,
    key: str,
    outside_spend: UUID,
    budget_id: int,
    at: dt.datetime,
    vendor_id: int | None = None,
) -> UUID:
    """Charge a line to a budget, as a fact of its day; a vendor given here is the certain one.

    Raises Forbidden, UnknownOutsideSpend, OutsideSpendClaimed, UnknownBudget, UnknownVendor,
    CurrencyMismatch and what `operations.perform` refuses; never BudgetExceeded.
    """
    actor.require(access.Permission.WRITE_BUDGETS)

    def plan(_: UUID) -> Plan:
        row = models.OutsideSpend.objects.select_for_update().filter(public_id=outside_spend)
        line = row.first()
        if line is None:
            raise UnknownOutsideSpend("There is no such line.", field="outside_spend")
        if line.claimed_at is not None:
            raise OutsideSpendClaimed(
                "The line is charged to a budget already. Look at who claimed it.",
                field="outside_spend",
            )
        if vendor_id is not None:
            vendors.require(vendor_id)
        posted = ledger.record_fact(
            actor=standings.on_behalf(actor),
            key=f"outside:{outside_spend}",
            budget_id=budget_id,
            amount=money.Money(line.amount_minor, line.currency),
            effective_on=line.spent_on,
            reason=CLAIMED,
            reference=f"outside:{outside_spend}",
        )
        certain = (
            {"vendor_id": vendor_id, "confidence_basis_points": matching.BASIS_POINTS}
            if vendor_id is not None
            else {}
        )
        models.OutsideSpend.objects.filter(id=line.pk).update(
            budget_id=budget_id,
            cost_center_id=models.Budget.objects.get(id=budget_id).cost_center_id,
            operation_id=models.Operation.objects.get(public_id=posted.operation_id).pk,
            claimed_by_id=actor.user_id,
            claimed_at=at,
            **certain,
        )
        return Plan(response={"outside_spend": str(outside_spend)})

    operations.perform(
        actor=actor,
        kind=OperationKind.CLAIM_OUTSIDE,
        key=key,
        request={"outside_spend": outside_spend, "budget": budget_id, "vendor": vendor_id},
        plan=plan,
    )
    return outside_spend


def _require(line: Line) -> None:
    operations.text(line.native_id, field="native_id", most=models.orders.REFERENCE_LENGTH)
    operations.text(line.merchant, field="merchant", most=models.tenancy.NAME_LENGTH)
    if line.payee:
        operations.text(line.payee, field="payee", most=models.tenancy.NAME_LENGTH)
    ledger.require_positive(line.amount)


def _new(lines: Sequence[Line]) -> list[Line]:
    """Return the lines that are told for the first time, here and ever."""
    known = set(
        models.OutsideSpend.objects.filter(
            native_id__in=[line.native_id for line in lines]
        ).values_list("source", "native_id")
    )
    first = {(line.source.value, line.native_id): line for line in reversed(lines)}
    return [line for key, line in first.items() if key not in known]


def _row(actor: access.Actor, line: Line) -> models.OutsideSpend:
    payee = (
        vendors.identity_value(actor=actor, kind=documents.IdentityKind.PAYEE, value=line.payee)
        if line.payee
        else ""
    )
    guess = vendor_records.guess(merchant=line.merchant, payee=payee)
    return models.OutsideSpend(
        organization_id=actor.organization_id,
        source=line.source.value,
        native_id=line.native_id,
        merchant=line.merchant,
        spent_on=line.spent_on,
        amount_minor=line.amount.amount_minor,
        currency=line.amount.currency,
        vendor_id=guess.vendor_id,
        confidence_basis_points=guess.confidence_basis_points,
    )


def _plain(line: Line) -> list[object]:
    return [
        line.source.value,
        line.native_id,
        line.merchant,
        line.spent_on,
        line.amount.amount_minor,
        line.amount.currency,
        line.payee,
    ]
