"""What budgets will have spent when their period ends, and why that is not what was planned.

EAC = actual + accrued + committed + remaining planned, of one version, in minor units.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db.models import BigIntegerField, Case, Count, F, Sum, When
from django.db.models.functions import Coalesce

from gifting import models
from gifting.domain import access, refusals, variance
from gifting.domain.ledger import Bucket, Cause


class UnknownForecast(refusals.NotFound):
    code = "UNKNOWN_FORECAST"


class MixedCurrencies(refusals.Invalid):
    code = "MIXED_CURRENCIES"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A budget's estimate at completion beside its plan."""

    budget_id: int
    currency: str
    planned_minor: int
    actual_minor: int
    accrued_minor: int
    committed_minor: int
    remaining_minor: int

    @property
    def eac_minor(self) -> int:
        return self.actual_minor + self.accrued_minor + self.committed_minor + self.remaining_minor


def estimates(*, actor: access.Actor, version: UUID) -> tuple[Estimate, ...]:
    """Return the estimate of each budget in a version, in the order of their ids."""
    actor.require(access.Permission.READ_BUDGETS)
    lines = _lines(actor, version)
    funds = {
        fund.budget_id: fund
        for fund in models.Fund.objects.filter(budget_id__in=[line.budget_id for line in lines])
    }
    return tuple(
        Estimate(
            budget_id=line.budget_id,
            currency=funds[line.budget_id].currency,
            planned_minor=line.planned_minor,
            actual_minor=funds[line.budget_id].actual_minor,
            accrued_minor=funds[line.budget_id].accrued_minor,
            committed_minor=funds[line.budget_id].committed_minor,
            remaining_minor=line.remaining_minor,
        )
        for line in lines
    )


def explain(
    *, actor: access.Actor, version: UUID, budget_ids: Collection[int] | None = None
) -> variance.Causes:
    """Explain actual minus planned by cause, over budgets of one currency.

    Actual is what each budget spent itself. A gift is one posting of spend. Timing is what was
    posted to another period than the budget's; FX is what a changed rate alone moved. Raises
    Forbidden, UnknownForecast and MixedCurrencies.
    """
    actor.require(access.Permission.READ_BUDGETS)
    lines = [
        line
        for line in _lines(actor, version)
        if budget_ids is None or line.budget_id in budget_ids
    ]
    if len({line.budget.currency for line in lines}) > 1:
        raise MixedCurrencies(
            "The budgets are in several currencies. Explain one currency at a time.",
            field="budget_ids",
        )
    spent = _spent([line.budget_id for line in lines])
    return variance.explain(
        [
            variance.Line(
                planned_minor=line.planned_minor,
                planned_quantity=line.planned_quantity,
                **spent.get(line.budget_id, {"actual_minor": 0, "actual_quantity": 0}),
            )
            for line in lines
        ]
    )


def _lines(actor: access.Actor, version: UUID) -> list[models.ForecastLine]:
    if not models.ForecastVersion.objects.filter(public_id=version).exists():
        raise UnknownForecast(f"There is no forecast {version}.", field="version")
    lines = models.ForecastLine.objects.filter(version__public_id=version).select_related("budget")
    if actor.cost_center_ids is not None:
        lines = lines.filter(budget__cost_center_id__in=actor.cost_center_ids)
    return list(lines.order_by("budget_id"))


def _spent(budget_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """Sum what each budget spent itself, apart what a rate moved and what other periods bear."""
    into = When(to_bucket=Bucket.ACTUAL.value, then=F("amount_minor"))
    out = When(from_bucket=Bucket.ACTUAL.value, then=-F("amount_minor"))
    whole = BigIntegerField()
    signed = Case(into, out, default=0, output_field=whole)
    fx = Case(When(cause=Cause.FX.value, then=signed), default=0, output_field=whole)
    late = Case(
        When(cause=Cause.FX.value, then=0),
        When(fiscal_period_id=F("fund__budget__fiscal_period_id"), then=0),
        default=signed,
        output_field=whole,
    )
    rows: Any = (
        models.Transfer.objects.filter(fund__budget_id__in=budget_ids)
        .values("fund__budget_id")
        .annotate(
            actual_minor=Coalesce(Sum(signed), 0),
            fx_minor=Coalesce(Sum(fx), 0),
            timing_minor=Coalesce(Sum(late), 0),
            actual_quantity=Count(
                Case(When(to_bucket=Bucket.ACTUAL.value, then=F("operation_id"))), distinct=True
            ),
        )
    )
    return {row["fund__budget_id"]: {name: int(row[name]) for name in _SPENT} for row in list(rows)}


_SPENT: Final = ("actual_minor", "actual_quantity", "fx_minor", "timing_minor")
