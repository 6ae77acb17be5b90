"""What each budget holds, and whether that is what its history says.

The figures of a budget, in minor units of its currency:

- original: what was approved first.
- revised: original + revisions + carried forward + transferred in - transferred out - lapsed.
- requested: what waits for approval. Nothing is requested through the ledger yet: always 0.
- committed: reserved and neither delivered nor invoiced nor given back.
- accrued: delivered, not invoiced.
- actual: invoiced, net of refunds.
- overrun: by how much accepted facts exceed the revised amount.
- available: revised + overrun - committed - accrued - actual, never below zero.

Uses of a budget below are uses of the budgets above it as well, so that figures of a branch are
those of its top budget, and are not added up the tree.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Sum

from gifting import models
from gifting.domain import access
from gifting.domain.ledger import ALLOWED, REVERSALS, Balances, Bucket, Move


@dataclass(frozen=True, slots=True)
class Figures:
    """One budget's figures; see above."""

    budget_id: int
    public_id: UUID
    name: str
    cost_center_id: int
    campaign_id: int | None
    fiscal_period_id: int
    currency: str
    original_minor: int
    revised_minor: int
    requested_minor: int
    committed_minor: int
    accrued_minor: int
    actual_minor: int
    overrun_minor: int
    available_minor: int
    is_parked: bool

    @property
    def net_position_minor(self) -> int:
        """What finance sees as left: available without what was overrun."""
        return self.available_minor - self.overrun_minor


@dataclass(frozen=True, slots=True)
class Branch:
    """A cost center with its budgets and the branches below it."""

    cost_center_id: int
    code: str
    name: str
    budgets: tuple[Figures, ...]
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A fund whose balances are not what its transfers say."""

    fund_id: int
    budget_id: int
    stored: Balances
    replayed: Balances


def figures(
    *,
    actor: access.Actor,
    budget_ids: Collection[int] | None = None,
    fiscal_period_ids: Collection[int] | None = None,
) -> tuple[Figures, ...]:
    """Return the figures of the budgets that the actor sees, in the order of their ids."""
    actor.require(access.Permission.READ_BUDGETS)
    funds = models.Fund.objects.select_related("budget").order_by("budget_id")
    if actor.cost_center_ids is not None:
        funds = funds.filter(budget__cost_center_id__in=actor.cost_center_ids)
    if budget_ids is not None:
        funds = funds.filter(budget_id__in=budget_ids)
    if fiscal_period_ids is not None:
        funds = funds.filter(budget__fiscal_period_id__in=fiscal_period_ids)
    return tuple(_figures(fund) for fund in funds)


def tree(*, actor: access.Actor, fiscal_period_ids: Collection[int]) -> tuple[Branch, ...]:
    """Return the budgets of the periods by cost center, from the top of what the actor sees."""
    by_center: dict[int, list[Figures]] = {}
    for found in figures(actor=actor, fiscal_period_ids=fiscal_period_ids):
        by_center.setdefault(found.cost_center_id, []).append(found)
    seen = {
        center.pk: center
        for center in models.CostCenter.objects.order_by("code")
        if actor.sees_cost_center(center.pk)
    }
    below: dict[int | None, list[models.CostCenter]] = {}
    for center in seen.values():
        above = center.parent_id if center.parent_id in seen else None
        below.setdefault(above, []).append(center)

    def branch(center: models.CostCenter) -> Branch:
        return Branch(
            cost_center_id=center.pk,
            code=center.code,
            name=center.name,
            budgets=tuple(by_center.get(center.pk, ())),
            branches=tuple(branch(child) for child in below.get(center.pk, ())),
        )

    return tuple(branch(center) for center in below.get(None, ()))


def differences(*, actor: access.Actor) -> tuple[Difference, ...]:
    """Replay every transfer and return the funds that hold something else."""
    actor.require(access.Permission.READ_BUDGETS)
    above: dict[int, list[int]] = {}
    for fund_id, ancestor_id in models.FundAncestor.objects.values_list("fund_id", "ancestor_id"):
        above.setdefault(fund_id, []).append(ancestor_id)
    replayed: dict[int, Balances] = {}
    for fund_id, move in _moves():
        for reached in (fund_id, *(above.get(fund_id, ()) if move.reaches_ancestors else ())):
            replayed[reached] = replayed.get(reached, Balances()).after(move)
    return tuple(
        Difference(fund.pk, fund.budget_id, _balances(fund), replayed.get(fund.pk, Balances()))
        for fund in models.Fund.objects.order_by("id")
        if _balances(fund) != replayed.get(fund.pk, Balances())
    )


def _moves() -> list[tuple[int, Move]]:
    """Sum the transfers by fund and pair: their order does not matter to where they end."""
    sums = models.Transfer.objects.values_list("fund_id", "from_bucket", "to_bucket").annotate(
        total=Sum("amount_minor")
    )
    moves = []
    for fund_id, from_bucket, to_bucket, total in sums:
        pair = (Bucket(from_bucket), Bucket(to_bucket))
        moves.append((fund_id, Move(*pair, int(total), is_reversal=pair in REVERSALS - ALLOWED)))
    return moves


def _balances(fund: models.Fund) -> Balances:
    return Balances(
        allocated=fund.allocated_minor,
        committed=fund.committed_minor,
        accrued=fund.accrued_minor,
        actual=fund.actual_minor,
        overrun=fund.overrun_minor,
    )


def _figures(fund: models.Fund) -> Figures:
    balances = _balances(fund)
    budget = fund.budget
    return Figures(
        budget_id=budget.pk,
        public_id=budget.public_id,
        name=budget.name,
        cost_center_id=budget.cost_center_id,
        campaign_id=budget.campaign_id,
        fiscal_period_id=budget.fiscal_period_id,
        currency=fund.currency,
        original_minor=budget.original_amount_minor,
        revised_minor=balances.allocated,
        requested_minor=0,
        committed_minor=balances.committed,
        accrued_minor=balances.accrued,
        actual_minor=balances.actual,
        overrun_minor=balances.overrun,
        available_minor=balances.available,
        is_parked=fund.is_parked,
    )
