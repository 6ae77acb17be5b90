"""Spend by any cut, from the rollup that moves in the same transaction as the cost lines.

Spend is the sum of cost line changes: each component's latest amount, in the fiscal period in which
each change was recorded. Every cut adds up to the same total.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from django.db.models import Max, Q, QuerySet, Sum

from gifting import models
from gifting.domain import access, money, refusals

MOST_ROWS = 5_000

Row = TypeVar("Row")


class Dimension(StrEnum):
    """What spend can be cut by."""

    CAMPAIGN = "CAMPAIGN"
    VENDOR = "VENDOR"
    COST_CENTER = "COST_CENTER"
    FISCAL_PERIOD = "FISCAL_PERIOD"
    COMPONENT = "COMPONENT"


class TooManyRows(refusals.Invalid):
    code = "TOO_MANY_ROWS"


@dataclass(frozen=True, slots=True)
class Cut:
    """Which part of the spend is meant; empty means all of it."""

    fiscal_year: int | None = None
    quarter: int | None = None
    fiscal_period_ids: Collection[UUID] = ()
    campaign_ids: Collection[UUID] = ()
    vendor_ids: Collection[UUID] = ()
    cost_center_ids: Collection[UUID] = ()


@dataclass(frozen=True, slots=True)
class SpendRow:
    """One slice: what it is a slice of, its public id where it is a record, label and amount."""

    dimension: Dimension
    key: UUID | None
    label: str
    amount: money.Money


@dataclass(frozen=True, slots=True)
class Summary:
    """A total, and when a cost last moved it; never for one without costs."""

    total: money.Money
    changed_at: dt.datetime | None


_KEYS = {
    Dimension.CAMPAIGN: ("campaign__public_id", "campaign__name"),
    Dimension.VENDOR: ("vendor__public_id", "vendor__name"),
    Dimension.COST_CENTER: ("cost_center__public_id", "cost_center__name"),
    Dimension.FISCAL_PERIOD: ("fiscal_period__public_id", "fiscal_period__name"),
    Dimension.COMPONENT: ("component", "component"),
}


def total(*, actor: access.Actor, currency: str, cut: Cut) -> money.Money:
    """Return all spend of the cut in one currency."""
    return summary(actor=actor, currency=currency, cut=cut).total


def summary(*, actor: access.Actor, currency: str, cut: Cut) -> Summary:
    """Return all spend of the cut in one currency, and how fresh it is."""
    lines = _lines(actor=actor, cut=cut).filter(currency=currency)
    found = lines.aggregate(amount=Sum("amount_minor"), changed_at=Max("changed_at"))
    return Summary(money.Money(int(found["amount"] or 0), currency), found["changed_at"])


def currencies(*, actor: access.Actor, cut: Cut) -> tuple[str, ...]:
    """Return the currencies that the cut holds spend in, sorted."""
    return tuple(
        _lines(actor=actor, cut=cut)
        .order_by("currency")
        .values_list("currency", flat=True)
        .distinct()
    )


def by(
    *, actor: access.Actor, dimension: Dimension, currency: str, cut: Cut
) -> tuple[SpendRow, ...]:
    """Return the spend of each slice, largest first; the slices add up to `total`.

    Raises Forbidden, and TooManyRows beyond 5,000 slices.
    """
    key, label = _KEYS[dimension]
    rows = (
        _lines(actor=actor, cut=cut)
        .filter(currency=currency)
        .values_list(key, label)
        .annotate(amount=Sum("amount_minor"))
        .order_by("-amount", label)[: MOST_ROWS + 1]
    )
    return tuple(
        SpendRow(
            dimension=dimension,
            key=found if isinstance(found, UUID) else None,
            label=str(name),
            amount=money.Money(int(amount), currency),
        )
        for found, name, amount in bounded(rows)
    )


def _lines(*, actor: access.Actor, cut: Cut) -> QuerySet[models.SpendRollup]:
    actor.require(access.Permission.READ_SPEND)
    return models.SpendRollup.objects.filter(visible_to(actor), period_of(cut), *any_of(cut))


def visible_to(actor: access.Actor) -> Q:
    """Limit rows with a cost center to those that the actor sees."""
    return Q() if actor.cost_center_ids is None else Q(cost_center_id__in=actor.cost_center_ids)


def period_of(cut: Cut) -> Q:
    """Limit rows with a fiscal period to those of the cut."""
    wanted = Q()
    if cut.fiscal_year is not None:
        wanted &= Q(fiscal_period__fiscal_year=cut.fiscal_year)
    if cut.quarter is not None:
        wanted &= Q(fiscal_period__quarter=cut.quarter)
    if cut.fiscal_period_ids:
        wanted &= Q(fiscal_period__public_id__in=list(cut.fiscal_period_ids))
    return wanted


def any_of(cut: Cut) -> Iterable[Q]:
    """Limit rows to the campaigns, vendors and cost centers of the cut."""
    chosen = {
        "campaign": cut.campaign_ids,
        "vendor": cut.vendor_ids,
        "cost_center": cut.cost_center_ids,
    }
    return [Q(**{f"{name}__public_id__in": list(ids)}) for name, ids in chosen.items() if ids]


def bounded(rows: Iterable[Row]) -> list[Row]:
    """Return the slices; raises TooManyRows beyond the limit."""
    found = list(rows)
    if len(found) > MOST_ROWS:
        raise TooManyRows(
            f"More than {MOST_ROWS:,} slices. Narrow the cut, for example to one fiscal year."
        )
    return found
