"""Ask for budget money before it is decided on: shown as requested, and counted where told to.

A request is granted by the commitment that names it (`ledger.Share.request`), refused by whoever
decides, or withdrawn by whoever asked. Each ends it once, and what it had requested goes with it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from gifting import models
from gifting.domain import access
from gifting.domain.budgets import RequestOutcomeKind
from gifting.domain.ledger import OperationKind
from gifting.services import dimensions, ledger, operations, periods
from gifting.services.operations import Answer, Plan


def request(
    *,
    actor: access.Actor,
    key: str,
    shares: Sequence[ledger.Share],
    effective_on: dt.date,
    reference: str = "",
    dimension_values: Sequence[int] = (),
) -> Answer:
    """Ask each share's budget for money; the answer's `requests` name the requests, in order.

    A budget that is HARD and counts what is requested refuses what does not fit. Raises Forbidden,
    UnknownBudget, CurrencyMismatch, AmountNotPositive, SharesUnusable, ScopedBudget,
    BudgetExceeded, FundParked, PeriodClosed and what `operations.perform` refuses.
    """
    actor.require(access.Permission.WRITE_SENDS)
    ledger.require_shares(shares)
    if reference:
        operations.text(reference, field="reference", most=models.ledger.REFERENCE_LENGTH)
    named = [uuid.uuid4() for _ in shares]

    def plan(_: UUID) -> Plan:
        periods.hold(period_id=periods.of_decision(actor=actor, day=effective_on))
        funds: dict[int, int] = {}
        for share in shares:
            funds |= ledger.require_budgets(
                actor=actor, currency=share.amount.currency, budget_ids=[share.budget_id]
            )

        def then(operation_pk: int) -> None:
            models.SpendRequest.objects.bulk_create(
                models.SpendRequest(
                    organization_id=actor.organization_id,
                    public_id=public_id,
                    operation_id=operation_pk,
                    fund_id=funds[share.budget_id],
                    reach_id=dimensions.reach_of(actor, funds[share.budget_id], dimension_values),
                    amount_minor=share.amount.amount_minor,
                    reference=reference,
                    user_id=actor.user_id,
                )
                for public_id, share in zip(named, shares, strict=True)
            )

        return Plan(response={"requests": [str(each) for each in named]}, then=then)

    return operations.perform(
        actor=actor,
        kind=OperationKind.REQUEST,
        key=key,
        request={
            "shares": [
                [share.budget_id, share.amount.amount_minor, share.amount.currency]
                for share in shares
            ],
            "effective_on": effective_on,
            "reference": reference,
            "dimension_values": sorted(dimension_values),
        },
        plan=plan,
    )


def withdraw(*, actor: access.Actor, key: str, requests: Sequence[UUID], reason: str) -> Answer:
    """Take requests back; raises Forbidden, UnknownSpendRequest, RequestEnded and TextUnusable."""
    actor.require(access.Permission.WRITE_SENDS)
    return _end(actor, key, requests, RequestOutcomeKind.WITHDRAWN, reason)


def refuse(*, actor: access.Actor, key: str, requests: Sequence[UUID], reason: str) -> Answer:
    """Say no to requests; raises what `withdraw` does."""
    actor.require(access.Permission.APPROVE)
    return _end(actor, key, requests, RequestOutcomeKind.REFUSED, reason)


def _end(
    actor: access.Actor,
    key: str,
    requests: Sequence[UUID],
    outcome: RequestOutcomeKind,
    reason: str,
) -> Answer:
    why = operations.text(reason, field="reason")

    def plan(_: UUID) -> Plan:
        found = list(models.SpendRequest.objects.filter(public_id__in=requests).order_by("id"))
        missing = set(requests) - {row.public_id for row in found}
        if missing:
            raise ledger.UnknownSpendRequest(
                f"There is no request {min(missing, key=str)}.", field="request"
            )
        touched = {fund_id for row in found for fund_id in row.fund_ids}
        list(
            models.Fund.objects.select_for_update(no_key=True).filter(id__in=touched).order_by("id")
        )
        if models.RequestOutcome.objects.filter(request__in=found).exists():
            raise operations.RequestEnded(
                "A request was granted, refused or withdrawn before. Look at its outcome.",
                field="request",
            )

        def then(operation_pk: int) -> None:
            models.RequestOutcome.objects.bulk_create(
                models.RequestOutcome(
                    organization_id=actor.organization_id,
                    request=row,
                    operation_id=operation_pk,
                    outcome=outcome.value,
                    reason=why,
                )
                for row in found
            )

        response: dict[str, Any] = {"requests": [str(row.public_id) for row in found]}
        return Plan(response=response, then=then)

    return operations.perform(
        actor=actor,
        kind=OperationKind.SETTLE_REQUEST,
        key=key,
        request={"requests": sorted(requests, key=str), "outcome": outcome.value, "reason": reason},
        plan=plan,
    )
