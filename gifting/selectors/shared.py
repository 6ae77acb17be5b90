"""Shared budgets: what holds in which period, who funded, who used, who paid for whom, how fair."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from uuid import UUID

from django.db.models import Sum

from gifting import models
from gifting.domain import access, shared
from gifting.domain.ledger import Bucket


@dataclass(frozen=True, slots=True)
class SideView:
    """A side's figures in minor units; ratios as `domain.shared` defines them."""

    budget_id: int
    budget_name: str
    representative_id: int
    contribution_minor: int
    floor_minor: int
    used_minor: int
    lent_minor: int
    borrowed_minor: int
    # What this side spent that another side's money paid, by the lineage of each spend.
    paid_by_others_minor: int
    share_funded: Fraction | None
    share_used: Fraction | None
    gap: Fraction | None


@dataclass(frozen=True, slots=True)
class View:
    """A shared budget under the terms that hold in one period, shared or separate."""

    terms: UUID
    shared_budget: UUID
    name: str
    currency: str
    fiscal_period_id: int
    mode: shared.Mode
    manager_id: int
    sides: tuple[SideView, ...]
    short_end: Fraction | None


def views(*, actor: access.Actor, shared_budget: UUID) -> tuple[View, ...]:
    """Return what holds in each period of a shared budget, the oldest period first."""
    actor.require(access.Permission.READ_BUDGETS)
    activations = (
        models.SharedActivation.objects.filter(terms__shared_budget__public_id=shared_budget)
        .select_related("terms__shared_budget", "terms__fiscal_period")
        .order_by("terms__fiscal_period__starts_on", "id")
    )
    newest = {each.terms.fiscal_period_id: each.terms for each in activations}
    return tuple(_view(terms) for terms in newest.values())


def _view(terms: models.SharedTerms) -> View:
    sides = list(models.SharedSide.objects.filter(terms=terms).select_related("budget"))
    sides.sort(key=lambda side: side.budget_id)
    ids = [side.budget_id for side in sides]
    used = {
        fund.budget_id: fund.committed_minor + fund.accrued_minor + fund.actual_minor
        for fund in models.Fund.objects.filter(budget_id__in=ids)
    }
    loans = list(models.SharedLoan.objects.filter(lender_id__in=ids))
    lent = _owed(loans, "lender_id")
    borrowed = _owed(loans, "borrower_id")
    facts = [
        shared.Side(
            budget_id=side.budget_id,
            contribution_minor=side.contribution_minor,
            used_minor=used[side.budget_id],
        )
        for side in sides
    ]
    fairness = shared.fairness(facts)
    paid = _paid_by_others(ids)
    return View(
        terms=terms.public_id,
        shared_budget=terms.shared_budget.public_id,
        name=terms.shared_budget.name,
        currency=terms.shared_budget.currency,
        fiscal_period_id=terms.fiscal_period_id,
        mode=shared.Mode(terms.mode),
        manager_id=terms.manager_id,
        sides=tuple(
            SideView(
                budget_id=side.budget_id,
                budget_name=side.budget.name,
                representative_id=side.representative_id,
                contribution_minor=side.contribution_minor,
                floor_minor=side.floor_minor,
                used_minor=used[side.budget_id],
                lent_minor=lent.get(side.budget_id, 0),
                borrowed_minor=borrowed.get(side.budget_id, 0),
                paid_by_others_minor=paid.get(side.budget_id, 0),
                share_funded=view.share_funded,
                share_used=view.share_used,
                gap=view.gap,
            )
            for side, view in zip(sides, fairness, strict=True)
        ),
        short_end=shared.short_end(fairness),
    )


def _owed(loans: Iterable[models.SharedLoan], side: str) -> dict[int, int]:
    """Sum what is owed, by lender or borrower."""
    rows = list(loans)
    repaid = {
        loan: int(total)
        for loan, total in models.SharedRepayment.objects.filter(loan__in=rows)
        .values_list("loan_id")
        .annotate(total=Sum("amount_minor"))
    }
    owed: dict[int, int] = {}
    for loan in rows:
        key = getattr(loan, side)
        owed[key] = owed.get(key, 0) + loan.amount_minor - repaid.get(loan.pk, 0)
    return owed


def _paid_by_others(budget_ids: list[int]) -> dict[int, int]:
    """Sum what borrowed register entries paid, net of what was given back."""
    loans = models.SharedLoan.objects.filter(borrower_id__in=budget_ids)
    lines = models.FundingLineage.objects.filter(
        entry__operation_id__in=loans.values("operation_id"), entry__budget_id__in=budget_ids
    )
    total = Sum("amount_minor")
    paid: dict[int, int] = {}
    for sign, bucket in ((1, "transfer__to_bucket"), (-1, "transfer__from_bucket")):
        for budget_id, amount in (
            lines.filter(**{bucket: Bucket.ACTUAL.value})
            .values_list("entry__budget_id")
            .annotate(total=total)
        ):
            paid[budget_id] = paid.get(budget_id, 0) + sign * int(amount)
    return paid
