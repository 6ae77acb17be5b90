"""What each budget holds, and whether that is what its history says.

The figures of a budget, in minor units of its currency:

- original: what was approved first.
- revised: original + revisions + carried forward + transferred in - transferred out - lapsed.
- requested: what waits for approval (`spend_requests`); it takes room where the policy says so.
- committed: reserved and neither delivered nor invoiced nor given back.
- accrued: delivered, not invoiced.
- actual: invoiced, net of refunds.
- overrun: by how much accepted facts exceed the revised amount.
- available: revised + overrun - committed - accrued - actual, never below zero.

Uses of a budget below are uses of the budgets above it as well, so that figures of a branch are
those of its top budget, and are not added up the tree.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Q, Sum

from gifting import models
from gifting.domain import access, money
from gifting.domain.budgets import Enforcement, ExceptionKind
from gifting.domain.ledger import ALLOWED, REVERSALS, Balances, Bucket, Move

MOST_OVERRUNS: Final = 1_000


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
    enforcement: Enforcement = Enforcement.HARD
    counts_requested: bool = False
    scope: tuple[int, ...] = ()

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


@dataclass(frozen=True, slots=True)
class Overrun:
    """By how much an operation passed the room of a budget, why, and whether that is settled."""

    public_id: UUID
    budget_id: int
    budget_name: str
    amount: money.Money
    kind: ExceptionKind
    reason: str
    opened_at: dt.datetime
    resolved_at: dt.datetime | None
    resolution: str


def overruns(
    *, actor: access.Actor, operation_id: UUID | None = None, is_open: bool | None = None
) -> tuple[Overrun, ...]:
    """Return the overruns of an operation, or those that are open or settled, the newest first.

    A warning is never open: nobody has to settle it.
    """
    actor.require(access.Permission.READ_BUDGETS)
    rows = models.OverrunException.objects.select_related("transfer__fund__budget").order_by("-id")
    if actor.cost_center_ids is not None:
        rows = rows.filter(transfer__fund__budget__cost_center_id__in=actor.cost_center_ids)
    if operation_id is not None:
        rows = rows.filter(transfer__operation__public_id=operation_id)
    if is_open is not None:
        waits = Q(resolved_at=None) & ~Q(kind=ExceptionKind.WARNING.value)
        rows = rows.filter(waits if is_open else ~waits)
    return tuple(_overrun(row) for row in rows[:MOST_OVERRUNS])


def differences(*, actor: access.Actor) -> tuple[Difference, ...]:
    """Replay every transfer and return the funds that hold something else."""
    actor.require(access.Permission.READ_BUDGETS)
    above: dict[int, list[int]] = {}
    for fund_id, ancestor_id in models.FundAncestor.objects.values_list("fund_id", "ancestor_id"):
        above.setdefault(fund_id, []).append(ancestor_id)
    beside = dict(models.Reach.objects.values_list("id", "fund_ids"))
    replayed: dict[int, Balances] = {}
    for fund_id, reach_id, move in _moves():
        others = (*above.get(fund_id, ()), *beside.get(reach_id or 0, ()))
        for reached in (fund_id, *(others if move.reaches_ancestors else ())):
            replayed[reached] = replayed.get(reached, Balances()).after(move)
    return tuple(
        Difference(fund.pk, fund.budget_id, _balances(fund), replayed.get(fund.pk, Balances()))
        for fund in models.Fund.objects.order_by("id")
        if _balances(fund) != replayed.get(fund.pk, Balances())
    )


def _moves() -> list[tuple[int, int | None, Move]]:
    """Sum the transfers by fund, reach and pair: their order does not matter to where they end."""
    sums = models.Transfer.objects.values_list(
        "fund_id", "reach_id", "from_bucket", "to_bucket"
    ).annotate(total=Sum("amount_minor"))
    moves = []
    for fund_id, reach_id, from_bucket, to_bucket, total in sums:
        pair = (Bucket(from_bucket), Bucket(to_bucket))
        moves.append(
            (fund_id, reach_id, Move(*pair, int(total), is_reversal=pair in REVERSALS - ALLOWED))
        )
    return moves


def _balances(fund: models.Fund) -> Balances:
    return Balances(
        allocated=fund.allocated_minor,
        committed=fund.committed_minor,
        accrued=fund.accrued_minor,
        actual=fund.actual_minor,
        overrun=fund.overrun_minor,
    )


def _overrun(row: models.OverrunException) -> Overrun:
    fund = row.transfer.fund
    return Overrun(
        public_id=row.public_id,
        budget_id=fund.budget_id,
        budget_name=fund.budget.name,
        amount=money.Money(row.transfer.amount_minor, fund.currency),
        kind=ExceptionKind(row.kind),
        reason=row.reason,
        opened_at=row.opened_at,
        resolved_at=row.resolved_at,
        resolution=row.resolution,
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
        requested_minor=fund.requested_minor,
        committed_minor=balances.committed,
        accrued_minor=balances.accrued,
        actual_minor=balances.actual,
        overrun_minor=balances.overrun,
        available_minor=balances.available,
        is_parked=fund.is_parked,
        enforcement=Enforcement(fund.enforcement),
        counts_requested=fund.counts_requested,
        scope=tuple(budget.scope),
    )
