"""Let credits die on their day, and count what was in them as a cost of the send they came from."""

from __future__ import annotations

import datetime as dt
from typing import Final
from uuid import UUID

from django.db.models import F

from gifting import models
from gifting.domain import access, money
from gifting.selectors import organizations
from gifting.services import charges, credit_memos, periods, tenancy

MAX_EXPIRED: Final = 1000


def expire_due(*, actor: access.Actor, at: dt.datetime, limit: int = MAX_EXPIRED) -> int:
    """Let the credits die that are past their last day; return how many did.

    What a credit came from is locked before it, as in a settlement. Raises Forbidden.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    with tenancy.organization(actor.organization_id):
        zone = organizations.get(organization_id=actor.organization_id).time_zone
        day = periods.day_of(at=at, time_zone=zone)
        due = list(
            models.CreditMemo.objects.filter(expires_on__lte=day, used_minor__lt=F("amount_minor"))
            .order_by("expires_on", "id")
            .values_list("public_id", "send__public_id")[:limit]
        )
    return sum(_expire(actor, credit, send, day) for credit, send in due)


def _expire(actor: access.Actor, credit: UUID, send: UUID | None, day: dt.date) -> bool:
    with tenancy.organization(actor.organization_id):
        if send is not None:
            charges.lock(actor, send)
        memo = credit_memos.lock(credit)
        if memo.expires_on is None or memo.expires_on > day:
            return False
        lost = credit_memos.expire(actor=actor, memo=memo, on=memo.expires_on)
        if lost and memo.send_id is not None:
            charges.record_breakage(
                actor=actor,
                send_id=memo.send_id,
                amount=money.Money(lost, memo.currency),
                on=memo.expires_on,
                reference=f"credit:{memo.public_id}",
            )
        return lost > 0
