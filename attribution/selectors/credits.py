"""Credit by any cut, from the rollup of the current run of a model.

Credit is counted in the fiscal period in which the opportunity closed. In every cut the slices and
what is unattributed add up to won revenue.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.db.models import Case, CharField, F, Q, QuerySet, Sum, UUIDField, Value, When

from attribution import models
from gifting.domain import access, money, refusals
from gifting.selectors import spend

UNATTRIBUTED = "(unattributed)"
NO_CAMPAIGN = "(no campaign)"
NO_VENDOR = "(no vendor)"
NO_COST_CENTER = "(no cost center)"
ELSEWHERE = "(other cost centers)"


class Dimension(StrEnum):
    """What credit can be cut by."""

    CAMPAIGN = "CAMPAIGN"
    CHANNEL = "CHANNEL"
    VENDOR = "VENDOR"
    COST_CENTER = "COST_CENTER"
    FISCAL_PERIOD = "FISCAL_PERIOD"


class NoRun(refusals.NotFound):
    code = "NO_ATTRIBUTION_RUN"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The run that a figure comes from."""

    public_id: UUID
    model: str
    rule_version: int
    lookback_days: int | None
    as_of: dt.datetime
    finished_at: dt.datetime
    opportunity_count: int
    touchpoint_count: int
    missing_amount_count: int
    digest: str


@dataclass(frozen=True, slots=True)
class Totals:
    """The identity that finance checks first: attributed plus unattributed is won revenue."""

    run: RunRecord
    won_revenue: money.Money
    attributed: money.Money
    unattributed: money.Money


@dataclass(frozen=True, slots=True)
class CreditRow:
    """One slice: of what, its public id where it is a record, label, credit and touches."""

    dimension: Dimension
    key: UUID | None
    label: str
    credit: money.Money
    touch_count: int
    is_unattributed: bool


_KEYS = {
    Dimension.CAMPAIGN: ("campaign__public_id", "campaign__name", NO_CAMPAIGN),
    Dimension.CHANNEL: (None, "channel", ""),
    Dimension.VENDOR: ("vendor__public_id", "vendor__name", NO_VENDOR),
    Dimension.COST_CENTER: ("cost_center__public_id", "cost_center__name", NO_COST_CENTER),
    Dimension.FISCAL_PERIOD: ("fiscal_period__public_id", "fiscal_period__name", ""),
}


def current_run(*, actor: access.Actor, model: str) -> RunRecord:
    """Return the run whose figures count; raises NoRun."""
    actor.require(access.Permission.READ_ATTRIBUTION)
    run = models.AttributionRun.objects.filter(model=model, is_current=True).first()
    if run is None or run.finished_at is None:
        raise NoRun(f"No run of the model {model!r} is published. Start one first.", field="model")
    return RunRecord(
        public_id=run.public_id,
        model=run.model,
        rule_version=run.rule_version,
        lookback_days=run.lookback_days,
        as_of=run.as_of,
        finished_at=run.finished_at,
        opportunity_count=run.opportunity_count,
        touchpoint_count=run.touchpoint_count,
        missing_amount_count=run.missing_amount_count,
        digest=run.digest,
    )


def totals(*, actor: access.Actor, model: str, currency: str, cut: spend.Cut) -> Totals:
    """Return attributed, unattributed and won revenue of the cut's fiscal periods; raises NoRun."""
    run = current_run(actor=actor, model=model)
    sums = (
        _slices(run, currency)
        .filter(spend.period_of(cut))
        .aggregate(
            attributed=Sum("amount_minor", filter=Q(is_unattributed=False)),
            unattributed=Sum("amount_minor", filter=Q(is_unattributed=True)),
        )
    )
    attributed = money.Money(int(sums["attributed"] or 0), currency)
    unattributed = money.Money(int(sums["unattributed"] or 0), currency)
    return Totals(
        run=run,
        won_revenue=attributed + unattributed,
        attributed=attributed,
        unattributed=unattributed,
    )


def by(
    *, actor: access.Actor, model: str, dimension: Dimension, currency: str, cut: spend.Cut
) -> tuple[CreditRow, ...]:
    """Return the credit of each slice, the unattributed amount last; raises NoRun, TooManyRows.

    An actor who sees some cost centers gets the others as one slice, so that the sum still holds.
    The cut's campaigns, vendors and cost centers choose slices among those that the actor sees,
    so that nobody takes that one apart; its periods choose revenue.
    """
    run = current_run(actor=actor, model=model)
    key, label, missing = _KEYS[dimension]
    shown = _shown(actor)
    chosen = [shown & one for one in spend.any_of(cut)]
    rows = (
        _slices(run, currency)
        .filter(spend.period_of(cut), *chosen)
        .values(
            slice_key=Case(
                When(shown & Q(is_unattributed=False), then=F(key) if key else Value(None)),
                default=Value(None),
                output_field=UUIDField(null=True),
            ),
            slice_label=Case(
                When(is_unattributed=True, then=Value(UNATTRIBUTED)),
                When(~shown, then=Value(ELSEWHERE)),
                When(**{f"{label}__isnull": True}, then=Value(missing)),
                default=F(label),
                output_field=CharField(),
            ),
            unattributed=F("is_unattributed"),
        )
        .annotate(amount=Sum("amount_minor"), touches=Sum("touch_count"))
        .order_by("unattributed", "-amount", "slice_label")[: spend.MOST_ROWS + 1]
    )
    return tuple(
        CreditRow(
            dimension=dimension,
            key=row["slice_key"],
            label=row["slice_label"],
            credit=money.Money(int(row["amount"]), currency),
            touch_count=int(row["touches"]),
            is_unattributed=row["unattributed"],
        )
        for row in spend.bounded(rows)
    )


def currencies(*, actor: access.Actor, model: str) -> tuple[str, ...]:
    """Return the currencies that the current run found won revenue in, sorted; raises NoRun."""
    run = current_run(actor=actor, model=model)
    return tuple(
        models.AttributionTotal.objects.filter(run__public_id=run.public_id)
        .order_by("currency")
        .values_list("currency", flat=True)
    )


def _slices(run: RunRecord, currency: str) -> QuerySet[models.CreditRollup]:
    return models.CreditRollup.objects.filter(run__public_id=run.public_id, currency=currency)


def _shown(actor: access.Actor) -> Q:
    if actor.cost_center_ids is None:
        return Q(currency__isnull=False)
    return Q(cost_center_id__in=actor.cost_center_ids)
