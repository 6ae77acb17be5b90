"""Budgets: the original amounts that spending is held against, one by one and by campaign."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import Q, Sum

from gifting import models
from gifting.domain import access, ledger, money
from gifting.selectors import records, spend

MOST_ENTRIES: Final = 1_000


class BudgetRecord(NamedTuple):
    """A budget's row."""

    id: int
    public_id: UUID
    name: str
    original_amount_minor: int
    currency: str
    recorded_at: dt.datetime
    cost_center_id: int
    campaign_id: int | None
    fiscal_period_id: int


@dataclass(frozen=True, slots=True)
class Where(records.Where):
    """Conditions on budgets."""

    currencies: Collection[str] | None = records.lookup("currency__in")
    fiscal_years: Collection[int] | None = records.lookup("fiscal_period__fiscal_year__in")
    fiscal_period_ids: Collection[UUID] | None = records.lookup("fiscal_period__public_id__in")
    cost_center_ids: Collection[UUID] | None = records.lookup("cost_center__public_id__in")
    campaign_ids: Collection[UUID] | None = records.lookup("campaign__public_id__in")


SOURCE = records.Source(
    model=models.Budget,
    record=BudgetRecord,
    permissions=(access.Permission.READ_BUDGETS,),
    cost_center="cost_center_id",
)


def original_by_campaign(
    *, actor: access.Actor, currency: str, cut: spend.Cut
) -> dict[UUID, money.Money]:
    """Return the original amount of each campaign that has a budget of its own in the cut."""
    actor.require(access.Permission.READ_BUDGETS)
    rows = (
        models.Budget.objects.filter(
            spend.period_of(cut), spend.visible_to(actor), currency=currency, campaign__isnull=False
        )
        .values_list("campaign__public_id")
        .annotate(amount=Sum("original_amount_minor"))
    )
    return {campaign: money.Money(int(amount), currency) for campaign, amount in rows}


def original_total(*, actor: access.Actor, currency: str, cut: spend.Cut) -> money.Money:
    """Return the sum of all original amounts of the cut, with and without a campaign."""
    actor.require(access.Permission.READ_BUDGETS)
    amount = models.Budget.objects.filter(
        Q(currency=currency), spend.period_of(cut), spend.visible_to(actor)
    ).aggregate(amount=Sum("original_amount_minor"))["amount"]
    return money.Money(int(amount or 0), currency)


class RegisterEntry(NamedTuple):
    """One change of what a budget may spend."""

    public_id: UUID
    kind: ledger.EntryKind
    amount_minor: int
    effective_on: dt.date
    reason: str
    pair_id: UUID | None
    recorded_at: dt.datetime


def register(*, actor: access.Actor, budget_id: int) -> tuple[RegisterEntry, ...]:
    """Return the register of a budget that the actor sees, the oldest entry first.

    The sum of its amounts is the revised amount; no more than MOST_ENTRIES are returned.
    """
    actor.require(access.Permission.READ_BUDGETS)
    rows = models.BudgetEntry.objects.filter(budget_id=budget_id).order_by("id")
    if actor.cost_center_ids is not None:
        rows = rows.filter(budget__cost_center_id__in=actor.cost_center_ids)
    return tuple(
        RegisterEntry(
            public_id=row.public_id,
            kind=ledger.EntryKind(row.kind),
            amount_minor=row.amount_minor,
            effective_on=row.effective_on,
            reason=row.reason,
            pair_id=row.pair_id,
            recorded_at=row.recorded_at,
        )
        for row in rows[:MOST_ENTRIES]
    )
