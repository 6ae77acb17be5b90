"""Budgets by campaign: the original amounts that spending is held against."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, Sum

from gifting import models
from gifting.domain import access, money
from gifting.selectors import spend


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
